// The gradient by lag, and the check of gradients against differences.

import * as api from "../api.js";
import { element, exact, replace, table } from "../dom.js";
import { lines } from "../draw.js";
import { digits } from "../numbers.js";

export const title = "Gradient";

export const ask = async (run, _place, other) => {
  const [own, compared] = await Promise.all([api.lags(run.id), other && api.lags(other.id)]);
  return { updates: own.updates, norms: own.norms, compared: compared?.norms ?? null };
};

// How the norm changes from lag to lag, in the geometric mean.
const factor = (norms) => (norms.at(-1) / norms[0]) ** (1 / (norms.length - 1));

const curve = (norms, style) => ({ points: norms.map((norm, lag) => [lag, norm]), ...style });

export function draw(panel, { updates, norms, compared }, page) {
  const canvas = element("canvas", { role: "img" });
  const last = norms.length - 1;
  const said = (values) => `${digits(values[0])} at lag 0, ${digits(values[last])} at lag ${last}: a factor of ${digits(factor(values))} for each step back`;
  canvas.setAttribute("aria-label", `Norm of the gradient by lag: ${said(norms)}`);
  replace(panel,
    element("h2", {}, "Gradient by lag"),
    element("p", {}, "How much the loss of the last step changes with the state so many steps before. On this scale, an exponential decay is a straight line that falls."),
    element("figure", {}, canvas),
    element("ul", { class: "legend" },
      element("li", {}, element("i", { class: "swatch accent" }), `${page.name(page.run)}, after ${updates} updates: ${said(norms)}`),
      compared ? element("li", {}, element("i", { class: "swatch dash free" }), `${page.name(page.other)}: ${said(compared)}`) : null),
    element("details", { id: "lag-numbers" }, element("summary", {}, "All numbers, by lag"),
      table(["Lag", "Norm"], norms.map((norm, lag) => [String(lag), [digits(norm, 6), norm]]))),
    element("h3", {}, "Are these gradients right?"),
    element("p", {}, "The derivative of the loss in a random direction of each parameter, once by back-propagation through time and once by central differences, both in double precision."),
    page.checking ?? (page.checking = checker(page)));
  canvas.style.height = "15rem";
  lines(canvas, [
    curve(norms, { colour: "accent" }),
    ...(compared ? [curve(compared, { colour: "free", dashed: true })] : []),
  ], { log: true, x: "lag (steps)", y: "norm" });
}

// The button and the table of the check. They stay while the view is drawn again.
function checker(page) {
  const results = element("div", { "aria-live": "polite" });
  const button = element("button", { type: "button", id: "check" }, "Check the gradients");
  button.addEventListener("click", async () => {
    button.disabled = true;
    replace(results, "The check runs.");
    try {
      const found = await api.check(page.run.id);
      replace(results,
        element("p", { id: "worst", "data-exact": exact(found.worst) }, `Largest relative error: ${found.worst.toExponential(1)}`),
        table(["Parameter", "Gradient", "Difference", "Relative error"], found.parameters.map((it) =>
          [it.name, [it.gradient.toExponential(8), it.gradient], [it.difference.toExponential(8), it.difference], [it.relativeError.toExponential(1), it.relativeError]])));
    } catch (error) {
      replace(results, error.message);
    }
    button.disabled = false;
  });
  return element("div", {}, button, results);
}

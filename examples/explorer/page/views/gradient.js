// The gradient by lag, and the check of gradients against differences.

import * as api from "../api.js";
import { element, exact, replace, table } from "../dom.js";
import { lines } from "../draw.js";
import { digits } from "../numbers.js";
import { owner, updates as counted } from "./parts.js";

export const title = "Gradient";

export const ask = async (run, _place, other) => {
  const [own, compared] = await Promise.all([api.lags(run.id), other && api.lags(other.id)]);
  return { updates: own.updates, norms: own.norms, compared };
};

// How the norm changes from lag to lag, in the geometric mean.
const factor = (norms) => (norms.at(-1) / norms[0]) ** (1 / (norms.length - 1));

const curve = (norms, style) => ({ points: norms.map((norm, lag) => [lag, norm]), ...style });

export function draw(panel, { updates, norms, compared }, page) {
  const canvas = element("canvas", { role: "img" });
  const last = norms.length - 1;
  const said = (values) =>
    `${digits(values[0])} at lag 0, ${digits(values[last])} at lag ${last}: a factor of ${digits(factor(values))} for each step back, in the mean`;
  canvas.setAttribute("aria-label", `Norm of the gradient by lag: ${said(norms)}`);
  replace(
    panel,
    element("h2", {}, "Gradient by lag"),
    element(
      "p",
      {},
      "The norm of the gradient of the last step's loss with respect to earlier states. The lag is the number of steps between them. On this scale, an exponential decay is a straight line.",
    ),
    element("figure", { id: "lag-figure" }, canvas),
    element(
      "ul",
      { class: "legend" },
      element(
        "li",
        {},
        element("i", { class: "swatch accent" }),
        `${page.name(page.run)}, after ${counted(updates)}: ${said(norms)}`,
      ),
      compared
        ? element(
            "li",
            {},
            element("i", { class: "swatch dash free" }),
            `${page.name(page.other)}, after ${counted(compared.updates)}: ${said(compared.norms)}`,
          )
        : null,
    ),
    element(
      "details",
      { id: "lag-numbers" },
      element("summary", { id: "lag-summary" }, "All numbers, by lag"),
      table(
        ["Lag", "Norm"],
        norms.map((norm, lag) => [String(lag), [digits(norm, 6), norm]]),
      ),
    ),
    element("h3", {}, "Are these gradients right?"),
    element(
      "p",
      {},
      "Each parameter is moved in a random direction. The slope of the loss is computed twice: by back-propagation through time, and by central differences. Both are in double precision.",
    ),
    page.checking ?? (page.checking = checker(page)),
  );
  canvas.style.height = "15rem";
  lines(
    canvas,
    [
      curve(norms, { colour: "accent" }),
      ...(compared ? [curve(compared.norms, { colour: "free", dashed: true })] : []),
    ],
    { log: true, x: "lag (steps)", y: "norm" },
  );
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
      replace(
        results,
        element(
          "p",
          { id: "worst", "data-exact": exact(found.worst) },
          `After ${counted(found.updates)}, the largest relative error is ${digits(found.worst, 2)}.`,
        ),
        table(
          ["Parameter", "Of", "Gradient", "Central difference", "Relative error"],
          found.parameters.map((it) => [
            it.name,
            owner(it.layer),
            [digits(it.gradient, 9), it.gradient],
            [digits(it.difference, 9), it.difference],
            [digits(it.relativeError, 2), it.relativeError],
          ]),
        ),
      );
    } catch (error) {
      replace(results, error.message);
    }
    button.disabled = false;
  });
  return element("div", {}, button, results);
}

// The gradient by lag, and its check against differences.

import { element } from "./dom.js";
import { digits, lines } from "./draw.js";

export function draw(panel, look, { figure, check }) {
  const canvas = element("canvas", { role: "img" });
  const table = element("div", { "aria-live": "polite" });
  const button = element("button", { type: "button", id: "check" }, "Check the gradients");
  button.addEventListener("click", async () => {
    button.disabled = true;
    table.replaceChildren("computing …");
    try {
      const found = await check();
      table.replaceChildren(
        element("p", { id: "worst" }, `Largest relative error: ${found.worst.toExponential(1)}`),
        element("table", {},
          element("thead", {}, element("tr", {}, ["Parameter", "Gradient", "Difference", "Relative error"].map((it) => element("th", { scope: "col" }, it)))),
          element("tbody", {}, found.parameters.map((it) => element("tr", {},
            element("th", { scope: "row" }, it.name),
            [it.gradient, it.difference].map((v) => element("td", { class: "number" }, v.toExponential(8))),
            element("td", { class: "number" }, it.relativeError.toExponential(1)))))));
    } catch (error) {
      table.replaceChildren(error.message);
    }
    button.disabled = false;
  });
  const last = look.byLag.at(-1);
  panel.replaceChildren(
    element("h2", {}, "Gradient by lag"),
    element("p", {}, `How much the loss of the last step changes with the states so many steps before. At lag ${look.byLag.length - 1} the norm is ${digits(last)}, ${digits(last / look.byLag[0])} of that at lag 0.`),
    element("figure", {}, element("figcaption", {}, "Norm, logarithmic ", element("a", { class: "svg", href: figure, download: "by-lag.svg" }, "SVG")), canvas),
    element("h3", {}, "Are these gradients right?"),
    element("p", {}, "The derivative of the loss in a random direction of each parameter, by back-propagation through time and by central differences, in double precision."),
    button, table);
  canvas.style.height = "14rem";
  canvas.setAttribute("aria-label", `Norm of the gradient by lag, from ${digits(look.byLag[0])} at lag 0 to ${digits(last)} at lag ${look.byLag.length - 1}`);
  lines(canvas, [{ points: look.byLag.map((norm, lag) => [lag, norm]), colour: "accent" }], { log: true, x: "lag (steps)", y: "norm" });
}

// Heat maps of all parameters and of their gradients.

import * as api from "../api.js";
import { element, replace } from "../dom.js";
import { extent, heatMap } from "../draw.js";
import { digits, norm } from "../numbers.js";
import { owner, parameters, updates } from "./parts.js";

export const title = "Weights";
export const ask = (run) => api.weights(run.id);

export function draw(panel, seen) {
  const maps = [];
  const map = (title, shape, values) => {
    const limit = extent(values);
    const canvas = element("canvas", {
      role: "img",
      "aria-label": `${title}, [${shape.join(", ")}], between ${digits(-limit)} and ${digits(limit)}`,
    });
    maps.push(() => heatMap(canvas, { shape, values }, limit, { isTime: false, height: 160 }));
    return element("figure", {}, element("figcaption", {}, title, element("small", {}, `±${digits(limit)}`)), canvas);
  };
  replace(
    panel,
    element("h2", {}, "Weights, which all steps share"),
    element(
      "p",
      {},
      `After ${updates(seen.updates)}. Left: each parameter. Right: the gradient of the loss of one sequence, which is a sum over all steps. A row is an input of the matrix, a column an output.`,
    ),
    element(
      "div",
      { class: "maps pairs" },
      seen.parameters.map((it) => [
        map(`${it.name}, ${owner(it.layer)}`, it.shape, it.values),
        map(`∂L/∂${it.name}`, it.shape, it.gradient),
      ]),
    ),
    element("h3", {}, "Norms"),
    parameters(seen.parameters.map((it) => ({ ...it, norm: norm(it.values), gradientNorm: norm(it.gradient) }))),
  );
  for (const paint of maps) paint();
}

// Heat maps of all parameters and of their gradients.

import * as api from "../api.js";
import { element, replace, table } from "../dom.js";
import { extent, heatMap } from "../draw.js";
import { digits, norm } from "../numbers.js";

export const title = "Weights";
export const ask = (run) => api.weights(run.id);

export const owner = (layer) => (layer === null ? "readout" : `layer ${layer + 1}`);

export function draw(panel, seen) {
  const maps = [];
  const map = (title, shape, values) => {
    const limit = extent(values);
    const canvas = element("canvas", { role: "img", "aria-label": `${title}, [${shape.join(", ")}], between ${digits(-limit)} and ${digits(limit)}` });
    maps.push(() => heatMap(canvas, { shape, values }, limit, { isTime: false, height: 160 }));
    return element("figure", {}, element("figcaption", {}, title, element("small", {}, `±${digits(limit)}`)), canvas);
  };
  replace(panel,
    element("h2", {}, "Weights, which all steps share"),
    element("p", {}, `After ${seen.updates} updates: each parameter, and its gradient of the loss of one sequence. That gradient is the sum over all steps.`),
    element("div", { class: "maps pairs" }, seen.parameters.map((it) => [
      map(`${it.name}, ${owner(it.layer)}`, it.shape, it.values),
      map(`∂L/∂${it.name}`, it.shape, it.gradient)])),
    element("h3", {}, "Norms"),
    table(["Parameter", "Of", "Shape", "Norm", "Norm of its gradient"], seen.parameters.map((it) => {
      const [size, slope] = [norm(it.values), norm(it.gradient)];
      return [it.name, owner(it.layer), `[${it.shape.join(", ")}]`, [digits(size, 4), size], [digits(slope, 4), slope]];
    })));
  for (const paint of maps) paint();
}

// Heat maps of all named values, and of the gradients with respect to states, over the steps of a sequence.

import * as api from "../api.js";
import { element, replace } from "../dom.js";
import { extent, heatMap } from "../draw.js";
import { digits } from "../numbers.js";

export const title = "Gates";
export const ask = (run) => api.look(run.id);

const bounded = new Set(["i", "f", "g", "o", "z", "r", "n"]);

// A figure with a heat map that tells the value under the pointer. `open(unit, step)` follows a click.
function map({ title, values, limit, link = null, open = null }) {
  const [steps, units] = values.shape;
  const readout = element("small", {}, `±${digits(limit)}`);
  const canvas = element("canvas", {
    role: "img", class: open && "opens",
    "aria-label": `${title}: ${units} units over ${steps} steps, between ${digits(Math.min(...values.values))} and ${digits(Math.max(...values.values))}`,
  });
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    const share = (position, length, count) => Math.min(count - 1, Math.max(0, Math.floor((position / length) * count)));
    return [share(event.clientX - box.left, box.width, steps), share(event.clientY - box.top, box.height, units)];
  };
  canvas.addEventListener("pointermove", (event) => {
    const [t, u] = at(event);
    readout.textContent = `unit ${u}, step ${t}: ${digits(values.values[t * units + u], 5)}`;
  });
  canvas.addEventListener("pointerleave", () => (readout.textContent = `±${digits(limit)}`));
  if (open) canvas.addEventListener("click", (event) => open(...at(event)));
  const node = element("figure", {}, element("figcaption", {}, title, readout, link), canvas);
  return { node, paint: () => heatMap(canvas, values, limit) };
}

export function draw(panel, seen, page) {
  const layers = page.run.settings.hidden.length;
  const maps = [];
  const add = (options) => {
    maps.push(map(options));
    return maps.at(-1).node;
  };
  const named = (it) => add({
    title: it.name, values: it,
    limit: bounded.has(it.name) ? Math.max(1, extent(it.values)) : extent(it.values),
    link: element("a", { href: page.figure(`${it.layer}.${it.name}`), download: `${it.name}.svg`, "aria-label": `${it.name} of layer ${it.layer + 1} as SVG` }, "SVG"),
    open: (step, unit) => page.openCell({ layer: it.layer, step, unit }),
  });
  const cotangent = (it) => add({ title: `∂L/∂${it.name}`, values: it.total, limit: extent(it.total.values) });
  const of = (list, layer) => list.filter((it) => it.layer === layer);
  const sections = Array.from({ length: layers }, (_, layer) => {
    const heading = layers > 1 ? `, layer ${layer + 1}` : "";
    const probes = of(seen.probes, layer);
    return [
      probes.length ? [element("h3", {}, `Gates and states${heading}`), element("div", { class: "maps" }, probes.map(named))] : null,
      element("h3", {}, `Gradient of the loss with respect to the state${heading}`),
      element("div", { class: "maps" }, of(seen.costates, layer).map(cotangent)),
    ];
  });
  replace(panel,
    element("h2", {}, "Every named value of every step"),
    element("p", {}, `After ${seen.updates} updates. Time runs to the right, one row is one unit. The pointer shows a value; a click opens the cell at that step.`),
    element("div", { class: "scale" }, "negative", element("i", { role: "img", "aria-label": "Scale from blue, negative, to orange, positive" }), "positive"),
    sections.flat(Infinity).filter((it) => it !== null).length ? element("div", {}, sections) : element("p", {}, "This cell names no values."));
  for (const { paint } of maps) paint();
}

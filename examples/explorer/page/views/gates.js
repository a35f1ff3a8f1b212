// Heat maps of all named values, and of the gradients with respect to states, over the steps of a sequence.

import * as api from "../api.js";
import { element, replace } from "../dom.js";
import { extent, heatMap } from "../draw.js";
import { digits } from "../numbers.js";
import { updates } from "./parts.js";

export const title = "Gates and states";
export const ask = (run) => api.look(run.id);

const gates = new Set(["i", "f", "o", "z", "r"]);

// A figure with a heat map that tells the value under the pointer. `open(step, unit)` follows a click.
function map({ id, title, values, limit, scale = `±${digits(limit)}`, link = null, open = null }) {
  const [steps, units] = values.shape;
  const readout = element("small", {}, scale);
  const canvas = element("canvas", {
    role: "img",
    class: open && "opens",
    "aria-label": `${title}: ${units} units over ${steps} steps, between ${digits(Math.min(...values.values))} and ${digits(Math.max(...values.values))}`,
  });
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    const share = (position, length, count) =>
      Math.min(count - 1, Math.max(0, Math.floor((position / length) * count)));
    return [share(event.clientX - box.left, box.width, steps), share(event.clientY - box.top, box.height, units)];
  };
  canvas.addEventListener("pointermove", (event) => {
    const [t, u] = at(event);
    readout.textContent = `unit ${u}, step ${t}: ${digits(values.values[t * units + u], 5)}`;
  });
  canvas.addEventListener("pointerleave", () => (readout.textContent = scale));
  if (open) canvas.addEventListener("click", (event) => open(...at(event)));
  const node = element("figure", { id }, element("figcaption", {}, title, readout, link), canvas);
  return { node, paint: () => heatMap(canvas, values, limit) };
}

// Whether all values lie between 0 and 1, as those of a gate do.
const isGate = ({ name, values }) => gates.has(name) && values.every((it) => it >= 0 && it <= 1);

export function draw(panel, seen, page) {
  const layers = page.run.settings.hidden.length;
  const maps = [];
  const add = (options) => {
    maps.push(map(options));
    return maps.at(-1).node;
  };
  const named = (it) =>
    add({
      id: `map-${it.layer}-${it.name}`,
      title: it.name,
      values: it,
      ...(isGate(it) ? { limit: 1, scale: "0 to 1" } : { limit: extent(it.values) }),
      link: element(
        "a",
        {
          id: `svg-${it.layer}-${it.name}`,
          href: page.figure(`${it.layer}.${it.name}`),
          download: `${it.name}.svg`,
          "aria-label": `${it.name} of layer ${it.layer + 1} as SVG`,
        },
        "SVG",
      ),
      open: (step, unit) => page.openCell({ layer: it.layer, step, unit }),
    });
  const cotangent = (it) =>
    add({
      id: `map-${it.layer}-grad-${it.name}`,
      title: `∂L/∂${it.name}`,
      values: it.total,
      limit: extent(it.total.values),
    });
  const of = (list, layer) => list.filter((it) => it.layer === layer);
  const sections = Array.from({ length: layers }, (_, layer) => {
    const heading = layers > 1 ? `, layer ${layer + 1}` : "";
    const probes = of(seen.probes, layer);
    return [
      probes.length
        ? [element("h3", {}, `Gates and states${heading}`), element("div", { class: "maps" }, probes.map(named))]
        : null,
      element("h3", {}, `Gradient of the loss with respect to the state${heading}`),
      element("div", { class: "maps" }, of(seen.costates, layer).map(cotangent)),
    ];
  });
  replace(
    panel,
    element("h2", {}, "Gates and states at every step"),
    element(
      "p",
      {},
      `After ${updates(seen.updates)}. Time runs to the right, one row is one unit. The pointer shows a value; a click opens the cell at that step.`,
    ),
    element(
      "div",
      { class: "scale" },
      "negative",
      element("i", { role: "img", "aria-label": "Scale from blue, negative, to orange, positive" }),
      "positive",
    ),
    element("div", {}, sections),
  );
  for (const { paint } of maps) paint();
}

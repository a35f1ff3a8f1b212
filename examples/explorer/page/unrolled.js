// The network unrolled over time: values flow to the right and up, cotangents flow back.

import { diagram, element, svg } from "./dom.js";
import { digits } from "./draw.js";

const shown = 8; // steps, from the last one back

const norm = ({ shape: [, units], values }, t) =>
  Math.sqrt(values.slice(t * units, (t + 1) * units).reduce((sum, v) => sum + (v ?? 0) ** 2, 0));

export function draw(panel, look, { layers, openCell }) {
  const steps = look.inputs.shape[0];
  const first = Math.max(0, steps - shown);
  const [dx, dy, width, height] = [128, 92, 92, 44];
  const columns = steps - first;
  const x = (t) => 60 + (t - first) * dx;
  const y = (row) => 30 + (layers + 1 - row) * dy; // row 0: inputs, 1 … layers, then outputs
  const of = (layer) => look.costates.filter((it) => it.name.startsWith(`${layer}.`));
  const carried = Array.from({ length: layers }, (_, layer) =>
    Array.from({ length: steps }, (_, t) => Math.sqrt(of(layer).reduce((sum, it) => sum + norm(it, t) ** 2, 0))));
  const most = Math.max(...carried.flat(), Number.MIN_VALUE);
  // a hair of width 1 stands for a thousandth of the largest cotangent, and a bar of width 9 for the largest
  const thick = (size) => 1 + 8 * Math.max(0, 1 + Math.log10(size / most) / 3);
  const nodes = [];
  for (let t = first; t < steps; t++) {
    for (let row = 0; row <= layers + 1; row++) {
      const text = row === 0 ? `x ${value(look.inputs, t)}` : row > layers ? `y ${value(look.outputs, t)}` : `h ${digits(state(look, row - 1, t), 2)}`;
      if (row > 0) nodes.push(svg("path", { class: "arrow", d: `M${x(t) + width / 2} ${y(row - 1)} L${x(t) + width / 2} ${y(row) + height + 2}` }));
      const isLayer = row > 0 && row <= layers;
      if (isLayer && t > first) {
        nodes.push(svg("path", { class: "arrow", d: `M${x(t - 1) + width} ${y(row) + 14} L${x(t) - 2} ${y(row) + 14}` }));
        const size = carried[row - 1][t - 1];
        nodes.push(svg("path", { class: "back", "stroke-width": thick(size), d: `M${x(t) - 2} ${y(row) + 32} L${x(t - 1) + width + 2} ${y(row) + 32}` },
          svg("title", {}, `norm of the cotangent of the state after step ${t - 1}: ${digits(size)}`)));
      }
      const press = (event) => (event.type === "click" || event.key === "Enter") && openCell(row - 1, t);
      nodes.push(svg("g", isLayer ? { role: "button", tabindex: 0, "aria-label": `Layer ${row}, step ${t}: ${text}. Look into the cell.`, onclick: press, onkeydown: press } : {},
        svg("rect", { class: "box", x: x(t), y: y(row), width, height, rx: 6 }),
        svg("text", { x: x(t) + width / 2, y: y(row) + 27, "text-anchor": "middle" }, text)));
    }
    nodes.push(svg("text", { x: x(t) + width / 2, y: y(0) + height + 20, "text-anchor": "middle" }, `step ${t}`));
  }
  panel.replaceChildren(
    element("h2", {}, "Unrolled over time"),
    element("p", {}, `The last ${columns} steps of ${steps}. Grey arrows carry values, orange bars carry the gradient of the loss back to the state before. The thickness of a bar is the logarithm of its norm, from a thousandth of the largest on. h is the norm of a layer's output.`),
    diagram(x(steps) + 20, y(0) + height + 34, "The network, unrolled over time", nodes),
    element("h3", {}, "Parameters, which all steps share"),
    element("table", {},
      element("thead", {}, element("tr", {}, ["Parameter", "Shape", "Norm", "Norm of its gradient, summed over all steps"].map((it) => element("th", { scope: "col" }, it)))),
      element("tbody", {}, look.parameters.map((it) => element("tr", {},
        element("th", { scope: "row" }, it.name), element("td", {}, `[${it.shape.join(", ")}]`),
        element("td", { class: "number" }, digits(it.norm)), element("td", { class: "number" }, digits(it.gradientNorm)))))));
}

const value = (named, t) => (named.shape[1] === 1 ? digits(named.values[t], 2) : "");

// The norm of the output of a layer, which is its last named value of the name h or o, or else its last one.
function state(look, layer, t) {
  const named = look.probes.filter((it) => it.name.startsWith(`0.${layer}.`));
  const output = named.filter((it) => it.name.endsWith(".h")).at(-1) ?? named.at(-1);
  return output ? norm(output, t) : null;
}

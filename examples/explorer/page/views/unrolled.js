// The network unrolled over time: values flow up and to the right, gradients flow back.

import * as api from "../api.js";
import { diagram, element, pressed, replace, svg, table, text } from "../dom.js";
import { diverging, extent } from "../draw.js";
import { digits, norm, row } from "../numbers.js";
import * as save from "../save.js";
import { output } from "./network.js";
import { owner } from "./weights.js";

export const title = "Unrolled";
export const ask = (run) => api.look(run.id);

const [dx, dy, width, height] = [136, 96, 92, 50];
const middle = width / 2;
const cells = 16; // units that are shown of a layer

// `page` keeps the last step that is shown and the moment of the passes, until the experiment changes.
export function draw(panel, seen, page) {
  const steps = seen.inputs.shape[0];
  const columns = Math.max(2, Math.min(steps, Math.floor((panel.clientWidth - 60) / dx)));
  const shown = slider("last-step", [columns - 1, steps - 1], page.lastStep ?? steps - 1, (last) => `${last - columns + 1} to ${last} of 0 to ${steps - 1}`);
  const moment = slider("moment", [0, 2 * columns], page.moment ?? 2 * columns, (it) => said(it, columns));
  const drawn = element("div");
  const redraw = () => {
    [page.lastStep, page.moment] = [shown.value, moment.value];
    replace(drawn, drawing(seen, page, [shown.value - columns + 1, shown.value]));
  };
  for (const { input } of [shown, moment]) input.addEventListener("input", redraw);
  page.passTo = (to) => {
    moment.value = to;
    redraw();
    return drawn.isConnected;
  };
  redraw();
  replace(panel,
    element("h2", {}, "Unrolled over time"),
    element("p", {}, "Every column is the same network at another step, with the same weights. Grey arrows carry values. Orange arrows carry the gradient of the loss back: down from the loss of the same step, and back from each state to the one before. Their thickness is the logarithm of the norm, from a thousandth of the largest on."),
    steps > columns ? element("div", { class: "passes" }, shown.label("Steps shown")) : null,
    element("div", { class: "bar passes" }, moment.label("Moment"),
      element("button", { type: "button", id: "run-passes", onclick: () => run(2 * columns, page) }, "Show both passes")),
    drawn,
    save.button(() => drawn.firstChild, "unrolled"),
    element("h3", {}, "Parameters, which all steps share"),
    table(["Parameter", "Of", "Shape", "Norm", "Norm of its gradient, the sum over all steps"],
      seen.parameters.map((it) => [it.name, owner(it.layer), `[${it.shape.join(", ")}]`, [digits(it.norm, 4), it.norm], [digits(it.gradientNorm, 4), it.gradientNorm]])));
}

// A slider with a text that says where it stands.
function slider(id, [min, max], value, describe) {
  const input = element("input", { id, type: "range", min, max, value });
  const text = element("span", {}, describe(Number(input.value)));
  input.addEventListener("input", () => (text.textContent = describe(Number(input.value))));
  return {
    input,
    label: (name) => element("label", { class: "inline" }, name, input, text),
    get value() {
      return Number(input.value);
    },
    set value(to) {
      input.value = to;
      text.textContent = describe(Number(input.value));
    },
  };
}

const said = (moment, columns) =>
  moment === 2 * columns ? "both passes done"
    : moment < columns ? `forward, column ${moment + 1} of ${columns}`
    : `backward, column ${2 * columns - moment} of ${columns}`;

// Moves through both passes. Without motion the last moment is shown at once.
function run(most, page) {
  const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let moment = isStill ? most : 0;
  const on = () => {
    if (page.passTo(moment) && moment++ < most) setTimeout(on, 350);
  };
  on();
}

// Draws the steps from `first` to `last`, as far as the passes have come.
function drawing(seen, page, [first, last]) {
  const layers = page.run.settings.hidden.length;
  const columns = last - first + 1;
  const { moment } = page;
  const plan = {
    seen, page, layers, first,
    isRead: (t) => t - first <= moment, // the forward pass has reached the step
    isBack: (t) => moment >= columns && last - t <= moment - columns, // the backward pass has
    x: (t) => 40 + (t - first) * dx,
    y: (level) => 50 + (layers + 1 - level) * dy, // level 0: inputs; 1 and so on: layers; the last: outputs
    colours: diverging(),
    gradients: gradients(seen, layers),
    weight: (level, name) => seen.parameters.some((it) => it.layer === level - 1 && it.name.startsWith(name.toLowerCase())) ? name : "",
  };
  const nodes = [];
  for (let t = first; t <= last; t++) {
    for (let level = 0; level <= layers + 1; level++) {
      if (plan.isRead(t)) nodes.push(forward(plan, t, level));
      if (plan.isBack(t)) nodes.push(backward(plan, t, level));
      nodes.push(box(plan, t, level));
    }
    nodes.push(text(plan.x(t) + middle, plan.y(0) + height + 20, `step ${t}`, { class: "soft" }));
  }
  return diagram(plan.x(last) + width + 20, plan.y(0) + height + 32, "The network, unrolled over time", nodes);
}

// The norms of the gradients with respect to the states: in total, and what comes from the output of the step alone.
function gradients(seen, layers) {
  const steps = seen.inputs.shape[0];
  const sizes = (kind) => Array.from({ length: layers }, (_, layer) => Array.from({ length: steps }, (_, t) =>
    norm(seen.costates.filter((it) => it.layer === layer).flatMap((it) => row(it[kind], t)))));
  const [total, direct] = [sizes("total"), sizes("direct")];
  return { total, direct, most: Math.max(...total.flat(), Number.MIN_VALUE) };
}

// The arrows that lead values up from a box, and to the right into it.
function forward({ x, y, layers, first, weight }, t, level) {
  const isLayer = level > 0 && level <= layers;
  const name = level === layers ? "W" : weight(level + 1, "W_ih");
  return [
    level <= layers ? [
      svg("path", { class: "arrow", d: `M${x(t) + middle - 14} ${y(level)} V${y(level + 1) + height + 2}` }),
      text(x(t) + middle - 19, y(level) - 18, name, { class: "soft", "text-anchor": "end" })] : null,
    isLayer && t > first ? [
      svg("path", { class: "arrow", d: `M${x(t - 1) + width} ${y(level) + 15} H${x(t) - 2}` }),
      text(x(t) - (dx - width) / 2, y(level) + 9, weight(level, "W_hh"), { class: "soft" })] : null,
  ];
}

// The arrows that lead gradients down into a layer, and from it to the step before.
function backward({ x, y, layers, first, gradients: { total, direct, most } }, t, level) {
  if (level === 0 || level > layers) return null;
  const [down, back] = [direct[level - 1][t], t > first ? total[level - 1][t - 1] : null];
  return [
    gradient(down, most, [x(t) + middle + 14, y(level + 1) + height], [x(t) + middle + 14, y(level) - 2], `Step ${t}, from its output alone`),
    back === null ? null : gradient(back, most, [x(t), y(level) + 37], [x(t - 1) + width + 2, y(level) + 37], `Step ${t - 1}, in total`),
  ];
}

// An arrow along an axis, as thick as the logarithm of a norm.
function gradient(value, most, [x0, y0], [x1, y1], label) {
  const thick = 1 + 8 * Math.max(0, 1 + Math.log10(value / most) / 3);
  const [ux, uy] = [Math.sign(x1 - x0), Math.sign(y1 - y0)];
  const [ax, ay] = [x1 - 8 * ux, y1 - 8 * uy];
  return svg("g", {}, svg("title", {}, `${label}: norm of the gradient ${digits(value, 4)}`),
    svg("path", { class: "back", "stroke-width": thick, d: `M${x0} ${y0} L${ax} ${ay}` }),
    svg("path", { class: "back-head", d: `M${x1} ${y1} L${ax + 6 * uy} ${ay + 6 * ux} L${ax - 6 * uy} ${ay - 6 * ux} z` }));
}

// The box of an input, a layer or an output, with its values once they are known.
function box(plan, t, level) {
  const { seen, page, layers, isRead, x, y } = plan;
  const isLayer = level > 0 && level <= layers;
  const said = isLayer ? `‖h‖ ${digits(outputNorm(seen, level - 1, t), 3)}`
    : level === 0 ? `x ${valueText(seen.inputs, page, t)}` : `y ${valueText(seen.outputs, page, t)}`;
  const parts = [
    svg("rect", { class: "box", x: x(t), y: y(level), width, height, rx: 7 }),
    isRead(t) ? text(x(t) + middle, y(level) + (isLayer ? 20 : 30), said) : null,
    isRead(t) && isLayer ? strip(plan, level - 1, t) : null,
  ];
  const open = () => page.openCell({ layer: level - 1, step: t });
  return svg("g", isLayer ? pressed(`unrolled-${level - 1}-${t}`, `${isRead(t) ? `${said}, ` : ""}layer ${level}, step ${t}. Look inside.`, open) : {}, parts);
}

// The outputs of a layer as coloured cells.
function strip({ seen, x, y, colours }, layer, t) {
  const values = output(seen, layer);
  if (!values) return null;
  const [units, limit] = [row(values, t).slice(0, cells), extent(values.values) || 1];
  const each = (width - 12) / units.length;
  return units.map((v, i) => svg("rect", { x: x(t) + 6 + i * each, y: y(layer + 1) + 28, width: each, height: 14, fill: `rgb(${colours(v / limit)})` }));
}

// A value, or the most probable character.
function valueText(named, page, t) {
  const values = row(named, t);
  if (!page.run.characters) return digits(values[0], 3);
  const letter = [...page.run.characters][values.indexOf(Math.max(...values))];
  return `“${letter}”`;
}

const outputNorm = (seen, layer, t) => {
  const values = output(seen, layer);
  return values ? norm(row(values, t)) : null;
};

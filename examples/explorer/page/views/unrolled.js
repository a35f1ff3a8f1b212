// The network unrolled over time: values flow up and to the right, gradients flow back.

import * as api from "../api.js";
import { diagram, element, pressed, replace, svg, text } from "../dom.js";
import { diverging, extent } from "../draw.js";
import { digits, norm, row } from "../numbers.js";
import * as save from "../save.js";
import { parameters } from "./parts.js";

export const title = "Unrolled";
export const ask = (run) => api.look(run.id);

const [dx, dy, width, height] = [136, 96, 92, 50];
const middle = width / 2;
const cells = 16; // units that are shown of a layer

// `page` keeps the last step that is shown and the moment of the passes, until the experiment changes.
export function draw(panel, seen, page) {
  const steps = seen.inputs.shape[0];
  const columns = Math.max(2, Math.min(steps, Math.floor((panel.clientWidth - 60) / dx)));
  const shown = slider(
    "last-step",
    [columns - 1, steps - 1],
    page.lastStep ?? steps - 1,
    (last) => `${last - columns + 1} to ${last}, of ${steps} steps`,
  );
  const pass = slider("moment", [0, 2 * columns], moment(page.moment, columns), (it) => said(it, columns));
  const drawn = element("div", { class: "drawing" });
  const redraw = () => {
    page.lastStep = shown.value;
    page.moment = pass.value === 2 * columns ? null : pass.value;
    replace(drawn, drawing(seen, page, [shown.value - columns + 1, shown.value], pass.value));
  };
  for (const { input } of [shown, pass]) {
    input.addEventListener("input", () => {
      clearTimeout(page.timer);
      redraw();
    });
  }
  page.passTo = (to) => {
    pass.value = to;
    redraw();
    return drawn.isConnected;
  };
  redraw();
  replace(
    panel,
    element("h2", {}, "Unrolled over time"),
    element(
      "p",
      {},
      "Each column is the same network, with the same weights, at another step. Grey arrows carry values. Orange arrows carry the gradient with respect to the state they lead to: down from the loss of the same step, and back from the losses of all later steps. Thick arrows have large norms; the thinnest are a thousandth of the largest, or less.",
    ),
    steps > columns ? element("div", { class: "passes" }, shown.label("Steps shown")) : null,
    element(
      "div",
      { class: "bar passes" },
      pass.label("Pass"),
      element(
        "button",
        { type: "button", id: "run-passes", onclick: () => run(2 * columns, page) },
        "Show both passes",
      ),
    ),
    drawn,
    seen.layers.some((it) => it.shape[1] > cells)
      ? element("p", { class: "hint" }, `Of each layer, the first ${cells} units are shown.`)
      : null,
    save.button(() => drawn.firstChild, "unrolled"),
    element("h3", {}, "Parameters, which all steps share"),
    parameters(seen.parameters),
  );
}

// The moment of the passes: a number, "forward" for the end of the forward pass, or null for the end of both.
const moment = (asked, columns) =>
  asked === null || asked === undefined ? 2 * columns : asked === "forward" ? columns - 1 : asked;

// A slider with a text that says where it stands.
function slider(id, [min, max], value, describe) {
  const input = element("input", { id, type: "range", min, max, value });
  const text = element("span", { "aria-hidden": "true" });
  const say = () => {
    text.textContent = describe(Number(input.value));
    input.setAttribute("aria-valuetext", text.textContent);
  };
  input.addEventListener("input", say);
  say();
  return {
    input,
    label: (name) => element("label", { class: "inline" }, name, input, text),
    get value() {
      return Number(input.value);
    },
    set value(to) {
      input.value = to;
      say();
    },
  };
}

const said = (moment, columns) =>
  moment === 2 * columns
    ? "both passes done"
    : moment < columns
      ? `forward, column ${moment + 1} of ${columns}`
      : `backward, column ${2 * columns - moment} of ${columns}`;

// Moves through both passes. Without motion the last moment is shown at once.
function run(most, page) {
  const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let at = isStill ? most : 0;
  const on = () => {
    if (page.passTo(at) && at++ < most) page.timer = setTimeout(on, 350);
  };
  clearTimeout(page.timer);
  on();
}

// Draws the steps from `first` to `last`, as far as the passes have come.
function drawing(seen, page, [first, last], moment) {
  const layers = page.run.settings.hidden.length;
  const columns = last - first + 1;
  const plan = {
    seen,
    page,
    layers,
    first,
    isRead: (t) => t - first <= moment, // the forward pass has reached the step
    isBack: (t) => moment >= columns && last - t <= moment - columns, // the backward pass has
    x: (t) => 40 + (t - first) * dx,
    y: (level) => 50 + (layers + 1 - level) * dy, // level 0: inputs; 1 and so on: layers; the last: outputs
    colours: diverging(),
    gradients: gradients(seen, layers),
    weight: (level, name) =>
      seen.parameters.some((it) => it.layer === level - 1 && it.name.startsWith(name.toLowerCase())) ? name : "",
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

// The norms of the two parts of the gradients with respect to the states: of the loss of the same step, and of later losses.
function gradients(seen, layers) {
  const steps = seen.inputs.shape[0];
  const sizes = (part) =>
    Array.from({ length: layers }, (_, layer) =>
      Array.from({ length: steps }, (_, t) =>
        norm(
          seen.costates.filter((it) => it.layer === layer).flatMap((it) => part(row(it.total, t), row(it.direct, t))),
        ),
      ),
    );
  const same = sizes((_, direct) => direct);
  const later = sizes((total, direct) => total.map((it, i) => it - direct[i]));
  return { same, later, most: Math.max(...same.flat(), ...later.flat(), Number.MIN_VALUE) };
}

// The arrows that lead values up from a box, and to the right into it.
function forward({ x, y, layers, first, weight }, t, level) {
  const isLayer = level > 0 && level <= layers;
  const name = level === layers ? "W" : weight(level + 1, "W_ih");
  return [
    level <= layers
      ? [
          svg("path", { class: "arrow", d: `M${x(t) + middle - 14} ${y(level)} V${y(level + 1) + height + 2}` }),
          text(x(t) + middle - 19, y(level) - 18, name, { class: "soft", "text-anchor": "end" }),
        ]
      : null,
    isLayer && t > first
      ? [
          svg("path", { class: "arrow", d: `M${x(t - 1) + width} ${y(level) + 15} H${x(t) - 2}` }),
          text(x(t) - (dx - width) / 2, y(level) + 9, weight(level, "W_hh"), { class: "soft" }),
        ]
      : null,
  ];
}

// The arrows that lead gradients down into a layer, and from it to the step before.
function backward({ x, y, layers, first, gradients: { same, later, most } }, t, level) {
  if (level === 0 || level > layers) return null;
  const [down, back] = [same[level - 1][t], t > first ? later[level - 1][t - 1] : null];
  return [
    gradient(
      down,
      most,
      [x(t) + middle + 14, y(level + 1) + height],
      [x(t) + middle + 14, y(level) - 2],
      `Step ${t}, of its own loss`,
    ),
    back === null
      ? null
      : gradient(
          back,
          most,
          [x(t), y(level) + 37],
          [x(t - 1) + width + 2, y(level) + 37],
          `Step ${t - 1}, of all later losses`,
        ),
  ];
}

// An arrow along an axis, as thick as the logarithm of a norm.
function gradient(value, most, [x0, y0], [x1, y1], label) {
  const thick = 1 + 8 * Math.max(0, 1 + Math.log10(value / most) / 3);
  const [ux, uy] = [Math.sign(x1 - x0), Math.sign(y1 - y0)];
  const [ax, ay] = [x1 - 8 * ux, y1 - 8 * uy];
  return svg(
    "g",
    {},
    svg("title", {}, `${label}: norm of the gradient ${digits(value, 4)}`),
    svg("path", { class: "back", "stroke-width": thick, d: `M${x0} ${y0} L${ax} ${ay}` }),
    svg("path", {
      class: "back-head",
      d: `M${x1} ${y1} L${ax + 6 * uy} ${ay + 6 * ux} L${ax - 6 * uy} ${ay - 6 * ux} z`,
    }),
  );
}

// The box of an input, a layer or an output, with its values once they are known.
function box(plan, t, level) {
  const { seen, page, layers, isRead, x, y } = plan;
  const isLayer = level > 0 && level <= layers;
  const said = isLayer
    ? `‖h‖ ${digits(norm(row(seen.layers[level - 1], t)), 3)}`
    : level === 0
      ? `x ${valueText(seen.inputs, page, t)}`
      : `y ${valueText(seen.outputs, page, t)}`;
  const parts = [
    svg("rect", { class: "box", x: x(t), y: y(level), width, height, rx: 7 }),
    isRead(t) ? text(x(t) + middle, y(level) + (isLayer ? 20 : 30), said) : null,
    isRead(t) && isLayer ? strip(plan, level - 1, t) : null,
  ];
  const open = () => page.openCell({ layer: level - 1, step: t });
  return svg(
    "g",
    isLayer
      ? pressed(
          `unrolled-${level - 1}-${t}`,
          `${isRead(t) ? `${said}, ` : ""}layer ${level}, step ${t}. Look inside.`,
          open,
        )
      : {},
    parts,
  );
}

// The outputs of a layer as coloured cells.
function strip({ seen, x, y, colours }, layer, t) {
  const values = seen.layers[layer];
  const [units, limit] = [row(values, t).slice(0, cells), extent(values.values) || 1];
  const each = (width - 12) / units.length;
  return units.map((v, i) =>
    svg("rect", {
      x: x(t) + 6 + i * each,
      y: y(layer + 1) + 28,
      width: each,
      height: 14,
      fill: `rgb(${colours(v / limit)})`,
    }),
  );
}

// A value, or the most probable character.
function valueText(named, page, t) {
  const values = row(named, t);
  if (!page.run.characters) return digits(values[0], 3);
  const letter = [...page.run.characters][values.indexOf(Math.max(...values))];
  return `“${letter}”`;
}

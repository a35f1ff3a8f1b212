// The LSTM as a drawing that is walked in four steps: layer input, gate activation, cell update, output.

import { diagram, element, svg, text } from "../dom.js";
import { digits } from "../numbers.js";
import { number } from "./cell.js";

const phases = ["Layer input", "Gate activation", "Cell update", "Output"];
const about = [
  "The input of this step and the outputs of all units at the step before are read together.",
  "Three gates between 0, shut, and 1, open, and a candidate between −1 and 1. Each has weights of its own.",
  "The forget gate keeps a share of the old state, and the input gate adds a share of the candidate.",
  "The output gate lets a share of the squashed state out, to the readout and to the next step.",
];

const of = (list, name) => list.find((it) => it.name === name)?.value ?? null;

export function draw(walk, page) {
  const value = Object.fromEntries(["i", "f", "g", "o", "c", "h"].map((name) => [name, of(walk.values, name)]));
  const seen = { ...value, before: page.place.step > 0 ? of(walk.valuesBefore, "c") : 0, x: walk.inputs, h0: walk.before };
  const cards = [inputs(walk), gates(walk, value), update(seen), output(seen)];
  return [
    buttons(page),
    drawing(seen, page.phase),
    element("ol", { class: "walk" }, cards.map((content, i) =>
      element("li", { "aria-current": page.phase === i ? "step" : null },
        element("h3", {}, `${i + 1}. ${phases[i]}`), element("p", {}, about[i]), element("div", { class: "values" }, content)))),
  ];
}

// The four steps, and a button that leads on to the next one, and after the last one to the next step of the sequence.
function buttons(page) {
  const { phase, place } = page;
  const last = page.run.settings.length - 1;
  const choose = (it, label) =>
    element("button", { type: "button", id: `phase-${it ?? "all"}`, "aria-pressed": String(phase === it), onclick: () => page.walked(it, place) }, label);
  const isLast = phase === 3 && place.step === last;
  const next = () => (phase === 3 ? page.walked(0, { ...place, step: place.step + 1 }) : page.walked((phase ?? -1) + 1, place));
  return element("div", { class: "phases", role: "group", "aria-label": "Steps of the cell" },
    choose(null, "All"), phases.map((name, i) => choose(i, `${i + 1}. ${name}`)),
    element("button", { type: "button", id: "phase-next", disabled: isLast, onclick: next }, phase === 3 ? `On to step ${place.step + 1}` : "Next"));
}

const list = (values) => values.slice(0, 4).map((v) => digits(v, 3)).join(", ") + (values.length > 4 ? ", …" : "");

const inputs = (walk) => [
  element("span", {}, "x ="), element("span", {}, `[${list(walk.inputs)}]`),
  element("span", {}, "h₋ ="), element("span", {}, `[${list(walk.before)}]`),
];

const gates = (walk, value) =>
  [["i", "σ"], ["f", "σ"], ["o", "σ"], ["g", "tanh"]].map(([name, squash]) =>
    number(`${name} = ${squash}(${digits(of(walk.netInputs, name), 4)})`, value[name], `walk-${name}`));

const update = ({ f, before, i, g, c }) => [
  number("c₋", before, "walk-before"),
  element("span", {}, "f · c₋ ="), element("span", {}, digits(f * before, 5)),
  element("span", {}, "i · g ="), element("span", {}, digits(i * g, 5)),
  number("c = f · c₋ + i · g", c, "walk-c"),
];

const output = ({ c, h }) => [
  element("span", {}, "tanh(c) ="), element("span", {}, digits(Math.tanh(c), 5)),
  number("h = o · tanh(c)", h, "walk-h"),
];

// ── the drawing ──

function drawing(seen, phase) {
  const part = (own, ...children) =>
    svg("g", { class: phase === null ? null : own === phase ? "now" : own > phase ? "later" : null }, children);
  const arrow = (d) => svg("path", { class: "arrow", d });
  const box = (x, y, name, value, gauge = false) => [
    svg("rect", { class: "box", x: x - 46, y: y - 28, width: 92, height: 56, rx: 8 }),
    text(x, y - 7, name),
    text(x, y + 11, digits(value, 4)),
    gauge ? [svg("rect", { class: "gauge-back", x: x - 36, y: y + 17, width: 72, height: 6 }), svg("rect", { class: "gauge", x: x - 36, y: y + 17, width: 72 * Math.max(0, Math.min(1, value ?? 0)), height: 6 })] : null,
  ];
  const sign = (x, y, name, width = 30) => [svg("rect", { class: "box", x: x - width / 2, y: y - 15, width, height: 30, rx: 15 }), text(x, y + 5, name)];
  return diagram(800, 400, "The LSTM cell",
    part(0,
      box(66, 268, "x", seen.x.length === 1 ? seen.x[0] : null), seen.x.length > 1 ? text(66, 279 + 28, `${seen.x.length} values`, { class: "soft" }) : null,
      box(66, 350, "h₋, all units", null), text(66, 395, `${seen.h0.length} values`, { class: "soft" }),
      arrow("M112 268 C 140 268, 140 310, 160 310"), arrow("M112 350 C 140 350, 140 310, 160 310"),
      svg("path", { class: "bus", d: "M160 310 H 590" })),
    part(1,
      [["f", 236, "B  forget f"], ["i", 348, "A  input i"], ["g", 470, "candidate g"], ["o", 590, "C  output o"]].map(([name, x, label]) => [
        arrow(`M${x} 310 V 262`), box(x, 232, label, seen[name], name !== "g")])),
    part(2,
      box(66, 70, "D  state c₋", seen.before), arrow("M112 70 H 219"), sign(236, 70, "×"), arrow("M236 204 V 87"),
      arrow("M251 70 H 453"), sign(470, 70, "+"), arrow("M470 204 V 158"), sign(470, 141, "×"), arrow("M470 126 V 87"),
      arrow("M348 204 V 141 H 453"), arrow("M485 70 H 687"), box(735, 70, "D  state c", seen.c)),
    part(3,
      arrow("M650 70 V 128"), sign(650, 145, "tanh", 52), arrow("M650 160 V 215"), sign(650, 232, "×"),
      arrow("M636 232 H 634"), arrow("M665 232 H 687"), box(735, 232, "output h", seen.h)));
}

// The LSTM as a drawing that is walked in four steps: layer input, gate activation, cell update, output.

import { diagram, element, svg, text } from "../dom.js";
import { digits } from "../numbers.js";
import * as save from "../save.js";
import { value as shown } from "./parts.js";

const phases = ["Layer input", "Gate activation", "Cell update", "Output"];
const about = [
  "The unit reads the input of this step, and the outputs of all units at the step before.",
  "The three gates lie between 0 (shut) and 1 (open). The candidate lies between −1 and 1. Each has its own weights.",
  "The forget gate keeps a share of the old state, and the input gate adds a share of the candidate.",
  "The output gate passes on a share of tanh(c), to the readout and to the next step.",
];

const of = (list, name) => list.find((it) => it.name === name)?.value ?? null;

export function draw(walk, page) {
  const value = Object.fromEntries(["i", "f", "g", "o", "c", "h"].map((name) => [name, of(walk.values, name)]));
  const seen = {
    ...value,
    before: page.place.step > 0 ? of(walk.valuesBefore, "c") : 0,
    x: walk.inputs,
    h0: walk.before,
  };
  const cards = [inputs(walk), gates(walk, value), update(seen), output(seen)];
  const drawn = drawing(seen, page.phase);
  return [
    buttons(page),
    element("div", { class: "drawing", id: "lstm" }, drawn),
    element(
      "div",
      {},
      save.button(() => drawn, "lstm"),
    ),
    element(
      "ol",
      { class: "walk" },
      cards.map((content, i) =>
        element(
          "li",
          { "aria-current": page.phase === i ? "step" : null },
          element("h3", {}, `${i + 1}. ${phases[i]}`),
          element("p", {}, about[i]),
          element("div", { class: "values" }, content),
        ),
      ),
    ),
  ];
}

// The four steps, and a button that leads on to the next one, and after the last one to the next step of the sequence.
function buttons(page) {
  const { phase, place } = page;
  const last = page.run.settings.length - 1;
  const choose = (it, label) =>
    element(
      "button",
      {
        type: "button",
        id: `phase-${it ?? "all"}`,
        "aria-pressed": String(phase === it),
        onclick: () => page.moved({}, it),
      },
      label,
    );
  const isLast = phase === 3 && place.step === last;
  const next = () => (phase === 3 ? page.moved({ step: place.step + 1 }, 0) : page.moved({}, (phase ?? -1) + 1));
  return element(
    "div",
    { class: "phases", role: "group", "aria-label": "Steps of the cell" },
    choose(null, "All"),
    phases.map((name, i) => choose(i, `${i + 1}. ${name}`)),
    element(
      "button",
      { type: "button", id: "phase-next", disabled: isLast, onclick: next },
      phase === 3 ? `Next: time step ${place.step + 1}` : "Next",
    ),
  );
}

// A row of a card. What the page computes itself is rounded in `derived`.
const number = (label, value, id) => [element("span", {}, `${label} =`), shown(value, id)];
const derived = (label, value) => [
  element("span", {}, `${label} =`),
  element("span", { class: "value" }, digits(value, 6)),
];

const list = (values) =>
  values
    .slice(0, 4)
    .map((v) => digits(v, 3))
    .join(", ") + (values.length > 4 ? ", …" : "");

const inputs = (walk) => [
  element("span", {}, "x ="),
  element("span", {}, `[${list(walk.inputs)}]`),
  element("span", {}, "h₋ ="),
  element("span", {}, `[${list(walk.before)}]`),
];

const gates = (walk, value) =>
  [
    ["i", "σ"],
    ["f", "σ"],
    ["o", "σ"],
    ["g", "tanh"],
  ].map(([name, squash]) =>
    number(`${name} = ${squash}(${digits(of(walk.netInputs, name), 4)})`, value[name], `walk-${name}`),
  );

const update = ({ f, before, i, g, c }) => [
  number("c₋", before, "walk-before"),
  derived("f · c₋", f * before),
  derived("i · g", i * g),
  number("c = f · c₋ + i · g", c, "walk-c"),
];

const output = ({ c, h }) => [derived("tanh(c)", Math.tanh(c)), number("h = o · tanh(c)", h, "walk-h")];

// ── the drawing ──

function drawing(seen, phase) {
  const part = (own, ...children) =>
    svg("g", { class: phase === null ? null : own === phase ? "now" : own > phase ? "later" : null }, children);
  const arrow = (d) => svg("path", { class: "arrow", d });
  const box = (x, y, name, said, gauge = null) => [
    svg("rect", { class: "box", x: x - 46, y: y - 28, width: 92, height: 56, rx: 8 }),
    text(x, y - 7, name),
    text(x, y + 11, said),
    gauge === null
      ? null
      : [
          svg("rect", { class: "gauge-back", x: x - 36, y: y + 17, width: 72, height: 6 }),
          svg("rect", { class: "gauge", x: x - 36, y: y + 17, width: 72 * Math.max(0, Math.min(1, gauge)), height: 6 }),
        ],
  ];
  const sign = (x, y, name, width = 30) => [
    svg("rect", { class: "box", x: x - width / 2, y: y - 15, width, height: 30, rx: 15 }),
    text(x, y + 5, name),
  ];
  return diagram(
    860,
    384,
    "The LSTM cell",
    part(
      0,
      box(66, 260, "input x", seen.x.length === 1 ? digits(seen.x[0], 4) : `${seen.x.length} values`),
      box(66, 340, "output h₋", `${seen.h0.length} values`),
      arrow("M112 260 C 140 260, 140 300, 160 300"),
      arrow("M112 340 C 140 340, 140 300, 160 300"),
      svg("path", { class: "bus", d: "M160 300 H 600" }),
    ),
    part(
      1,
      [
        ["f", 246, "B  forget f"],
        ["i", 366, "A  input i"],
        ["g", 484, "candidate g"],
        ["o", 600, "C  output o"],
      ].map(([name, x, label]) => [
        arrow(`M${x} 300 V 252`),
        box(x, 222, label, digits(seen[name], 4), name === "g" ? null : seen[name]),
      ]),
    ),
    part(
      2,
      box(66, 60, "D  state c₋", digits(seen.before, 4)),
      arrow("M112 60 H 229"),
      sign(246, 60, "×"),
      arrow("M246 194 V 77"),
      arrow("M261 60 H 467"),
      sign(484, 60, "+"),
      arrow("M484 194 V 148"),
      sign(484, 131, "×"),
      arrow("M484 116 V 77"),
      arrow("M366 194 V 131 H 467"),
      arrow("M499 60 H 746"),
      box(794, 60, "D  state c", digits(seen.c, 4)),
    ),
    part(
      3,
      arrow("M696 60 V 118"),
      sign(696, 135, "tanh", 52),
      arrow("M696 150 V 205"),
      sign(696, 222, "×"),
      arrow("M646 222 H 679"),
      arrow("M711 222 H 746"),
      box(794, 222, "output h", digits(seen.h, 4)),
    ),
  );
}

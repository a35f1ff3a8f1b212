// A walk through a cell, for one unit at one step, with the numbers of the library.

import { element } from "./dom.js";
import { digits } from "./draw.js";

const exact = (value) => (value === null || value === undefined ? "—" : String(value));

const number = (label, value, id = null) =>
  element("div", {}, `${label} = `, element("output", { id, title: exact(value), "data-exact": exact(value) }, digits(value, 5)));

const of = (list, name) => list.find((it) => it.name === name)?.value ?? null;

// The four steps of an LSTM.
function steps(walk, hasBefore) {
  const before = hasBefore ? of(walk.valuesBefore, "c") : 0;
  const [i, f, g, o, c, h] = ["i", "f", "g", "o", "c", "h"].map((name) => of(walk.values, name));
  const net = (name) => of(walk.netInputs, name);
  const list = (values) => values.slice(0, 6).map((v) => digits(v, 3)).join(", ") + (values.length > 6 ? ", …" : "");
  return [
    ["Layer input", "The input and the output of the step before are read together.", [
      element("div", {}, `x = [${list(walk.inputs)}]`),
      element("div", {}, `h₋ = [${list(walk.before)}]`)]],
    ["Gate activation", "Three gates between 0, shut, and 1, open, and the candidate. Each has weights of its own.", [
      ["i", "input gate, i = σ", i], ["f", "forget gate, f = σ", f], ["o", "output gate, o = σ", o], ["g", "candidate, g = tanh", g],
    ].map(([name, text, v]) => number(`${text}(${digits(net(name), 4)})`, v, `walk-${name}`))],
    ["Cell update", "The forget gate keeps a part of the state, the input gate adds a part of the candidate.", [
      number("c₋", before, "walk-before"),
      element("div", {}, `f · c₋ = ${digits(f * before, 5)}`),
      element("div", {}, `i · g = ${digits(i * g, 5)}`),
      number("c = f · c₋ + i · g", c, "walk-c")]],
    ["Output", "The output gate lets a part of the squashed state out.", [
      element("div", {}, `tanh(c) = ${digits(Math.tanh(c), 5)}`),
      number("h = o · tanh(c)", h, "walk-h")]],
  ];
}

export function draw(panel, walk, { settings, place, moved, current }) {
  const pick = (name, label, count) => {
    const input = element("input", { id: `walk-at-${name}`, type: "number", min: 0, max: count - 1, value: place[name] });
    input.addEventListener("change", () => moved({ ...place, [name]: Math.max(0, Math.min(count - 1, Math.floor(Number(input.value)) || 0)) }));
    return element("label", {}, `${label} (0 to ${count - 1}) `, input);
  };
  const isLstm = settings.cell === "lstm";
  const cards = isLstm
    ? steps(walk, place.step > 0)
    : [["Values", "What the equations name, in their order.", walk.values.map((it) => number(it.name, it.value, `walk-${it.name}`))]];
  panel.replaceChildren(
    element("h2", {}, "Inside the cell"),
    element("div", { class: "bar" },
      pick("layer", "Layer", settings.hidden.length), pick("step", "Step", settings.length), pick("unit", "Unit", settings.hidden[place.layer])),
    element("ol", { class: "walk" }, cards.map(([title, text, content], i) =>
      element("li", { "aria-current": current === i ? "step" : null }, element("h3", {}, isLstm ? `${i + 1}. ${title}` : title), element("p", {}, text), content))),
    element("h3", {}, "Equations"),
    walk.equations.map((line) => element("div", { class: "equation" }, line)),
    element("p", {}, "A number under the pointer shows all of its digits."));
}

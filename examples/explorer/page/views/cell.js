// A walk through a cell, for one unit at one step, with the numbers of the library.

import * as api from "../api.js";
import { element, exact, replace, table } from "../dom.js";
import { digits } from "../numbers.js";
import * as lstm from "./lstm.js";

export const title = "Cell";
export const ask = (run, place) => api.walk(run.id, place);

export function draw(panel, walk, page) {
  const { settings } = page.run;
  const isLstm = settings.cell === "lstm";
  replace(panel,
    element("h2", {}, `Inside the cell: ${page.cell.about}`),
    places(page, settings),
    element("div", { class: "cell" },
      isLstm ? lstm.draw(walk, page) : values(walk),
      isLstm ? null : element("div", {}, element("h3", {}, "Equations"), page.equations()),
      element("div", {},
        element("h3", {}, "The step as a graph"),
        element("details", { id: "graph" },
          element("summary", {}, "Operations of one step, as the tape records them"),
          element("img", { class: "drawn", src: page.figure("cell"), loading: "lazy", alt: `Graph of the operations of one step of the cell: ${page.cell.about}` })))));
}

// The fields that choose layer, step and unit.
function places(page, { hidden, length }) {
  const { place } = page;
  const field = (name, label, count) => {
    const input = element("input", { id: `walk-at-${name}`, type: "number", min: 0, max: count - 1, value: place[name] });
    const within = (value) => Math.max(0, Math.min(count - 1, Math.floor(value) || 0));
    input.addEventListener("change", () => page.moved({ [name]: within(Number(input.value)) }));
    return element("label", { class: "inline" }, label, input, element("span", { class: "hint" }, `0 to ${count - 1}`));
  };
  return element("div", { class: "places" },
    hidden.length > 1 ? field("layer", "Layer", hidden.length) : null,
    field("step", "Step", length), field("unit", "Unit", hidden[place.layer]));
}

const output = (value, id) =>
  element("output", { id, title: exact(value), "data-exact": exact(value) }, digits(value, 6));

// A number with all its digits in `data-exact`.
export const number = (label, value, id) => [element("span", {}, `${label} =`), output(value, id)];

function values(walk) {
  const before = (name) => digits(walk.valuesBefore.find((it) => it.name === name)?.value, 6);
  const rows = walk.values.map((it) => [it.name, before(it.name), output(it.value, `walk-${it.name}`)]);
  return element("div", {},
    element("h3", {}, "Values of this unit, in the order of the equations"),
    rows.length ? table(["Value", "Step before", "This step"], rows) : element("p", {}, "This cell names no values of its steps."));
}

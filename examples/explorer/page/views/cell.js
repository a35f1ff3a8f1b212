// A walk through a cell, for one unit at one step, with the numbers of the library.

import * as api from "../api.js";
import { element, replace, table } from "../dom.js";
import { digits } from "../numbers.js";
import * as lstm from "./lstm.js";
import { value } from "./parts.js";

export const title = "Cell";
export const ask = (run, place) => api.walk(run.id, place);

export function draw(panel, walk, page) {
  const isLstm = page.run.settings.cell === "lstm";
  replace(
    panel,
    element("h2", {}, `Inside the cell: ${page.cell.about}`),
    places(page, walk),
    element(
      "div",
      { class: "cell" },
      isLstm ? lstm.draw(walk, page) : values(walk),
      isLstm ? null : element("div", {}, element("h3", {}, "Equations"), page.equations()),
      graph(page),
    ),
  );
}

// The graph of a step, which is drawn once for an experiment.
function graph(page) {
  if (page.graph?.id !== page.run.id) page.graph = { id: page.run.id, node: operations(page) };
  return page.graph.node;
}

const operations = (page) =>
  element(
    "div",
    {},
    element("h3", {}, "The step as a graph"),
    element(
      "details",
      { id: "graph" },
      element("summary", { id: "graph-summary" }, "Operations of one step, as the tape records them"),
      element("img", {
        class: "drawn",
        src: page.figure("cell"),
        loading: "lazy",
        alt: `Graph of the operations of one step of the cell: ${page.cell.about}`,
      }),
    ),
  );

// The fields that choose layer, step and unit. Layers count from 1, as in the network.
function places(page, { units }) {
  const { hidden, length } = page.run.settings;
  const field = (name, label, first, count) => {
    const last = first + count - 1;
    const input = element("input", {
      id: `walk-at-${name}`,
      type: "number",
      min: first,
      max: last,
      value: page.place[name] + first,
    });
    const within = (value) => Math.max(first, Math.min(last, Math.floor(value) || 0)) - first;
    input.addEventListener("change", () => page.moved({ [name]: within(Number(input.value)) }));
    return element(
      "label",
      { class: "inline" },
      label,
      input,
      element("span", { class: "hint" }, `${first} to ${last}`),
    );
  };
  return element(
    "div",
    { class: "places" },
    hidden.length > 1 ? field("layer", "Layer", 1, hidden.length) : null,
    field("step", "Time step", 0, length),
    field("unit", "Unit", 0, units),
  );
}

function values(walk) {
  const before = (name) => digits(walk.valuesBefore.find((it) => it.name === name)?.value, 6);
  const isUneven = walk.values.some((it) => it.units !== walk.units);
  const rows = walk.values.map((it) => [
    isUneven ? `${it.name}, one of ${it.units}` : it.name,
    before(it.name),
    value(it.value, `walk-${it.name}`),
  ]);
  return element(
    "div",
    {},
    element("h3", {}, "Values of this unit, in the order of the equations"),
    isUneven
      ? element("p", {}, "The values of this cell have different numbers of units, each numbered for itself.")
      : null,
    rows.length ? table(["Value", "Step before", "This step"], rows) : element("p", {}, "This cell names no values."),
  );
}

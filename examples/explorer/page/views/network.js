// The network as it is built: layers with their loops, and what they return over the steps of a sequence.

import * as api from "../api.js";
import { element, replace, svg } from "../dom.js";
import { extent, heatMap, lines } from "../draw.js";

export const title = "Network";
export const ask = (run) => api.look(run.id);

const mostLayers = 4;

const arrow = () =>
  svg(
    "svg",
    { class: "flow", viewBox: "0 0 30 20", "aria-hidden": "true" },
    svg("path", { class: "arrow", d: "M0 10 H22" }),
    svg("path", { class: "head", d: "M20 4 L30 10 L20 16 z" }),
  );

const loop = () =>
  svg(
    "svg",
    { class: "loop", viewBox: "0 0 176 39", "aria-hidden": "true", preserveAspectRatio: "none" },
    svg("path", { class: "arrow", d: "M136 38 C 170 2, 6 2, 38 28" }),
    svg("path", { class: "head", d: "M34 24 L44 26 L38 38 z" }),
  );

export function draw(panel, seen, page) {
  const { settings, characters } = page.run;
  const { hidden } = settings;
  const resize = (layer, size) =>
    page.change(
      "hidden",
      hidden.map((it, i) => (i === layer ? size : it)),
    );
  const features = characters ? `${[...characters].length} characters, one-hot` : "one value a step";
  const canvas = (label) => element("canvas", { role: "img", "aria-label": label });
  const maps = hidden.map((size, layer) =>
    canvas(`Outputs of layer ${layer + 1}: ${size} units over ${seen.inputs.shape[0]} steps`),
  );
  const [input, readout] = [canvas("The inputs, step by step"), canvas("The outputs, step by step")];

  const layer = (size, i) => {
    const field = element("input", {
      id: `size-${i}`,
      type: "number",
      ...page.limits.hidden,
      value: size,
      "aria-label": `Units of layer ${i + 1}`,
    });
    field.addEventListener("change", () => (field.reportValidity() ? resize(i, Number(field.value)) : null));
    return element(
      "div",
      { class: "node", id: `layer-${i}` },
      loop(),
      element("h3", {}, `Layer ${i + 1}`),
      element("p", {}, page.cell.about),
      maps[i],
      element("div", { class: "bar" }, field, element("span", {}, "units")),
      element(
        "div",
        { class: "bar" },
        element(
          "button",
          {
            type: "button",
            id: `open-${i}`,
            "aria-label": `Look inside layer ${i + 1}`,
            onclick: () => page.openCell({ layer: i }),
          },
          "Look inside",
        ),
        hidden.length > 1
          ? element(
              "button",
              {
                type: "button",
                id: `remove-${i}`,
                "aria-label": `Remove layer ${i + 1}`,
                onclick: () =>
                  page.change(
                    "hidden",
                    hidden.filter((_, at) => at !== i),
                  ),
              },
              "×",
            )
          : null,
      ),
    );
  };
  const add = element(
    "button",
    { type: "button", id: "add-layer", onclick: () => page.change("hidden", [...hidden, hidden.at(-1)]) },
    "+ Add a layer",
  );

  replace(
    panel,
    element("h2", {}, "Network"),
    element(
      "p",
      {},
      "Each layer reads the outputs of the layer before it. Along its loop, it also reads its own state of the step before. The maps show one sequence from left to right, with a row for each unit.",
    ),
    element(
      "div",
      { class: "network" },
      element("div", { class: "node" }, element("h3", {}, "Input"), element("p", {}, features), input),
      hidden.map((size, i) => [arrow(), layer(size, i)]),
      hidden.length < mostLayers ? add : null,
      arrow(),
      element("div", { class: "node" }, element("h3", {}, "Readout"), element("p", {}, "linear"), readout),
    ),
    page.cell.equations.length ? element("h3", {}, `Equations: ${page.cell.about}`) : null,
    page.equations(),
  );

  sequence(input, seen.inputs, characters, "truth");
  sequence(readout, seen.outputs, characters, "accent");
  maps.forEach((map, i) => {
    const outputs = seen.layers[i];
    heatMap(map, outputs, extent(outputs.values), { height: 90 });
  });
}

function sequence(canvas, named, characters, colour) {
  if (characters) {
    heatMap(canvas, named, extent(named.values), { height: 90 });
    return;
  }
  canvas.style.height = "90px";
  lines(canvas, [{ points: named.values.map((v, t) => [t, v]), colour }], { bare: true });
}

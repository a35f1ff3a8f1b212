// The overview: layers with their loops. A layer leads into its cell.

import { boxButton, diagram, element, svg } from "./dom.js";

export function draw(panel, { settings, cell, features, openCell }) {
  const layers = settings.hidden;
  const [width, gap] = [150, 70];
  const at = (i) => 30 + i * (width + gap);
  const boxes = [`input\n${features === 1 ? "1 value" : `${features} characters`}`, ...layers.map((size) => `${cell.about}\n${size} units`), "readout\nlinear"];
  const drawn = boxes.map((text, i) => {
    const isLayer = i > 0 && i <= layers.length;
    const [x, y, height] = [at(i), 70, 70];
    const lines = text.split("\n").flatMap((line) => (line.length > 20 ? wrapped(line) : [line]));
    const loop = isLayer
      ? svg("path", { class: "arrow", d: `M${x + width - 30} ${y} C ${x + width - 10} 15, ${x + 10} 15, ${x + 30} ${y - 2}` })
      : null;
    const box = isLayer
      ? boxButton({ x, y, width, height, lines, label: `Layer ${i}: ${cell.about}, ${layers[i - 1]} units. Look into the cell.`, act: () => openCell(i - 1) })
      : svg("g", {}, svg("rect", { class: "box", x, y, width, height, rx: 6 }),
          lines.map((line, n) => svg("text", { x: x + width / 2, y: y + 40 + 17 * (n - (lines.length - 1) / 2), "text-anchor": "middle" }, line)));
    const arrow = i > 0 ? svg("path", { class: "arrow", d: `M${at(i - 1) + width} 105 L${x - 2} 105` }) : null;
    return [loop, arrow, box];
  });
  panel.replaceChildren(
    element("h2", {}, "Network"),
    element("p", {}, "Each layer reads what the layer before returns, and, along its loop, its own state of the step before. Choose a layer to look into its cell."),
    diagram(at(boxes.length) - gap + 30, 160, "Layers of the network", drawn),
    element("h3", {}, "Equations of the cell"),
    cell.equations.map((line) => element("div", { class: "equation" }, line)),
  );
}

function wrapped(line) {
  const words = line.split(" ");
  const lines = [""];
  for (const word of words) {
    if ((lines.at(-1) + word).length > 20 && lines.at(-1)) lines.push("");
    lines[lines.length - 1] += `${word} `;
  }
  return lines.map((it) => it.trim());
}

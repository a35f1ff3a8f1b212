// Heat maps of all named values over the steps of a sequence.

import { element } from "./dom.js";
import { digits, heatMap } from "./draw.js";

const bounded = { i: 1, f: 1, o: 1, z: 1, r: 1, g: 1, n: 1 };

export function draw(panel, look, figure) {
  const map = (named, link) => {
    const canvas = element("canvas", { role: "img" });
    const caption = element("figcaption", {}, `${named.name} `, link);
    return { named, canvas, caption, node: element("figure", {}, caption, canvas) };
  };
  const probes = look.probes.map((named) =>
    map(named, element("a", { class: "svg", href: figure(named.name), download: `${named.name}.svg` }, `SVG of ${named.name}`)));
  panel.replaceChildren(
    element("h2", {}, "Gates and states"),
    element("p", {}, `Every named value of every step, after ${look.updates} updates: time runs to the right, one row is one unit. Orange is positive, blue is negative.`),
    element("div", { class: "maps" }, probes.map((it) => it.node)),
  );
  for (const { named, canvas, caption } of probes) {
    const limit = heatMap(canvas, named, bounded[named.name.split(".").at(-1)] ?? null);
    canvas.setAttribute("aria-label", `${named.name}: ${named.shape[1]} units over ${named.shape[0]} steps, between ${digits(-limit)} and ${digits(limit)}`);
    caption.append(` from ${digits(-limit)} to ${digits(limit)}`);
  }
}

// What several views show.

import { element, exact, table } from "../dom.js";
import { digits } from "../numbers.js";

// Whose parameter it is.
export const owner = (layer) => (layer === null ? "readout" : `layer ${layer + 1}`);

export const updates = (count) => `${count} ${count === 1 ? "update" : "updates"}`;

// A number with all its digits in `data-exact`.
export const value = (number, id) =>
  element("span", { id, class: "value", title: exact(number), "data-exact": exact(number) }, digits(number, 6));

// A table of parameters and their norms.
export const parameters = (list) =>
  table(
    ["Parameter", "Of", "Shape", "Norm", "Norm of the gradient"],
    list.map(({ name, layer, shape, norm, gradientNorm }) => [
      name,
      owner(layer),
      `[${shape.join(", ")}]`,
      [digits(norm, 4), norm],
      [digits(gradientNorm, 4), gradientNorm],
    ]),
  );

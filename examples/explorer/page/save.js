// Saves a drawing of the page as a file.

import { element } from "./dom.js";

const kept = ["fill", "stroke", "stroke-width", "font-family", "font-size", "visibility", "marker-end"];

// The text of a drawing, with the colours that it has on the page.
function standalone(drawing) {
  const copy = drawing.cloneNode(true);
  const [nodes, copies] = [drawing, copy].map((it) => [it, ...it.querySelectorAll("*")]);
  nodes.forEach((node, i) => {
    const style = getComputedStyle(node);
    for (const name of kept) copies[i].setAttribute(name, style.getPropertyValue(name));
    for (const name of ["class", "role", "tabindex", "id"])
      if (node.localName !== "marker") copies[i].removeAttribute(name);
  });
  copy.style.background = getComputedStyle(document.documentElement).getPropertyValue("--paper");
  return new XMLSerializer().serializeToString(copy);
}

// A button that saves the drawing that a function returns, under a name.
export const button = (drawing, name) =>
  element(
    "button",
    {
      type: "button",
      id: `save-${name}`,
      onclick: () => {
        const link = element("a", {
          download: `${name}.svg`,
          href: URL.createObjectURL(new Blob([standalone(drawing())], { type: "image/svg+xml" })),
        });
        link.click();
        URL.revokeObjectURL(link.href);
      },
    },
    "Save the drawing, SVG",
  );

// Elements by their name, attributes and children.

export const $ = (id) => document.getElementById(id);

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

export const element = (name, attributes = {}, ...children) =>
  filled(document.createElement(name), attributes, children);

export const svg = (name, attributes = {}, ...children) =>
  filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);

// A drawing whose arrows have heads.
export const diagram = (width, height, label, ...children) =>
  svg("svg", { class: "diagram", viewBox: `0 0 ${width} ${height}`, width, height, role: "group", "aria-label": label },
    svg("defs", {}, svg("marker", { id: "head", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" },
      svg("path", { d: "M0 0 L8 4 L0 8 z", fill: "currentColor" }))),
    ...children);

// A box with a text that acts as a button, for the pointer and the keyboard.
export function boxButton({ x, y, width, height, lines, label, act }) {
  const press = (event) => {
    if (event.type === "click" || event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      act();
    }
  };
  return svg("g", { role: "button", tabindex: 0, "aria-label": label, onclick: press, onkeydown: press },
    svg("rect", { class: "box", x, y, width, height, rx: 6 }),
    lines.map((line, i) =>
      svg("text", { x: x + width / 2, y: y + height / 2 + 5 + 17 * (i - (lines.length - 1) / 2), "text-anchor": "middle" }, line)));
}

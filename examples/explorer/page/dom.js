// Elements by their name, attributes and children.

export const $ = (id) => document.getElementById(id);

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

export const element = (name, attributes = {}, ...children) =>
  filled(document.createElement(name), attributes, children);

export const svg = (name, attributes = {}, ...children) =>
  filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);

// Replaces what a node holds.
export function replace(node, ...children) {
  node.replaceChildren();
  return filled(node, {}, children);
}

// A drawing whose arrows have heads.
export const diagram = (width, height, label, ...children) =>
  svg(
    "svg",
    { class: "diagram", viewBox: `0 0 ${width} ${height}`, width, height, role: "group", "aria-label": label },
    svg(
      "defs",
      {},
      svg(
        "marker",
        {
          id: "head",
          viewBox: "0 0 8 8",
          refX: 7,
          refY: 4,
          markerWidth: 8,
          markerHeight: 8,
          markerUnits: "userSpaceOnUse",
          orient: "auto",
        },
        svg("path", { d: "M0 0 L8 4 L0 8 z", fill: "currentColor" }),
      ),
    ),
    children,
  );

export const text = (x, y, content, attributes = {}) =>
  svg("text", { x, y, "text-anchor": "middle", ...attributes }, content);

// What makes a group of a drawing a button, for the pointer and the keyboard.
export const pressed = (id, label, act) => {
  const press = (event) => {
    if (event.type === "click" || event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      act();
    }
  };
  return { id, role: "button", tabindex: 0, "aria-label": label, onclick: press, onkeydown: press };
};

// A table with a row for each list of cells. The first cell names the row; cells that are [text, exact] are numbers.
export const table = (columns, rows) =>
  element(
    "div",
    { class: "wide" },
    element(
      "table",
      {},
      element(
        "thead",
        {},
        element(
          "tr",
          {},
          columns.map((it) => element("th", { scope: "col" }, it)),
        ),
      ),
      element(
        "tbody",
        {},
        rows.map(([name, ...cells]) =>
          element(
            "tr",
            {},
            element("th", { scope: "row" }, name),
            cells.map((cell) =>
              Array.isArray(cell)
                ? element("td", { class: "number", "data-exact": exact(cell[1]) }, cell[0])
                : element("td", {}, cell),
            ),
          ),
        ),
      ),
    ),
  );

// A line of an equation, in which `_` and `_{}` begin subscripts.
export const equation = (line) =>
  element(
    "p",
    { class: "equation" },
    line
      .split(/((?:_\{[^}]*\}|_[A-Za-z0-9]+)+)/)
      .map((part) =>
        part.startsWith("_") ? element("sub", {}, part.replace(/[{}]/g, "").slice(1).replaceAll("_", " ")) : part,
      ),
  );

// All digits of a number.
export const exact = (value) => (value === null || value === undefined ? "—" : String(value));

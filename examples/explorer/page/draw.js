// Lines and heat maps on canvases, in the colours of the page.

import { powers, short, ticks } from "./numbers.js";

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

// A context whose unit is a CSS pixel, cleared.
function cleared(canvas, height = canvas.clientHeight) {
  const [width, ratio] = [canvas.clientWidth, window.devicePixelRatio || 1];
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return [context, width, height];
}

// An interval that holds all values, with a margin.
function range(values, pad) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  if (low > high) return [0, 1];
  const margin = low < high ? pad * (high - low) : 0.5;
  return [low - margin, high + margin];
}

// Draws lines: [{ points: [[x, y], …], colour, dots, dashed, width }]. A logarithmic scale leaves out what is not positive.
export function lines(canvas, series, { log = false, x = "", y = "", marks = [], bare = false, none = "" } = {}) {
  const [context, width, height] = cleared(canvas);
  const scale = log ? Math.log10 : (value) => value;
  const shown = series.map((it) => ({
    ...it,
    points: it.points.filter(([, v]) => Number.isFinite(v) && (!log || v > 0)).map(([u, v]) => [u, scale(v)]),
  }));
  const all = shown.flatMap((it) => it.points);
  const frame = {
    ...(bare
      ? { left: 4, right: width - 4, top: 4, bottom: height - 4 }
      : { left: 64, right: width - 10, top: 8, bottom: height - 36 }),
    across: range(
      all.map((p) => p[0]),
      0,
    ),
    up: range(
      all.map((p) => p[1]),
      0.04,
    ),
    px: (u) => frame.left + ((u - frame.across[0]) / (frame.across[1] - frame.across[0])) * (frame.right - frame.left),
    py: (v) => frame.bottom - ((v - frame.up[0]) / (frame.up[1] - frame.up[0])) * (frame.bottom - frame.top),
  };
  if (all.length === 0) {
    empty(context, frame, none);
    return;
  }
  if (!bare) axes(context, frame, { log, x, y });
  for (const u of marks) {
    context.setLineDash([4, 4]);
    line(context, [
      [frame.px(u), frame.top],
      [frame.px(u), frame.bottom],
    ]);
  }
  for (const { points, colour: name, dots, dashed, width: lineWidth = 2 } of shown) {
    context.strokeStyle = context.fillStyle = colour(name);
    context.lineWidth = lineWidth;
    context.setLineDash(dashed ? [6, 4] : []);
    const placed = points.map(([u, v]) => [frame.px(u), frame.py(v)]);
    dots || placed.length === 1 ? circles(context, placed) : line(context, placed);
  }
  context.setLineDash([]);
}

// Says why nothing is drawn.
function empty(context, { left, right, top, bottom }, none) {
  context.font = "14px system-ui, sans-serif";
  context.fillStyle = colour("soft");
  context.textAlign = "center";
  context.fillText(none, (left + right) / 2, (top + bottom) / 2);
}

function line(context, points) {
  context.beginPath();
  for (const [a, b] of points) context.lineTo(a, b);
  context.stroke();
}

function circles(context, points) {
  context.beginPath();
  for (const [a, b] of points) {
    context.moveTo(a + 3, b);
    context.arc(a, b, 3, 0, 2 * Math.PI);
  }
  context.fill();
}

// Draws the grid, the ticks with their numbers, and what the axes are called.
function axes(context, { left, right, top, bottom, across, up, px, py }, { log, x, y }) {
  context.font = "12px system-ui, sans-serif";
  context.fillStyle = colour("soft");
  context.strokeStyle = colour("line");
  context.lineWidth = 1;
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (const v of log ? powers(...up) : ticks(...up)) {
    line(context, [
      [left, py(v)],
      [right, py(v)],
    ]);
    context.fillText(short(log ? 10 ** v : v), left - 6, py(v));
  }
  context.textAlign = "center";
  for (const u of ticks(...across)) {
    line(context, [
      [px(u), bottom],
      [px(u), bottom + 4],
    ]);
    context.fillText(short(u), Math.min(px(u), right - 4), bottom + 12);
  }
  context.fillText(x, (left + right) / 2, bottom + 28);
  context.save();
  context.translate(9, (top + bottom) / 2);
  context.rotate(-Math.PI / 2);
  context.fillText(y, 0, 0);
  context.restore();
}

const rgb = (name) => {
  const hex = colour(name).replace("#", "");
  return [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16));
};

// Returns a function from −1 … 1 to red, green and blue: blue below zero, paper at zero, orange above.
export function diverging() {
  const [paper, plus, minus] = ["paper", "plus", "minus"].map(rgb);
  return (share) => {
    const [end, weight] = [share < 0 ? minus : plus, Math.min(Math.abs(share), 1)];
    return paper.map((from, i) => Math.round(from + (end[i] - from) * weight));
  };
}

// The largest absolute value, for a scale from its negative to it.
export const extent = (values) => values.reduce((most, v) => Math.max(most, Math.abs(v ?? 0)), 0);

// Draws a matrix on a scale from −limit to limit. Columns to the right are the first axis if `isTime`, else the second one.
export function heatMap(canvas, { shape, values }, limit, { isTime = true, height = 220 } = {}) {
  const [first, second] = shape.length === 1 ? [1, shape[0]] : shape;
  const [columns, rows] = isTime ? [first, second] : [second, first];
  const size = Math.max(1, Math.min(14, height / rows));
  canvas.style.height = `${Math.ceil(size * rows)}px`;
  const [context, width, drawn] = cleared(canvas, Math.ceil(size * rows));
  const of = diverging();
  const image = new ImageData(columns, rows);
  for (let c = 0; c < columns; c++) {
    for (let r = 0; r < rows; r++) {
      const value = isTime ? values[c * rows + r] : values[r * columns + c];
      image.data.set([...of((value ?? 0) / (limit || 1)), 255], (r * columns + c) * 4);
    }
  }
  const small = new OffscreenCanvas(columns, rows);
  small.getContext("2d").putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, width, drawn);
}

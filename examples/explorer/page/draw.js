// Lines and heat maps on canvases, in the colours of the page.

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

export const digits = (value, count = 3) =>
  value === null || !Number.isFinite(value) ? "—"
    : value === 0 ? "0"
    : Math.abs(value) >= 1e-3 && Math.abs(value) < 1e5 ? value.toPrecision(count + 1).replace(/\.?0+$/, "")
    : value.toExponential(count - 1);

// Lines: [{ points: [[x, y], …], colour, dots }]. On a logarithmic scale, what is not positive is left out.
export function lines(canvas, series, { log = false, x = "", y = "", marks = [] } = {}) {
  const [context, width, height] = cleared(canvas);
  const [left, right, top, bottom] = [52, 8, 8, 32];
  const scale = log ? Math.log10 : (value) => value;
  const shown = series.map((it) => ({
    ...it,
    points: it.points.filter(([, v]) => Number.isFinite(v) && (!log || v > 0)).map(([u, v]) => [u, scale(v)]),
  }));
  const all = shown.flatMap((it) => it.points);
  const range = (values) => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return low < high ? [low, high] : [low - 0.5, high + 0.5];
  };
  const [u0, u1] = all.length ? range(all.map((p) => p[0])) : [0, 1];
  const [v0, v1] = all.length ? range(all.map((p) => p[1])) : [0, 1];
  const px = (u) => left + ((u - u0) / (u1 - u0)) * (width - left - right);
  const py = (v) => height - bottom - ((v - v0) / (v1 - v0)) * (height - top - bottom);

  context.font = "12px system-ui, sans-serif";
  context.fillStyle = colour("soft");
  context.strokeStyle = colour("line");
  context.lineWidth = 1;
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (let i = 0; i <= 4; i++) {
    const v = v0 + ((v1 - v0) * i) / 4;
    context.beginPath();
    context.moveTo(left, py(v));
    context.lineTo(width - right, py(v));
    context.stroke();
    context.fillText(digits(log ? 10 ** v : v, 2), left - 6, py(v));
  }
  context.textAlign = "center";
  context.textBaseline = "top";
  for (let i = 0; i <= 4; i++) {
    const u = u0 + ((u1 - u0) * i) / 4;
    context.fillText(digits(u, 2), Math.min(px(u), width - 16), height - bottom + 4);
  }
  context.fillText(x, (left + width) / 2, height - 14);
  context.save();
  context.translate(10, (height - bottom) / 2);
  context.rotate(-Math.PI / 2);
  context.fillText(y, 0, -4);
  context.restore();
  for (const u of marks) {
    context.setLineDash([4, 4]);
    context.beginPath();
    context.moveTo(px(u), top);
    context.lineTo(px(u), height - bottom);
    context.stroke();
    context.setLineDash([]);
  }
  for (const { points, colour: name, dots } of shown) {
    context.strokeStyle = context.fillStyle = colour(name);
    context.lineWidth = 2;
    context.beginPath();
    for (const [u, v] of points) {
      if (dots) {
        context.moveTo(px(u) + 3, py(v));
        context.arc(px(u), py(v), 3, 0, 2 * Math.PI);
      } else context.lineTo(px(u), py(v));
    }
    dots ? context.fill() : context.stroke();
  }
}

// Returns red, green and blue of a value between -1 and 1: blue below zero, paper at zero, orange above.
function diverging(share, [paper, plus, minus]) {
  const end = share < 0 ? minus : plus;
  const weight = Math.min(Math.abs(share), 1);
  return paper.map((from, i) => Math.round(from + (end[i] - from) * weight));
}

function rgb(name) {
  const hex = colour(name).replace("#", "");
  return [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

// A matrix [T, H] over time: a column for each step, a row for each unit. The scale goes from -limit to limit.
export function heatMap(canvas, { shape: [steps, units], values }, limit = null) {
  const largest = limit ?? values.reduce((most, v) => Math.max(most, Math.abs(v ?? 0)), 0);
  const row = Math.max(2, Math.min(14, Math.floor(220 / units)));
  canvas.style.height = `${row * units}px`;
  const [context, width, height] = cleared(canvas, row * units);
  const colours = [rgb("paper"), rgb("plus"), rgb("minus")];
  const image = new ImageData(steps, units);
  for (let t = 0; t < steps; t++) {
    for (let u = 0; u < units; u++) {
      const [r, g, b] = diverging((values[t * units + u] ?? 0) / (largest || 1), colours);
      image.data.set([r, g, b, 255], (u * steps + t) * 4);
    }
  }
  const small = new OffscreenCanvas(steps, units);
  small.getContext("2d").putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, width, height);
  return largest;
}

// Numbers as text, and their scales.

// A number with some significant digits.
export const digits = (value, count = 3) =>
  value === null || value === undefined || !Number.isFinite(value)
    ? "—"
    : value === 0
      ? "0"
      : Math.abs(value) >= 1e-3 && Math.abs(value) < 1e5
        ? fixed(value, count)
        : value
            .toExponential(count - 1)
            .replace("-", "−")
            .replace("e+", "e")
            .replace("e-", "e−");

const fixed = (value, count) => {
  const text = value.toPrecision(count);
  return (text.includes("e") ? String(Math.round(value)) : text).replace("-", "−");
};

// A round number, as short as it is.
export const short = (value) =>
  (Math.abs(value) >= 1e5 ? value.toExponential() : String(Number(value.toPrecision(4))))
    .replaceAll("-", "−")
    .replace("e+", "e");

// The ticks of a scale: multiples of 1, 2 or 5 times a power of ten, about five.
export function ticks(low, high) {
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((it) => it * power >= rough);
  const first = Math.ceil(low / step);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

// The ticks of a logarithmic scale, as logarithms: powers of ten, or within less than a decade what `ticks` gives.
export function powers(low, high) {
  if (high - low < 1)
    return ticks(10 ** low, 10 ** high)
      .filter((it) => it > 0)
      .map(Math.log10);
  const every = Math.ceil((high - low) / 5);
  const whole = [];
  for (let power = Math.ceil(low); power <= high; power++) if (power % every === 0) whole.push(power);
  return whole;
}

export const norm = (values) => Math.sqrt(values.reduce((sum, v) => sum + (v ?? 0) ** 2, 0));

// The row `t` of a matrix.
export const row = ({ shape: [, columns], values }, t) => values.slice(t * columns, (t + 1) * columns);

// Settings as texts, in the form and in the address.

const parsers = {
  hidden: (text) => text.split(",").map(Number),
  rate: Number,
  batch: Number,
  noise: Number,
  length: Number,
  clip: Number,
  seed: Number,
  updates: Number,
};

// The value of a setting that a text stands for.
export const parse = (name, text) => (parsers[name] ?? String)(text);

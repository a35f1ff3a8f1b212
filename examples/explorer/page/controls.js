// The form of the settings. A change creates another experiment.

import { $, element } from "./dom.js";

const tasks = { sine: "sine", saw: "saw", square: "square wave", sines: "sum of two sines", text: "text, by characters" };
const optimizers = { adam: "Adam", sgd: "gradient descent", "rms-prop": "RMSprop" };

const fields = [
  ["task", "Task", tasks],
  ["cell", "Cell", null],
  ["hidden", "Hidden sizes, a number for each layer", "text"],
  ["rate", "Learning rate", { min: 0, max: 10, step: "any" }],
  ["batch", "Batch size", { min: 1, max: 256, step: 1 }],
  ["noise", "Noise, standard deviation", { min: 0, max: 2, step: "any" }],
  ["length", "Steps of a sequence", { min: 2, max: 200, step: 1 }],
  ["optimizer", "Optimizer", optimizers],
  ["clip", "Largest norm of a gradient, 0 for none", { min: 0, step: "any" }],
  ["seed", "Seed", { min: 0, max: 4294967295, step: 1 }],
];

const parsed = {
  hidden: (text) => text.split(",").map((part) => Number(part.trim() || NaN)),
  rate: Number, batch: Number, noise: Number, length: Number, clip: Number, seed: Number,
};

// Builds the form. `changed` is called with all settings after each change.
export function build(cells, changed) {
  const form = $("controls");
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const [name, label, kind] of fields) {
    const choices = name === "cell" ? Object.fromEntries(cells.map((it) => [it.name, it.about])) : kind;
    const isChoice = name === "cell" || name === "task" || name === "optimizer";
    const input = isChoice
      ? element("select", { id: `set-${name}` },
          Object.entries(choices).map(([value, text]) => element("option", { value }, text)))
      : element("input", { id: `set-${name}`, type: kind === "text" ? "text" : "number", ...(kind === "text" ? {} : kind) });
    input.setAttribute("aria-describedby", `fault-${name}`);
    input.addEventListener("change", () => changed(name, value(name)));
    form.append(element("label", {}, label, input, element("span", { class: "fault", id: `fault-${name}`, role: "alert" })));
  }
}

const value = (name) => (parsed[name] ?? String)($(`set-${name}`).value);

export function show(settings) {
  for (const [name] of fields) {
    $(`set-${name}`).value = String(settings[name]);
    fault(name, "");
  }
}

// Shows what is wrong with a setting.
export function fault(name, text) {
  const [input, place] = [$(`set-${name}`), $(`fault-${name}`)];
  if (!place) return;
  place.textContent = text;
  text ? input.setAttribute("aria-invalid", "true") : input.removeAttribute("aria-invalid");
}

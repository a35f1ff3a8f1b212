// The form of the settings. A change creates another experiment.

import { $, element } from "./dom.js";

const tasks = { sine: "sine", saw: "saw", square: "square wave", sines: "sum of two sines", text: "text, character by character" };
const optimizers = { adam: "Adam", sgd: "gradient descent", "rms-prop": "RMSprop" };

const sizes = "\\s*\\d+\\s*(,\\s*\\d+\\s*)*";

const choice = (choices) => (attributes) =>
  element("select", attributes, Object.entries(choices).map(([value, text]) => element("option", { value }, text)));
const number = (limits) => (attributes) => element("input", { ...attributes, type: "number", required: true, ...limits });

const fields = (cells) => [
  ["task", "Task", choice(tasks)],
  ["text", "Text to learn", (attributes) => element("textarea", { ...attributes, rows: 4, required: true, maxlength: 400, spellcheck: "false" })],
  ["cell", "Cell", choice(Object.fromEntries(cells.map((it) => [it.name, `${it.name}: ${it.about}`])))],
  ["hidden", "Hidden sizes, one for each layer", (attributes) => element("input", { ...attributes, required: true, pattern: sizes, title: "Numbers with commas between them, such as 8,8", autocomplete: "off" })],
  ["rate", "Learning rate", number({ min: 0, max: 10, step: "any" })],
  ["batch", "Batch size", number({ min: 1, max: 256, step: 1 })],
  ["noise", "Noise, standard deviation", number({ min: 0, max: 2, step: "any" })],
  ["length", "Steps of a sequence", number({ min: 2, max: 200, step: 1 })],
  ["optimizer", "Optimizer", choice(optimizers)],
  ["clip", "Largest norm of a gradient, 0 for any", number({ min: 0, step: "any" })],
  ["seed", "Seed", number({ min: 0, max: 4294967295, step: 1 })],
];

const parsed = {
  hidden: (text) => text.split(",").map(Number),
  rate: Number, batch: Number, noise: Number, length: Number, clip: Number, seed: Number,
};

// Builds the form. `changed` is called with the name and the value of a setting.
export function build(cells, changed) {
  const form = $("controls");
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const [name, label, field] of fields(cells)) {
    const input = field({ id: `set-${name}`, "aria-describedby": `fault-${name}` });
    input.addEventListener("change", () => {
      if (input.validity.valid) changed(name, (parsed[name] ?? String)(input.value));
      else fault(name, input.validationMessage);
    });
    form.append(element("label", {}, label, input, element("span", { class: "fault", id: `fault-${name}`, role: "alert" })));
  }
}

export function show(settings) {
  for (const name of Object.keys(settings)) {
    if (!$(`set-${name}`)) continue;
    $(`set-${name}`).value = String(settings[name]);
    fault(name, "");
  }
  const isText = settings.task === "text";
  $("set-text").parentElement.hidden = !isText;
  $("set-noise").parentElement.hidden = isText;
}

// Shows what is wrong with a setting.
export function fault(name, text) {
  const [input, place] = [$(`set-${name}`), $(`fault-${name}`)];
  if (!place) return;
  place.textContent = text;
  text ? input.setAttribute("aria-invalid", "true") : input.removeAttribute("aria-invalid");
}

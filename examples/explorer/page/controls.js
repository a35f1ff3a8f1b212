// The form of the settings. A change creates another experiment.

import { $, element } from "./dom.js";
import { parse } from "./settings.js";

const tasks = {
  sine: "sine",
  saw: "saw",
  square: "square wave",
  sines: "sum of two sines",
  text: "text, character by character",
};
const optimizers = { adam: "Adam", sgd: "gradient descent", "rms-prop": "RMSprop" };
const sizes = "\\s*\\d+\\s*(,\\s*\\d+\\s*)*";

const choice = (choices) => (attributes) =>
  element(
    "select",
    attributes,
    Object.entries(choices).map(([value, text]) => element("option", { value }, text)),
  );
const number =
  ({ min, max, isWhole }) =>
  (attributes) =>
    element("input", { ...attributes, type: "number", required: true, min, max, step: isWhole ? 1 : "any" });

const fields = (cells, limits) => [
  ["task", "Task", choice(tasks)],
  [
    "text",
    "Text to learn",
    (attributes) =>
      element("textarea", { ...attributes, rows: 4, required: true, maxlength: limits.text.max, spellcheck: "false" }),
  ],
  ["cell", "Cell", choice(Object.fromEntries(cells.map((it) => [it.name, it.about])))],
  [
    "hidden",
    "Units of each layer, such as 8,8",
    (attributes) => element("input", { ...attributes, required: true, pattern: sizes, autocomplete: "off" }),
  ],
  ["rate", "Learning rate", number(limits.rate)],
  ["batch", "Batch size", number(limits.batch)],
  ["noise", "Noise (standard deviation)", number(limits.noise)],
  ["length", "Length of a sequence, in steps", number(limits.length)],
  ["optimizer", "Optimizer", choice(optimizers)],
  ["clip", "Largest gradient norm (0: off)", number(limits.clip)],
  ["seed", "Seed", number(limits.seed)],
];

// Builds the form. `changed` is called with the name and the value of a setting.
export function build(cells, limits, changed) {
  const form = $("controls");
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const [name, label, field] of fields(cells, limits)) {
    const input = field({ id: `set-${name}`, "aria-describedby": `fault-${name}` });
    input.addEventListener("change", () => {
      if (input.validity.valid) changed(name, parse(name, input.value));
      else
        fault(
          name,
          input.validity.patternMismatch
            ? "Give numbers with commas between them, such as 8,8."
            : input.validationMessage,
        );
    });
    form.append(
      element(
        "div",
        { class: "field" },
        element("label", { for: `set-${name}` }, label),
        input,
        element("span", { class: "fault", id: `fault-${name}`, role: "alert" }),
      ),
    );
  }
}

// What the form says, but for fields that hold no value of their kind.
export function values() {
  const fields = [...document.querySelectorAll("[id^=set-]")].filter((it) => it.validity.valid);
  return Object.fromEntries(
    fields.map((it) => {
      const name = it.id.slice("set-".length);
      return [name, parse(name, it.value)];
    }),
  );
}

// Shows the settings, but leaves alone what is being typed.
export function show(settings) {
  for (const name of Object.keys(settings)) {
    const input = $(`set-${name}`);
    if (!input) continue;
    fault(name, "");
    if (
      input !== document.activeElement ||
      input.matches("select") ||
      String(parse(name, input.value)) === String(settings[name])
    )
      input.value = String(settings[name]);
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

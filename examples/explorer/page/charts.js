// The charts above the views: what the network predicts, and its losses.

import { $, element, replace } from "./dom.js";
import { lines } from "./draw.js";
import { digits } from "./numbers.js";

const most = 600; // points of a line

const points = (losses, name) => {
  const every = Math.max(1, Math.floor(losses.length / most));
  return losses.map((it, i) => [i + 1, it[name]]).filter((_, i) => i % every === 0 || i === losses.length - 1);
};

export const unit = (run) => (run.characters ? "nats" : "squared error");

export function losses(run, other) {
  const series = [
    { points: points(run.losses, "training"), colour: "truth", width: 1 },
    { points: points(run.losses, "validation"), colour: "accent" },
  ];
  if (other) series.push({ points: points(other.losses, "validation"), colour: "free", dashed: true });
  $("loss-compared").hidden = !other;
  lines($("loss"), series, { log: true, x: "update", y: unit(run) });
  const latest = run.losses.at(-1);
  $("loss").setAttribute("aria-label", latest
    ? `Loss over ${run.losses.length} updates, now ${digits(latest.training)} in training and ${digits(latest.validation)} in validation`
    : "Loss: no update yet");
}

export function prediction(run) {
  const isText = run.characters !== null;
  $("prediction").hidden = $("prediction-legend").hidden = isText;
  $("written").hidden = !isText;
  isText ? written(run) : drawn(run.frame.prediction);
}

function drawn({ prompt, truth, oneStep, free }) {
  const from = (first, values) => values.map((v, i) => [first + i, v]);
  lines($("prediction"), [
    { points: from(0, truth), colour: "truth", width: 3 },
    { points: from(prompt, free), colour: "free" },
    { points: from(1, oneStep.slice(0, -1)), colour: "accent", dots: true },
  ], { x: "step", y: "value", marks: [prompt - 0.5] });
  const error = Math.sqrt(free.reduce((sum, v, i) => sum + (v - truth[prompt + i]) ** 2, 0) / free.length);
  $("prediction").setAttribute("aria-label", `True values and predictions over ${truth.length} steps. From step ${prompt} on the network runs freely, with a root mean squared error of ${digits(error)}`);
}

function written({ characters, frame: { prediction: { prompt, truth, oneStep, free } } }) {
  const letters = [...characters];
  const text = (classes) => classes.map((c) => letters[c]).join("");
  const right = oneStep.slice(0, -1).filter((c, i) => c === truth[i + 1]).length;
  replace($("written"),
    element("h3", {}, "The text"),
    element("div", {}, text(truth)),
    element("h3", {}, "Its beginning, continued by the network from its own predictions"),
    element("div", {}, text(truth.slice(0, prompt)), element("span", { class: "free" }, text(free))),
    element("h3", {}, `One step ahead, ${right} of ${truth.length - 1} characters are right`),
    element("div", {}, oneStep.slice(0, -1).map((c, i) => element("span", { class: c === truth[i + 1] ? "right" : "free" }, text([c])))));
}

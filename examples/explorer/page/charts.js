// The charts above the views: what the network predicts, and its losses.

import { $, element, replace } from "./dom.js";
import { lines } from "./draw.js";
import { digits } from "./numbers.js";

const most = 600; // points of a line

// The losses of a name, thinned to about that many points, with the newest one.
function points(losses, name) {
  const every = Math.ceil(losses.length / most);
  const thinned = [];
  for (let i = 0; i < losses.length; i += every) thinned.push([i + 1, losses[i][name]]);
  if (thinned.at(-1)?.[0] < losses.length) thinned.push([losses.length, losses.at(-1)[name]]);
  return thinned;
}

export const unit = (run) => (run.characters ? "nats" : "squared error");

export function losses(run, other) {
  const series = [
    { points: points(run.losses, "training"), colour: "truth", width: 1 },
    { points: points(run.losses, "validation"), colour: "accent" },
  ];
  if (other) series.push({ points: points(other.losses, "validation"), colour: "free", dashed: true });
  $("loss-compared").hidden = !other;
  lines($("loss"), series, { log: true, x: "update", y: unit(run), none: "no update yet" });
  const latest = run.losses.at(-1);
  $("loss").setAttribute(
    "aria-label",
    latest
      ? `Loss over ${run.losses.length} updates, now ${digits(latest.training)} in training and ${digits(latest.validation)} in validation`
      : "Loss: no update yet",
  );
}

export function prediction(run) {
  const isText = run.characters !== null;
  $("prediction").hidden = $("prediction-legend").hidden = isText;
  $("written").hidden = !isText;
  $("legend-noisy").hidden = !run.noisy;
  isText ? written(run) : drawn(run);
}

function drawn({
  noisy,
  frame: {
    prediction: { prompt, truth, oneStep, free },
  },
}) {
  const from = (first, values) => values.map((v, i) => [first + i, v]);
  lines(
    $("prediction"),
    [
      ...(noisy ? [{ points: from(0, noisy), colour: "plus", width: 1 }] : []),
      { points: from(0, truth), colour: "truth", width: 3 },
      { points: from(prompt, free), colour: "free" },
      { points: from(1, oneStep.slice(0, -1)), colour: "accent", dots: true },
    ],
    { x: "time step", y: "value", marks: [prompt - 0.5] },
  );
  const error = Math.sqrt(free.reduce((sum, v, i) => sum + (v - truth[prompt + i]) ** 2, 0) / free.length);
  $("prediction").setAttribute(
    "aria-label",
    `True values and predictions over ${truth.length} steps. From step ${prompt} on the network runs freely, with a root mean squared error of ${digits(error)}`,
  );
}

function written({
  characters,
  frame: {
    prediction: { prompt, truth, oneStep, free },
  },
}) {
  const letters = [...characters];
  const text = (classes) => classes.map((c) => letters[c]).join("");
  const ahead = oneStep.slice(0, -1);
  const right = ahead.filter((c, i) => c === truth[i + 1]).length;
  replace(
    $("written"),
    element("h3", {}, "The text"),
    element("div", {}, text(truth)),
    element("h3", {}, "Its beginning, and in colour what the network writes from its own predictions"),
    element("div", {}, text(truth.slice(0, prompt)), element("span", { class: "free" }, text(free))),
    element(
      "h3",
      {},
      `One step ahead: ${right} of ${ahead.length} characters are right, the wrong ones are underlined`,
    ),
    element(
      "div",
      {},
      ahead.map((c, i) => (c === truth[i + 1] ? text([c]) : element("span", { class: "wrong" }, text([c])))),
    ),
  );
}

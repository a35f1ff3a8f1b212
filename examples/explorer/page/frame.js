// What the page shows of every frame: the state of the training, and the charts.

import * as api from "./api.js";
import * as charts from "./charts.js";
import { $ } from "./dom.js";
import { notice } from "./notices.js";
import { digits } from "./numbers.js";
import { mostUpdates } from "./run.js";

const tooFar = `An address reproduces at most ${mostUpdates} updates.`;

const silence = 5000; // milliseconds between two announcements while updates follow each other

let spokenAt = 0;
let linked = null; // the experiment that the links of the export lead to
const pace = { at: 0, updates: 0, text: "" };

// Shows a run, and the other one that it is compared with. `name` tells what a run is called.
export function showFrame(run, other, name) {
  const { updates, isPlaying, divergence } = run.frame;
  $("play").textContent = isPlaying ? "Pause" : "Play";
  $("status").textContent = status(run);
  $("status").dataset.updates = updates;
  if (other) $("compared").textContent = `Dashed: ${name(other)}, at update ${other.updates}.`;
  notice("training", divergence ? `The training has diverged: ${divergence}.` : updates > mostUpdates ? tooFar : "");
  charts.prediction(run);
  charts.losses(run, other);
  if (performance.now() - spokenAt > silence || !isPlaying) {
    spokenAt = performance.now();
    if ($("spoken").textContent !== $("status").textContent) $("spoken").textContent = $("status").textContent;
  }
  if (linked !== run.id) link(run);
}

function status(run) {
  const { updates, epochs, isPlaying } = run.frame;
  const latest = run.losses.at(-1);
  const losses = latest && [
    `training loss ${digits(latest.training)}`,
    `validation loss ${digits(latest.validation)} (${charts.unit(run)})`,
  ];
  return [
    `update ${updates}${run.goal === null ? "" : ` of ${run.goal}`}`,
    `epoch ${digits(epochs, 3)}`,
    ...(losses ?? []),
    ...(isPlaying ? speed(updates) : []),
  ].join(" · ");
}

// The updates of the last second, if it is known.
function speed(updates) {
  const seconds = (performance.now() - pace.at) / 1000;
  if (seconds > 1 || updates < pace.updates) {
    const isKnown = seconds < 3 && updates > pace.updates;
    pace.text = isKnown ? `${Math.round((updates - pace.updates) / seconds)} updates a second` : "";
    Object.assign(pace, { at: performance.now(), updates });
  }
  return pace.text ? [pace.text] : [];
}

function link(run) {
  linked = run.id;
  $("export").href = api.exported(run.id);
  for (const it of document.querySelectorAll("[data-figure]")) {
    it.href = api.figure(run.id, it.dataset.figure);
    it.hidden = it.dataset.figure === "prediction" && run.characters !== null;
  }
}

// The page: one experiment, its settings in the address, and views of it.

import * as api from "./api.js";
import * as cellView from "./cell.js";
import * as controls from "./controls.js";
import { $, element } from "./dom.js";
import { digits, lines } from "./draw.js";
import * as gates from "./gates.js";
import * as gradient from "./gradient.js";
import * as network from "./network.js";
import { presets } from "./presets.js";
import { tour } from "./tour.js";
import * as unrolled from "./unrolled.js";
import * as url from "./url.js";

const views = { network: "Network", unrolled: "Unrolled", cell: "Cell", gates: "Gates", gradient: "Gradient" };

const state = {
  defaults: null, cells: [], settings: null, id: null, characters: null,
  frame: null, losses: [], stream: null,
  view: "network", place: { layer: 0, step: 0, unit: 0 }, current: null, tour: null,
  drawn: -1, // the updates of the look that the view shows
};

// ── the experiment ──

async function begin(settings, { silent = false } = {}) {
  let created;
  try {
    created = await api.create(settings);
  } catch (error) {
    if (error.setting) controls.fault(error.setting, error.message);
    else notice(error.message);
    return false;
  }
  Object.assign(state, { settings: created.settings, id: created.id, characters: created.characters, losses: [], frame: null, drawn: -1 });
  state.place.layer = Math.min(state.place.layer, settings.hidden.length - 1);
  state.place.step = Math.min(state.place.step, settings.length - 1);
  state.place.unit = Math.min(state.place.unit, settings.hidden[state.place.layer] - 1);
  controls.show(state.settings);
  remember();
  listen();
  if (!silent) notice("");
  $("export").href = api.exported(state.id);
  for (const link of document.querySelectorAll("[data-figure]")) link.href = api.figure(state.id, link.dataset.figure);
  return true;
}

function listen() {
  state.stream?.close();
  const stream = api.events(state.id);
  const id = state.id;
  stream.addEventListener("frame", (event) => {
    if (id !== state.id) return;
    const { frame, losses } = JSON.parse(event.data);
    if (losses) state.losses.splice(losses.from, Infinity, ...losses.points);
    state.frame = frame;
    requestAnimationFrame(show);
  });
  stream.addEventListener("error", async () => {
    if (id !== state.id) return;
    stream.close();
    notice("The connection is lost. Trying again …");
    setTimeout(() => id === state.id && reconnect(), 1000);
  });
  state.stream = stream;
}

// After a restart of the server its experiments are gone: the settings create this one anew.
async function reconnect() {
  try {
    await api.look(state.id);
    notice("");
    listen();
  } catch (error) {
    if (error.status === 404) {
      const updates = state.frame?.updates ?? 0;
      if (await begin({ ...state.settings, updates: Math.min(updates, 100000) }, { silent: true }))
        notice(`The program was restarted. The experiment was created anew from its settings, and trained to update ${updates}.`);
    } else setTimeout(reconnect, 1000);
  }
}

function remember() {
  const where = url.address(state.settings, state.defaults, { view: state.view === "network" ? null : state.view, tour: state.tour });
  history.replaceState(null, "", where);
}

async function act(action) {
  try {
    await api.act(state.id, action);
  } catch (error) {
    if (error.status === 404) await reconnect();
    else notice(error.message);
  }
}

function change(name, value) {
  $("preset").value = "";
  // the updates belong to the settings before
  begin({ ...state.settings, updates: 0, [name]: value });
}

const notice = (text) => ($("notice").textContent = text);

// ── what every frame shows ──

let spokenAt = 0;

function show() {
  const { frame, losses } = state;
  if (!frame) return;
  const latest = losses.at(-1);
  const unit = state.characters ? "nats" : "squared error";
  $("play").textContent = frame.isPlaying ? "Pause" : "Play";
  $("status").value = `update ${frame.updates}, epoch ${digits(frame.epochs)}` +
    (latest ? `, loss ${digits(latest.training)} in training, ${digits(latest.validation)} in validation (${unit})` : "");
  $("status").dataset.updates = frame.updates;
  if (frame.divergence) notice(`The training has diverged: ${frame.divergence}.`);
  showPrediction(frame.prediction);
  const every = Math.max(1, Math.floor(losses.length / 600));
  const of = (name) => losses.map((it, i) => [i + 1, it[name]]).filter((_, i) => i % every === 0 || i === losses.length - 1);
  lines($("loss"), [{ points: of("training"), colour: "truth" }, { points: of("validation"), colour: "accent" }], { log: true, x: "update", y: unit });
  $("loss").setAttribute("aria-label", latest ? `Loss over ${losses.length} updates: training, grey, ${digits(latest.training)}; validation, blue, ${digits(latest.validation)}` : "Loss: no update yet");
  if (performance.now() - spokenAt > 1000 || !frame.isPlaying) {
    spokenAt = performance.now();
    $("spoken").textContent = $("status").value;
  }
  if (!frame.isPlaying || performance.now() - lookedAt > 500) look();
}

function showPrediction({ prompt, truth, oneStep, free }) {
  const isText = state.characters !== null;
  $("prediction").hidden = isText;
  $("written").hidden = !isText;
  if (isText) {
    const text = (classes) => classes.map((c) => [...state.characters][c]).join("");
    const right = oneStep.slice(0, -1).filter((c, i) => c === truth[i + 1]).length;
    $("written").replaceChildren(
      element("p", {}, "The text: ", text(truth)),
      element("p", {}, "Given the beginning, the network goes on: ", text(truth.slice(0, prompt)), element("span", { class: "free" }, text(free))),
      element("p", {}, `One step ahead, ${right} of ${truth.length - 1} characters are right: `,
        oneStep.map((c, i) => element("span", { class: c === truth[i + 1] ? "right" : "free" }, text([c])))));
    return;
  }
  const points = (values, first) => values.map((v, i) => [first + i, v]);
  lines($("prediction"), [
    { points: points(truth, 0), colour: "truth" },
    { points: points(free, prompt), colour: "free" },
    { points: points(oneStep.slice(0, -1), 1), colour: "accent", dots: true },
  ], { x: "step", y: "value", marks: [prompt - 0.5] });
  const error = Math.sqrt(free.reduce((sum, v, i) => sum + (v - truth[prompt + i]) ** 2, 0) / free.length);
  $("prediction").setAttribute("aria-label", `The true values, grey; predictions one step ahead, blue dots; free running from step ${prompt} on, orange, with a root mean squared error of ${digits(error)}`);
}

// ── the views ──

let lookedAt = 0;
let isLooking = false;

// Draws the view, unless it shows this moment already. One request at a time.
async function look(again = false) {
  if (isLooking || !state.id || (!again && state.drawn === state.frame?.updates && state.view !== "cell")) return;
  [isLooking, lookedAt] = [true, performance.now()];
  const { id, view } = state;
  try {
    await draw(id, view);
  } catch (error) {
    if (error.status !== 404) notice(error.message);
  }
  isLooking = false;
  if (view !== state.view || id !== state.id) look(true);
}

async function draw(id, view) {
  const panel = $("panel");
  const cell = state.cells.find((it) => it.name === state.settings.cell);
  const openCell = (layer, step = state.place.step) => {
    state.place = { ...state.place, layer, step, unit: 0 };
    open("cell");
    $("panel").focus();
  };
  if (view === "network") {
    if (state.drawn === -1) network.draw(panel, { settings: state.settings, cell, features: state.characters?.length ?? 1, openCell });
    state.drawn = state.frame?.updates ?? 0;
    return;
  }
  if (view === "cell") {
    const key = JSON.stringify([id, state.frame?.updates, state.place, state.current]);
    if (panel.dataset.key === key) return;
    const walk = await api.walk(id, state.place);
    if (view !== state.view || id !== state.id) return;
    const focused = document.activeElement?.id;
    cellView.draw(panel, walk, {
      settings: state.settings, place: state.place, current: state.current,
      moved: (place) => {
        state.place = place;
        look(true);
      },
    });
    panel.dataset.key = key;
    if (focused?.startsWith("walk-at-")) $(focused)?.focus();
    return;
  }
  const seen = await api.look(id);
  if (view !== state.view || id !== state.id) return;
  state.drawn = seen.updates;
  const figure = (name) => api.figure(id, name);
  if (view === "unrolled") unrolled.draw(panel, seen, { layers: state.settings.hidden.length, openCell });
  if (view === "gates") gates.draw(panel, seen, figure);
  if (view === "gradient" && !(state.frame?.isPlaying && $("check")?.disabled)) {
    gradient.draw(panel, seen, { figure: figure("by-lag"), check: () => api.check(id) });
  }
}

function open(view) {
  state.view = view;
  state.drawn = -1;
  delete $("panel").dataset.key;
  for (const tab of $("tabs").children) {
    const isOpen = tab.id === `tab-${view}`;
    tab.setAttribute("aria-selected", isOpen);
    tab.tabIndex = isOpen ? 0 : -1;
  }
  $("panel").setAttribute("aria-labelledby", `tab-${view}`);
  remember();
  look(true);
}

// ── the tour ──

async function goTo(step) {
  const { title, text, settings, view, at, current = null } = tour[step];
  state.tour = step;
  state.current = current;
  if (at) state.place = { ...at };
  $("tour").hidden = false;
  $("tour-title").textContent = title;
  $("tour-text").textContent = text;
  $("tour-place").textContent = `step ${step + 1} of ${tour.length}`;
  $("tour-back").disabled = step === 0;
  $("tour-next").disabled = step === tour.length - 1;
  $("tour-link").href = `/?tour=${step + 1}`;
  const wanted = { ...state.defaults, ...settings };
  const isSame = state.settings && JSON.stringify(wanted) === JSON.stringify(state.settings);
  if (!isSame) await begin(wanted);
  open(view);
  $("tour-title").focus();
}

function endTour() {
  Object.assign(state, { tour: null, current: null });
  $("tour").hidden = true;
  remember();
  look(true);
}

// ── the beginning ──

function theme(name) {
  document.documentElement.dataset.theme = name;
  $("theme").setAttribute("aria-pressed", name === "dark");
  if (state.frame) {
    show();
    state.drawn = -1;
    look(true);
  }
}

function wire() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  theme(dark.matches ? "dark" : "light");
  dark.addEventListener("change", () => theme(dark.matches ? "dark" : "light"));
  $("theme").addEventListener("click", () => theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
  $("play").addEventListener("click", () => act(state.frame?.isPlaying ? "pause" : "play"));
  $("step").addEventListener("click", () => act("step"));
  $("reset").addEventListener("click", () => {
    state.losses = [];
    act("reset");
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, button, a, [role=button], [role=tab]")) return;
    const key = { " ": "play", s: "step", r: "reset" }[event.key.toLowerCase()];
    if (key) {
      event.preventDefault();
      $(key).click();
    }
  });
  for (const [name, title] of Object.entries(views)) {
    $("tabs").append(element("button", { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "panel", onclick: () => open(name) }, title));
  }
  $("tabs").addEventListener("keydown", (event) => {
    const names = Object.keys(views);
    const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!move) return;
    const next = names[(names.indexOf(state.view) + move + names.length) % names.length];
    open(next);
    $(`tab-${next}`).focus();
  });
  $("preset").append(element("option", { value: "" }, "—"), ...Object.entries(presets).map(([value, [title]]) => element("option", { value }, title)));
  $("preset").addEventListener("change", () => {
    const chosen = presets[$("preset").value];
    if (chosen) begin({ ...state.defaults, ...chosen[1] });
  });
  $("tour-begin").addEventListener("click", () => goTo(0));
  $("tour-back").addEventListener("click", () => goTo(state.tour - 1));
  $("tour-next").addEventListener("click", () => goTo(state.tour + 1));
  $("tour-end").addEventListener("click", endTour);
  new ResizeObserver(() => {
    if (!state.frame) return;
    show();
    state.drawn = -1;
    look(true);
  }).observe(document.querySelector("main"));
}

async function main() {
  wire();
  const { cells, defaults } = await api.options();
  Object.assign(state, { cells, defaults });
  controls.build(cells, change);
  const asked = url.read(defaults);
  if (asked.view in views) state.view = asked.view;
  if (asked.tour >= 1 && asked.tour <= tour.length) return goTo(asked.tour - 1);
  if (!(await begin(asked.settings))) {
    const reason = $("notice").textContent || "A setting of the address is not possible";
    await begin(defaults, { silent: true });
    notice(`${reason}. The page shows the default settings.`);
  }
  open(state.view);
}

main().catch((error) => notice(`The page cannot start: ${error.message}`));

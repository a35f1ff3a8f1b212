// The page: an experiment, perhaps another one that it is compared with, and a view of it.

import * as api from "./api.js";
import * as charts from "./charts.js";
import * as controls from "./controls.js";
import { $, element } from "./dom.js";
import { digits } from "./numbers.js";
import { Run } from "./run.js";
import { Panel } from "./panel.js";
import { Tour } from "./tour.js";
import * as url from "./url.js";

const page = {
  defaults: null, cells: [],
  run: null, other: null, // the experiment, and the one it is compared with
  panel: null, tour: null, presets: [],
  opened: null, // what the last preset or step of the tour asked for, as text
};

// ── the experiment ──

const lost = "The connection is lost. The page tries to restore it.";

const told = {
  frame: () => requestShow(),
  notice,
  lost: () => notice(lost),
  connected(recovered) {
    if (recovered) notice(recovered);
    else if ($("notice").textContent === lost) notice("");
  },
};

let begun = 0;

// Creates the experiment of the settings, and the one it is compared with. Returns whether the page shows it:
// it does not if a setting is refused, or if another experiment was begun meanwhile.
async function begin(settings, against = null) {
  const turn = ++begun;
  notice("");
  let run = null;
  let other = null;
  try {
    run = await Run.create(settings, told);
    other = against && (await Run.create(against, told));
  } catch (error) {
    run?.end();
    if (error.setting && $(`fault-${error.setting}`)) controls.fault(error.setting, error.message);
    else notice(error.message);
    return false;
  }
  if (turn !== begun) {
    for (const it of [run, other]) it?.end();
    return false;
  }
  page.run?.end();
  page.run = run;
  setOther(other);
  controls.show(run.settings);
  page.panel.settled();
  for (const link of document.querySelectorAll("[data-figure]")) link.href = api.figure(run.id, link.dataset.figure);
  $("export").href = api.exported(run.id);
  remember();
  return true;
}

function setOther(other) {
  if (page.other !== other) page.other?.end();
  page.other = other;
  $("compare").textContent = other ? "End the comparison" : "Compare";
  $("compared").hidden = !other;
  $("compared").textContent = other ? `Compared with ${name(other)}.` : "";
}

// What a run is called: its cell, and what else differs from the other run.
function name(run) {
  const others = [page.run, page.other].find((it) => it && it !== run)?.settings ?? run.settings;
  const differing = Object.keys(run.settings).filter((key) => !["cell", "updates"].includes(key) && String(run.settings[key]) !== String(others[key]));
  return [run.settings.cell, ...differing.map((key) => `${key} ${run.settings[key]}`)].join(", ");
}

// A changed setting begins another experiment, at update 0.
function change(setting, value) {
  $("preset").value = "";
  begin({ ...page.run.settings, updates: 0, [setting]: value }, page.other && { ...page.other.settings, updates: 0 });
}

// Keeps what is shown, so that what is changed from here on is compared with it.
async function compare() {
  try {
    setOther(page.other ? null : await Run.create(page.run.reached, told));
  } catch (error) {
    notice(error.message);
  }
  remember();
  requestShow();
  page.panel.look(true);
}

function act(action) {
  const speed = $("speed").value;
  const query = action === "play" && speed ? `?updates_per_second=${speed}` : "";
  for (const run of [page.run, page.other]) run?.act(action, query);
}

function remember() {
  if (!page.run) return;
  const { view, place } = page.panel;
  const [settings, against] = [page.run.reached, page.other?.settings ?? null];
  const tour = JSON.stringify([settings, against]) === page.opened ? page.tour.at : null;
  history.replaceState(null, "", url.address(page.defaults, { settings, against, view, place, tour }));
}

function notice(text) {
  if ($("notice").textContent !== text) $("notice").textContent = text;
}

// ── what every frame shows ──

let isAsked = false;
let spokenAt = 0;
const pace = { at: 0, updates: 0, text: "" };

function requestShow() {
  if (isAsked) return;
  isAsked = true;
  requestAnimationFrame(() => {
    isAsked = false;
    show();
  });
}

function show() {
  const { run, other } = page;
  if (!run?.frame) return;
  const { frame, losses } = run;
  const latest = losses.at(-1);
  $("play").textContent = frame.isPlaying ? "Pause" : "Play";
  $("status").value = `update ${frame.updates}, epoch ${digits(frame.epochs, 4)}` +
    (latest ? `, loss ${digits(latest.training)}, validation ${digits(latest.validation)} ${charts.unit(run)}` : "") + speed(frame);
  $("status").dataset.updates = frame.updates;
  if (frame.divergence) notice(`The training has diverged: ${frame.divergence}.`);
  charts.prediction(run);
  charts.losses(run, other);
  if (performance.now() - spokenAt > 1000 || !frame.isPlaying) {
    spokenAt = performance.now();
    $("spoken").textContent = $("status").value;
  }
  if (!frame.isPlaying) remember();
  page.panel.frame(frame.isPlaying);
}

// The updates of the last second.
function speed({ isPlaying, updates }) {
  const seconds = (performance.now() - pace.at) / 1000;
  if (seconds > 1 || updates < pace.updates) {
    pace.text = seconds < 3 && updates > pace.updates ? `, ${Math.round((updates - pace.updates) / seconds)} updates a second` : "";
    Object.assign(pace, { at: performance.now(), updates });
  }
  return isPlaying ? pace.text : "";
}

// ── the beginning ──

function theme(name) {
  document.documentElement.dataset.theme = name;
  $("theme").setAttribute("aria-pressed", String(name === "dark"));
  requestShow();
  page.panel.look(true);
}

function wireTraining() {
  $("play").addEventListener("click", () => act(page.run.isPlaying ? "pause" : "play"));
  $("step").addEventListener("click", () => act("step"));
  $("reset").addEventListener("click", () => act("reset"));
  $("compare").addEventListener("click", compare);
  $("speed").addEventListener("change", () => page.run.isPlaying && act("play"));
  const keys = { " ": "play", s: "step", r: "reset" };
  document.addEventListener("keydown", (event) => {
    const isTaken = event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, button, summary, a, [role=button]");
    const key = keys[event.key.toLowerCase()];
    if (!key || isTaken) return;
    event.preventDefault();
    $(key).click();
  });
}

function wireHeader() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  theme(dark.matches ? "dark" : "light");
  dark.addEventListener("change", () => theme(dark.matches ? "dark" : "light"));
  $("theme").addEventListener("click", () => theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
  $("link").addEventListener("click", async () => {
    remember();
    await navigator.clipboard.writeText(location.href).catch(() => {});
    $("link").textContent = "Copied";
    setTimeout(() => ($("link").textContent = "Copy link"), 1500);
  });
  $("preset").append(element("option", { value: "" }, "choose one"), ...page.presets.map(({ id, title }) => element("option", { value: id }, title)));
  $("preset").addEventListener("change", () => {
    const chosen = preset($("preset").value);
    if (chosen) open(chosen);
  });
  document.addEventListener("keydown", (event) => event.key === "Escape" && $("export-menu").removeAttribute("open"));
  document.addEventListener("click", (event) => event.target.closest("#export-menu") || $("export-menu").removeAttribute("open"));
}

const preset = (id) => page.presets.find((it) => it.id === id);

// Opens a preset or a step of the tour: settings, what they are compared with, and a view.
async function open({ settings, against = null, view = "network", at = null, phase = null }) {
  const wanted = { ...page.defaults, ...settings };
  const other = against && { ...wanted, ...against };
  page.opened = JSON.stringify([wanted, other]);
  const isSame = page.run && JSON.stringify([page.run.reached, page.other?.settings ?? null]) === page.opened;
  page.panel.phase = phase;
  if (at) page.panel.place = { ...at };
  if (!isSame) await begin(wanted, other);
  page.panel.open(view);
}

async function main() {
  const [{ cells, defaults }, presets, steps] = await Promise.all([api.options(), api.asset("presets.json"), api.asset("tour.json")]);
  Object.assign(page, { cells, defaults, presets });
  page.panel = new Panel({
    runs: () => page, change, name, remember,
    cell: () => cells.find((it) => it.name === page.run.settings.cell),
    fault: (error) => notice(error.message),
  });
  page.tour = new Tour(steps, { open, remember });
  wireHeader();
  wireTraining();
  controls.build(cells, change);
  let width = 0;
  new ResizeObserver(([{ contentRect }]) => {
    if (contentRect.width === width) return;
    width = contentRect.width;
    requestShow();
    page.panel.look(true);
  }).observe(document.querySelector("main"));
  addEventListener("pagehide", () => {
    for (const run of [page.run, page.other]) if (run?.isPlaying) api.leave(run.id);
  });
  document.addEventListener("visibilitychange", () => {
    for (const run of [page.run, page.other]) document.hidden ? run?.rest() : run?.listen();
  });

  const asked = url.read(defaults);
  if (page.tour.has(asked.tour)) return page.tour.go(asked.tour - 1);
  if (preset(asked.preset)) return open(preset(asked.preset));
  if (asked.place) page.panel.place = asked.place;
  page.panel.view = asked.view;
  if (!(await begin(asked.settings, asked.against))) {
    const reason = $("notice").textContent || document.querySelector(".fault:not(:empty)")?.textContent;
    await begin(defaults);
    notice(`${reason} The page shows the default settings.`);
  }
  page.panel.open(page.panel.view);
}

main().catch((error) => notice(`The page cannot start: ${error.message}`));

// The page: an experiment, perhaps another one that it is compared with, and a view of it.

import * as api from "./api.js";
import * as controls from "./controls.js";
import { $, element } from "./dom.js";
import { showFrame } from "./frame.js";
import { notice } from "./notices.js";
import { Panel } from "./panel.js";
import { Run } from "./run.js";
import { Tour } from "./tour.js";
import * as url from "./url.js";

const page = {
  defaults: null,
  presets: [],
  run: null, // the experiment
  other: null, // the one that it is compared with
  panel: null,
  tour: null,
  opened: null, // the preset or the step of the tour that is shown, until something of it is changed
};

// ── the experiment ──

const told = {
  frame: () => requestShow(),
  notice: (text) => notice("request", text),
  lost: () => notice("connection", "The explorer does not answer. Is the program still running? The page tries again."),
  found: () => notice("connection", ""),
};

// What creates experiments runs one after the other, so that each begins from what the one before has led to.
let queue = Promise.resolve();
const inTurn = (task) => (queue = queue.then(task, task));

// Creates the experiment of the settings, and the one it is compared with unless that runs already. Returns whether the
// page shows it: it does not if a setting is refused.
async function begin(settings, against = null) {
  notice("request", "");
  let run = null;
  let other = null;
  try {
    run = await Run.create(settings, told);
    other = against === null || against instanceof Run ? against : await Run.create(against, told);
  } catch (error) {
    run?.end();
    if (error.setting && $(`fault-${error.setting}`)) controls.fault(error.setting, error.message);
    else notice("request", error.message);
    return false;
  }
  page.run?.end();
  page.run = run;
  setOther(other);
  controls.show(run.settings);
  page.panel.settled();
  requestShow();
  return true;
}

function setOther(other) {
  if (page.other !== other) page.other?.end();
  page.other = other;
  $("compare").textContent = other ? "End the comparison" : "Compare";
  $("compared").hidden = !other;
}

// A changed setting begins another experiment of what the form says, at update 0. The one it is compared with goes on.
const change = (setting, value) =>
  inTurn(() => begin({ ...page.run.settings, ...controls.values(), updates: 0, [setting]: value }, page.other));

// Keeps the experiment, so that what is changed from here on is compared with it. Or ends the comparison.
const compare = () =>
  inTurn(async () => {
    try {
      setOther(page.other ? null : await Run.create(page.run.reached, told));
      requestShow();
    } catch (error) {
      notice("request", error.message);
    }
  });

// What a run is called: its cell, and what else differs from the other run.
function name(run) {
  const others = [page.run, page.other].find((it) => it && it !== run)?.settings ?? run.settings;
  const differing = Object.keys(run.settings).filter(
    (key) => !["cell", "updates"].includes(key) && String(run.settings[key]) !== String(others[key]),
  );
  return [run.settings.cell, ...differing.map((key) => `${key} ${run.settings[key]}`)].join(", ");
}

function act(action) {
  notice("request", "");
  const speed = $("speed").value;
  const query = action === "play" && speed ? `?updates_per_second=${speed}` : "";
  for (const run of [page.run, page.other]) run?.act(action, query);
}

// ── the address ──

// The address of what is shown now.
function address() {
  const { view, place, phase } = page.panel;
  return url.address(page.defaults, {
    settings: page.run.reached,
    against: page.other?.reached ?? null,
    view,
    place,
    phase,
  });
}

let remembered = "";

// Puts the address of what is shown into the bar of the browser: that of a preset or of a step of the tour if nothing of
// it was changed.
function remember() {
  if (!page.run) return;
  const shown = address();
  const isOpened = shown === page.opened?.address;
  if (page.opened?.id !== undefined) {
    $("preset").value = isOpened ? page.opened.id : "";
    $("preset-text").hidden = !isOpened || !page.opened.text;
  }
  const link = isOpened ? page.opened.link : shown;
  if (link === remembered) return;
  remembered = link;
  history.replaceState(null, "", link);
}

let opens = 0;

// Opens a preset or a step of the tour, unless another one is to be opened after it.
function open(asked, opened) {
  const turn = ++opens;
  return inTurn(() => (turn === opens ? show(asked, opened) : null));
}

// Shows settings, what they are compared with, and a view.
async function show({ settings, against = null, view = "network", at = null, phase = null, moment = null }, opened) {
  const wanted = { ...page.defaults, ...settings };
  const other = against && { ...wanted, ...against };
  const shown = page.run && JSON.stringify([page.run.reached, page.other?.reached ?? null]);
  page.opened = null;
  if (shown !== JSON.stringify([wanted, other]) && !(await begin(wanted, other))) return;
  page.panel.open(view, { place: at ?? page.panel.place, phase, moment });
  page.opened = { ...opened, address: address() };
  $("preset-text").textContent = opened.text ?? "";
  $("preset-text").hidden = !opened.text;
  if (opened.id === undefined) $("preset").value = "";
  remember();
}

// What is shown is no longer that of a preset or of a step of the tour.
function leave() {
  page.opened = null;
  remember();
}

const openPreset = (preset) => open(preset, { id: preset.id, text: preset.text, link: `/?preset=${preset.id}` });

// ── what every frame shows ──

let isAsked = false;

function requestShow() {
  if (isAsked) return;
  isAsked = true;
  requestAnimationFrame(() => {
    isAsked = false;
    const { run, other } = page;
    if (!run?.frame) return;
    showFrame(run, other, name);
    if (!run.isPlaying || run.goal !== null) remember();
    page.panel.frame(run.isPlaying || other?.isPlaying);
  });
}

// ── the beginning ──

function theme(name) {
  document.documentElement.dataset.theme = name;
  $("theme").textContent = name === "dark" ? "Light" : "Dark";
  requestShow();
  page.panel.redraw();
}

function wireTraining() {
  $("play").addEventListener("click", () => act(page.run.isPlaying ? "pause" : "play"));
  $("step").addEventListener("click", () => act("step"));
  $("reset").addEventListener("click", () => act("reset"));
  $("compare").addEventListener("click", compare);
  $("speed").addEventListener("change", () => page.run.isPlaying && act("play"));
  document.addEventListener("keydown", shortcut);
}

// Space, S and R, unless the focus is where the key means something else.
function shortcut(event) {
  const key = { " ": "play", s: "step", r: "reset" }[event.key.toLowerCase()];
  const taken =
    event.key === " "
      ? "input, select, textarea, button, summary, a, [role=button]"
      : "input:not([type=checkbox], [type=range]), select, textarea";
  if (
    !key ||
    !$("keys").checked ||
    event.repeat ||
    event.ctrlKey ||
    event.metaKey ||
    event.altKey ||
    event.target.closest(taken)
  )
    return;
  event.preventDefault();
  $(key).click();
}

function wireHeader() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  theme(dark.matches ? "dark" : "light");
  dark.addEventListener("change", () => theme(dark.matches ? "dark" : "light"));
  $("theme").addEventListener("click", () =>
    theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"),
  );
  $("link").addEventListener("click", async () => {
    remember();
    const link = new URL(page.opened?.address === address() ? page.opened.link : address(), location.href);
    const isCopied = await navigator.clipboard.writeText(link.href).then(
      () => true,
      () => false,
    );
    $("link").textContent = isCopied ? "Copied" : "The browser refuses: copy the address";
    setTimeout(() => ($("link").textContent = "Copy link"), 2000);
  });
  const groups = new Map();
  for (const { id, title, group } of page.presets) {
    if (!groups.has(group)) groups.set(group, element("optgroup", { label: group }));
    groups.get(group).append(element("option", { value: id }, title));
  }
  $("preset").append(element("option", { value: "" }, "choose one"), ...groups.values());
  $("preset").addEventListener("change", () => {
    page.tour.end();
    const chosen = page.presets.find((it) => it.id === $("preset").value);
    if (chosen) openPreset(chosen);
  });
  document.addEventListener("keydown", (event) => event.key === "Escape" && $("export-menu").removeAttribute("open"));
  document.addEventListener(
    "click",
    (event) => event.target.closest("#export-menu") || $("export-menu").removeAttribute("open"),
  );
}

function wireWindow() {
  let width = 0;
  new ResizeObserver(([{ contentRect }]) => {
    if (contentRect.width === width) return;
    width = contentRect.width;
    requestShow();
    page.panel.redraw();
  }).observe(document.querySelector("main"));
  const runs = () => [page.run, page.other].filter((it) => it !== null);
  addEventListener("pagehide", () => runs().forEach((run) => api.end(run.id)));
  addEventListener("pageshow", ({ persisted }) => persisted && runs().forEach((run) => run.recover()));
  document.addEventListener("visibilitychange", () =>
    runs().forEach((run) => (document.hidden ? run.rest() : run.listen())),
  );
}

async function main() {
  const [{ cells, defaults, limits }, presets, steps] = await Promise.all([
    api.options(),
    api.asset("presets.json"),
    api.asset("tour.json"),
  ]);
  Object.assign(page, { defaults, presets });
  page.panel = new Panel({
    runs: () => page,
    change,
    name,
    remember,
    limits,
    cell: () => cells.find((it) => it.name === page.run.settings.cell),
    fault: (error) => notice("request", error.message),
  });
  page.tour = new Tour(steps, { open, leave });
  controls.build(cells, limits, change);
  wireHeader();
  wireTraining();
  wireWindow();
  await openAsked();
  document.querySelector("main").inert = false; // there is an experiment now
}

// Opens what the address asks for, or else says why not, and opens what it can.
async function openAsked() {
  const asked = url.read(page.defaults);
  const preset = page.presets.find((it) => it.id === asked.preset);
  if (page.tour.has(Number(asked.tour))) return page.tour.go(Number(asked.tour) - 1);
  if (preset) return openPreset(preset);
  let reason = "";
  if (asked.tour !== null) reason = `The tour has no step ${asked.tour}.`;
  if (asked.preset !== null) reason = `There is no preset “${asked.preset}”.`;
  await inTurn(async () => {
    if (!(await begin(asked.settings, asked.against))) {
      const faults = [$("notice"), ...document.querySelectorAll(".fault")].map((it) => it.textContent).filter(Boolean);
      reason = `${faults.join(" ").replace(/\.?$/, ".")} The page shows the default settings.`;
      await begin(page.defaults);
    }
    page.panel.open(asked.view ?? "network", { place: asked.place ?? page.panel.place, phase: asked.phase });
    if (reason) notice("request", reason);
  });
}

main().catch((error) => notice("request", `The page cannot start: ${error.message}`));

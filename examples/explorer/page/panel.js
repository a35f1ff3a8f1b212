// The tabs, and the view that is open. A view asks the server, and draws what it answers.

import * as api from "./api.js";
import { $, element, equation } from "./dom.js";
import * as cell from "./views/cell.js";
import * as gates from "./views/gates.js";
import * as gradient from "./views/gradient.js";
import * as network from "./views/network.js";
import * as unrolled from "./views/unrolled.js";
import * as weights from "./views/weights.js";

const views = { network, unrolled, cell, gates, weights, gradient };

const interval = 300; // milliseconds between two drawings while updates follow each other

export class Panel {
  #page;
  #seen = null; // what the server answered last, and for what
  #isLooking = false;
  #lookedAt = 0;
  #isPressed = false;
  #shown = {}; // what a view remembers of itself until the experiment changes

  #view = "network";
  place = { layer: 0, step: 0, unit: 0 };
  phase = null;

  constructor(page) {
    this.#page = page;
    for (const [name, { title }] of Object.entries(views))
      $("tabs").append(element("button", { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "panel", onclick: () => this.open(name) }, title));
    $("panel").addEventListener("pointerdown", () => (this.#isPressed = true));
    for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => setTimeout(() => this.#released()));
    $("tabs").addEventListener("keydown", (event) => this.#turn(event));
  }

  get view() {
    return this.#view;
  }

  set view(name) {
    this.#view = name in views ? name : "network";
  }

  #released() {
    if (!this.#isPressed) return;
    this.#isPressed = false;
    this.look();
  }

  #turn(event) {
    const names = Object.keys(views);
    const at = names.indexOf(this.#view);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1 + names.length, Home: 0, End: names.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.open(names[to % names.length]);
    $(`tab-${this.#view}`).focus();
  }

  open(name) {
    this.view = name;
    for (const tab of $("tabs").children) {
      const isOpen = tab.id === `tab-${this.#view}`;
      tab.setAttribute("aria-selected", String(isOpen));
      tab.tabIndex = isOpen ? 0 : -1;
    }
    $("panel").setAttribute("aria-labelledby", `tab-${this.#view}`);
    this.#page.remember();
    this.look(true);
  }

  // The experiment is another one.
  settled() {
    const { hidden, length } = this.#page.runs().run.settings;
    const layer = Math.min(this.place.layer, hidden.length - 1);
    this.place = { layer, step: Math.min(this.place.step, length - 1), unit: Math.min(this.place.unit, hidden[layer] - 1) };
    this.#shown = {};
    this.#seen = null;
  }

  // A frame has come.
  frame(isPlaying) {
    const isTyping = $("panel").contains(document.activeElement) && document.activeElement.matches("input:not([type=range]), select");
    if (this.#isPressed) return; // what is replaced between press and release gets no click
    if (isPlaying && (isTyping || performance.now() - this.#lookedAt < interval)) return;
    this.look();
  }

  // Asks and draws, unless what is drawn is of this moment. One question at a time.
  async look(again = false) {
    const { run, other } = this.#page.runs();
    const key = () => JSON.stringify([run.id, other?.id, run.updates, this.#view, this.place]);
    if (!run || this.#isLooking || (!again && this.#seen?.key === key())) return;
    [this.#isLooking, this.#lookedAt] = [true, performance.now()];
    const asked = key();
    try {
      const answer = await views[this.#view].ask(run, this.place, other);
      if (asked === key() && run === this.#page.runs().run && !this.#isPressed) {
        this.#seen = { key: asked, answer };
        this.#draw();
      }
    } catch (error) {
      if (error.status !== 404) this.#page.fault(error); // the stream creates anew what has ended
    }
    this.#isLooking = false;
    if (run !== this.#page.runs().run || asked !== key()) this.look();
  }

  // Draws what was answered, and keeps the focus and what is unfolded.
  #draw() {
    const panel = $("panel");
    const focused = panel.contains(document.activeElement) ? document.activeElement.id : "";
    const unfolded = [...panel.querySelectorAll("details[open]")].map((it) => it.id);
    views[this.#view].draw(panel, this.#seen.answer, this.#context());
    for (const id of unfolded) $(id)?.setAttribute("open", "");
    if (focused && focused !== "panel") $(focused)?.focus({ preventScroll: true });
    panel.dispatchEvent(new CustomEvent("drawn"));
  }

  #context() {
    const page = this.#page;
    const { run, other } = page.runs();
    const own = page.cell();
    return Object.assign(this.#shown, {
      run, other, cell: own, place: this.place, phase: this.phase,
      change: page.change, name: page.name,
      figure: (name) => api.figure(run.id, name),
      equations: () => own.name === "mine"
        ? element("pre", { class: "equation" }, own.equations.join("\n")) // its source
        : own.equations.map(equation),
      openCell: (place) => {
        this.place = { ...this.place, unit: 0, ...place };
        this.open("cell");
        $("panel").focus({ preventScroll: true });
      },
      moved: (place, phase = this.phase) => this.#move(place, phase),
    });
  }

  #move(changed, phase) {
    const place = { ...this.place, ...changed };
    const unit = Math.min(place.unit, this.#page.runs().run.settings.hidden[place.layer] - 1);
    [this.place, this.phase] = [{ ...place, unit }, phase];
    this.#page.remember();
    this.look(true);
  }
}

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

const mostUnits = 99999; // the server knows how many a cell has
const interval = 300; // milliseconds between two drawings while updates follow each other

export class Panel {
  #page;
  #seen = null; // what the server answered last, and for what
  #isLooking = false;
  #isAgain = false; // what is asked meanwhile
  #lookedAt = 0;
  #isPressed = false;
  #shown = {}; // what a view remembers of itself until the experiment changes

  view = "network";
  place = { layer: 0, step: 0, unit: 0 };
  phase = null;

  constructor(page) {
    this.#page = page;
    for (const [name, { title }] of Object.entries(views))
      $("tabs").append(
        element(
          "button",
          { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "panel", onclick: () => this.open(name) },
          title,
        ),
      );
    $("tabs").addEventListener("keydown", (event) => this.#turn(event));
    $("panel").addEventListener("pointerdown", () => (this.#isPressed = true));
    for (const end of ["pointerup", "pointercancel"])
      document.addEventListener(end, () => setTimeout(() => this.#release()));
  }

  #turn(event) {
    const names = Object.keys(views);
    const at = names.indexOf(this.view);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1 + names.length, Home: 0, End: names.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.open(names[to % names.length]);
    $(`tab-${this.view}`).focus();
  }

  #release() {
    if (!this.#isPressed) return;
    this.#isPressed = false;
    this.look();
  }

  // Opens a view. `place` and `phase` are those of a cell, `moment` is that of the passes.
  open(name, { place = this.place, phase = this.phase, moment = null } = {}) {
    this.view = Object.hasOwn(views, name) ? name : "network";
    [this.phase, this.#shown.moment] = [phase, moment];
    this.#clamp(place);
    for (const tab of $("tabs").children) {
      const isOpen = tab.id === `tab-${this.view}`;
      tab.setAttribute("aria-selected", String(isOpen));
      tab.tabIndex = isOpen ? 0 : -1;
    }
    $("panel").setAttribute("aria-labelledby", `tab-${this.view}`);
    this.#page.remember();
    this.#refresh();
  }

  // The experiment is another one.
  settled() {
    this.#clamp(this.place);
    this.#shown = {};
    this.#seen = null;
    this.look();
  }

  #clamp({ layer, step, unit }) {
    const { hidden, length } = this.#page.runs().run.settings;
    this.place = {
      layer: Math.min(layer, hidden.length - 1),
      step: Math.min(step, length - 1),
      unit: Math.min(unit, mostUnits),
    };
  }

  // A frame has come.
  frame(isPlaying) {
    const isTyping =
      $("panel").contains(document.activeElement) && document.activeElement.matches("input:not([type=range]), select");
    if (isPlaying && (isTyping || performance.now() - this.#lookedAt < interval)) return;
    this.look();
  }

  #key() {
    const { run, other } = this.#page.runs();
    return JSON.stringify([
      run?.id,
      run?.updates,
      other?.id,
      other?.updates,
      this.view,
      this.view === "cell" && this.place,
    ]);
  }

  // Asks and draws, unless what is drawn is of this moment. One question at a time. What is replaced between the press of a
  // pointer and its release would get no click, so nothing is drawn meanwhile.
  async look() {
    const { run, other } = this.#page.runs();
    const key = this.#key();
    if (!run || this.#isPressed || this.#seen?.key === key) return;
    if (this.#isLooking) {
      this.#isAgain = true;
      return;
    }
    [this.#isLooking, this.#isAgain, this.#lookedAt] = [true, false, performance.now()];
    const view = this.view;
    try {
      const answer = await views[view].ask(run, this.place, other);
      const now = this.#page.runs();
      if (view === this.view && run === now.run && other === now.other && !this.#isPressed) {
        this.#seen = { key, view, answer };
        if (answer.place) this.place = answer.place;
        this.redraw();
      } else this.#isAgain = true;
    } catch (error) {
      if (error.status !== 404) this.#page.fault(error);
      else if (run === this.#page.runs().run) await Promise.all([run.recover(), other?.recover()]);
    }
    this.#isLooking = false;
    if (this.#isAgain) this.look();
  }

  // Draws what was answered, and keeps the focus and what is unfolded.
  redraw() {
    if (this.#seen?.view !== this.view) return;
    const panel = $("panel");
    const focused = panel.contains(document.activeElement) ? document.activeElement.id : "";
    const unfolded = [...panel.querySelectorAll("details[open]")].map((it) => it.id);
    views[this.view].draw(panel, this.#seen.answer, this.#context());
    for (const id of unfolded) $(id)?.setAttribute("open", "");
    if (focused && focused !== "panel") $(focused)?.focus({ preventScroll: true });
    panel.dispatchEvent(new CustomEvent("drawn"));
  }

  #context() {
    const page = this.#page;
    const { run, other } = page.runs();
    const own = page.cell();
    return Object.assign(this.#shown, {
      run,
      other,
      cell: own,
      place: this.place,
      phase: this.phase,
      limits: page.limits,
      change: page.change,
      name: page.name,
      figure: (name) => api.figure(run.id, name),
      equations: () =>
        own.name === "mine"
          ? element("pre", { class: "equation" }, own.equations.join("\n")) // its source
          : own.equations.map(equation),
      openCell: (place) => {
        this.open("cell", { place: { ...this.place, unit: 0, ...place } });
        $("panel").focus({ preventScroll: true });
      },
      moved: (place, phase = this.phase) => this.#move(place, phase),
    });
  }

  #move(changed, phase) {
    this.phase = phase;
    this.#clamp({ ...this.place, ...changed });
    this.#page.remember();
    this.#refresh();
  }

  // Draws what is known, or asks for it.
  #refresh() {
    this.#seen?.key === this.#key() ? this.redraw() : this.look();
  }
}

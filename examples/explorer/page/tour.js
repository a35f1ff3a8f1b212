// The guided tour: each step is an experiment, a view of it, and what to see there.

import { $ } from "./dom.js";

export class Tour {
  #steps;
  #page;
  #isNew = false; // the step has not been brought into sight
  at = null; // the step, from 0 on, or null outside of the tour

  constructor(steps, page) {
    this.#steps = steps;
    this.#page = page;
    $("tour-begin").addEventListener("click", () => this.go(0));
    $("tour-back").addEventListener("click", () => this.go(this.at - 1));
    $("tour-next").addEventListener("click", () => this.go(this.at + 1));
    $("tour-end").addEventListener("click", () => {
      this.end();
      this.#page.leave();
      $("tour-begin").focus();
    });
    $("panel").addEventListener("drawn", () => this.#mark());
  }

  // Whether there is a step of this number, from 1 on.
  has(number) {
    return Number.isInteger(number) && number >= 1 && number <= this.#steps.length;
  }

  async go(at) {
    const step = this.#steps[at];
    [this.at, this.#isNew] = [at, true];
    $("tour").hidden = false;
    $("tour-title").textContent = step.title;
    $("tour-text").textContent = step.text;
    $("tour-place").textContent = `${at + 1} of ${this.#steps.length}`;
    $("tour-back").disabled = at === 0;
    $("tour-next").disabled = at === this.#steps.length - 1;
    $("tour-link").href = `/?tour=${at + 1}`;
    document.documentElement.style.setProperty("--tour", `${$("tour").offsetHeight}px`);
    $("tour-title").focus({ preventScroll: true });
    await this.#page.open(step, { link: `/?tour=${at + 1}` });
  }

  end() {
    this.at = null;
    $("tour").hidden = true;
    document.documentElement.style.removeProperty("--tour");
    this.#mark();
  }

  // Marks what the step speaks of, and brings it into sight once.
  #mark() {
    for (const marked of document.querySelectorAll(".marked")) marked.classList.remove("marked");
    if (this.at === null) return;
    const { mark, view } = this.#steps[this.at];
    const marked = $(mark);
    marked?.classList.add("marked");
    if (!this.#isNew || !$("panel").hasChildNodes()) return;
    this.#isNew = false;
    const isAbove = marked && !$("panel").contains(marked);
    (isAbove || view === "network" ? (marked ?? $("panel")) : $("panel")).scrollIntoView({
      block: isAbove ? "nearest" : "start",
    });
  }
}

// An experiment on the server: its settings, its losses, its newest frame.

import * as api from "./api.js";

// The most updates that settings can ask for before an experiment is shown.
export const mostUpdates = 100000;

// Questions that are on their way are answered in this time, in milliseconds.
const grace = 1000;

export class Run {
  // Creates the experiment of the settings. `told` has a function for each event: frame, lost, found, notice.
  static async create(settings, told) {
    const run = new Run();
    run.told = told;
    await run.#create(settings);
    return run;
  }

  #isOver = false;
  #recovery = null;

  async #create(settings) {
    const created = await api.create(settings);
    const { id, characters, noisy } = created;
    Object.assign(this, { id, characters, noisy, settings: created.settings, losses: [], frame: null });
    if (this.#isOver) this.end();
    else this.listen();
  }

  get updates() {
    return this.frame?.updates ?? 0;
  }

  get isPlaying() {
    return this.frame?.isPlaying ?? this.settings.updates > 0;
  }

  // The updates that it is on its way to, or null.
  get goal() {
    return this.frame ? this.frame.goal : this.settings.updates || null;
  }

  // The settings that lead to what is shown now.
  get reached() {
    return { ...this.settings, updates: this.goal ?? Math.min(this.updates, mostUpdates) };
  }

  listen() {
    this.stream?.close();
    if (document.hidden) return; // a browser allows six connections to a server
    const stream = (this.stream = api.events(this.id));
    stream.addEventListener("open", () => this.told.found());
    stream.addEventListener("frame", (event) => {
      const { frame, losses } = JSON.parse(event.data);
      this.losses.length = losses.from;
      for (const point of losses.points) this.losses.push(point);
      this.frame = frame;
      this.told.frame(this);
    });
    stream.addEventListener("ended", (event) => {
      stream.close();
      const { error, kind } = JSON.parse(event.data);
      kind === "failed" ? this.told.notice(error) : this.recover();
    });
    stream.addEventListener("error", () => {
      if (stream !== this.stream) return;
      stream.readyState === EventSource.CLOSED ? this.recover() : this.told.lost();
    });
  }

  // Creates the experiment anew from its settings, for instance after a restart of the server.
  recover() {
    this.#recovery ??= this.#recreate().finally(() => (this.#recovery = null));
    return this.#recovery;
  }

  async #recreate() {
    const settings = this.reached;
    while (!this.#isOver) {
      try {
        await this.#create(settings);
        this.told.found(); // now, and not when the stream opens: the page would move again
        this.told.notice(
          `The program no longer had this experiment, for instance after a restart. It is created anew from its settings, and trained to update ${settings.updates}.`,
        );
        return;
      } catch (error) {
        if (error.status !== undefined) return this.told.notice(error.message);
        this.told.lost();
        await new Promise((done) => setTimeout(done, 1000));
      }
    }
  }

  // A page that cannot be seen holds no connection.
  rest() {
    this.stream?.close();
  }

  // Nothing shows the experiment any more.
  end() {
    this.#isOver = true;
    this.stream?.close();
    setTimeout(() => api.end(this.id), grace);
  }

  async act(action, query) {
    try {
      await api.act(this.id, action, query);
    } catch (error) {
      if (error.status !== 404) return this.told.notice(error.message);
      await this.recover();
      if (!this.#isOver) await api.act(this.id, action, query).catch((again) => this.told.notice(again.message));
    }
  }
}

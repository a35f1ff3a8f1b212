// An experiment on the server: its settings, its losses, its newest frame.

import * as api from "./api.js";

export class Run {
  // Creates the experiment of the settings. `told` has a function for each event: frame, lost, connected, notice.
  static async create(settings, told) {
    const run = new Run();
    run.told = told;
    await run.#create(settings);
    return run;
  }

  async #create(settings) {
    const created = await api.create(settings);
    Object.assign(this, { id: created.id, settings: created.settings, characters: created.characters, losses: [], frame: null });
    this.listen();
  }

  get updates() {
    return this.frame?.updates ?? 0;
  }

  get isPlaying() {
    return this.frame?.isPlaying ?? this.settings.updates > 0;
  }

  // The settings that lead to what is shown now.
  get reached() {
    return { ...this.settings, updates: this.isPlaying || !this.frame ? this.settings.updates : Math.min(this.updates, 100000) };
  }

  listen() {
    this.stream?.close();
    const stream = (this.stream = api.events(this.id));
    stream.addEventListener("open", () => this.told.connected(this.recovered));
    stream.addEventListener("frame", (event) => {
      const { frame, losses } = JSON.parse(event.data);
      if (losses) this.losses.splice(losses.from, Infinity, ...losses.points);
      this.frame = frame;
      this.told.frame(this);
    });
    stream.addEventListener("ended", (event) => {
      stream.close();
      this.told.notice(JSON.parse(event.data).error);
    });
    stream.addEventListener("error", () => {
      if (stream !== this.stream) return;
      if (stream.readyState !== EventSource.CLOSED) this.told.lost();
      else this.#recover();
    });
  }

  // A restarted server does not know the experiment: the settings create it anew.
  async #recover() {
    const updates = Math.min(this.updates, 100000);
    try {
      await this.#create({ ...this.settings, updates });
      this.recovered = `The experiment had ended, for instance by a restart of the program. It was created anew from its settings, and trained to update ${updates}.`;
    } catch (error) {
      this.told.notice(error.message);
      if (error.status === undefined) setTimeout(() => this.stream && this.#recover(), 1000);
    }
  }

  // A page that cannot be seen holds no connection, since a browser allows six to a server.
  rest() {
    this.stream?.close();
  }

  // Nothing shows the experiment any more.
  end() {
    this.stream?.close();
    this.stream = null;
    if (this.isPlaying) api.act(this.id, "pause").catch(() => {}); // it may have ended already
  }

  async act(action, query) {
    this.recovered = undefined;
    try {
      await api.act(this.id, action, query);
    } catch (error) {
      if (error.status === 404) await this.#recover();
      else this.told.notice(error.message);
    }
  }
}

// The line that says what is wrong, or what has been done. Each kind of notice replaces the one before of its kind.

import { $ } from "./dom.js";

const notices = new Map();

// Shows a notice of the kind "connection", "training" or "request"; none if the text is empty.
export function notice(kind, text) {
  if ((notices.get(kind) ?? "") === text) return;
  text ? notices.set(kind, text) : notices.delete(kind);
  $("notice").textContent = [...notices.values()].join(" ");
}

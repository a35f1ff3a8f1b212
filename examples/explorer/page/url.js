// The address of the page: the settings of the experiment, the one it is compared with, and what is looked at.

import { parse } from "./settings.js";

// The settings that a query changes.
function changes(query, defaults) {
  const named = Object.keys(defaults).filter((name) => query.has(name));
  return Object.fromEntries(named.map((name) => [name, parse(name, query.get(name))]));
}

// The query of the settings that differ from others.
function query(settings, others) {
  const differing = Object.entries(settings).filter(([name, value]) => String(value) !== String(others[name]));
  return new URLSearchParams(differing.map(([name, value]) => [name, String(value)]));
}

const readable = (query) => query.toString().replaceAll("%2C", ",").replaceAll("%3D", "="); // `&` stays escaped

// Returns { preset, settings, against, view, place, phase, tour }; what the address does not name is null.
export function read(defaults) {
  const asked = new URLSearchParams(location.search);
  const settings = { ...defaults, ...changes(asked, defaults) };
  const against = asked.has("against")
    ? { ...settings, ...changes(new URLSearchParams(asked.get("against")), defaults) }
    : null;
  const place = asked
    .get("at")
    ?.split(",")
    .map((it) => Math.max(0, Math.floor(Number(it)) || 0));
  return {
    preset: asked.get("preset") || null,
    tour: asked.get("tour") || null,
    settings,
    against,
    view: asked.get("view"),
    place: place?.length === 3 ? { layer: place[0], step: place[1], unit: place[2] } : null,
    phase: ["0", "1", "2", "3"].includes(asked.get("phase")) ? Number(asked.get("phase")) : null,
  };
}

// The address of what is shown; what is the default is left out.
export function address(defaults, { settings, against, view, place, phase }) {
  const parts = query(settings, defaults);
  if (against) parts.set("against", readable(query(against, settings)));
  if (view !== "network") parts.set("view", view);
  if (view === "cell") parts.set("at", Object.values(place).join(","));
  if (view === "cell" && phase !== null) parts.set("phase", phase);
  const text = readable(parts);
  return text ? `/?${text}` : "/";
}

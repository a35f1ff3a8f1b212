// The address of the page: the settings of the experiment, the one it is compared with, and what is looked at.

const parsers = {
  hidden: (text) => text.split(",").map(Number),
  rate: Number, batch: Number, length: Number, noise: Number, clip: Number, seed: Number, updates: Number,
};

// The settings that a query changes.
function changes(query, defaults) {
  const named = Object.keys(defaults).filter((name) => query.has(name));
  return Object.fromEntries(named.map((name) => [name, (parsers[name] ?? String)(query.get(name))]));
}

// The query of the settings that differ from others.
function query(settings, others) {
  const differing = Object.entries(settings).filter(([name, value]) => String(value) !== String(others[name]));
  return new URLSearchParams(differing.map(([name, value]) => [name, String(value)]));
}

const readable = (query) => query.toString().replaceAll("%2C", ",").replaceAll("%3D", "=");

// Returns { preset, settings, against, view, place, tour }; what the address does not name is null.
export function read(defaults) {
  const asked = new URLSearchParams(location.search);
  const settings = { ...defaults, ...changes(asked, defaults) };
  const against = asked.has("against")
    ? { ...settings, ...changes(new URLSearchParams(asked.get("against")), defaults) }
    : null;
  const place = asked.get("at")?.split(",").map((it) => Math.max(0, Math.floor(Number(it)) || 0));
  return {
    preset: asked.get("preset"), settings, against, view: asked.get("view"),
    place: place?.length === 3 ? { layer: place[0], step: place[1], unit: place[2] } : null,
    tour: asked.has("tour") ? Number(asked.get("tour")) : null,
  };
}

// The address of what is shown; what is the default is left out.
export function address(defaults, { settings, against = null, view = "network", place = null, tour = null }) {
  if (tour !== null) return `/?tour=${tour + 1}`;
  const parts = query(settings, defaults);
  if (against) parts.set("against", readable(query(against, settings)));
  if (view !== "network") parts.set("view", view);
  if (view === "cell") parts.set("at", Object.values(place).join(","));
  const text = readable(parts).replace(/against=([^&]*)/, (_, it) => `against=${it.replaceAll("&", "%26")}`);
  return text ? `/?${text}` : "/";
}

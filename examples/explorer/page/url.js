// The address of the page holds the settings of the experiment, so that a link reproduces it.

const parsers = {
  hidden: (text) => text.split(",").map(Number),
  rate: Number, batch: Number, length: Number, noise: Number, clip: Number, seed: Number, updates: Number,
};

// Settings and place of the tour from the address.
export function read(defaults) {
  const query = new URLSearchParams(location.search);
  const settings = { ...defaults };
  for (const name of Object.keys(defaults)) {
    if (query.has(name)) settings[name] = (parsers[name] ?? String)(query.get(name));
  }
  return { settings, view: query.get("view"), tour: query.has("tour") ? Number(query.get("tour")) : null };
}

// The address of settings; those that are the default are left out.
export function address(settings, defaults, { view = null, tour = null } = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(settings)) {
    if (String(value) !== String(defaults[name])) query.set(name, String(value));
  }
  if (view !== null) query.set("view", view);
  if (tour !== null) query.set("tour", tour);
  const text = query.toString().replaceAll("%2C", ",");
  return text ? `/?${text}` : "/";
}

// What the server is asked. A refusal is an Error with its status, and the setting that it is about.

const patience = 30000; // milliseconds

async function asked(path, options = {}) {
  const response = await fetch(path, { ...options, signal: AbortSignal.timeout(patience) }).catch((error) => {
    if (error.name !== "TimeoutError") throw new Error("The explorer does not answer. Is the program still running?");
    throw new Error(
      "The explorer does not answer. A browser opens at most six connections to a server, so close other windows of the explorer.",
    );
  });
  if (!response.ok) {
    const refusal = await response.json().catch(() => ({ error: response.statusText }));
    throw Object.assign(new Error(refusal.error), { setting: refusal.setting, status: response.status });
  }
  return response.status === 204 ? null : response.json();
}

const of = (id, rest) => `/api/experiments/${id}/${rest}`;

export const options = () => asked("/api/options");

export const asset = (name) => asked(`/assets/${name}`);

export const create = (settings) =>
  asked("/api/experiments", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(settings),
  });

export const act = (id, action, query = "") => asked(of(id, action + query), { method: "POST" });

// Ends an experiment, even while the page is being closed.
export const end = (id) => fetch(of(id, "").slice(0, -1), { method: "DELETE", keepalive: true }).catch(() => {});

export const look = (id) => asked(of(id, "look"));

export const weights = (id) => asked(of(id, "weights"));

export const lags = (id) => asked(of(id, "lags"));

export const walk = (id, place) => asked(of(id, `walk?${new URLSearchParams(place)}`));

export const check = (id) => asked(of(id, "check"));

export const figure = (id, name) => of(id, `figures/${name}.svg`);

export const exported = (id) => of(id, "export.json");

export const events = (id) => new EventSource(of(id, "events"));

// What the server is asked. A refusal is an Error with the setting that it is about, and the status.

async function asked(path, options) {
  const response = await fetch(path, options);
  if (!response.ok) {
    const refusal = await response.json().catch(() => ({ error: response.statusText }));
    throw Object.assign(new Error(refusal.error), { setting: refusal.setting, status: response.status });
  }
  return response.status === 204 ? null : response.json();
}

export const options = () => asked("/api/options");

export const create = (settings) =>
  asked("/api/experiments", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(settings),
  });

export const act = (id, action) => asked(`/api/experiments/${id}/${action}`, { method: "POST" });

export const look = (id) => asked(`/api/experiments/${id}/look`);

export const walk = (id, place) => asked(`/api/experiments/${id}/walk?${new URLSearchParams(place)}`);

export const check = (id) => asked(`/api/experiments/${id}/check`);

export const figure = (id, name) => `/api/experiments/${id}/figures/${name}.svg`;

export const exported = (id) => `/api/experiments/${id}/export.json`;

export const events = (id) => new EventSource(`/api/experiments/${id}/events`);

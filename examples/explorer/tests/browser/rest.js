// Counts what the page has asked and not yet been answered, in `asked`. Notes which view was drawn last, in `data-drawn`.
{
  window.asked = 0;
  for (const [owner, method] of [[window, "fetch"], [Response.prototype, "json"]]) {
    const original = owner[method];
    owner[method] = function (...parameters) {
      window.asked++;
      return original.apply(this, parameters).finally(() => window.asked--);
    };
  }
  document.addEventListener("drawn", ({ target }) => (target.dataset.drawn = target.getAttribute("aria-labelledby")), true);
}

// Returns what stands out too little from what lies below it, by WCAG 2.2: texts (1.4.3), borders of fields, focus and
// lines (1.4.11).
window.contrast = (() => {
  const context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });

  // Red, green, blue and alpha of any CSS colour, from 0 to 1.
  function parsed(css) {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = css;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data].map((part) => part / 255);
  }

  const over = ([r, g, b, alpha], below) => [r, g, b].map((part, i) => part * alpha + below[i] * (1 - alpha));

  function luminance(rgb) {
    const [r, g, b] = rgb.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }

  function ratio(one, other) {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  }

  // What an element paints below others: its background, or the inside of a shape.
  function paint(element) {
    const style = getComputedStyle(element);
    const isShape = element instanceof SVGGeometryElement;
    if (element instanceof SVGElement && !isShape && !(element instanceof SVGSVGElement)) return [0, 0, 0, 0];
    const [r, g, b, alpha] = parsed(isShape ? (style.fill === "none" ? "transparent" : style.fill) : style.backgroundColor);
    return [r, g, b, alpha * (isShape ? Number(style.fillOpacity) : 1) * opacity(element)];
  }

  function opacity(element) {
    let product = 1;
    for (let it = element; it; it = it.parentElement) product *= Number(getComputedStyle(it).opacity);
    return product;
  }

  // The colour below an element at a point of the window.
  function below(element, x, y, { inclusive = true } = {}) {
    const stack = document.elementsFromPoint(x, y);
    const at = stack.indexOf(element);
    const layers = stack.slice(at === -1 ? 0 : at + (inclusive ? 0 : 1)).filter((it) => !(it instanceof SVGTextContentElement));
    return layers.reverse().reduce((colour, it) => over(paint(it), colour), parsed(getComputedStyle(document.documentElement).backgroundColor)[3] ? parsed(getComputedStyle(document.documentElement).backgroundColor) : parsed("Canvas")).slice(0, 3);
  }

  const isShown = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !element.closest(":disabled, [aria-disabled=true]");
  const hex = (rgb) => "#" + rgb.slice(0, 3).map((part) => Math.round(part * 255).toString(16).padStart(2, "0")).join("");
  const isClipped = (rect) => rect.width <= 1 || rect.height <= 1;

  function centre(rect) {
    return [rect.x + rect.width / 2, rect.y + rect.height / 2];
  }

  function inView(element, rectOf) {
    let [x, y] = centre(rectOf());
    if (x < 0 || y < 0 || x >= innerWidth || y >= innerHeight || !document.elementsFromPoint(x, y).includes(element)) {
      element.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
      [x, y] = centre(rectOf());
    }
    return [x, y];
  }

  const found = [];
  let checked = 0;

  function judge(what, colour, background, needed) {
    checked++;
    const value = ratio(colour.slice(0, 3), background);
    if (value < needed) found.push(`${what}: ${hex(colour)} on ${hex(background)} has ${value.toFixed(2)}, needs ${needed}`);
  }

  function judgeText(element, text, rectOf) {
    const style = getComputedStyle(element);
    const [x, y] = inView(element, rectOf);
    if (x < 0 || y < 0) return; // it is kept outside, such as a link that is shown when it has the focus
    const background = below(element, x, y);
    const isSvg = element instanceof SVGElement;
    const [r, g, b, alpha] = parsed(isSvg ? style.fill : style.color);
    const size = parseFloat(style.fontSize);
    const isLarge = !isSvg && (size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700));
    judge(`“${text.trim().slice(0, 40)}” in ${element.localName}#${element.closest("[id]")?.id}`, over([r, g, b, alpha * opacity(element)], background), background, isLarge ? 3 : 4.5);
  }

  function texts() {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const element = node.parentElement;
      if (!node.data.trim() || !isShown(element) || element.closest("script, style, title, desc, select, textarea")) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      const rectOf = () => [...range.getClientRects()].find((rect) => !isClipped(rect));
      const clip = [...ancestors(element)].some((it) => isClipped(it.getBoundingClientRect()) && getComputedStyle(it).overflow === "hidden");
      if (rectOf() && !clip) judgeText(element, node.data, rectOf);
    }
    for (const element of document.querySelectorAll("input, select, textarea")) {
      if (!isShown(element) || ["range", "checkbox", "radio"].includes(element.type)) continue;
      judgeText(element, element.value, () => element.getBoundingClientRect());
    }
  }

  function* ancestors(element) {
    for (let it = element; it; it = it.parentElement) yield it;
  }

  // The border of a field, or else its inside, shows where it is.
  function fields() {
    for (const element of document.querySelectorAll("input, select, textarea")) {
      if (!isShown(element) || ["range", "checkbox", "radio"].includes(element.type)) continue;
      const [x, y] = inView(element, () => element.getBoundingClientRect());
      const outside = below(element, x, y, { inclusive: false });
      const style = getComputedStyle(element);
      const inside = below(element, x, y);
      const border = parseFloat(style.borderBottomWidth) > 0 ? over(parsed(style.borderBottomColor), inside) : inside;
      const best = ratio(border, outside) >= ratio(inside, outside) ? border : inside;
      judge(`the border of #${element.id}`, best, outside, 3);
    }
  }

  // What canvases show: texts as texts, and lines of data, which are wider than those of a grid.
  function canvases() {
    for (const canvas of document.querySelectorAll("canvas")) {
      if (!isShown(canvas)) continue;
      const [x, y] = inView(canvas, () => canvas.getBoundingClientRect());
      const background = below(canvas, x, y);
      for (const { method, colour, width } of window.drawing?.styles.get(canvas)?.values() ?? []) {
        if (method === "stroke" && width < 1.5) continue;
        judge(`${method} on ${canvas.id || canvas.getAttribute("aria-label")}`, over(parsed(colour), background), background, method === "fillText" ? 4.5 : 3);
      }
    }
  }

  function all() {
    found.length = checked = 0;
    const { scrollX, scrollY } = window;
    texts();
    fields();
    canvases();
    window.scrollTo(scrollX, scrollY);
    return { found, checked };
  }

  // What is wrong with the mark of the focused element, or an empty text.
  function focus() {
    const element = document.activeElement;
    const marks = (it) => {
      const style = getComputedStyle(it);
      return [style.outlineStyle, style.outlineWidth, style.boxShadow, style.borderColor, style.backgroundColor, style.stroke, style.strokeWidth].join();
    };
    const style = getComputedStyle(element);
    if (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2) {
      if (element instanceof SVGElement) return "";
      const rect = element.getBoundingClientRect();
      const outside = below(element, ...centre(rect), { inclusive: false });
      const value = ratio(over(parsed(style.outlineColor), outside), outside);
      return value < 3 ? `its outline has a contrast of ${value.toFixed(2)}` : "";
    }
    const parts = [element, ...element.querySelectorAll("*")];
    const focused = parts.map(marks).join();
    element.blur();
    const blurred = parts.map(marks).join();
    element.focus();
    return focused === blurred ? "nothing shows its focus" : "";
  }

  return { all, focus };
})();
null;

// Notes what the page draws on canvases. Runs before the scripts of the page.
{
  window.drawing = { styles: new Map(), isNew: false };
  const methods = { stroke: "strokeStyle", fill: "fillStyle", fillText: "fillStyle" };
  for (const [method, property] of Object.entries(methods)) {
    const original = CanvasRenderingContext2D.prototype[method];
    CanvasRenderingContext2D.prototype[method] = function (...parameters) {
      const styles = window.drawing.styles;
      if (!styles.has(this.canvas)) styles.set(this.canvas, new Map());
      const style = { method, colour: this[property], width: this.lineWidth };
      styles.get(this.canvas).set(JSON.stringify(style), style);
      window.drawing.isNew = true;
      return original.apply(this, parameters);
    };
  }
}

// Returns the frames a second, those on which the page drew, and the longest time between two, in milliseconds.
await new Promise((resolve) => {
  const seconds = 3;
  const times = [];
  let drawn = 0;
  window.drawing.isNew = false;
  const tick = (now) => {
    times.push(now);
    drawn += window.drawing.isNew;
    window.drawing.isNew = false;
    const elapsed = (now - times[0]) / 1000;
    if (elapsed < seconds) return requestAnimationFrame(tick);
    const longest = Math.max(...times.slice(1).map((time, i) => time - times[i]));
    resolve({ rate: (times.length - 1) / elapsed, drawn: drawn / elapsed, longest });
  };
  requestAnimationFrame(tick);
});

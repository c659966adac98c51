// A canvas in device pixels, drawn in CSS pixels.

/** Give a canvas a size in CSS pixels; returns its context, scaled and cleared. */
export function fitCanvas(canvas, width, height, ratio) {
  const [w, h] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/** Pixels to write columns into: `{pixels: Uint32Array, width, height, show(context, x, y)}`, reused between paints. */
export function makeScratch() {
  const canvas = document.createElement("canvas");
  let image = null;
  const scratch = { pixels: null, width: 0, height: 0 };
  scratch.clear = (width, height) => {
    if (!image || scratch.width !== width || scratch.height !== height) {
      canvas.width = width;
      canvas.height = height;
      image = canvas.getContext("2d").createImageData(width, height);
      Object.assign(scratch, { width, height, pixels: new Uint32Array(image.data.buffer) });
    }
    scratch.pixels.fill(0);
  };
  // (x, y) are device pixels: the transformation would blur them.
  scratch.show = (context, x, y) => {
    canvas.getContext("2d").putImageData(image, 0, 0);
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(canvas, x, y);
    context.restore();
  };
  return scratch;
}

/** A hatch as a fill style; `slope` 1 or −1. */
export function hatchOf(context, line, back, slope = 1) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const c = tile.getContext("2d");
  c.fillStyle = back;
  c.fillRect(0, 0, 8, 8);
  c.strokeStyle = line;
  c.lineWidth = 1;
  c.beginPath();
  for (const shift of [-8, 0, 8]) {
    c.moveTo(shift, slope > 0 ? 8 : 0);
    c.lineTo(shift + 8, slope > 0 ? 0 : 8);
  }
  c.stroke();
  return context.createPattern(tile, "repeat");
}

/** A straight, crisp line of one CSS pixel. */
export function crispLine(context, x0, y0, x1, y1) {
  const crisp = (value) => Math.round(value) + 0.5;
  context.beginPath();
  context.moveTo(x0 === x1 ? crisp(x0) : x0, y0 === y1 ? crisp(y0) : y0);
  context.lineTo(x0 === x1 ? crisp(x1) : x1, y0 === y1 ? crisp(y1) : y1);
  context.stroke();
}

/** Text that is cut with an ellipsis to fit a width. */
export function cutText(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let low = 0;
  let high = text.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (context.measureText(`${text.slice(0, middle)}…`).width <= width) low = middle;
    else high = middle - 1;
  }
  return low ? `${text.slice(0, low)}…` : "";
}

/** A box with rounded corners, filled and framed. */
export function panelBox(context, x, y, width, height, fill, stroke) {
  context.beginPath();
  context.roundRect(Math.round(x) + 0.5, Math.round(y) + 0.5, Math.round(width), Math.round(height), 3);
  context.fillStyle = fill;
  context.fill();
  if (!stroke) return;
  context.strokeStyle = stroke;
  context.lineWidth = 1;
  context.stroke();
}

// A motion's curves, and how they are drawn under the head. Without a DOM of its own: the player
// gives a canvas' context. The host loads every file here as an extension; this one registers none.

export const CURVES_HEIGHT = 110;
export const SEEK_HEIGHT = 22; // of the narrow bar below, which shows the whole motion
const LABEL_WIDTH = 45; // pixels between two times, at least
const STEPS = [0.5, 1, 2, 5, 10, 30, 60, 300]; // seconds

export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** One motion: `values` is Uint8Array [names.length * frames], one channel after the other.
 * message: what the node sent of it, see nodes/preview.py. */
export class Motion {
  constructor(message, values) {
    this.names = message.names;
    this.frames = message.frames;
    this.fps = message.fps[0] / message.fps[1];
    this.start = message.start;
    this.values = values;
    this.duration = this.frames / this.fps;
  }

  channel(index) {
    return this.values.subarray(index * this.frames, (index + 1) * this.frames);
  }

  /** The frame that is seen at a time in seconds. */
  frame(seconds) {
    return clamp(Math.floor(seconds * this.fps + 1e-3), 0, this.frames - 1);
  }

  /** Names of the channels that move most, the left one for both sides of a face. */
  liveliest() {
    const moved = this.names.map((_, index) => {
      const values = this.channel(index);
      let sum = 0;
      for (let i = 1; i < values.length; i++) sum += Math.abs(values[i] - values[i - 1]);
      return sum;
    });
    return [...moved.keys()]
      .sort((a, b) => moved[b] - moved[a])
      .map((index) => this.names[index])
      .filter((name) => !this.names.includes(name.replace(/Right$/, "Left")) || !name.endsWith("Right"));
  }
}

/** Draws curves into a context of `width` pixels.
 * curves: [{ index, colour }]. time: where the playhead is. window: what the curves span, as the bar
 * marks it, and view: what is drawn, both [first second, seconds]. */
export function drawCurves(context, width, { motion, curves, time, view, window }) {
  const height = CURVES_HEIGHT + SEEK_HEIGHT;
  context.fillStyle = "#16191e";
  context.fillRect(0, 0, width, height);
  const [left, span] = view;
  const x = (seconds) => ((seconds - left) / span) * width;
  drawTimes(context, width, motion, view, x);
  for (const { index, colour } of curves) {
    drawCurve(context, width, motion, motion.channel(index), colour, view, x);
  }
  drawOverview(context, width, motion, curves[0], window);
  context.strokeStyle = "#d6dbe2";
  context.lineWidth = 1.5;
  drawLine(context, x(time), 0, CURVES_HEIGHT);
  drawLine(context, (time / motion.duration) * width, CURVES_HEIGHT, height);
}

function drawLine(context, x, top, bottom) {
  context.beginPath();
  context.moveTo(x, top);
  context.lineTo(x, bottom);
  context.stroke();
}

function drawTimes(context, width, motion, [left, span], x) {
  context.strokeStyle = "#3a4049";
  context.fillStyle = "#9aa2ad";
  context.font = "9px system-ui, sans-serif";
  const every = STEPS.find((step) => (step / span) * width > LABEL_WIDTH) ?? 600;
  for (let mark = Math.ceil(left / every) * every; mark < left + span; mark += every) {
    drawLine(context, x(mark), 0, CURVES_HEIGHT);
    context.fillText(`${+(motion.start + mark).toFixed(1)} s`, x(mark) + 3, 10);
  }
}

function drawCurve(context, width, { fps, frames }, values, colour, [left, span], x) {
  const first = Math.max(0, Math.floor(left * fps) - 1);
  const last = Math.min(frames - 1, Math.ceil((left + span) * fps));
  // No more points than there are pixels, or a long motion would be slow to draw.
  const step = Math.max(1, Math.floor((last - first) / (2 * width)));
  context.strokeStyle = colour;
  context.lineWidth = 1.5;
  context.beginPath();
  for (let i = first; i <= last; i += step) {
    context.lineTo(x((i + 0.5) / fps), CURVES_HEIGHT - 3 - (values[i] / 255) * (CURVES_HEIGHT - 6));
  }
  context.stroke();
}

/** The whole motion in a narrow bar: how far the first curve goes, and what is seen above. */
function drawOverview(context, width, motion, curve, [left, span]) {
  const top = CURVES_HEIGHT;
  context.fillStyle = "#22272f";
  context.fillRect(0, top, width, SEEK_HEIGHT);
  context.fillStyle = "#39424f";
  context.fillRect(
    (left / motion.duration) * width, top, (span / motion.duration) * width, SEEK_HEIGHT,
  );
  if (!curve) return;
  const values = motion.channel(curve.index);
  context.fillStyle = curve.colour;
  for (let column = 0; column < width; column++) {
    const from = Math.floor((column / width) * motion.frames);
    const to = Math.max(from + 1, Math.floor(((column + 1) / width) * motion.frames));
    let most = 0;
    for (let i = from; i < to; i++) most = Math.max(most, values[i]);
    const high = (most / 255) * (SEEK_HEIGHT - 4);
    context.fillRect(column, top + SEEK_HEIGHT - 2 - high, 1, high);
  }
}

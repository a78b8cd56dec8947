// Preview Motion's player: the head's video, the curves under it, and a line to scrub along.
// A plain DOM widget, so that the canvas renderer and the Vue renderer both show it.
// The host loads every file here as an extension; this one registers none.

import { app } from "../../scripts/app.js";
import { api } from "../../scripts/api.js";
import { CURVES_HEIGHT, Motion, SEEK_HEIGHT, clamp, drawCurves } from "./curves.js";

const COLOURS = ["#ff705c", "#5cbeff", "#ffcd54", "#76de8a", "#cd92ff", "#ff96cd", "#78e2dc", "#e6b078"];
const SHOWN = 5; // curves at first: the liveliest ones
const WINDOW = 6; // seconds of curves to be seen
export const HEIGHT = 460; // of the player, at least

const TEXT = {
  en: {
    empty: "Run the graph to see the motion here.",
    gone: "The preview is gone: the host empties its temporary folder when it starts. Run again.",
    play: "Play or pause (space)",
    loop: "Play over and over",
    mute: "Sound on or off",
    add: "+ curve",
    remove: "Hide this curve",
    frame: "frame",
    next: "Next motion of the batch",
    upload: "choose file to upload",
    refused: (file, why) => `${file} could not be uploaded: ${why}`,
  },
  zh: {
    empty: "运行工作流后，动作会显示在这里。",
    gone: "预览已不存在：主机启动时会清空临时文件夹。请重新运行。",
    play: "播放或暂停（空格键）",
    loop: "循环播放",
    mute: "打开或关闭声音",
    add: "+ 曲线",
    remove: "隐藏这条曲线",
    frame: "帧",
    next: "批次中的下一个动作",
    upload: "选择要上传的文件",
    refused: (file, why) => `无法上传 ${file}：${why}`,
  },
};

export const STYLE = `
.dreamtalk-player { display: flex; flex-direction: column; gap: 4px; width: 100%; height: 100%;
  min-height: ${HEIGHT}px; box-sizing: border-box; padding: 4px; overflow: hidden; outline: none;
  font: 11px/1.3 system-ui, sans-serif; color: var(--input-text, #ddd); }
.dreamtalk-player video { flex: 1 1 0; min-height: 60px; width: 100%; object-fit: contain;
  background: #1e2229; border-radius: 4px; }
.dreamtalk-player canvas { flex: none; width: 100%; border-radius: 4px; cursor: ew-resize;
  touch-action: none; }
.dreamtalk-row { display: flex; flex: none; flex-wrap: wrap; align-items: center; gap: 4px; }
.dreamtalk-row button, .dreamtalk-row select { font: inherit; color: inherit; min-width: 24px;
  height: 22px; padding: 0 6px; border: 1px solid var(--border-color, #555); border-radius: 4px;
  background: var(--comfy-input-bg, #222); cursor: pointer; }
.dreamtalk-row button[aria-pressed="false"] { opacity: 0.5; }
.dreamtalk-row button:focus-visible, .dreamtalk-row select:focus-visible { outline: 2px solid #5cbeff; }
.dreamtalk-time { flex: 1; text-align: right; font-variant-numeric: tabular-nums;
  white-space: nowrap; }
.dreamtalk-curves { max-height: 50px; overflow-y: auto; }
.dreamtalk-row .dreamtalk-curve { border: none; font-variant-numeric: tabular-nums; }
.dreamtalk-row .dreamtalk-add { max-width: 80px; }
.dreamtalk-notice { flex: 1; display: grid; place-items: center; text-align: center; opacity: 0.7;
  padding: 8px; }
.dreamtalk-player [hidden] { display: none; }
`;

/** The texts in the language that the frontend is set to. */
export function language() {
  const locale = app.extensionManager?.setting?.get("Comfy.Locale") ?? "en";
  return TEXT[locale.split("-")[0]] ?? TEXT.en;
}

export function element(kind, className, properties = {}) {
  const made = Object.assign(document.createElement(kind), properties);
  if (className) made.className = className;
  return made;
}

function address(file) {
  const query = new URLSearchParams({
    filename: file.filename,
    subfolder: file.subfolder,
    type: file.type,
  });
  return api.apiURL(`/view?${query}`);
}

function clock(seconds) {
  const hundredths = Math.floor(seconds * 100 + 1e-6);
  const rest = String((hundredths % 6000) / 100).split(".");
  return `${Math.floor(hundredths / 6000)}:${rest[0].padStart(2, "0")}.${(rest[1] ?? "").padEnd(2, "0")}`;
}

/** What Preview Motion shows: `root` is its element. */
export class Player {
  constructor() {
    const text = (this.text = language());
    this.root = element("div", "dreamtalk-player", { tabIndex: 0 });
    this.notice = element("div", "dreamtalk-notice", { textContent: text.empty });
    this.video = element("video", "", { loop: true, playsInline: true, preload: "auto" });
    this.canvas = element("canvas", "");
    this.playButton = element("button", "", { title: text.play, textContent: "▶" });
    this.loopButton = element("button", "", { title: text.loop, textContent: "↻" });
    this.muteButton = element("button", "", { title: text.mute, textContent: "♪" });
    this.nextButton = element("button", "", { title: text.next });
    this.time = element("span", "dreamtalk-time");
    this.controls = element("div", "dreamtalk-row");
    this.controls.append(
      this.playButton, this.loopButton, this.muteButton, this.nextButton, this.time,
    );
    this.curves = element("div", "dreamtalk-row dreamtalk-curves");
    this.root.append(this.notice, this.video, this.canvas, this.controls, this.curves);
    this.messages = []; // what the node sent of each motion of its batch, see nodes/preview.py
    this.motion = null;
    this.chosen = []; // [{ index, colour, label }]
    this.showParts(false);
    this.listen();
  }

  listen() {
    const { video, root, canvas } = this;
    this.playButton.onclick = () => this.toggle();
    this.loopButton.onclick = () => this.press(this.loopButton, (video.loop = !video.loop));
    this.muteButton.onclick = () => this.press(this.muteButton, !(video.muted = !video.muted));
    this.nextButton.onclick = () => this.open((this.shown + 1) % this.messages.length);
    for (const name of ["play", "pause", "seeked", "loadeddata", "ended"]) {
      video.addEventListener(name, () => this.update());
    }
    video.addEventListener("error", () => this.notify(this.text.gone));
    video.addEventListener("click", () => this.toggle());
    canvas.addEventListener("pointerdown", (event) => this.grab(event));
    canvas.addEventListener("pointermove", (event) => this.drag(event));
    canvas.addEventListener("lostpointercapture", () => (this.grabbed = null));
    root.addEventListener("keydown", (event) => this.key(event));
    // The graph's own dragging and shortcuts end where the player begins.
    for (const name of ["pointerdown", "mousedown", "dblclick", "keyup"]) {
      root.addEventListener(name, (event) => event.stopPropagation());
    }
    root.addEventListener("wheel", (event) => {
      if (!event.target.closest(".dreamtalk-curves")) app.canvas.processMouseWheel(event);
    });
    this.sizes = new ResizeObserver(() => this.draw());
    this.sizes.observe(canvas);
  }

  press(button, on) {
    button.setAttribute("aria-pressed", on);
  }

  showParts(on) {
    this.notice.hidden = on;
    for (const part of [this.video, this.canvas, this.controls, this.curves]) part.hidden = !on;
  }

  /** A text in place of the player. */
  notify(text) {
    this.notice.textContent = text;
    this.showParts(false);
  }

  async show(messages) {
    this.messages = messages;
    await this.open(0);
  }

  /** Show one motion of the batch. */
  async open(index) {
    this.shown = index;
    const message = this.messages[index];
    const answer = await fetch(address(message.curves));
    if (!answer.ok) {
      this.notify(this.text.gone);
      return;
    }
    const values = new Uint8Array(await answer.arrayBuffer());
    if (message !== this.messages[this.shown]) return; // another one was opened meanwhile
    const labels = this.chosen.map(({ label }) => label);
    this.motion = new Motion(message, values);
    this.video.src = address(message);
    this.nextButton.hidden = this.messages.length < 2;
    this.nextButton.textContent = `${index + 1}/${this.messages.length} ›`;
    this.choose(labels.length ? labels : this.motion.liveliest().slice(0, SHOWN));
    this.press(this.loopButton, this.video.loop);
    this.press(this.muteButton, !this.video.muted);
    this.showParts(true);
    this.update();
  }

  /** Show these channels, by name. */
  choose(names) {
    const { motion, curves } = this;
    this.chosen = names
      .filter((name) => motion.names.includes(name))
      .slice(0, COLOURS.length)
      .map((label, at) => ({ label, index: motion.names.indexOf(label), colour: COLOURS[at] }));
    curves.replaceChildren();
    for (const curve of this.chosen) {
      curve.chip = element("button", "dreamtalk-curve", { title: this.text.remove });
      curve.chip.style.color = curve.colour;
      curve.chip.onclick = () =>
        this.choose(this.chosen.filter((other) => other !== curve).map(({ label }) => label));
      curves.append(curve.chip);
    }
    if (this.chosen.length < COLOURS.length) {
      const add = element("select", "dreamtalk-add");
      add.append(new Option(this.text.add, ""));
      for (const name of motion.names.filter((name) => !this.chosen.some((c) => c.label === name))) {
        add.append(new Option(name, name));
      }
      add.onchange = () => this.choose([...this.chosen.map(({ label }) => label), add.value]);
      curves.append(add);
    }
    this.update();
  }

  get frame() {
    return this.motion.frame(this.video.currentTime);
  }

  seek(seconds) {
    // The middle of a frame: no rounding shows its neighbour.
    this.video.currentTime = (this.motion.frame(seconds) + 0.5) / this.motion.fps;
    this.update();
  }

  toggle() {
    if (this.video.paused) this.video.play();
    else this.video.pause();
  }

  key(event) {
    if (event.target instanceof HTMLSelectElement || !this.motion) return;
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) this.seek((this.frame + step + 0.5) / this.motion.fps);
    else if (event.key === " ") this.toggle();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** What the curves span, [first second, seconds]: the playhead is in the middle, away from the
   * ends. */
  get window() {
    const { duration } = this.motion;
    const span = Math.min(WINDOW, duration);
    return [clamp(this.video.currentTime - span / 2, 0, duration - span), span];
  }

  grab(event) {
    if (event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    const y = event.offsetY * (this.canvas.clientHeight / this.canvas.offsetHeight);
    // The window stays where it is while it is scrubbed in.
    this.grabbed = y > CURVES_HEIGHT ? [0, this.motion.duration] : this.window;
    this.drag(event);
  }

  drag(event) {
    if (!this.grabbed) return;
    const [left, span] = this.grabbed;
    this.seek(left + (event.offsetX / this.canvas.clientWidth) * span);
  }

  /** Times, values and curves as they are now; goes on by itself while the video plays. */
  update() {
    if (!this.motion) return;
    cancelAnimationFrame(this.next);
    const { video, motion, frame } = this;
    this.playButton.textContent = video.paused ? "▶" : "❚❚";
    this.time.textContent =
      `${clock(motion.start + video.currentTime)} / ${clock(motion.start + motion.duration)}` +
      ` · ${this.text.frame} ${frame}`;
    for (const { chip, label, index } of this.chosen) {
      chip.textContent = `${label} ${(motion.channel(index)[frame] / 255).toFixed(2)}`;
    }
    this.draw();
    if (!video.paused) this.next = requestAnimationFrame(() => this.update());
  }

  draw() {
    const { canvas, motion, chosen } = this;
    if (!motion || !canvas.clientWidth) return;
    const scale = window.devicePixelRatio;
    const width = canvas.clientWidth;
    const height = CURVES_HEIGHT + SEEK_HEIGHT;
    canvas.style.height = `${height}px`;
    if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
    if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
    const context = canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    drawCurves(context, width, {
      motion,
      curves: chosen,
      time: this.video.currentTime,
      view: this.grabbed ?? this.window,
      window: this.window,
    });
  }

  close() {
    cancelAnimationFrame(this.next);
    this.sizes.disconnect();
    this.video.removeAttribute("src");
    this.video.load();
  }
}

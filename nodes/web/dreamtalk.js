// Preview Motion's player: the head's video, the curves under it, and a line to scrub along.
// A plain DOM widget, so that the canvas renderer and the Vue renderer both show it.
// Besides: Load Speech's upload button, and the demo portrait's new name.

import { app } from "../../scripts/app.js";
import { api } from "../../scripts/api.js";

const PLAYER = "DreamTalkPreviewMotion";
const SPEECH = "DreamTalkLoadSpeech";
const PORTRAIT = "DreamTalkLoadPortrait";
const DEMO = "dreamtalk_demo_portrait.jpg"; // as in nodes/load_portrait.py
const FORMER = "demo portrait";
const COLOURS = ["#ff705c", "#5cbeff", "#ffcd54", "#76de8a", "#cd92ff", "#ff96cd", "#78e2dc", "#e6b078"];
const SHOWN = 5; // curves at first: the liveliest ones
const WINDOW = 6; // seconds of curves to be seen
const CURVES_HEIGHT = 110;
const SEEK_HEIGHT = 22;
const HEIGHT = 460; // of the player, at least

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
    take: "Next motion of the batch",
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
    take: "批次中的下一个动作",
    upload: "选择要上传的文件",
    refused: (file, why) => `无法上传 ${file}：${why}`,
  },
};

const STYLE = `
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
.dreamtalk-said { flex: 1; display: grid; place-items: center; text-align: center; opacity: 0.7;
  padding: 8px; }
.dreamtalk-player [hidden] { display: none; }
`;

function language() {
  const locale = app.extensionManager?.setting?.get("Comfy.Locale") ?? "en";
  return TEXT[locale.split("-")[0]] ?? TEXT.en;
}

function element(kind, className, properties = {}) {
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

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** One motion: `values` is Uint8Array [names.length * frames], one channel after the other. */
class Motion {
  constructor(told, values) {
    this.names = told.names;
    this.frames = told.frames;
    this.fps = told.fps[0] / told.fps[1];
    this.start = told.start;
    this.values = values;
    this.duration = this.frames / this.fps;
  }

  channel(index) {
    return this.values.subarray(index * this.frames, (index + 1) * this.frames);
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

class Player {
  constructor() {
    const text = (this.text = language());
    this.root = element("div", "dreamtalk-player", { tabIndex: 0 });
    this.said = element("div", "dreamtalk-said", { textContent: text.empty });
    this.video = element("video", "", { loop: true, playsInline: true, preload: "auto" });
    this.canvas = element("canvas", "");
    this.playButton = element("button", "", { title: text.play, textContent: "▶" });
    this.loopButton = element("button", "", { title: text.loop, textContent: "↻" });
    this.muteButton = element("button", "", { title: text.mute, textContent: "♪" });
    this.takeButton = element("button", "", { title: text.take });
    this.time = element("span", "dreamtalk-time");
    this.controls = element("div", "dreamtalk-row");
    this.controls.append(
      this.playButton, this.loopButton, this.muteButton, this.takeButton, this.time,
    );
    this.curves = element("div", "dreamtalk-row dreamtalk-curves");
    this.root.append(this.said, this.video, this.canvas, this.controls, this.curves);
    this.takes = [];
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
    this.takeButton.onclick = () => this.open((this.take + 1) % this.takes.length);
    for (const name of ["play", "pause", "seeked", "loadeddata", "ended"]) {
      video.addEventListener(name, () => this.update());
    }
    video.addEventListener("error", () => this.say(this.text.gone));
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
    this.said.hidden = on;
    for (const part of [this.video, this.canvas, this.controls, this.curves]) part.hidden = !on;
  }

  say(text) {
    this.said.textContent = text;
    this.showParts(false);
  }

  /** takes: what the node told of each motion, see nodes/preview.py. */
  async show(takes) {
    this.takes = takes;
    await this.open(0);
  }

  async open(take) {
    this.take = take;
    const told = this.takes[take];
    const answer = await fetch(address(told.curves));
    if (!answer.ok) {
      this.say(this.text.gone);
      return;
    }
    const values = new Uint8Array(await answer.arrayBuffer());
    if (told !== this.takes[this.take]) return; // another one was opened meanwhile
    const kept = this.chosen.map(({ label }) => label);
    this.motion = new Motion(told, values);
    this.video.src = address(told);
    this.takeButton.hidden = this.takes.length < 2;
    this.takeButton.textContent = `${take + 1}/${this.takes.length} ›`;
    this.choose(kept.length ? kept : this.motion.liveliest().slice(0, SHOWN));
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
    return clamp(Math.floor(this.video.currentTime * this.motion.fps + 1e-3), 0, this.motion.frames - 1);
  }

  seek(seconds) {
    const { fps, frames } = this.motion;
    // The middle of a frame: no rounding shows its neighbour.
    const frame = clamp(Math.floor(seconds * fps + 1e-3), 0, frames - 1);
    this.video.currentTime = (frame + 0.5) / fps;
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

  /** Seconds from left to right of the curves. */
  get window() {
    return Math.min(WINDOW, this.motion.duration);
  }

  /** Where the curves begin, in seconds: the playhead is in the middle, away from the ends. */
  get left() {
    return clamp(this.video.currentTime - this.window / 2, 0, this.motion.duration - this.window);
  }

  grab(event) {
    if (event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    const y = event.offsetY * (this.canvas.clientHeight / this.canvas.offsetHeight);
    // The window stays where it is while it is scrubbed in.
    this.grabbed = y > CURVES_HEIGHT ? [0, this.motion.duration] : [this.left, this.window];
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
    const ink = canvas.getContext("2d");
    ink.setTransform(scale, 0, 0, scale, 0, 0);
    ink.fillStyle = "#16191e";
    ink.fillRect(0, 0, width, height);
    const left = this.grabbed ? this.grabbed[0] : this.left;
    const span = this.grabbed ? this.grabbed[1] : this.window;
    const x = (seconds) => ((seconds - left) / span) * width;
    ink.strokeStyle = "#3a4049";
    ink.fillStyle = "#9aa2ad";
    ink.font = "9px system-ui, sans-serif";
    const every = [0.5, 1, 2, 5, 10, 30, 60, 300].find((step) => (step / span) * width > 45) ?? 600;
    for (let mark = Math.ceil(left / every) * every; mark < left + span; mark += every) {
      ink.beginPath();
      ink.moveTo(x(mark), 0);
      ink.lineTo(x(mark), CURVES_HEIGHT);
      ink.stroke();
      ink.fillText(`${+(motion.start + mark).toFixed(1)} s`, x(mark) + 3, 10);
    }
    for (const { index, colour } of chosen) {
      this.line(ink, motion.channel(index), colour, left, span, width);
    }
    this.overview(ink, width);
    ink.strokeStyle = "#d6dbe2";
    ink.lineWidth = 1.5;
    const now = this.video.currentTime;
    for (const [place, top, bottom] of [
      [x(now), 0, CURVES_HEIGHT],
      [(now / motion.duration) * width, CURVES_HEIGHT, height],
    ]) {
      ink.beginPath();
      ink.moveTo(place, top);
      ink.lineTo(place, bottom);
      ink.stroke();
    }
  }

  line(ink, values, colour, left, span, width) {
    const { fps, frames } = this.motion;
    const first = Math.max(0, Math.floor(left * fps) - 1);
    const last = Math.min(frames - 1, Math.ceil((left + span) * fps));
    // No more points than there are pixels, or a long motion would be slow to draw.
    const step = Math.max(1, Math.floor((last - first) / (2 * width)));
    ink.strokeStyle = colour;
    ink.lineWidth = 1.5;
    ink.beginPath();
    for (let i = first; i <= last; i += step) {
      const place = (((i + 0.5) / fps - left) / span) * width;
      ink.lineTo(place, CURVES_HEIGHT - 3 - (values[i] / 255) * (CURVES_HEIGHT - 6));
    }
    ink.stroke();
  }

  /** The whole motion in a narrow bar: how far the first curve goes, and what is seen above. */
  overview(ink, width) {
    const { motion, chosen } = this;
    const top = CURVES_HEIGHT;
    ink.fillStyle = "#22272f";
    ink.fillRect(0, top, width, SEEK_HEIGHT);
    ink.fillStyle = "#39424f";
    ink.fillRect(
      (this.left / motion.duration) * width, top, (this.window / motion.duration) * width, SEEK_HEIGHT,
    );
    if (!chosen.length) return;
    const values = motion.channel(chosen[0].index);
    ink.fillStyle = chosen[0].colour;
    for (let column = 0; column < width; column++) {
      const from = Math.floor((column / width) * motion.frames);
      const to = Math.max(from + 1, Math.floor(((column + 1) / width) * motion.frames));
      let most = 0;
      for (let i = from; i < to; i++) most = Math.max(most, values[i]);
      const high = (most / 255) * (SEEK_HEIGHT - 4);
      ink.fillRect(column, top + SEEK_HEIGHT - 2 - high, 1, high);
    }
  }

  close() {
    cancelAnimationFrame(this.next);
    this.sizes.disconnect();
    this.video.removeAttribute("src");
    this.video.load();
  }
}

/** `after` is called with the same arguments once the node's own method has been. */
function chain(prototype, name, after) {
  const before = prototype[name];
  prototype[name] = function (...given) {
    const result = before?.apply(this, given);
    after.apply(this, given);
    return result;
  };
}

/** What the frontend calls a node in its tables of outputs and previews. */
function locator(node) {
  return node.graph.isRootGraph ? `${node.id}` : `${node.graph.id}:${node.id}`;
}

/** Back from another workflow's tab: outputs are still known, but come some time after the nodes. */
function recall(node, tries) {
  if (!node.graph || node.dreamtalk.motion) return;
  const told = app.nodeOutputs[locator(node)]?.dreamtalk_preview;
  if (told?.length) node.dreamtalk.show(told);
  else if (tries) setTimeout(() => recall(node, tries - 1), 100);
}

function addPlayer(prototype) {
  chain(prototype, "onNodeCreated", function () {
    const player = (this.dreamtalk = new Player());
    this.addDOMWidget("player", "dreamtalk-player", player.root, {
      serialize: false,
      hideOnZoom: false,
      getMinHeight: () => HEIGHT,
    });
    this.setSize([Math.max(this.size[0], 380), Math.max(this.size[1], HEIGHT + 190)]);
  });
  chain(prototype, "onExecuted", function (output) {
    if (output?.dreamtalk_preview?.length) this.dreamtalk.show(output.dreamtalk_preview);
  });
  chain(prototype, "onConfigure", function () {
    recall(this, 50);
  });
  chain(prototype, "onRemoved", function () {
    this.dreamtalk.close();
  });
}

const widget = (node, called) => node.widgets.find(({ name }) => name === called);

/** Sends a file to the host's input folder; its name there. */
async function upload(file) {
  const body = new FormData();
  body.append("image", file); // what the host calls every upload
  const answer = await api.fetchApi("/upload/image", { method: "POST", body });
  if (!answer.ok) throw new Error(answer.statusText);
  const { name, subfolder } = await answer.json();
  return subfolder ? `${subfolder}/${name}` : name;
}

// The host's own button for sound needs an input called audio, with a player.
function addUpload(prototype) {
  chain(prototype, "onNodeCreated", function () {
    const chosen = widget(this, "file");
    const choose = element("input", "", { type: "file", accept: "audio/*,video/*" });
    choose.onchange = async () => {
      const [file] = choose.files;
      choose.value = ""; // so that the same file can be chosen again
      if (!file) return;
      try {
        const name = await upload(file);
        if (!chosen.options.values.includes(name)) chosen.options.values.push(name);
        chosen.value = name;
        chosen.callback?.(name);
      } catch (error) {
        app.extensionManager.toast.addAlert(language().refused(file.name, error.message));
      }
    };
    // Vue nodes have a button of their own in the list.
    const button = this.addWidget("button", "upload", "", () => choose.click(), {
      serialize: false,
      canvasOnly: true,
    });
    button.label = language().upload;
  });
}

/** Older graphs have another name for the demo portrait, which the frontend cannot show. */
function renameDemo({ nodes, definitions }) {
  for (const node of nodes) {
    if (node.type === PORTRAIT && node.widgets_values?.[0] === FORMER) node.widgets_values[0] = DEMO;
  }
  definitions?.subgraphs?.forEach(renameDemo);
}

app.registerExtension({
  name: "DreamTalk",
  beforeConfigureGraph: renameDemo,
  init() {
    document.head.append(element("style", "", { textContent: STYLE }));
  },
  beforeRegisterNodeDef(nodeType, nodeData) {
    if (nodeData.name === PLAYER) addPlayer(nodeType.prototype);
    if (nodeData.name === SPEECH) addUpload(nodeType.prototype);
  },
});

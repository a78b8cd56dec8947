// The page: a sound goes to the server, its curves come back and move the head with the sound. With a
// photo a video comes back, too, and is played in the place of the head.
import { Head } from "./head.js";
import { TEXTS, ZH } from "./texts.js";

const $ = (id) => document.getElementById(id);
const player = $("player"), stage = $("stage");
const token = location.hash.slice(1);
let language = navigator.language.startsWith("zh") ? "zh" : "en";
let knobs = [], head, motion, name = "speech", job, rounds = 0, pending, silentSince = null;
let sound, photo; // what was sent: {id, file}
const chosen = {};
const text = (key) => TEXTS[language][key] ?? key;

async function ask(path, options = {}) {
  const headers = { ...options.headers, ...(token && { Authorization: `Bearer ${token}` }) };
  let answer;
  try {
    answer = await fetch(path, { ...options, headers });
  } catch {
    throw Error(text("gone"));
  }
  if (!answer.ok) {
    const said = await answer.json().catch(() => null);
    throw Error(said?.error?.message ?? `${answer.status}`);
  }
  return answer;
}

const asJson = async (path, options) => (await ask(path, options)).json();

function say(message, wrong = false) {
  $("state").textContent = message;
  $("state").classList.toggle("wrong", wrong);
}

function order(more = {}) {
  return asJson("/v1/jobs", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ speech: sound.id, style: $("style").value, settings: chosen, ...more }),
  });
}

// Waits for a job; null where another one has taken its place meanwhile.
async function finished(state, round) {
  for (;;) {
    if (round !== rounds) {
      forget(`/v1/jobs/${state.id}`);
      return null;
    }
    if (state.state !== "queued" && state.state !== "running") break;
    const percent = state.progress > 0 ? ` ${Math.round(100 * state.progress)} %` : "";
    say(text(state.state === "queued" ? "queued" : state.stage || "listen") + percent);
    state = await asJson(`/v1/jobs/${state.id}?wait=0.3`);
  }
  if (state.error) throw Error(state.error.message);
  return state;
}

// What takes a while and ends when something else is begun, or it is cancelled. Its errors are told.
async function work(does) {
  const round = ++rounds;
  stage.classList.add("busy");
  try {
    await does(round);
  } catch (error) {
    if (round === rounds) say(error.message, true);
  } finally {
    if (round === rounds) {
      stage.classList.remove("busy");
      document.documentElement.dataset.rounds = round;
    }
  }
}

function cancel() {
  if (!stage.classList.contains("busy")) return;
  work(async () => say(text("cancelled")));
}

const make = (play) => (sound ? work((round) => speak(round, play)) : undefined);

async function speak(round, play) {
  const state = await finished(await order(photo && { portrait: photo.id, video: true }), round);
  if (!state) return;
  const curves = await asJson(state.curves.json);
  const film = state.video && (await (await ask(state.video)).blob());
  if (round !== rounds) return;
  if (job) forget(`/v1/jobs/${job.id}`);
  job = state;
  const [up, down] = curves.fps.split("/").map(Number);
  const places = head.names.map((shape) => curves.channels.indexOf(shape));
  motion = { ...curves, rate: up / (down || 1), places };
  if (film || stage.classList.contains("film")) load(film ?? sound.file, film);
  showResult();
  if (play) start();
}

const forget = (path) => void ask(path, { method: "DELETE" }).catch(() => {});

// What is heard, and of a film seen; it stays where it was.
function load(blob, film) {
  const seconds = player.currentTime;
  URL.revokeObjectURL(player.src);
  player.src = URL.createObjectURL(blob);
  player.currentTime = seconds;
  silentSince = null;
  stage.classList.toggle("film", Boolean(film));
}

function showResult() {
  say(job.emotions.length ? `${text("heard")}: ${job.emotions.join(", ")}` : "");
  $("warnings").replaceChildren(...job.warnings.map((one) => element("li", one)));
  const links = Object.keys(job.curves).map((format) => link(`.${format}`, () => save(job.curves[format], format)));
  $("links").replaceChildren(...links, link(`.mp4 ${text("video")}`, saveVideo));
  $("downloads").hidden = $("transport").hidden = false;
}

function element(tag, content, more = {}) {
  return Object.assign(document.createElement(tag), { textContent: content, ...more });
}

function link(label, action) {
  const button = element("button", label);
  button.onclick = () => action().catch((error) => say(error.message, true));
  return button;
}

async function save(path, ending) {
  const url = URL.createObjectURL(await (await ask(path)).blob());
  element("a", "", { href: url, download: `${name}.${ending}` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}

async function saveVideo() {
  if (job.video) return save(job.video, "mp4");
  return work(async (round) => {
    const state = await finished(await order({ video: true }), round);
    if (!state) return;
    await save(state.video, "mp4");
    say("");
    forget(`/v1/jobs/${state.id}`);
  });
}

// Nothing of what was there before stays: what is shown and kept belongs to what is heard and seen.
function clear() {
  if (job) forget(`/v1/jobs/${job.id}`);
  job = motion = undefined;
  silentSince = null;
  $("downloads").hidden = $("transport").hidden = true;
  $("warnings").replaceChildren();
  player.pause();
}

function keepSound(file, id) {
  if (sound) forget(`/v1/files/${sound.id}`);
  sound = { file, id };
  name = file.name.replace(/\.[^.]*$/, "") || "speech";
  player.currentTime = 0;
  load(file);
}

// No file: the built-in head speaks again.
function keepPhoto(file, id) {
  if (photo) forget(`/v1/files/${photo.id}`);
  photo = file && { file, id };
  URL.revokeObjectURL($("photo").src);
  if (file) Object.assign($("photo"), { src: URL.createObjectURL(file), alt: file.name });
  stage.classList.toggle("photo", Boolean(file));
  $("photo").hidden = $("built-in").hidden = !file;
  if (stage.classList.contains("film")) load(sound.file);
}

const isPhoto = ({ name, type }) => type.startsWith("image/") || /\.(avif|bmp|heic|jpe?g|png|tiff?|webp)$/i.test(name);

// Files that were dropped or chosen: a sound, a photo, or both.
function take(files) {
  return work(async (round) => {
    clear();
    say(text("upload"));
    for (const [file, keep] of [[files.find(isPhoto), keepPhoto], [files.find((one) => !isPhoto(one)), keepSound]]) {
      if (!file) continue;
      const { id } = await asJson("/v1/files", { method: "POST", body: file });
      if (round !== rounds) return forget(`/v1/files/${id}`);
      keep(file, id);
    }
    if (sound) await speak(round, true);
    else say(text("photo"));
  });
}

async function tryOut(...names) {
  try {
    const blobs = names.map(async (one) => new File([await (await ask(one)).blob()], one));
    await take(await Promise.all(blobs));
  } catch (error) {
    say(error.message, true);
  }
}

// Where the sound is, in seconds; of one that cannot be played, where it would be.
function now() {
  if (silentSince === null) return player.currentTime;
  return Math.min((performance.now() - silentSince) / 1000, length());
}

const length = () => (motion ? motion.weights.length / motion.rate : player.duration || 0);

async function start() {
  try {
    await player.play();
  } catch (error) {
    if (error.name !== "NotSupportedError") return; // the browser wants a click first
    silentSince = performance.now();
    say(text(stage.classList.contains("film") ? "unseen" : "silent"));
  }
}

// Weights and turn of the head at a moment: frame i is the instant (i + 0.5) / fps.
function poseAt(seconds) {
  if (!motion?.weights.length) return [[], [0, 0, 0]];
  const last = motion.weights.length - 1;
  const place = Math.min(Math.max(seconds * motion.rate - 0.5, 0), last);
  const first = Math.floor(place), share = place - first, next = Math.min(first + 1, last);
  const blend = (rows, at) => (rows[first][at] ?? 0) * (1 - share) + (rows[next][at] ?? 0) * share;
  const turn = motion.head_rotation ? [0, 1, 2].map((axis) => blend(motion.head_rotation, axis)) : [0, 0, 0];
  return [motion.places.map((at) => (at < 0 ? 0 : blend(motion.weights, at))), turn];
}

function clock(seconds) {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}

function frame() {
  const seconds = now();
  if (!photo) head.draw(...poseAt(seconds));
  if (motion && document.activeElement !== $("seek")) $("seek").value = seconds / (length() || 1);
  $("time").textContent = clock(seconds);
  $("play").textContent = player.paused ? "▶" : "❚❚";
  document.documentElement.dataset.seconds = seconds;
  requestAnimationFrame(frame);
}

function change(knob, value, row) {
  if (value === knob.default || Number.isNaN(value)) delete chosen[knob.name];
  else chosen[knob.name] = value;
  row.classList.toggle("changed", knob.name in chosen);
  clearTimeout(pending);
  pending = setTimeout(() => make(!player.paused), 350);
}

function knobRow(knob) {
  const row = element("label", "", { className: "row", title: knob.help });
  const slider = knob.kind === "float" && knob.name !== "fps";
  const input = element("input", "", { type: slider ? "range" : "number", name: knob.name });
  const most = slider ? knob.most : Math.min(knob.most, knob.name === "fps" ? 240 : Number.MAX_SAFE_INTEGER);
  const step = slider ? (most - knob.least > 10 ? 1 : 0.05) : knob.kind === "int" ? 1 : "any";
  Object.assign(input, { min: knob.least, max: most, step, value: chosen[knob.name] ?? knob.default ?? "" });
  row.append(element("span", language === "zh" ? (ZH[knob.name] ?? knob.label) : knob.label), input);
  row.classList.toggle("changed", knob.name in chosen);
  const shown = element("output", slider ? Number(input.value).toFixed(2) : "");
  if (slider) row.append(shown);
  input.oninput = () => {
    if (slider) shown.textContent = Number(input.value).toFixed(2);
    if (input.checkValidity()) change(knob, input.valueAsNumber, row);
  };
  return row;
}

// Nobody else speaks here: what a listener does is left out.
function showKnobs() {
  const groups = Object.groupBy
    ? Object.groupBy(knobs, (knob) => knob.group)
    : knobs.reduce((all, knob) => ({ ...all, [knob.group]: [...(all[knob.group] ?? []), knob] }), {});
  const open = new Set([...document.querySelectorAll("details[open]")].map((one) => one.dataset.group));
  $("knobs").replaceChildren(...Object.entries(groups).filter(([group]) => group !== "Listener").map(([group, own]) => {
    const box = element("details", "", { open: open.size ? open.has(group) : true });
    box.dataset.group = group;
    box.append(element("summary", text(group)), ...own.map(knobRow));
    return box;
  }));
}

function translate() {
  document.documentElement.lang = language;
  for (const one of document.querySelectorAll("[data-text]")) one.textContent = text(one.dataset.text);
  $("language").textContent = language === "zh" ? "English" : "中文";
  if ($("style").options.length) $("style").options[0].textContent = text("auto");
  showKnobs();
  if (job) showResult();
}

function listen() {
  $("language").onclick = () => { language = language === "zh" ? "en" : "zh"; translate(); };
  $("file").onchange = ({ target }) => { take([...target.files]); target.value = ""; };
  $("demo").onclick = () => tryOut("demo.flac");
  $("demo-photo").onclick = () => tryOut("demo.jpg", ...(sound ? [] : ["demo.flac"]));
  $("built-in").onclick = () => { clear(); keepPhoto(); make(true); };
  $("cancel").onclick = cancel;
  $("photo").onerror = () => { $("photo").hidden = true; }; // the server may know pictures that a browser does not
  addEventListener("keydown", (event) => { if (event.key === "Escape") cancel(); });
  $("style").onchange = () => make(!player.paused);
  $("reset").onclick = () => { for (const one in chosen) delete chosen[one]; showKnobs(); make(!player.paused); };
  $("play").onclick = () => (player.paused ? start() : player.pause());
  $("seek").oninput = () => { player.currentTime = $("seek").value * length(); };
  $("seek").onchange = () => $("seek").blur();
  addEventListener("dragover", (event) => { event.preventDefault(); stage.classList.add("over"); });
  addEventListener("dragleave", () => stage.classList.remove("over"));
  addEventListener("drop", (event) => {
    event.preventDefault();
    stage.classList.remove("over");
    if (event.dataTransfer.files.length) take([...event.dataTransfer.files]);
  });
  $("head").onpointermove = (event) => {
    if (event.buttons) head.around = Math.max(-1.2, Math.min(1.2, head.around - event.movementX / 200));
  };
}

async function begin() {
  listen();
  translate();
  try {
    [head, knobs] = await Promise.all([Head.load($("head"), "head.glb"), asJson("/v1/parameters")]);
    const styles = await asJson("/v1/styles");
    $("style").replaceChildren(...["auto", ...styles].map((one) => element("option", one, { value: one })));
    translate();
    requestAnimationFrame(frame);
    document.documentElement.dataset.ready = "yes";
  } catch (error) {
    say(error.message, true);
  }
}

begin();

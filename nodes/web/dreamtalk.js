// What the pack adds to the host's frontend: Preview Motion's player, Load Speech's upload button and
// player, colours, and what older graphs lack.

import { app } from "../../scripts/app.js";
import { api } from "../../scripts/api.js";
import { COLOUR_STYLE, colourTypes } from "./colours.js";
import { HEIGHT, Player, STYLE, element, language } from "./player.js";
import { addSoundPlayer } from "./sound.js";

const PLAYER = "DreamTalkPreviewMotion";
const SPEECH = "DreamTalkLoadSpeech";
const PORTRAIT = "DreamTalkLoadPortrait";
const SAMPLE = "DreamTalkSampleMotion";
const BEFORE_TONGUE = 19;
const TONGUE = 9;
const DEMO = "dreamtalk_demo_portrait.jpg"; // as in nodes/load_portrait.py
const FORMER = "demo portrait";
const SOUNDS = "audio/*,video/*"; // what speech is taken from

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
function restore(node, tries) {
  if (!node.graph || node.dreamtalk.motion) return;
  const messages = app.nodeOutputs[locator(node)]?.dreamtalk_preview;
  if (messages?.length) node.dreamtalk.show(messages);
  else if (tries) setTimeout(() => restore(node, tries - 1), 100);
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
    restore(this, 50);
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
    const choose = element("input", "", { type: "file", accept: SOUNDS });
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
    this.dreamtalkFollow = addSoundPlayer(this, chosen);
  });
  chain(prototype, "onConfigure", function () {
    this.dreamtalkFollow();
  });
}

/** The button of Vue nodes asks for sound alone; here a video will do as well. */
function acceptVideos({ target }) {
  if (target.type !== "file" || target.accept !== "audio/*") return;
  const id = target.closest("[data-node-id]")?.dataset.nodeId;
  if (app.canvas.graph.getNodeById(id)?.type === SPEECH) target.accept = SOUNDS;
}

/**
 * Older graphs have another name for the demo portrait, which the frontend cannot show, and no tongue
 * among the values of Sample Motion, which it takes by their place.
 */
function bringUpToDate({ nodes, definitions }) {
  for (const { type, widgets_values: values } of nodes) {
    if (type === PORTRAIT && values?.[0] === FORMER) values[0] = DEMO;
    if (type === SAMPLE && values?.length === BEFORE_TONGUE) values.splice(TONGUE, 0, 1);
  }
  definitions?.subgraphs?.forEach(bringUpToDate);
}

const types = new Set(); // of sockets, as the nodes have them

app.registerExtension({
  name: "DreamTalk",
  beforeConfigureGraph: bringUpToDate,
  init() {
    document.head.append(element("style", "", { textContent: STYLE + COLOUR_STYLE }));
    document.addEventListener("click", acceptVideos, true);
  },
  setup() {
    colourTypes(types);
  },
  beforeRegisterNodeDef(nodeType, nodeData) {
    for (const [type] of Object.values({ ...nodeData.input?.required, ...nodeData.input?.optional }))
      if (String(type).startsWith("DREAMTALK_")) types.add(type);
    if (nodeData.name === PLAYER) addPlayer(nodeType.prototype);
    if (nodeData.name === SPEECH) addUpload(nodeType.prototype);
  },
});

// Load Speech's player: the file that is chosen, to be heard before the graph runs. The host loads
// every file here as an extension; this one registers none.

import { api } from "../../scripts/api.js";
import { element } from "./player.js";

const DEMO = { "demo voice": "dreamtalk/demo_voice.flac" }; // as in nodes/speech.py
const HEIGHT = 40, MARGIN = 2; // pixels, of the widget and around what is in it

/** Where the host serves a file that a widget names: "folder/name.wav" or "name.wav [output]". */
function address(value) {
  const [, path, type] = /^(.*?)(?: \[(input|output|temp)\])?$/.exec(DEMO[value] ?? value);
  const at = path.lastIndexOf("/");
  const query = { filename: path.slice(at + 1), subfolder: path.slice(0, Math.max(at, 0)) };
  return api.apiURL(`/view?${new URLSearchParams({ ...query, type: type ?? "input" })}`);
}

/** Adds the player below a node's widgets; it follows the widget `chosen`. */
export function addSoundPlayer(node, chosen) {
  const player = element("audio", "", { controls: true, preload: "metadata" });
  // Vue nodes would share out a height of their own, which is none.
  player.style.cssText = `width: 100%; min-height: ${HEIGHT - 2 * MARGIN}px;`;
  const follow = () => {
    player.src = address(chosen.value);
  };
  const before = chosen.callback;
  chosen.callback = function (...given) {
    before?.apply(this, given);
    follow();
  };
  node.addDOMWidget("player", "dreamtalk-sound", player, {
    serialize: false,
    hideOnZoom: false,
    getMinHeight: () => HEIGHT,
    getMaxHeight: () => HEIGHT,
    margin: MARGIN,
  });
  node.setSize([node.size[0], Math.max(node.size[1], node.computeSize()[1])]);
  follow();
  return follow;
}

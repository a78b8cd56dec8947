// The colours of our sockets and links. The host loads every file here as an extension; this one
// registers none.

import { app } from "../../scripts/app.js";

const COLOURS = {
  DREAMTALK_SPEECH: "#2dd4bf",
  DREAMTALK_STYLE: "#c6e03a",
  DREAMTALK_MOTION: "#ff8552",
  DREAMTALK_MODEL: "#b39ddb", // as the host's MODEL
};

/** Vue nodes take colours from variables of the page. */
export const COLOUR_STYLE = `body { ${Object.entries(COLOURS)
  .map(([type, colour]) => `--color-datatype-${type}: ${colour};`)
  .join(" ")} }`;

/** A colour in one of the frontend's tables. A palette that has none for our type sets it to "". */
function offer(table, type, colour) {
  let chosen = table[type];
  Object.defineProperty(table, type, {
    get: () => chosen || colour,
    set: (value) => (chosen = value),
    enumerable: true,
    configurable: true,
  });
}

/** The canvas has two tables, of sockets and of links. `types`: all that inputs have, such as
 * "DREAMTALK_SPEECH,AUDIO", which gets the colour of the first. */
export function colourTypes(types) {
  const tables = [app.canvas.default_connection_color_byType, LGraphCanvas.link_type_colors];
  for (const type of new Set([...Object.keys(COLOURS), ...types])) {
    const colour = COLOURS[type.split(",").find((one) => one in COLOURS)];
    if (colour) tables.forEach((table) => offer(table, type, colour));
  }
}

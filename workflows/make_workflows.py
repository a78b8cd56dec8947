"""Make the workflow templates, their pictures and the blueprints, with a real ComfyUI.

    python -m workflows.make_workflows [NAME ...]

What they hold is in `templates`; the host's own frontend lays them out, runs them and is
photographed. Needs the environment that `python run.py test` makes.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import av
from PIL import Image

from dreamtalk_core.files import atomic_write
from tests.integration import host_nodes, hosts
from tests.integration.browser import Frontend, open_frontend
from tests.integration.comfy import Comfy
from workflows.parts import Template
from workflows.templates import BLUEPRINTS, TEMPLATES, Blueprint

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS, SUBGRAPHS = ROOT / "workflows", ROOT / "subgraphs"

GAP_X, GAP_Y = 60, 90
"""Nodes 2.0 draws a node up to 50 pixels taller."""
FOLDED = 225
"""How wide Nodes 2.0 draws a node that is folded up."""
SIDE, HIGHEST = 1024, 512
"""Of a template's picture in pixels: its width, and how high its results are at most."""
MOMENTS = 0.6
"""Seconds between two moments of a video."""

# Builds a template in the frontend and gives the workflow as JSON.
_BUILD = """([template, gapX, gapY, folded]) => {
  const graph = app.graph, made = {};
  app.clean();
  graph.clear();
  const put = (node, x, y) => { graph.add(node); node.pos = [x, y]; return node; };
  const note = { type: "MarkdownNote", title: "About this workflow", size: template.note_size,
    values: { "": template.note } };
  let x = 0;
  for (const column of template.columns) {
    let y = 0, width = 0;
    for (const key of column) {
      if (typeof key === "number") { y += key; continue; }
      const wanted = key === "note" ? note : template.nodes[key];
      const node = LiteGraph.createNode(wanted.type);
      if (!node) throw new Error(`there is no node ${wanted.type}`);
      made[key] = put(node, x, y);
      if (wanted.title) node.title = wanted.title;
      // Code in a note is blue: Nodes 2.0 would put it on brown.
      if (wanted === note) Object.assign(node, { color: "#222", bgcolor: "#000" });
      if (wanted.muted) node.mode = 2; // never
      for (const [name, value] of Object.entries(wanted.values)) {
        const widget = node.widgets?.find((one) => one.name === name || !name);
        if (!widget) throw new Error(`${wanted.type} has no widget ${name}`);
        widget.value = value;
        widget.callback?.(value);
      }
      if (wanted.collapsed) {
        node.collapse();
        y += gapY;
        width = Math.max(width, folded);
        continue;
      }
      const least = node.computeSize();
      const size = wanted.size ?? [Math.max(290, least[0]), least[1]];
      node.setSize([size[0], Math.max(size[1], least[1])]);
      y += node.size[1] + gapY;
      width = Math.max(width, node.size[0]);
    }
    x += width + gapX;
  }
  for (const [key, wanted] of Object.entries(template.nodes))
    for (const [name, link] of Object.entries(wanted.links)) {
      const [source, output] = link.split(".");
      const from = made[source].findOutputSlot(output), to = made[key].findInputSlot(name);
      if (from < 0) throw new Error(`${made[source].type} has no output ${output}`);
      if (to < 0) throw new Error(`${wanted.type} has no input ${name}`);
      if (!made[source].connect(from, made[key], to))
        throw new Error(`${link} does not fit ${key}.${name}`);
    }
  const border = 20, title = 60;
  for (const [name, keys] of Object.entries(template.groups)) {
    const nodes = keys.map((key) => made[key]);
    const left = Math.min(...nodes.map((node) => node.pos[0])) - border;
    const top = Math.min(...nodes.map((node) => node.pos[1])) - title;
    const right = Math.max(...nodes.map((node) => node.pos[0] + node.size[0])) + border;
    const bottom = Math.max(...nodes.map((node) => node.pos[1] + node.size[1])) + border;
    const group = new LiteGraph.LGraphGroup(name);
    graph.add(group);
    group.pos = [left, top];
    group.size = [right - left, bottom - top];
  }
  window.made = made;
  if (template.app.length) {
    for (const [key, widget, label] of template.app)
      made[key].inputs.find((input) => input.widget?.name === widget).label = label;
    graph.extra = { ...graph.extra, linearMode: true, linearData: {
      inputs: template.app.map(([key, widget]) => [String(made[key].id), widget]),
      outputs: [String(made[template.shown].id)] } };
  }
  return JSON.stringify(graph.serialize());
}"""

# Speech that is long enough for the picture.
_ENOUGH = """(seconds) => app.graph.nodes
  .filter((node) => node.type === "DreamTalkLoadSpeech")
  .map((node) => node.widgets.find((widget) => widget.name === "duration"))
  .forEach((widget) => { widget.value = Math.min(widget.value || seconds, seconds); })"""

# Makes classes known as a newer host has them, so that their nodes can be put into a graph.
_REGISTER = """async (kinds) => {
  for (const [name, kind] of Object.entries(kinds)) await app.registerNodeDef(name, kind);
}"""

# Where a node of the template that was built last is on the page, without its title and widgets.
_PLACE = """(key) => {
  const node = app.graph.getNodeById(made[key].id), ds = app.canvas.ds;
  const { scale, offset } = ds, [x, y] = node.pos, [width, height] = node.size;
  const box = app.canvas.canvas.getBoundingClientRect(), side = Math.min(width, height);
  return { x: box.x + (x + offset[0]) * scale, y: box.y + (y + height - side + offset[1]) * scale,
    width: side * scale, height: side * scale };
}"""

# Where the canvas is scrolled to, which is kept in a workflow.
_VIEW = """() => ({ scale: app.canvas.ds.scale, offset: [...app.canvas.ds.offset] })"""

# Folds a part of the template that was built last into one node, as the host keeps blueprints.
_FOLD = """([name, inside, shown]) => {
  const parts = new Set(inside.map((key) => made[key]));
  const ids = Object.fromEntries(inside.map((key) => [key, String(made[key].id)]));
  const { subgraph, node } = app.graph.convertToSubgraph(parts);
  subgraph.name = node.title = name;
  node.properties.proxyWidgets = shown.map(([key, widget]) => [ids[key], widget]);
  const own = node.serialize();
  own.pos = [0, 0];
  for (const slot of own.inputs) slot.link = null;
  for (const slot of own.outputs) slot.links = null;
  return JSON.stringify({ revision: 0, last_node_id: own.id, last_link_id: 0, nodes: [own],
    links: [], version: 0.4, definitions: { subgraphs: [subgraph.asSerialisable()] } });
}"""


def build(frontend: Frontend, template: Template) -> dict[str, Any]:
    """A template as the frontend saves it."""
    text = frontend.page.evaluate(_BUILD, [asdict(template), GAP_X, GAP_Y, FOLDED])
    workflow: dict[str, Any] = json.loads(text)
    return workflow


def fold(frontend: Frontend, name: str, blueprint: Blueprint) -> dict[str, Any]:
    """A blueprint as the frontend saves it."""
    build(frontend, blueprint.template)
    text = frontend.page.evaluate(_FOLD, [name, blueprint.inside, blueprint.shown])
    workflow: dict[str, Any] = json.loads(text)
    (subgraph,) = workflow["definitions"]["subgraphs"]
    subgraph |= {"category": "DreamTalk", "description": blueprint.about}
    workflow["extra"] = {"BlueprintSearchAliases": list(blueprint.aliases)}
    return workflow


def write_json(path: Path, value: object) -> None:
    with atomic_write(path) as temporary:
        text = json.dumps(value, indent=1, ensure_ascii=False) + "\n"
        temporary.write_text(text, encoding="utf-8")


def make(frontend: Frontend, name: str, folder: Path) -> None:
    """Writes a template and, once it has run, its picture."""
    template = TEMPLATES[name]
    workflow = build(frontend, template)
    # As an app there would be no graph to be seen.
    frontend.load({**workflow, "extra": {}})
    frontend.fit()
    workflow["extra"]["ds"] = frontend.page.evaluate(_VIEW)
    frontend.page.evaluate(_ENOUGH, template.moment + 2)
    frontend.run()
    problems = frontend.problems() + frontend.errors
    if problems:
        raise SystemExit(f"{name}: {problems}")
    picture = folder / "picture.png"
    # Videos are fetched and nodes grow around them.
    frontend.wait_for_players()
    frontend.page.wait_for_timeout(1500)
    frontend.picture(picture, template.moment)
    with Image.open(picture) as graph:
        joined = join(results(frontend, template, folder), graph.convert("RGB"))
    write_json(WORKFLOWS / f"{name}.json", workflow)
    with atomic_write(WORKFLOWS / f"{name}.jpg") as temporary:
        joined.save(temporary, "JPEG", quality=85)


def results(frontend: Frontend, template: Template, folder: Path) -> list[Image.Image]:
    """What the node shows that the template is about: of a video two moments, if they fit."""
    node = str(frontend.page.evaluate("(key) => made[key].id", template.shown))
    (last,) = frontend.comfy.get("/history?max_items=1").values()
    found = frontend.comfy.result(last).files.get(node, [])
    if found and found[0].suffix == ".png":
        return [Image.open(found[0]).convert("RGB")]
    if found:
        frames = [frame(found[0], template.moment + after) for after in (0, MOMENTS)]
        return frames if frames[0].width < 1.5 * frames[0].height else frames[:1]
    picture = folder / "result.png"
    frontend.page.screenshot(path=picture, clip=frontend.page.evaluate(_PLACE, template.shown))
    return [Image.open(picture).convert("RGB")]


def frame(path: Path, seconds: float) -> Image.Image:
    """The picture that a video shows at a time, or its last."""
    with av.open(str(path)) as video:
        for picture in video.decode(video=0):
            if picture.time is not None and picture.time >= seconds:
                break
        image: Image.Image = picture.to_image()
    return image


def join(shown: Sequence[Image.Image], graph: Image.Image) -> Image.Image:
    """The results side by side, and the graph that made them below: dialogs show it small."""
    high = min(SIDE * one.height // one.width for one in shown) // len(shown)
    high = min(high, HIGHEST)
    wide = [one.width * high // one.height for one in shown]
    below = graph.resize((SIDE, graph.height * SIDE // graph.width), Image.Resampling.LANCZOS)
    joined = Image.new("RGB", (SIDE, high + below.height), graph.getpixel((2, 2)))
    at = (SIDE - sum(wide)) // 2
    for one, width in zip(shown, wide, strict=True):
        joined.paste(one.resize((width, high), Image.Resampling.LANCZOS), (at, 0))
        at += width
    joined.paste(below, (0, high))
    return joined


def muted_kinds() -> dict[str, host_nodes.Kind]:
    """The classes that are nowhere asked to run."""
    nodes = [node for template in TEMPLATES.values() for node in template.nodes.values()]
    run = {node.type for node in nodes if not node.muted}
    return {name: kind for name, kind in host_nodes.read().items() if name not in run}


@contextmanager
def host(venv: Path) -> Iterator[tuple[Frontend, Path]]:
    """A page of a ComfyUI, and a folder of its own, for the `with`."""
    python = hosts.python_of(venv)
    if python is None:
        raise SystemExit(f"There is no {venv.name} here yet: python run.py test sets it up.")
    with (
        tempfile.TemporaryDirectory() as folder,
        Comfy.start(python, Path(folder)) as comfy,
        open_frontend(comfy) as frontend,
    ):
        yield frontend, Path(folder)


def main(names: Sequence[str]) -> None:
    # The newest frontend knows what the newest nodes want.
    with host(hosts.comfyui_newest()) as (frontend, folder):
        frontend.page.evaluate(_REGISTER, muted_kinds())
        for name in names or TEMPLATES:
            print(name, flush=True)
            make(frontend, name, folder)
    if names:
        return
    for path in [*WORKFLOWS.glob("*.json"), *WORKFLOWS.glob("*.jpg")]:
        if path.stem not in TEMPLATES:
            path.unlink()
    # Every frontend reads the widgets of a blueprint as the oldest writes them.
    with host(hosts.comfyui()) as (frontend, folder):
        for name, blueprint in BLUEPRINTS.items():
            write_json(SUBGRAPHS / f"{name}.json", fold(frontend, name, blueprint))


if __name__ == "__main__":
    main(sys.argv[1:])

"""The host's own frontend in Chromium: opens workflows as an artist does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tests.integration.comfy import RUN_SECONDS, Comfy, Prompt

SETTINGS = {
    # Else the first start shows a tour instead of the canvas.
    "Comfy.TutorialCompleted": True,
    "Comfy.Minimap.Visible": False,
    "Comfy.Graph.CanvasInfo": False,
}
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")

# Nodes that the frontend does not know, or paints red, by title.
_PROBLEMS = """() => {
  const found = [];
  const look = (graph) => {
    for (const node of graph.nodes) {
      const known = node.type in LiteGraph.registered_node_types || node.subgraph;
      if (!known) found.push(`${node.title}: unknown type ${node.type}`);
      if (node.has_errors) found.push(`${node.title}: has errors`);
      for (const widget of node.widgets ?? []) {
        const values = widget.options?.values;
        if (Array.isArray(values) && !values.includes(widget.value))
          found.push(`${node.title}: ${widget.name} has no choice ${widget.value}`);
      }
      if (node.subgraph) look(node.subgraph);
    }
  };
  look(app.graph);
  for (const [id, errors] of Object.entries(app.lastNodeErrors ?? {}))
    found.push(`${id}: ${errors.errors.map((error) => error.message + error.details)}`);
  if (app.lastExecutionError) found.push(app.lastExecutionError.exception_message);
  const dialog = document.querySelector(".p-dialog");
  if (dialog) found.push(`dialog: ${dialog.innerText}`);
  return found;
}"""

_TWO_FRAMES = """() => new Promise((done) =>
  requestAnimationFrame(() => requestAnimationFrame(done)))"""

# Nothing is waited for where the host refuses the graph.
_QUEUE = """async () => {
  window.ended = false;
  for (const kind of ["execution_success", "execution_error", "execution_interrupted"])
    app.api.addEventListener(kind, () => { window.ended = true; }, { once: true });
  await app.queuePrompt(0);
  if (Object.keys(app.lastNodeErrors ?? {}).length) window.ended = true;
}"""

# Puts the whole graph into a part of the page that no menu covers, and tells which.
_FIT = """() => {
  const boxes = [...app.graph.nodes.map((node) => [...node.boundingRect]),
    ...app.graph.groups.map((group) => [...group.pos, ...group.size])];
  const left = Math.min(...boxes.map((b) => b[0])), top = Math.min(...boxes.map((b) => b[1]));
  const width = Math.max(...boxes.map((b) => b[0] + b[2])) - left;
  const height = Math.max(...boxes.map((b) => b[1] + b[3])) - top;
  const page = { x: 70, y: 140, width: 1440, height: 810 };
  // Wide graphs give wide pictures, within what a thumbnail can be.
  page.height = Math.round(Math.max(560, Math.min(810, (1440 * (height + 60)) / (width + 60))));
  const scale = Math.min(page.width / (width + 60), page.height / (height + 60));
  const ds = app.canvas.ds;
  ds.scale = scale;
  ds.offset[0] = (page.x + (page.width - width * scale) / 2) / scale - left;
  ds.offset[1] = (page.y + (page.height - height * scale) / 2) / scale - top;
  app.canvas.deselectAll();
  app.canvas.setDirty(true, true);
  return page;
}"""

_SEEK = """(seconds) => Promise.all([...document.querySelectorAll("video")].map((video) =>
  new Promise((done) => {
    video.pause();
    video.addEventListener("seeked", done, { once: true });
    video.currentTime = seconds;
    setTimeout(done, 2000);
  })))"""


@dataclass(frozen=True)
class Opened:
    """A workflow that was opened: what was wrong with it, and what the frontend would queue."""

    problems: list[str]
    prompt: Prompt


class Frontend:
    """A page of the frontend. Use `open_frontend`."""

    def __init__(self, page: Page, comfy: Comfy) -> None:
        self.page = page
        self.comfy = comfy
        self.errors: list[str] = []
        """What scripts have thrown since the page was opened."""
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def load(self, workflow: dict[str, Any]) -> None:
        """Opens a workflow in the UI's format."""
        self.page.evaluate("workflow => app.loadGraphData(workflow)", workflow)
        # Two pictures drawn: whatever the nodes put off until they are seen has happened.
        self.page.evaluate(_TWO_FRAMES)

    def open(self, path: Path) -> Opened:
        """Opens a workflow file."""
        before = len(self.errors)
        self.load(json.loads(path.read_text(encoding="utf-8")))
        return Opened(self.problems() + self.errors[before:], self.prompt())

    def problems(self) -> list[str]:
        """What an artist would see of errors: unknown nodes, red borders, dialogs."""
        return list(self.page.evaluate(_PROBLEMS))

    def prompt(self) -> Prompt:
        """The graph as the frontend would queue it."""
        prompt: Prompt = self.page.evaluate("async () => (await app.graphToPrompt()).output")
        return prompt

    def run(self) -> None:
        """Presses Run and waits for the end; errors are in `problems`."""
        self.page.evaluate(_QUEUE)
        self.page.wait_for_function("window.ended", timeout=RUN_SECONDS * 1000)

    def fit(self) -> Any:
        """Shows the whole graph; which part of the page it is in, as Playwright's `clip`."""
        return self.page.evaluate(_FIT)

    def picture(self, path: Path, seconds: float = 0) -> None:
        """The graph as it looks now, as PNG or JPEG. seconds: where its videos stand."""
        box = self.fit()
        self.page.evaluate(_SEEK, seconds)
        # The canvas is drawn anew in its own time.
        self.page.wait_for_timeout(500)
        self.page.screenshot(path=path, clip=box)


@contextmanager
def open_frontend(comfy: Comfy, *, vue: bool = False) -> Iterator[Frontend]:
    """The frontend, ready for a workflow. vue: draws nodes with the newer of its renderers."""
    comfy.post("/settings", {**SETTINGS, "Comfy.VueNodes.Enabled": vue})
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1580, "height": 1030})
        page.add_init_script("localStorage.setItem('vueNodesBannerDismissed', 'true')")
        frontend = Frontend(page, comfy)
        page.goto(f"http://{comfy.address}/")
        page.wait_for_function("window.app?.vueAppReady && app.graph")
        yield frontend
        browser.close()


def chromium() -> str:
    """The browser of this system. Raises FileNotFoundError."""
    for name in NAMES:
        found = shutil.which(name)
        if found is not None:
            return found
    raise FileNotFoundError("there is no Chromium: python run.py test installs it")

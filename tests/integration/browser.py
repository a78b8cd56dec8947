"""The host's own frontend in Chromium: opens workflows as an artist does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, Response, sync_playwright

from tests.integration.comfy import RUN_SECONDS, Comfy, Prompt

SETTINGS = {
    # Else the first start shows a tour instead of the canvas.
    "Comfy.TutorialCompleted": True,
    "Comfy.OnboardingCoachmarks.Seen": ["appMode", "firstRun"],
    "Comfy.Minimap.Visible": False,
    "Comfy.Graph.CanvasInfo": False,
    # Wide graphs are to be read in pictures.
    "LiteGraph.Canvas.MinFontSizeForLOD": 0,
    "LiteGraph.Canvas.LowQualityRenderingZoomThreshold": 0.1,
}
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")

# As many players as there are nodes that show a video.
_PLAYERS = """() => {
  const kinds = ["SaveVideo", "DreamTalkPreviewMotion"];
  const nodes = app.graph.nodes.filter((node) => node.mode !== 2 && kinds.includes(node.type));
  return pictures().filter((shown) => shown.videoWidth).length >= nodes.length;
}"""

# What nodes show: elements of the page, and pictures that are drawn on the canvas.
_PICTURES = """() => { window.pictures = () => [
  ...app.graph.nodes.flatMap((node) => node.imgs ?? []),
  ...document.querySelectorAll("img, video"),
].filter((shown) => shown.currentSrc || shown.src); }"""

# Nodes that the frontend does not know, or paints red, by title; pictures and players that stay
# empty, nodes that cover each other.
_PROBLEMS = """async () => {
  const comes = (shown) => !shown.error &&
    !(shown instanceof HTMLImageElement ? shown.complete : shown.readyState >= 2);
  for (let i = 0; i < 300 && pictures().some(comes); i++)
    await new Promise((done) => setTimeout(done, 50));
  const found = [];
  const look = (graph) => {
    for (const node of graph.nodes) {
      if (node.mode === 2) continue; // muted, as what it needs is not here
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
  const dialog = document.querySelector(".p-dialog, [role=dialog]");
  if (dialog) found.push(`dialog: ${dialog.innerText}`);
  found.push(...(document.body.innerText.match(/.*(failed to load|error loading).*/gi) ?? []));
  for (const shown of pictures())
    if (!shown.naturalWidth && !shown.videoWidth) found.push(`not to be seen: ${shown.src}`);
  for (const [at, one] of app.graph.nodes.entries())
    for (const other of app.graph.nodes.slice(at + 1)) {
      const [x, y, width, height] = one.boundingRect, [left, top, w, h] = other.boundingRect;
      if (x < left + w && left < x + width && y < top + h && top < y + height)
        found.push(`${one.title || one.type} covers ${other.title || other.type}`);
    }
  return found;
}"""

# Older frontends ask for the classes of muted nodes, too, which nobody needs to have.
_ASKS_FOR_MUTED = """() => {
  const dialog = document.querySelector(".p-dialog, [role=dialog]");
  const unknown = app.graph.nodes.filter((node) =>
    !(node.type in LiteGraph.registered_node_types) && !node.subgraph);
  return /missing nodes/i.test(dialog?.innerText ?? "") && unknown.length > 0 &&
    unknown.every((node) => node.mode === 2 && dialog.innerText.includes(node.type));
}"""

RESOURCES = {"font", "image", "media", "script", "stylesheet"}
"""Kinds of requests that are for something to be seen."""

_TWO_FRAMES = """() => new Promise((done) =>
  requestAnimationFrame(() => requestAnimationFrame(done)))"""

# Nothing is waited for where the host refuses the graph.
_QUEUE = """async () => {
  window.ended = false;
  for (const kind of ["execution_success", "execution_error", "execution_interrupted"])
    app.api.addEventListener(kind, () => { window.ended = true; }, { once: true });
  // Drawing what goes on would take longer than the work.
  app.canvas.pause_rendering = true;
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
    """A page of the frontend. Use `open_frontend`, or `open_browser`."""

    def __init__(self, page: Page, comfy: Comfy) -> None:
        self.page = page
        self.comfy = comfy
        self.errors: list[str] = []
        """What scripts have thrown, and what could not be had, since the page was opened."""
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("response", self._check)

    def _check(self, response: Response) -> None:
        resource = response.request.resource_type in RESOURCES or "/view?" in response.url
        if resource and response.status >= 400:
            self.errors.append(f"{response.status} {response.url}")

    def load(self, workflow: dict[str, Any]) -> None:
        """Opens a workflow in the UI's format."""
        self.page.evaluate("workflow => app.loadGraphData(workflow)", workflow)
        # Two pictures drawn: whatever the nodes put off until they are seen has happened.
        self.page.evaluate(_TWO_FRAMES)
        if self.page.evaluate(_ASKS_FOR_MUTED):
            self.page.keyboard.press("Escape")
            self.page.wait_for_selector(".p-dialog, [role=dialog]", state="detached")

    def open(self, path: Path) -> Opened:
        """Opens a workflow file."""
        before = len(self.errors)
        self.load(json.loads(path.read_text(encoding="utf-8")))
        return Opened(self.problems() + self.errors[before:], self.prompt())

    def problems(self) -> list[str]:
        """What an artist would see that is not as it should be: unknown nodes, red borders,
        dialogs, empty pictures, nodes over each other."""
        return list(self.page.evaluate(_PROBLEMS))

    def prompt(self) -> Prompt:
        """The graph as the frontend would queue it."""
        prompt: Prompt = self.page.evaluate("async () => (await app.graphToPrompt()).output")
        return prompt

    def run(self) -> None:
        """Presses Run and waits for the end; errors are in `problems`."""
        self.page.evaluate(_QUEUE)
        self.page.wait_for_function("window.ended", timeout=RUN_SECONDS * 1000)
        self.page.evaluate("() => { app.canvas.pause_rendering = false; }")

    def wait_for_players(self) -> None:
        """Until every video that came of a run is there."""
        self.page.wait_for_function(_PLAYERS)

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
def open_browser(comfy: Comfy) -> Iterator[Callable[[bool], Frontend]]:
    """Opens pages of the frontend, ready for a workflow, in the `with`: called with True, one that
    draws nodes with the newer of its renderers."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])

        def open_page(vue: bool) -> Frontend:
            comfy.post("/settings", {**SETTINGS, "Comfy.VueNodes.Enabled": vue})
            page = browser.new_page(viewport={"width": 1580, "height": 1030})
            page.add_init_script("localStorage.setItem('vueNodesBannerDismissed', 'true')")
            page.goto(f"http://{comfy.address}/")
            page.wait_for_function("window.app?.vueAppReady && app.graph")
            page.evaluate(_PICTURES)
            return Frontend(page, comfy)

        yield open_page
        browser.close()


@contextmanager
def open_frontend(comfy: Comfy, *, vue: bool = False) -> Iterator[Frontend]:
    """One page of the frontend, see `open_browser`."""
    with open_browser(comfy) as open_page:
        yield open_page(vue)


def chromium() -> str:
    """The browser of this system. Raises FileNotFoundError."""
    for name in NAMES:
        found = shutil.which(name)
        if found is not None:
            return found
    raise FileNotFoundError("there is no Chromium: python run.py test installs it")

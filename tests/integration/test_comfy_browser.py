"""The pack in the host's own frontend: templates, blueprints, a run, as an artist sees them."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.integration.browser import Frontend, Opened, open_browser
from tests.integration.comfy import PACK, ROOT, RUN_SECONDS, Comfy, template_file

TEMPLATES = sorted(path.stem for path in ROOT.glob("workflows/*.json"))
BLUEPRINTS = sorted(path.stem for path in ROOT.glob("subgraphs/*.json"))

# Gives a blueprint what it needs: a second of speech before it, a node that shows its output.
_CONNECT = """([output, shows, input]) => {
  const [blueprint] = app.graph.nodes;
  const speech = LiteGraph.createNode("DreamTalkLoadSpeech");
  app.graph.add(speech);
  speech.pos = [-400, 0];
  speech.widgets.find((widget) => widget.name === "duration").value = 1;
  speech.connect(speech.findOutputSlot("speech"), blueprint, blueprint.findInputSlot("speech"));
  const end = LiteGraph.createNode(shows);
  app.graph.add(end);
  end.pos = [400, 0];
  blueprint.connect(blueprint.findOutputSlot(output), end, end.findInputSlot(input));
}"""


# Enough speech to take a style from, and to see that a graph runs.
_SHORTER = """() => app.graph.nodes
  .filter((node) => node.type === "DreamTalkLoadSpeech")
  .forEach((node) => { node.widgets.find((widget) => widget.name === "duration").value = 3; })"""

# Work for a host that has run the graph before: the frontend can miss the answer of a run in which
# everything was remembered, as that ends before the job has its number.
_ANOTHER_SEED = """() => app.graph.nodes
  .filter((node) => node.type === "DreamTalkSampleMotion")
  .flatMap((node) => node.widgets.filter((widget) => widget.name === "seed"))
  .forEach((seed) => { seed.value = Date.now(); })"""

# As many pictures and players as there are nodes that show one.
_SHOWN = """([portraits, players]) =>
  pictures().filter((shown) => shown.naturalWidth).length >= portraits &&
  pictures().filter((shown) => shown.videoWidth).length >= players"""


@pytest.fixture(scope="module")
def frontends(comfy: Comfy) -> Iterator[dict[str, Frontend]]:
    """A page with each of the frontend's renderers."""
    with open_browser(comfy) as open_page:
        yield {"classic": open_page(False), "vue": open_page(True)}


@pytest.fixture(params=["classic", "vue"])
def frontend(request: pytest.FixtureRequest, frontends: dict[str, Frontend]) -> Frontend:
    """With each of its renderers."""
    return in_front(frontends[request.param])


def in_front(frontend: Frontend) -> Frontend:
    frontend.page.bring_to_front()
    return frontend


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_open_without_an_error(opened: dict[str, Opened], name: str) -> None:
    assert opened[name].problems == []
    assert opened[name].prompt


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_are_offered_with_their_pictures(comfy: Comfy, name: str) -> None:
    assert name in comfy.get("/workflow_templates")[PACK]
    url = f"http://{comfy.address}/api/workflow_templates/{PACK}/{quote(name)}.jpg"
    with urllib.request.urlopen(url, timeout=60) as answer:
        assert answer.headers["Content-Type"] == "image/jpeg"


def test_an_error_would_be_seen(frontend: Frontend) -> None:
    """What the tests above rely on."""
    workflow = json.loads(template_file("Many lines at once").read_text("utf-8"))
    for node in workflow["nodes"]:
        if node["type"] == "DreamTalkSampleMotion":
            node["type"] = "DreamTalkNoSuchNode"
    frontend.load(workflow)
    problems = "\n".join(frontend.problems())
    frontend.page.keyboard.press("Escape")
    assert "DreamTalkNoSuchNode" in problems


# An app has no nodes to be seen.
@pytest.mark.parametrize("name", [name for name in TEMPLATES if not name.endswith(".app")])
def test_a_template_looks_right_before_and_after_its_run(
    frontends: dict[str, Frontend], name: str
) -> None:
    # The host remembers one graph: the second renderer finds there what ran in the first.
    for renderer, frontend in frontends.items():
        seen = len(in_front(frontend).errors)
        found = frontend.open(ROOT / "workflows" / f"{name}.json")
        kinds = [node["class_type"] for node in found.prompt.values()]
        portraits = kinds.count("DreamTalkLoadPortrait")
        players = kinds.count("SaveVideo") + kinds.count("DreamTalkPreviewMotion")
        frontend.page.wait_for_function(_SHOWN, arg=[portraits, 0])
        assert found.problems + frontend.problems() == [], renderer
        frontend.page.evaluate(_SHORTER)
        frontend.run()
        assert frontend.problems() == [], renderer
        frontend.page.wait_for_function(_SHOWN, arg=[portraits, players])
        assert frontend.problems() + frontend.errors[seen:] == [], renderer


def test_an_app_asks_for_two_things_and_shows_a_video(frontend: Frontend) -> None:
    page = frontend.page
    version = page.evaluate("window.__COMFYUI_FRONTEND_VERSION__")
    if [int(part) for part in version.split(".")[:2]] < [1, 41]:
        pytest.skip("this frontend has no apps: it shows the graph")
    seen = len(frontend.errors)
    assert frontend.open(template_file("Talking portrait.app")).problems == []
    page.evaluate(_SHORTER)
    page.evaluate(_ANOTHER_SEED)
    asked = page.get_by_test_id("linear-widgets")
    asked.wait_for()
    assert {"recording", "portrait"} <= set(asked.inner_text().split())
    page.locator("button", has=page.get_by_test_id("linear-run-button-icon")).click()
    page.get_by_test_id("linear-video-output").first.wait_for(timeout=RUN_SECONDS * 1000)
    assert frontend.problems() + frontend.errors[seen:] == []


def test_older_graphs_show_the_demo_portrait(frontend: Frontend) -> None:
    seen = len(frontend.errors)
    text = template_file("Talking portrait").read_text("utf-8")
    frontend.load(json.loads(text.replace("dreamtalk_demo_portrait.jpg", "demo portrait")))
    frontend.page.wait_for_function(_SHOWN, arg=[1, 0])
    assert frontend.problems() + frontend.errors[seen:] == []


def test_older_graphs_keep_their_settings(frontend: Frontend) -> None:
    """Values are saved by their place, and there was no tongue among them."""
    frontend.open(template_file("Preview on a head"))
    (now,) = samples(frontend)
    graph = json.loads(template_file("Preview on a head").read_text("utf-8"))
    for node in graph["nodes"]:
        node.pop("widgets_values_named", None)
        if node["type"] == "DreamTalkSampleMotion":
            assert node["widgets_values"].pop(9) == 1
    frontend.load(graph)
    (older,) = samples(frontend)
    assert older == now
    assert (older["tongue"], older["closure"], older["asymmetry"]) == (1, 1, 0)


def samples(frontend: Frontend) -> list[dict[str, object]]:
    """The inputs of the Sample Motion nodes of the graph that is open."""
    nodes = frontend.prompt().values()
    return [node["inputs"] for node in nodes if node["class_type"] == "DreamTalkSampleMotion"]


def test_a_template_is_chosen_in_the_dialog(frontend: Frontend) -> None:
    page = frontend.page
    page.get_by_label("Templates").first.click()
    card = page.get_by_text(re.compile(r"^\d\d.Many.lines.at.once$")).first
    card.wait_for()
    page.wait_for_function(
        "[...document.querySelectorAll('img')].some((image) => image.naturalWidth > 1000)"
    )
    card.click()
    page.wait_for_function("app.graph.nodes.some((node) => node.type === 'DreamTalkSplitSpeech')")
    page.wait_for_selector(".p-dialog, [role=dialog]", state="detached")
    assert frontend.problems() == []


@pytest.mark.parametrize("name", BLUEPRINTS)
def test_blueprints_are_offered(comfy: Comfy, name: str) -> None:
    found = comfy.get("/global_subgraphs").values()
    assert (name, f"custom_nodes.{PACK}") in [
        (one["name"], one["info"]["node_pack"]) for one in found
    ]


@pytest.mark.parametrize(
    ("name", "output", "shows", "accepts"),
    [
        ("Speech to Talking Portrait", "video", "SaveVideo", "video"),
        ("Speech to Face Curves", "motion", "DreamTalkPreviewMotion", "motion"),
    ],
)
def test_blueprints_run(
    frontend: Frontend, name: str, output: str, shows: str, accepts: str
) -> None:
    assert name in BLUEPRINTS
    assert frontend.open(ROOT / "subgraphs" / f"{name}.json").problems == []
    frontend.page.evaluate(_CONNECT, [output, shows, accepts])
    ran = frontend.comfy.run(frontend.prompt())
    assert [path.suffix for paths in ran.files.values() for path in paths if path.stat().st_size]

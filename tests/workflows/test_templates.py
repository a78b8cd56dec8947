"""What templates say of themselves, and what of them would not fit a host."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.integration import host_nodes

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted(ROOT.glob("workflows/*.json"))
MUTED = 2


def read(path: Path) -> dict[str, Any]:
    workflow: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return workflow


def note(workflow: dict[str, Any]) -> str:
    (found,) = (node for node in workflow["nodes"] if node["type"] == "MarkdownNote")
    return str(found["widgets_values"][0])


def test_they_are_offered_in_an_order() -> None:
    numbers = [int(path.stem.split(" ")[0]) for path in TEMPLATES]
    assert numbers == list(range(1, len(TEMPLATES) + 1))


@pytest.mark.parametrize("page", ["nodes.md", "nodes.zh.md"])
def test_the_documentation_has_them_all(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    named = re.findall(r"^\| (\d\d [^|]+) \|", text, re.MULTILINE)
    assert named == [path.stem for path in TEMPLATES]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_a_template_tells_what_it_does(path: Path) -> None:
    title, first, *_ = note(read(path)).split("\n\n")
    assert title.startswith("## ")
    assert len(re.findall(r"[.!?](?= |$)", first)) >= 2
    with Image.open(path.with_suffix(".jpg")) as picture:
        assert picture.width == 1024
        assert path.with_suffix(".jpg").stat().st_size < 250_000


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_the_files_of_muted_nodes_are_named(path: Path) -> None:
    workflow = read(path)
    muted = [node for node in workflow["nodes"] if node["mode"] == MUTED]
    values = [value for node in muted for value in node.get("widgets_values") or []]
    files = {value for value in values if str(value).endswith(".safetensors")}
    named = set(re.findall(r"`\w+/([\w.-]+\.safetensors)`", note(workflow)))
    assert files == named
    # What is muted hangs together: nothing that runs waits for it.
    ids = {node["id"] for node in muted}
    assert not [link for link in workflow["links"] if link[1] in ids and link[3] not in ids]


def test_the_app_asks_for_two_things_and_shows_one() -> None:
    (path,) = ROOT.glob("workflows/*.app.json")
    workflow = read(path)
    types = {str(node["id"]): node["type"] for node in workflow["nodes"]}
    extra = workflow["extra"]
    assert extra["linearMode"] is True
    asked = [(types[node], widget) for node, widget in extra["linearData"]["inputs"]]
    assert asked == [("DreamTalkLoadSpeech", "file"), ("DreamTalkLoadPortrait", "image")]
    assert [types[node] for node in extra["linearData"]["outputs"]] == ["SaveVideo"]


def graph() -> dict[str, Any]:
    """Two nodes of the host's and a link."""
    flip: dict[str, Any] = {
        "id": 1,
        "type": "ImageFlip",
        "inputs": [
            {"name": "image"},
            {"name": "flip_method", "widget": {"name": "flip_method"}},
        ],
        "widgets_values": ["y-axis: horizontally"],
    }
    talk: dict[str, Any] = {
        "id": 2,
        "type": "WanInfiniteTalkToVideo",
        "inputs": [
            {"name": "mode", "widget": {"name": "mode"}},
            {"name": "start_image"},
            {"name": "mode.mask_1"},
        ],
        "widgets_values": ["two_speakers", 832, 480, 81, 9, 1.0],
    }
    return {"nodes": [flip, talk], "links": [[1, 1, 0, 2, 1, "IMAGE"]]}


def test_what_does_not_fit_is_found() -> None:
    kinds = host_nodes.read()
    whole = graph()
    assert host_nodes.faults(whole, kinds) == []

    whole["links"][0][4] = 2
    assert host_nodes.faults(whole, kinds) == [
        "ImageFlip gives IMAGE, WanInfiniteTalkToVideo.mode.mask_1 takes MASK"
    ]
    single = graph()
    single["nodes"][1]["widgets_values"][0] = "single_speaker"
    single["links"][0][4] = 2
    assert host_nodes.faults(single, kinds)  # it has no masks

    values = graph()
    values["nodes"][0]["widgets_values"] = ["upside down"]
    values["nodes"][1]["widgets_values"][3:] = [0]
    assert host_nodes.faults(values, kinds) == [
        "ImageFlip.flip_method cannot be 'upside down'",
        "WanInfiniteTalkToVideo.length cannot be 0",
        "WanInfiniteTalkToVideo.motion_frame_count has no value",
    ]
    unknown = graph()
    unknown["nodes"][0]["type"] = "ImageTurn"
    assert host_nodes.faults(unknown, kinds) == ["1: no class ImageTurn"]

"""What a workflow template is made of, and the nodes that several of them have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Node:
    """A node of a template.

    links: where inputs come from, as "key.output". values: what differs from the defaults.
    size: width and height in pixels; what the node needs if left out. muted: it does not run, as a
    host without its model's files could not.
    """

    type: str
    links: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""
    size: tuple[int, int] | None = None
    collapsed: bool = False
    muted: bool = False


@dataclass(frozen=True)
class Template:
    """A workflow: its nodes by key, groups with their nodes' keys.

    columns: the keys of what stands in each, from the top; a number is a gap in pixels.

    note: what the artist reads first, in Markdown; its key is "note". shown: the key of the node
    whose picture or video is shown large in the template's own picture; moment: seconds into the
    videos at which it is taken. app: the workflow opens as an app that asks for these widgets, as
    (key, name, label), and shows the output of `shown`.
    """

    note: str
    nodes: Mapping[str, Node]
    columns: Sequence[Sequence[str | int]]
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    shown: str = "save"
    moment: float = 1.0
    note_size: tuple[int, int] = (290, 240)
    app: Sequence[tuple[str, str, str]] = ()


RENDERED = (290, 500)
"""Of a node that shows the last frame that it drew."""
ONE_TAKE = {"seed": 0, "control_after_generate": "fixed"}
"""Else the second run would be another take, although nothing was changed."""
LOAD_PORTRAIT = Node("DreamTalkLoadPortrait", size=(300, 340))


def load_speech(**values: Any) -> Node:
    return Node("DreamTalkLoadSpeech", values=values)


def sample(
    speech: str = "speech.speech", style: str = "", collapsed: bool = False, **values: Any
) -> Node:
    links = {"speech": speech} | ({"style": style} if style else {})
    return Node("DreamTalkSampleMotion", links, {**values, **ONE_TAKE}, collapsed=collapsed)


def load_style(style: str, intensity: float = 1.0) -> Node:
    return Node("DreamTalkLoadStyle", values={"style": style, "intensity": intensity})


def render_portrait(motion: str = "motion.motion") -> Node:
    links = {"motion": motion, "portrait": "portrait.portrait"}
    return Node("DreamTalkRenderPortrait", links, size=RENDERED)


def save_motion(prefix: str, format: str, title: str = "") -> Node:
    values = {"filename_prefix": f"DreamTalk/{prefix}", "format": format}
    return Node("DreamTalkSaveMotion", {"motion": "motion.motion"}, values, title)


def save_video(video: str, prefix: str, size: tuple[int, int] = (440, 560)) -> Node:
    values = {"filename_prefix": f"DreamTalk/{prefix}"}
    return Node("SaveVideo", {"video": video}, values, size=size)


def actor(seconds: float, mood: str, intensity: float = 1.0) -> dict[str, Node]:
    """A person who speaks, so that a template needs no film of the user's: `actor.video`."""
    return {
        "lines": load_speech(duration=seconds),
        "mood": load_style(mood, intensity),
        "curves": sample("lines.speech", "mood.style", collapsed=True),
        "actor": Node("DreamTalkRenderPortrait", {"motion": "curves.motion"}, size=RENDERED),
    }


def couple() -> dict[str, Node]:
    """Two people in one picture, so that a template needs none of the user's: `people.IMAGE`."""
    flip = {"flip_method": "y-axis: horizontally"}
    return {
        "portrait": LOAD_PORTRAIT,
        "other": Node("ImageFlip", {"image": "portrait.portrait"}, flip),
        "people": Node("ImageStitch", {"image1": "portrait.portrait", "image2": "other.IMAGE"}),
    }


COUPLE = ("portrait", "other", "people")

# SPDX-License-Identifier: GPL-3.0-or-later
"""Styles: the list of them, new ones from a video, keys from markers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar

import bpy

from dreamtalk_core.errors import DreamTalkError, StyleError
from dreamtalk_core.files import name_key

from ..client.tasks import Task
from ..messages import message_of
from ..properties import properties
from ..state import state
from .settings import scene_settings
from .style_menu import folder

MARK = "style:"
"""What a marker's name may begin with, to be taken for a style whatever the library holds."""


def from_markers(markers: Iterable[tuple[int, str]], first: int, fps: float, otherwise: str) -> str:
    """The style over time that timeline markers (frame, name) stand for, as text.

    A marker counts if it is called after a style of the library, with a number or a mix as in
    `angry*1.5`, or begins with `style:`. first: the frame of second 0. otherwise: the style before
    the first marker. Raises StyleError where no marker counts.
    """
    found = ((frame, text) for frame, name in sorted(markers) if (text := _style_in(name)))
    keys: dict[float, str] = {}
    for frame, text in found:
        # Of those before the speech the last one counts: it is the style that it begins in.
        keys[max(0.0, round((frame - first) / fps, 4))] = text
    if not keys:
        raise StyleError(
            "No timeline marker is called after a style. Press Add Style Marker, or name a marker "
            "such as happy, angry*1.5 or style: my style."
        )
    if 0.0 not in keys:
        keys[0.0] = otherwise
    return ", ".join(f"{text}@{time:g}" for time, text in sorted(keys.items()))


def _style_in(name: str) -> str | None:
    """The style that a marker's name stands for, if it does."""
    text = name.strip()
    if text.casefold().startswith(MARK):
        return text[len(MARK) :].strip() or None
    terms = [name_key(term.split("*")[0].strip()) for term in text.split("+")]
    library = {"auto", *(name_key(own) for own in state().styles.names)}
    return text if all(term in library for term in terms) else None


class DREAMTALK_OT_refresh_styles(bpy.types.Operator):
    bl_idname = "dreamtalk.refresh_styles"
    bl_label = "Refresh Styles"
    bl_description = "Ask which styles there are, and draw their pictures"

    def execute(self, context: bpy.types.Context) -> set[str]:
        return _request(self, "styles", _list, pictures=str(folder(create=True)))


@properties()
class DREAMTALK_OT_extract_style(bpy.types.Operator):
    bl_idname = "dreamtalk.extract_style"
    bl_label = "Learn a Style"
    bl_description = "Keep in the library how somebody speaks in a video or a motion file"

    filepath: str = bpy.props.StringProperty(subtype="FILE_PATH")
    filter_glob: str = bpy.props.StringProperty(
        default="*.mp4;*.mov;*.mkv;*.avi;*.webm;*.csv;*.json;*.npz", options={"HIDDEN"}
    )
    name: str = bpy.props.StringProperty(
        name="Name", description="What to call the style; empty: as the file is called"
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        file = Path(bpy.path.abspath(self.filepath))
        return _request(
            self,
            "extract_style",
            _add,
            performance=[str(file)],
            name=self.name or file.stem,
            pictures=str(folder(create=True)),
        )


class DREAMTALK_OT_add_style_marker(bpy.types.Operator):
    bl_idname = "dreamtalk.add_style_marker"
    bl_label = "Add Style Marker"
    bl_description = (
        "Put a marker with the chosen style on this frame, and take styles from markers"
    )
    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        state().end_trial()
        scene, settings = context.scene, scene_settings(context.scene)
        scene.timeline_markers.new(settings.style, frame=scene.frame_current)
        settings.style_from = "MARKERS"
        return {"FINISHED"}


def _request(operator: Any, method: str, done: Callable[[Task], None], **params: Any) -> set[str]:
    """Send a request; where no timer fires wait for it."""
    own = state()
    try:
        own.styles.task = own.service.request(method, done=done, **params)
        if bpy.app.background:
            own.service.wait(own.styles.task)
    except DreamTalkError as error:
        operator.report({"ERROR"}, message_of(error))
        return {"CANCELLED"}
    return {"FINISHED"}


def _list(task: Task) -> None:
    if task.state == "DONE":
        state().styles.replace(task.result["styles"])


def _add(task: Task) -> None:
    if task.state == "DONE":
        state().styles.add(task.result)


CLASSES = (
    DREAMTALK_OT_refresh_styles,
    DREAMTALK_OT_extract_style,
    DREAMTALK_OT_add_style_marker,
)

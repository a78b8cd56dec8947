# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said, from a file of subtitles, as timeline markers: a word on the frame of each."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import bpy

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.formats.cues.said import words_in

from ..messages import message_of, told
from ..properties import properties
from ..rigs.characters import objects_of
from ..state import state
from .moving import shift_of
from .settings import first_frame, scene_fps
from .take_settings import take_settings
from .takes import current_take


def read_words(path: Path) -> list[tuple[float, str]]:
    """`words_in` a file. Raises DreamTalkError where it cannot be read or says nothing."""
    try:
        found = list(words_in(path.read_text(encoding="utf-8-sig")))
    except (OSError, UnicodeDecodeError) as error:
        raise DreamTalkError(
            f"Cannot read {path}: {error}. Give subtitles (.srt or .vtt) as UTF-8 text."
        ) from error
    if not found:
        raise DreamTalkError(f"There are no subtitles in {path}. Give a .srt or .vtt file.")
    return found


@properties()
class DREAMTALK_OT_import_subtitles(bpy.types.Operator):
    bl_idname = "dreamtalk.import_subtitles"
    bl_label = "Words as Markers"
    bl_description = (
        "A timeline marker for every word of a file of subtitles, counted from where the chosen "
        "take begins, or else from the start frame"
    )
    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO"}

    filepath: str = bpy.props.StringProperty(subtype="FILE_PATH")
    filter_glob: str = bpy.props.StringProperty(default="*.srt;*.vtt", options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        state().end_trial()
        scene = context.scene
        try:
            words = read_words(Path(bpy.path.abspath(self.filepath)))
        except DreamTalkError as error:
            self.report({"ERROR"}, message_of(error))
            return {"CANCELLED"}
        try:
            take = current_take(context, objects_of(context))
        except DreamTalkError:
            take = None
        first = take_settings(take).first + shift_of(take) if take else first_frame(scene)
        for second, word in words:
            # In quotes: a marker that is called like a style is one.
            frame = first + round(second * scene_fps(scene))
            scene.timeline_markers.new(f"“{word}”", frame=frame)
        self.report({"INFO"}, told(f"{len(words)} words are markers now."))
        return {"FINISHED"}


CLASSES = (DREAMTALK_OT_import_subtitles,)

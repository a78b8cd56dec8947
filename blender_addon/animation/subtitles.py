# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said, from a file of subtitles, as timeline markers: a word on the frame of each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import bpy

from dreamtalk_core.errors import DreamTalkError

from ..messages import message_of, told
from ..properties import properties
from ..rigs.characters import objects_of
from ..state import state
from .moving import shift_of
from .settings import first_frame, scene_fps
from .take_settings import take_settings
from .takes import current_take

_TIME = r"(?:(\d+):)?(\d+):(\d+)[,.](\d{1,3})"
_CUE = re.compile(rf"^\s*{_TIME}\s*-->\s*{_TIME}.*$", re.MULTILINE)
_TAG = re.compile(r"<[^>]*>|\{\\[^}]*\}")


def words_in(text: str) -> Iterator[tuple[float, str]]:
    """Second and word of everything that is said in subtitles (SRT or WebVTT).

    The words of a cue share its time by their letters.
    """
    cues = list(_CUE.finditer(text))
    ends = [*(own.start() for own in cues[1:]), len(text)]
    for cue, end in zip(cues, ends, strict=False):
        start, stop = _seconds(cue.groups()[:4]), _seconds(cue.groups()[4:])
        body = text[cue.end() : end].strip("\r\n")
        # What follows an empty line is the next cue's number.
        words = _TAG.sub("", re.split(r"\r?\n[ \t]*\r?\n", body)[0]).split()
        letters, before = sum(map(len, words)), 0
        for word in words:
            yield start + (stop - start) * before / letters, word
            before += len(word)


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, rest = parts
    return 3600 * int(hours or 0) + 60 * int(minutes or 0) + int(seconds or 0) + float(f"0.{rest}")


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

# SPDX-License-Identifier: GPL-3.0-or-later
"""Speech from the sequencer: which sound strips are meant, what is heard of them, who says it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import bpy

from dreamtalk_core.errors import SpeechError
from dreamtalk_core.formats.cues.said import words_in

from ..rigs.characters import objects_around
from .settings import scene_fps
from .sound import SOUNDS, check_sound, sound_strips

Part = tuple[float, float]
"""Seconds of a sound that are meant: from and to, 0 for its end."""


@dataclass(frozen=True)
class Line:
    """A speech that is to be animated.

    members: `session_uid`s of the character's objects. sound, part: the file, and what of it is
    heard. first: the frame at which that begins. name: what it is called. strip: name of the sound
    strip that it is in the sequencer, "" for none, and at: the frame of that strip's second 0.
    """

    members: tuple[int, ...]
    sound: Path
    first: int
    name: str
    part: Part = (0.0, 0.0)
    strip: str = ""
    at: int = 0


def words_of(part: Part, transcript: bpy.types.Text | None) -> str:
    """What is said in a part of a sound: of subtitles the words at its time, of a text all."""
    text = transcript.as_string() if transcript else ""
    words, (start, end) = list(words_in(text)), part
    return " ".join(word for at, word in words if at >= start and (not end or at < end)) or (
        "" if words else text
    )


def line_of(
    strip: bpy.types.Strip, objects: list[bpy.types.Object], scene: bpy.types.Scene
) -> Line:
    """What is heard of a sound strip, said by a character: where it begins and ends in the
    sequencer. Raises SpeechError where it is no sound that can be read from a file."""
    if strip.sound.packed_file is not None:
        raise SpeechError(
            f"The sound of the strip '{strip.name}' is packed into the .blend. Unpack it first "
            "(File > External Data > Unpack Resources)."
        )
    if len(strip.retiming_keys):
        raise SpeechError(
            f"The strip '{strip.name}' is retimed. Render it to a sound file first, and take that."
        )
    fps, whole = scene_fps(scene), round(strip.frame_duration)
    at, first = round(strip.frame_start), round(strip.frame_final_start)
    cut = round(strip.animation_offset_start)
    late = strip.sound_offset
    start = max(0.0, float((first - at + cut) / fps) - late)
    end = max(0.0, float((round(strip.frame_final_end) - at + cut) / fps) - late)
    # To the end, whole frames or not.
    goes_on = round(strip.frame_final_end) < at + whole or strip.animation_offset_end
    stem = Path(strip.name)
    return Line(
        tuple(thing.session_uid for thing in objects),
        check_sound(strip.sound.filepath),
        first,
        stem.stem if stem.suffix.lower() in SOUNDS else strip.name,
        (start, end if goes_on else 0.0),
        strip.name,
        at,
    )


def chosen_strips(scene: bpy.types.Scene) -> list[bpy.types.Strip]:
    """The selected sound strips, in time. Raises SpeechError where none is."""
    found = [own for own in sound_strips(scene) if own.select]
    if not found:
        raise SpeechError("No sound strip is selected. Select one or more in the Sequencer.")
    return sorted(found, key=lambda own: own.frame_final_start)


def said_on_channels(
    scene: bpy.types.Scene,
) -> Iterator[tuple[bpy.types.Strip, list[bpy.types.Object]]]:
    """Sound strips on channels that are called like an object, each with that one's character; what
    is muted is left out. Raises SpeechError where there are none."""
    names = {thing.name.casefold(): thing for thing in scene.objects}

    @cache  # a dialogue has many strips on few channels, and the panel asks at every redraw
    def called(name: str) -> list[bpy.types.Object]:
        thing = names.get(name.strip().casefold())
        return objects_around(thing, scene) if thing is not None else []

    lines = 0
    for strip, channel in _channels(scene):
        objects = called(channel.name)
        if objects and not (strip.mute or channel.mute):
            lines += 1
            yield strip, objects
    if not lines:
        raise SpeechError(
            "No channel with sounds is called like a character. Name the channels of the Sequencer "
            "after the faces or armatures that speak on them."
        )


def nameless_channels(scene: bpy.types.Scene) -> list[str]:
    """Channels with sounds that somebody has named, after nobody of the scene."""
    names = {thing.name.casefold() for thing in scene.objects}
    found = [own.name for _, own in _channels(scene) if own.name.strip().casefold() not in names]
    return [name for name in dict.fromkeys(found) if not name.startswith("Channel ")]


def _channels(
    scene: bpy.types.Scene,
) -> Iterator[tuple[bpy.types.Strip, bpy.types.SequenceTimelineChannel]]:
    """The sound strips of the sequencer itself, in time, with their channels."""
    editor = scene.sequence_editor
    strips = [own for own in editor.strips if own.type == "SOUND"] if editor else []
    for strip in sorted(strips, key=lambda own: own.frame_final_start):
        yield strip, editor.channels[strip.channel]


def strip_of(line: Line, scene: bpy.types.Scene) -> bpy.types.Strip | None:
    """The strip of a line, if it is still there."""
    return next((own for own in sound_strips(scene) if own.name == line.strip), None)

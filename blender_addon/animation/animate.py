# SPDX-License-Identifier: GPL-3.0-or-later
"""Animate: from the panel's settings to a take."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import bpy

from dreamtalk_core.errors import DreamTalkError, StyleError
from dreamtalk_core.motion import Motion

from ..client.job_operator import JobOperator, kept
from ..client.jobs import Result, all_of
from ..messages import message_of, told
from ..rigs.characters import objects_of
from ..rigs.doubts import doubts
from ..rigs.motions import curves_of
from ..rigs.reach import look_again
from .actions import owners_of
from .lines import Line, Part, chosen_strips, line_of, said_on_channels, strip_of, words_of
from .moving import shift_of
from .putting import put_sound, put_take, still
from .settings import (
    AUTO,
    CHANNELS,
    FILE,
    LISTENS,
    MARKERS,
    STRIPS,
    chosen_settings,
    first_frame,
    scene_fps,
    scene_settings,
)
from .sound import check_sound, found_again
from .styles import from_markers
from .take_settings import heard_in, part_of, take_settings
from .together import bind
from .tracks import check_owners


def style_text(scene: bpy.types.Scene, first: int) -> str:
    """The style of the settings, as text for the worker. Raises StyleError."""
    settings = scene_settings(scene)
    if settings.style_from == AUTO:
        return "auto"
    if settings.style_from == FILE:
        file = Path(bpy.path.abspath(settings.style_file))
        if not settings.style_file.strip() or not file.is_file():
            raise StyleError(
                f"There is no style file '{settings.style_file}'. Choose a video, a motion file or "
                "a style file."
            )
        return str(file)
    if settings.style_from == MARKERS:
        markers = [(marker.frame, marker.name) for marker in scene.timeline_markers]
        otherwise = settings.style or "neutral"
        return from_markers(markers, first, float(scene_fps(scene)), otherwise)
    if not settings.style:
        raise StyleError("Choose a style first, or press Refresh Styles.")
    return str(settings.style)


def animate_request(
    scene: bpy.types.Scene,
    sound: Path,
    first: int,
    role: str | None = None,
    part: Part = (0.0, 0.0),
    alone: bool = True,
) -> dict[str, Any]:
    """Parameters of the worker's `animate`, from the settings. Raises StyleError.

    role: whether the sound is spoken or listened to; None: as the settings say. part: what of it.
    alone: whether it is the only sound, that the transcript is of.
    """
    settings = scene_settings(scene)
    role = role or settings.role
    listens = role == LISTENS
    # The mood of who listens is not that of the voice: left open, it is neutral.
    unset = listens and settings.style_from == AUTO
    said = "" if listens or not alone else words_of(part, settings.transcript)
    return {
        **({"others": [str(sound)]} if listens else {"speech": str(sound)}),
        "style": "" if unset else style_text(scene, first),
        "fps": str(scene_fps(scene)),
        **chosen_settings(settings, role),
        "project": str(Path(bpy.data.filepath).parent) if bpy.data.filepath else "",
        # A worker of before knows no parts, and needs none for a whole.
        **({"start": part[0], "end": part[1]} if any(part) else {}),
        **({"transcript": said} if said.strip() else {}),
    }


def animate_requests(
    scene: bpy.types.Scene,
    sound: Path,
    first: int,
    part: Part = (0.0, 0.0),
    alone: bool = True,
) -> list[dict[str, Any]]:
    """One request; or two, if the style is to lie on a track of its own: with it and without."""
    one = animate_request(scene, sound, first, part=part, alone=alone)
    return [one, {**one, "guidance_scale": 0.0}] if scene_settings(scene).style_on_track else [one]


def take_name(scene: bpy.types.Scene, name: str) -> str:
    """What a take of a sound of a name is called: after it, and that it is listened to."""
    return f"{name} heard" if scene_settings(scene).role == LISTENS else name


def listened_to(
    scene: bpy.types.Scene, objects: Sequence[bpy.types.Object]
) -> bpy.types.Action | None:
    """The take to which a character listens, if the settings name one. Raises DreamTalkError."""
    settings = scene_settings(scene)
    take = settings.listens_to if settings.role == LISTENS else None
    owners = {curve.owner for curve in curves_of(objects, still(scene))}
    if take is not None and owners & set(owners_of(take)):
        raise DreamTalkError(
            f"'{take.name}' is a take of this character itself. Choose one of another character to "
            "listen to, or none and a sound."
        )
    return take


def character(context: bpy.types.Context) -> list[bpy.types.Object]:
    """The active object's character, if a take on it would show. Raises DreamTalkError."""
    look_again()
    return checked(objects_of(context), context.scene)


def checked(objects: list[bpy.types.Object], scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """A character, if a take on it would show. Raises DreamTalkError."""
    curves = curves_of(objects, still(scene))
    check_owners(dict.fromkeys(curve.owner for curve in curves))
    return objects


class DREAMTALK_OT_animate(JobOperator, bpy.types.Operator):
    bl_idname = "dreamtalk.animate"
    bl_label = "Animate"
    bl_description = "Make the character speak, or listen: a new take from the sound file"
    bl_options: ClassVar[set[str]] = {"UNDO"}

    def plan(self, context: bpy.types.Context) -> list[dict[str, Any]]:
        scene, wanted = context.scene, scene_settings(context.scene).sound_from
        self.adds_sound = False
        if wanted == CHANNELS:
            if scene_settings(scene).role == LISTENS:
                raise DreamTalkError("On channels characters speak. Set Character to Speaks.")
            look_again()
            found = list(said_on_channels(scene))
            self.lines = [line_of(own, checked(objects, scene), scene) for own, objects in found]
        else:
            objects = character(context)
            heard = listened_to(scene, objects)
            if wanted == STRIPS and heard is None:
                self.lines = [line_of(own, objects, scene) for own in chosen_strips(scene)]
            else:
                self.adds_sound = heard is None
                self.lines = [whole_line(scene, objects, heard)]
        self.names = [take_name(scene, line.name) for line in self.lines]
        alone = len(self.lines) == 1
        if not alone and scene_settings(scene).transcript:
            self.report({"WARNING"}, told("The transcript is of one sound, so it is left out."))
        requests = [
            animate_requests(scene, line.sound, line.first, line.part, alone) for line in self.lines
        ]
        self.each = len(requests[0])
        return [request for of_one in requests for request in of_one]

    def apply(self, context: bpy.types.Context, results: Sequence[Result]) -> None:
        moved: dict[bpy.types.Object, None] = {}
        made = 0
        for number, line in enumerate(self.lines):
            which = number * self.each
            try:
                motions = all_of(results[which : which + self.each])
            except DreamTalkError as error:
                if len(self.lines) == 1:
                    raise
                self.report({"WARNING"}, f"{line.name}: {message_of(error)}")
                continue
            objects = kept(bpy.data.objects, line.members)
            self._put(line, self.names[number], objects, motions, which)
            moved.update(dict.fromkeys(objects))
            made += 1
        if not made:
            raise DreamTalkError("None of the sound files could be animated.")
        for warning in doubts(list(moved)):
            self.report({"WARNING"}, told(warning))
        if len(self.lines) > 1:
            self.report({"INFO"}, told(f"{made} takes of {len(self.lines)} sound strips"))

    def _put(
        self,
        line: Line,
        name: str,
        objects: Sequence[bpy.types.Object],
        motions: Sequence[Motion],
        which: int,
    ) -> None:
        """The take of a line, with its sound. which: the first of its requests."""
        scene = self.scene
        recipe = {**self._job.requests[which], "heard": self._job.heard[which]}
        take = put_take(scene, objects, motions, name, line.first, recipe)
        strip = strip_of(line, scene)
        if strip is not None:
            bind(take, strip, line.at)
        elif self.adds_sound:
            for note in put_sound(scene, take, line.sound, line.first):
                self.report({"WARNING"}, told(note))
        if len(self.lines) == 1:
            self.report({"INFO"}, told(f"{take.name}: {len(motions[0])} frames from {line.first}"))


def whole_line(
    scene: bpy.types.Scene, objects: Sequence[bpy.types.Object], heard: bpy.types.Action | None
) -> Line:
    """The sound that the settings name, or that of a take that is listened to, from where it is.
    Raises SpeechError where it is nowhere."""
    file = found_again(heard_in(heard), scene) if heard else scene_settings(scene).sound
    sound = check_sound(file)
    first = take_settings(heard).first + shift_of(heard) if heard else first_frame(scene)
    members = tuple(thing.session_uid for thing in objects)
    part = part_of(heard) if heard else (0.0, 0.0)
    return Line(members, sound, first, sound.stem, part)


CLASSES = (DREAMTALK_OT_animate,)

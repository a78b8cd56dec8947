# SPDX-License-Identifier: GPL-3.0-or-later
"""Animate: from the panel's settings to a take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import bpy
import numpy as np

from dreamtalk_core.errors import DreamTalkError, StyleError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.motion.curves import smoothstep

from ..client.job_operator import JobOperator, kept
from ..client.jobs import Result, all_of
from ..messages import message_of, told
from ..rigs.characters import objects_of
from ..rigs.curve import Curve
from ..rigs.doubts import doubts
from ..rigs.reach import look_again
from ..rigs.targets import curves_of
from .actions import frame_span, owners_of, reduce_action
from .settings import (
    AUTO,
    FILE,
    LISTENS,
    MARKERS,
    chosen_settings,
    first_frame,
    scene_fps,
    scene_settings,
)
from .sound import add_sound, check_sound, found_again, stored_path
from .styles import from_markers
from .take_settings import heard_in, layers_of, take_settings
from .tracks import add_take, check_owners, shift_of


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
    scene: bpy.types.Scene, sound: Path, first: int, role: str | None = None
) -> dict[str, Any]:
    """Parameters of the worker's `animate`, from the settings. Raises StyleError.

    role: whether the sound is spoken or listened to; None: as the settings say.
    """
    settings = scene_settings(scene)
    role = role or settings.role
    listens = role == LISTENS
    # The mood of who listens is not that of the voice: left open, it is neutral.
    unset = listens and settings.style_from == AUTO
    return {
        **({"others": [str(sound)]} if listens else {"speech": str(sound)}),
        "style": "" if unset else style_text(scene, first),
        "fps": str(scene_fps(scene)),
        **chosen_settings(settings, role),
        "project": str(Path(bpy.data.filepath).parent) if bpy.data.filepath else "",
    }


def animate_requests(scene: bpy.types.Scene, sound: Path, first: int) -> list[dict[str, Any]]:
    """One request; or two, if the style is to lie on a track of its own: with it and without."""
    one = animate_request(scene, sound, first)
    return [one, {**one, "guidance_scale": 0.0}] if scene_settings(scene).style_on_track else [one]


def take_name(scene: bpy.types.Scene, sound: Path) -> str:
    """What a take of a sound is called: after it, and that it is listened to."""
    return f"{sound.stem} heard" if scene_settings(scene).role == LISTENS else sound.stem


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


def put_take(
    scene: bpy.types.Scene,
    objects: Sequence[bpy.types.Object],
    motions: Sequence[Motion],
    name: str,
    first: int,
    recipe: Mapping[str, Any] | None = None,
) -> bpy.types.Action:
    """A take of a motion on a character; returns its Action.

    motions: one, or the one in a style and the neutral one, then the style lies on a track of its
    own. They are resampled to the scene's rate if they have another; frame i of the result is on
    frame `first` + i. Raises DreamTalkError; then nothing has changed.
    """
    if recipe:
        recipe = {**recipe, "fps": str(scene_fps(scene))}
        if "speech" in recipe:
            recipe["speech"] = stored_path(Path(recipe["speech"]))
        if "others" in recipe:
            recipe["others"] = [stored_path(Path(sound)) for sound in recipe["others"]]
    curves, style = split_style([wanted_curves(objects, motion, scene) for motion in motions])
    return put_curves(scene, curves, name, first, recipe, style)


def put_curves(
    scene: bpy.types.Scene,
    curves: Sequence[Curve],
    name: str,
    first: int,
    recipe: Mapping[str, Any] | None = None,
    style: Sequence[Curve] = (),
) -> bpy.types.Action:
    """A take of curves as `add_take` makes it, thinned out and shown as the settings say."""
    settings = scene_settings(scene)
    action = add_take(name, curves, first, recipe, style)
    if settings.tolerance:
        for layer in layers_of(action):
            reduce_action(layer, settings.tolerance)
    if settings.use_range:
        scene.frame_end = max(scene.frame_end, frame_span(action)[1])
    settings.take = action
    return action


def put_sound(scene: bpy.types.Scene, sound: Path, first: int) -> list[str]:
    """The sound of a take, if the settings want it; what went wrong, in words.

    A take without its sound is of use: a video may hold one that Blender cannot read.
    """
    try:
        if scene_settings(scene).use_sound:
            add_sound(scene, sound, first)
    except DreamTalkError as error:
        return [message_of(error)]
    return []


def wanted_curves(
    objects: Sequence[bpy.types.Object], motion: Motion, scene: bpy.types.Scene
) -> list[Curve]:
    """Curves of a motion on a character at the scene's rate, without the head if it is off."""
    return chosen_curves(objects, motion.resample(scene_fps(scene)), scene)


def chosen_curves(
    objects: Sequence[bpy.types.Object],
    motion: Motion,
    scene: bpy.types.Scene,
    ease: float | None = None,
) -> list[Curve]:
    """Curves of a motion, a value for each of its frames, without the head if it is off.

    ease: seconds over which the head comes and goes; None: as the settings say.
    """
    settings = scene_settings(scene)
    curves = curves_of(objects, _eased(motion, settings.head_ease if ease is None else ease))
    return [own for own in curves if settings.head or own.region != "Head"]


def _eased(motion: Motion, seconds: float) -> Motion:
    """The motion with a head that comes out of rest and goes back to it over some seconds."""
    frames = min(round(seconds * float(motion.fps)), len(motion) // 2)
    from_end = np.minimum(np.arange(len(motion)), np.arange(len(motion))[::-1])
    share = smoothstep(np.minimum(from_end / max(frames, 1), 1.0)) if frames else 1.0
    turned = motion.head_rotation * np.reshape(share, (-1, 1))
    return replace(motion, head_rotation=turned.astype(np.float32))


def split_style(takes: Sequence[list[Curve]]) -> tuple[list[Curve], list[Curve]]:
    """Curves of a take, and of what its style adds: nothing where there is only one take."""
    if len(takes) == 1:
        return takes[0], []
    styled, neutral = takes
    added = [
        replace(one, values=one.values - other.values, rest=0.0)
        for one, other in zip(styled, neutral, strict=True)
        if not one.path.endswith("rotation_quaternion")
    ]
    return neutral, added


def character(context: bpy.types.Context) -> list[bpy.types.Object]:
    """The active object's character, if a take on it would show. Raises DreamTalkError."""
    look_again()
    objects = objects_of(context)
    curves = curves_of(objects, still(context.scene))
    check_owners(dict.fromkeys(curve.owner for curve in curves))
    return objects


def still(scene: bpy.types.Scene) -> Motion:
    """A frame of a face at rest."""
    return Motion(ARKIT_NAMES, np.zeros((1, len(ARKIT_NAMES)), np.float32), scene_fps(scene))


class DREAMTALK_OT_animate(JobOperator, bpy.types.Operator):
    bl_idname = "dreamtalk.animate"
    bl_label = "Animate"
    bl_description = "Make the character speak, or listen: a new take from the sound file"
    bl_options: ClassVar[set[str]] = {"UNDO"}

    def plan(self, context: bpy.types.Context) -> list[dict[str, Any]]:
        scene = context.scene
        objects = character(context)
        # By name: undo while it runs gives every object a new address.
        self.members = [thing.session_uid for thing in objects]
        heard = listened_to(scene, objects)
        file = found_again(heard_in(heard), scene) if heard else scene_settings(scene).sound
        self.sound = check_sound(file)
        self.first = take_settings(heard).first + shift_of(heard) if heard else first_frame(scene)
        self.adds_sound = heard is None
        self.called = take_name(scene, self.sound)
        self.requests = animate_requests(scene, self.sound, self.first)
        return self.requests

    def apply(self, context: bpy.types.Context, results: Sequence[Result]) -> None:
        motions = all_of(results)
        objects, scene = kept(bpy.data.objects, self.members), self.scene
        recipe = {**self.requests[0], "heard": self._job.heard[0]}
        action = put_take(scene, objects, motions, self.called, self.first, recipe)
        notes = put_sound(scene, self.sound, self.first) if self.adds_sound else []
        for warning in [*notes, *doubts(objects)]:
            self.report({"WARNING"}, told(warning))
        self.report({"INFO"}, told(f"{action.name}: {len(motions[0])} frames from {self.first}"))


CLASSES = (DREAMTALK_OT_animate,)

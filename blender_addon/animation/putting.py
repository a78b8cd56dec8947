# SPDX-License-Identifier: GPL-3.0-or-later
"""A motion as a take on a character, and its sound beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.motion.curves import smoothstep

from ..messages import message_of
from ..rigs.curve import DRAWINGS, Curve
from ..rigs.motions import curves_of
from .actions import frame_span, reduce_action
from .settings import scene_fps, scene_settings
from .sound import add_sound, stored_path
from .take_settings import layers_of
from .together import bind
from .tracks import add_take


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


def put_sound(scene: bpy.types.Scene, take: bpy.types.Action, sound: Path, first: int) -> list[str]:
    """The sound of a take, kept with it, if the settings want it; what went wrong, in words.

    A take without its sound is of use: a video may hold one that Blender cannot read.
    """
    try:
        if scene_settings(scene).use_sound:
            bind(take, add_sound(scene, sound, first))
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
    eased = _eased(motion, settings.head_ease if ease is None else ease)
    curves = curves_of(objects, eased, float(motion.fps) / float(scene_fps(scene)))
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
        if not one.path.endswith("rotation_quaternion") and one.region != DRAWINGS
    ]
    return neutral, added


def still(scene: bpy.types.Scene) -> Motion:
    """A frame of a face at rest."""
    return Motion(ARKIT_NAMES, np.zeros((1, len(ARKIT_NAMES)), np.float32), scene_fps(scene))

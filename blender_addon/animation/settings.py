# SPDX-License-Identifier: GPL-3.0-or-later
"""`Scene.dreamtalk`: what the panel holds, stored with the scene."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import bpy

from dreamtalk_core.parameters import Behaviour, Controls, Listener, Parameter, Sampling, parameters

from ..properties import properties
from ..state import state
from .style_menu import Entry, number
from .take_settings import heard_in, take_settings

AUTO, NAMED, FILE, MARKERS = "AUTO", "NAMED", "FILE", "MARKERS"
STRIPS, CHANNELS = "STRIPS", "CHANNELS"
SPEAKS, LISTENS = "SPEAKS", "LISTENS"


SAMPLING = {own.name: own for own in parameters(Sampling) if own.name not in ("fps", "steps")}
"""The frame rate is the scene's."""
BEHAVIOUR = {own.name: own for own in parameters(Behaviour)}
CONTROLS = {
    own.name: own
    for own in parameters(Controls)
    if own.name in ("smoothing", "closure", "max_opening", "asymmetry")
}
"""Strengths of regions are turned on the take, see `tracks`."""
LISTENER = {own.name: own for own in parameters(Listener)}
"""Of a character that listens."""
SAVED_AS = {"guidance_scale": "intensity"}
"""Settings whose properties have another name: saved scenes hold it."""
_LARGEST = 2**31 - 1
"""Blender's whole numbers end here."""


def _slider(own: Parameter) -> Any:
    about = {"name": own.label, "description": own.help, "default": own.default}
    if own.kind is int:
        return bpy.props.IntProperty(min=int(own.least), max=int(min(own.most, _LARGEST)), **about)
    return bpy.props.FloatProperty(min=own.least, max=own.most, **about)


def _sliders(table: Mapping[str, Parameter]) -> dict[str, Any]:
    """The properties of some settings, by the names under which scenes store them."""
    return {SAVED_AS.get(name, name): _slider(own) for name, own in table.items()}


def _styles(_settings: SceneSettings, _context: bpy.types.Context) -> list[Entry]:
    return state().styles.entries


@properties(**_sliders({**SAMPLING, **BEHAVIOUR, **CONTROLS, **LISTENER}))
class SceneSettings(bpy.types.PropertyGroup):
    """Settings of Animate, of regenerating a range, of a batch and of exports; also those of the
    tables."""

    sound: str = bpy.props.StringProperty(
        name="Sound",
        description="Speech to animate: a sound file, or a video with sound",
        subtype="FILE_PATH",
        options={"PATH_SUPPORTS_BLEND_RELATIVE"},
    )
    transcript: bpy.types.Text | None = bpy.props.PointerProperty(
        name="Transcript",
        description="What is said in the sound, as a text or as subtitles: corrects lips that are "
        "not clearly heard",
        type=bpy.types.Text,
    )
    sound_from: str = bpy.props.EnumProperty(
        name="Sound From",
        description="Where the speech is",
        items=[
            (FILE, "File", "A sound file"),
            (STRIPS, "Selected Strips", "The selected sound strips of the sequencer, as cut there"),
            (
                CHANNELS,
                "Channels",
                "A dialogue: each sound strip on a channel that is called like a character",
            ),
        ],
    )
    role: str = bpy.props.EnumProperty(
        name="Character",
        description="Whether the character says the speech, or hears somebody else say it",
        items=[
            (SPEAKS, "Speaks", "Says what is in the sound"),
            (LISTENS, "Listens", "Says nothing: nods, looks and blinks while somebody else speaks"),
        ],
    )
    listens_to: bpy.types.Action | None = bpy.props.PointerProperty(
        name="Listens To",
        description="The take of another character that is listened to, from where it begins; "
        "empty: the sound",
        type=bpy.types.Action,
        poll=lambda _settings, action: bool(heard_in(action)),
    )
    start_at: str = bpy.props.EnumProperty(
        name="Start",
        description="The frame at which the speech begins",
        items=[
            ("SCENE", "Scene Start", "The first frame of the scene"),
            ("CURRENT", "Current Frame", "The frame that is shown now"),
            ("FRAME", "Frame", "A frame of your choice; it may be negative"),
        ],
    )
    start_frame: int = bpy.props.IntProperty(
        name="Frame", description="The frame at which the speech begins", default=1
    )
    style_from: str = bpy.props.EnumProperty(
        name="Style",
        description="Where the feeling comes from",
        items=[
            (AUTO, "Automatic", "Hear it in the voice"),
            (NAMED, "Named", "A style of the library"),
            (FILE, "From File", "Speak like somebody in a video or a motion file"),
            (MARKERS, "From Markers", "Timeline markers named after styles, as keys over time"),
        ],
    )
    style: str = bpy.props.EnumProperty(
        name="Style",
        description="A style of the library",
        items=_styles,
        default=number("neutral"),
    )
    style_file: str = bpy.props.StringProperty(
        name="Style File",
        description="A video, a motion file (.csv, .json, .npz) or a style file to speak like",
        subtype="FILE_PATH",
        options={"PATH_SUPPORTS_BLEND_RELATIVE"},
    )
    style_on_track: bool = bpy.props.BoolProperty(
        name="Style on Its Own Track",
        description="Make a neutral take and what the style adds, on two tracks, so that its "
        "intensity can be turned and keyed afterwards. Takes twice as long",
    )
    head: bool = bpy.props.BoolProperty(
        name="Head",
        description="Turn the head, where the character has a bone for it",
        default=True,
    )
    head_ease: float = bpy.props.FloatProperty(
        name="Head Ease",
        description="Seconds over which the head leaves the pose below a take and comes back to it",
        default=0.4,
        min=0.0,
        soft_max=2.0,
    )
    tolerance: float = bpy.props.FloatProperty(
        name="Tolerance",
        description="Leave out keys that move the face by no more than this; 0 keeps a key on "
        "every frame",
        default=0.0,
        min=0.0,
        max=0.1,
        precision=4,
    )
    use_sound: bool = bpy.props.BoolProperty(
        name="Add Sound", description="Put the sound into the sequencer, in sync", default=True
    )
    use_range: bool = bpy.props.BoolProperty(
        name="Extend Scene",
        description="Move the end of the scene where the take is longer",
        default=True,
    )
    range_start: int = bpy.props.IntProperty(
        name="From", description="First frame to make again", default=1
    )
    range_stop: int = bpy.props.IntProperty(
        name="To", description="Last frame to make again", default=50
    )
    range_blend: int = bpy.props.IntProperty(
        name="Blend",
        description="Frames over which old and new go into each other at both ends",
        default=4,
        min=0,
    )
    correct: str = bpy.props.EnumProperty(
        name="Correct",
        description="How far a correction reaches",
        items=[
            ("FRAME", "Around the Frame", "The current frame, and Blend frames to either side"),
            ("RANGE", "Over the Range", "The frames between From and To"),
        ],
    )
    cutoff: float = bpy.props.FloatProperty(
        name="Cut-off",
        description="Movement quicker than this, in Hz, is taken out; eyes stay quick",
        default=6.0,
        min=0.5,
        max=25.0,
    )
    take: bpy.types.Action | None = bpy.props.PointerProperty(
        name="Take",
        description="The take that the buttons below work on",
        type=bpy.types.Action,
        poll=lambda _settings, action: take_settings(action).kind == "TAKE",
    )
    layout: str = bpy.props.EnumProperty(
        name="Layout",
        description="Where the takes of a batch go",
        items=[
            ("SEQUENCE", "In a Row", "One after the other, from the start frame on"),
            ("STACK", "Stacked", "All at the start frame; only the first one is switched on"),
        ],
    )
    gap: int = bpy.props.IntProperty(
        name="Gap", description="Frames between one line and the next", default=12, min=0
    )
    folder: str = bpy.props.StringProperty(
        name="Sounds",
        description="A folder of sound files, one line in each",
        subtype="DIR_PATH",
        options={"PATH_SUPPORTS_BLEND_RELATIVE"},
    )
    export_folder: str = bpy.props.StringProperty(
        name="Export To",
        description="Write every take of the batch as a file into this folder; empty: do not",
        subtype="DIR_PATH",
        options={"PATH_SUPPORTS_BLEND_RELATIVE"},
    )
    format: str = bpy.props.EnumProperty(
        name="Format",
        description="What exported files are",
        items=[
            (".glb", "glTF (.glb)", "For game engines and the web"),
            (".usdc", "USD (.usdc)", "For film and effects"),
            (".fbx", "FBX (.fbx)", "For older tools"),
        ],
    )


def scene_settings(scene: bpy.types.Scene) -> SceneSettings:
    """What the panel holds in a scene."""
    settings: SceneSettings = scene.dreamtalk
    return settings


def scene_fps(scene: bpy.types.Scene) -> Fraction:
    """Frames per second of a scene, exact: 24 with a base of 1.001 is 24000/1001."""
    # The base is a float32; seven digits are what was meant.
    return Fraction(scene.render.fps) / Fraction(f"{scene.render.fps_base:.6f}")


def first_frame(scene: bpy.types.Scene) -> int:
    """The frame at which a new take begins."""
    settings = scene_settings(scene)
    if settings.start_at == "FRAME":
        return int(settings.start_frame)
    return int(scene.frame_start if settings.start_at == "SCENE" else scene.frame_current)


def chosen_settings(settings: SceneSettings, role: str) -> dict[str, float]:
    """What is set of the tables, as the worker takes it."""
    listener = LISTENER if role == LISTENS else ()
    names = (*SAMPLING, *BEHAVIOUR, *CONTROLS, *listener)
    return {name: getattr(settings, SAVED_AS.get(name, name)) for name in names}


CLASSES = (SceneSettings,)


def register() -> None:
    bpy.types.Scene.dreamtalk = bpy.props.PointerProperty(type=SceneSettings)


def unregister() -> None:
    del bpy.types.Scene.dreamtalk

# SPDX-License-Identifier: GPL-3.0-or-later
"""`Scene.dreamtalk_live`: what the Live panel holds, stored with the scene."""

from __future__ import annotations

import bpy

from ..properties import properties
from .receiver import SOURCES

SPEAK = "SPEAK"
"""The source that is our own worker."""


def _usual_port(settings: LiveSettings, _context: bpy.types.Context) -> None:
    if settings.source in SOURCES:
        settings.port = SOURCES[settings.source].port


@properties()
class LiveSettings(bpy.types.PropertyGroup):
    """Settings of what is received and recorded."""

    source: str = bpy.props.EnumProperty(
        name="Source",
        description="What sends the face",
        items=[
            ("LIVE_LINK", "Live Link Face", "Epic's app for the iPhone, and programs that send so"),
            (
                "LIVE_LINK_APP",
                "Live Link Face (App's Order)",
                "The same, if jaw and mouth move to the wrong side",
            ),
            ("VMC", "VMC (OSC)", "VSeeFace, Warudo, VNyan and other programs for avatars"),
            ("IFACIALMOCAP", "iFacialMocap", "The app for the iPhone"),
            (SPEAK, "Microphone", "DreamTalk hears somebody speak, and makes the face of it"),
        ],
        update=_usual_port,
    )
    port: int = bpy.props.IntProperty(
        name="Port",
        description="The UDP port that the face is sent to",
        default=SOURCES["LIVE_LINK"].port,
        min=1,
        max=65535,
    )
    phone: str = bpy.props.StringProperty(
        name="Phone",
        description="Address of the phone, as the app shows it; empty: the app sends by itself",
    )
    sound: str = bpy.props.StringProperty(
        name="Sound",
        description="A sound file that is heard in place of the microphone, as if it were spoken "
        "now; empty: the microphone",
        subtype="FILE_PATH",
        options={"PATH_SUPPORTS_BLEND_RELATIVE"},
    )
    play: bool = bpy.props.BoolProperty(
        name="Play Along",
        description="Play the scene while it is recorded, so that sound and take fit each other; "
        "the end of the scene ends it",
    )
    punch: bool = bpy.props.BoolProperty(
        name="Punch In",
        description="Record the frames between From and To into the chosen take, and keep the rest",
    )
    lead: float = bpy.props.FloatProperty(
        name="Lead-in",
        description="Seconds that are played before the frames that are recorded",
        default=1.0,
        min=0.0,
        soft_max=5.0,
    )
    rest: str = bpy.props.StringProperty(
        name="Rest", description="How the actor's face rests, as JSON", options={"HIDDEN"}
    )


def live_settings(scene: bpy.types.Scene) -> LiveSettings:
    """What the Live panel holds in a scene."""
    settings: LiveSettings = scene.dreamtalk_live
    return settings


CLASSES = (LiveSettings,)


def register() -> None:
    bpy.types.Scene.dreamtalk_live = bpy.props.PointerProperty(type=LiveSettings)


def unregister() -> None:
    del bpy.types.Scene.dreamtalk_live

# SPDX-License-Identifier: GPL-3.0-or-later
"""`Action.dreamtalk`: what an Action of ours is, what it was made from, and its sliders."""

from __future__ import annotations

import json
from typing import Any, Literal

import bpy

from ..properties import properties
from .actions import REGIONS, owners_of, set_strength, strips, write_keys

Kind = Literal["NONE", "TAKE", "STYLE", "CORRECTION", "REST", "BAKE"]


def _turn_strength(settings: TakeSettings, region: str) -> None:
    """Put a slider's value on a take and on the style that lies on it."""
    take = settings.id_data
    rests = json.loads(settings.rests or "{}")
    for action in layers_of(take):
        strength = getattr(settings, region.lower())
        set_strength(action, region, strength, rests if action == take else {})


def _slider(region: str) -> Any:
    return bpy.props.FloatProperty(
        name=region,
        description="How far this part of the face moves: 1 is as it was made, 0 keeps it at rest",
        default=1.0,
        min=0.0,
        max=3.0,
        soft_max=2.0,
        update=lambda settings, _context: _turn_strength(settings, region),
    )


def _turn_intensity(settings: TakeSettings, _context: bpy.types.Context) -> None:
    action = settings.id_data
    for owner in owners_of(action):
        for strip in strips(owner):
            if strip.action == action:
                strip.use_animated_influence = True
                curve = strip.fcurves.find("influence")
                # More keys than the one that Blender makes are the animator's own.
                if curve is not None and len(curve.keyframe_points) <= 1:
                    write_keys(curve, [strip.frame_start], [settings.intensity])


@properties(**{region.lower(): _slider(region) for region in REGIONS})
class TakeSettings(bpy.types.PropertyGroup):
    """An Action of ours; of a take also a strength for each of `REGIONS`, in lower case."""

    kind: Kind = bpy.props.EnumProperty(
        name="Kind",
        items=[
            ("NONE", "None", "Not made by DreamTalk"),
            ("TAKE", "Take", "A line as it is spoken"),
            ("STYLE", "Style", "What a style adds to a neutral take"),
            ("CORRECTION", "Correction", "Keys by hand, added to what lies below"),
            ("REST", "Rest", "The face where no take is"),
            ("BAKE", "Bake", "All that moved the character, as one Action"),
        ],
        default="NONE",
    )
    take: bpy.types.Action | None = bpy.props.PointerProperty(
        name="Take", description="The take that this lies on", type=bpy.types.Action
    )
    recipe: str = bpy.props.StringProperty(
        name="Recipe", description="What the take was made from, as JSON"
    )
    first: int = bpy.props.IntProperty(
        name="First Frame", description="The frame at which its speech begins"
    )
    sound_at: int = bpy.props.IntProperty(
        name="Sound At", description="The frame of its sound's second 0 when last looked at"
    )
    moved: int = bpy.props.IntProperty(
        name="Moved", description="By how many frames it had been moved when last looked at"
    )
    rests: str = bpy.props.StringProperty(
        name="Rests", description="Values at rest that are not 0, as JSON"
    )
    intensity: float = bpy.props.FloatProperty(
        name="Intensity",
        description="How much of the style is added; key the influence of its NLA strip to "
        "change it over time",
        default=1.0,
        min=0.0,
        max=1.0,
        update=_turn_intensity,
    )

    @property
    def made_from(self) -> dict[str, Any]:
        """What the take was made from: settings by name, empty for an imported motion."""
        return dict(json.loads(self.recipe or "{}"))


def take_settings(action: bpy.types.Action) -> TakeSettings:
    """What is stored with an Action; its kind is "NONE" where it is not ours."""
    settings: TakeSettings = action.dreamtalk
    return settings


def heard_in(take: bpy.types.Action) -> str:
    """The sound file that a take was made from; empty where there is none."""
    recipe = take_settings(take).made_from
    return str(recipe.get("speech") or next(iter(recipe.get("others", [])), ""))


def part_of(take: bpy.types.Action) -> tuple[float, float]:
    """The seconds of its sound that a take was made from; the second is 0 for its end."""
    recipe = take_settings(take).made_from
    return float(recipe.get("start", 0.0)), float(recipe.get("end", 0.0))


def styles() -> dict[bpy.types.Action, bpy.types.Action]:
    """Take -> the additive style that lies on it, for takes that have one."""
    found: dict[bpy.types.Action, bpy.types.Action] = {}
    for own in bpy.data.actions:
        settings = take_settings(own)
        if settings.kind == "STYLE" and settings.take is not None:
            found.setdefault(settings.take, own)
    return found


def style_of(take: bpy.types.Action) -> bpy.types.Action | None:
    """The additive style that lies on a take, if there is one."""
    return styles().get(take)


def layers_of(take: bpy.types.Action) -> list[bpy.types.Action]:
    """A take and the style on it."""
    style = style_of(take)
    return [take] if style is None else [take, style]


def reset_strengths(take: bpy.types.Action) -> None:
    """All sliders of a take back to 1."""
    for region in REGIONS:
        setattr(take_settings(take), region.lower(), 1.0)


def refresh_strengths(take: bpy.types.Action) -> None:
    """Put the sliders onto channels that came after they were turned."""
    for region in REGIONS:
        _turn_strength(take_settings(take), region)


CLASSES = (TakeSettings,)


def register() -> None:
    bpy.types.Action.dreamtalk = bpy.props.PointerProperty(type=TakeSettings)


def unregister() -> None:
    del bpy.types.Action.dreamtalk

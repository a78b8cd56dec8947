# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of face curves, of whatever kind the core reads: a new take, or into one that there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import bpy
import numpy as np

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.formats import READABLE
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.motion.tongue import FACE_NAMES

from ..messages import message_of, told
from ..properties import properties
from ..rigs.curve import Curve
from ..rigs.doubts import doubts
from ..rigs.targets import places, region_of
from ..state import state
from .actions import REGIONS, bags, frame_span, replace_range
from .animate import character
from .moving import lengthen, shift_of
from .putting import chosen_curves, put_curves
from .settings import first_frame, scene_fps, scene_settings
from .take_settings import refresh_strengths, style_of, take_settings
from .takes import chosen_take, lying_in, objects_with
from .tracks import delete_take

_MOST = 5.0
GAINS: Mapping[str, Any] = {
    shape: bpy.props.FloatProperty(name=shape, default=1.0, min=0.0, max=_MOST, soft_max=2.0)
    for shape in ARKIT_NAMES
}
"""Shape -> how much of it is taken."""


def amplified(motion: Motion, gains: Mapping[str, float]) -> Motion:
    """The motion with each shape times its gain, up to 1; shapes that have none stay."""
    factors = np.array([gains.get(name, 1.0) for name in motion.names], np.float32)
    return replace(motion, weights=np.clip(motion.weights * factors, 0.0, 1.0))


def curves_in(
    motion: Motion,
    objects: Sequence[bpy.types.Object],
    scene: bpy.types.Scene,
    ease: float | None = None,
) -> list[Curve]:
    """Curves of a motion at the scene's rate on a character: shapes by its mapping; a channel of
    another name, as files of avatars have, on the shape keys of that name.

    Raises DreamTalkError where nothing of the motion is on the character.
    """
    motion = motion.resample(scene_fps(scene))
    others = {name: places(name, objects) for name in foreign(motion)}
    named = [
        Curve(place.owner, place.path, motion.channel(name), "Lips", place.index)
        for name, found in others.items()
        for place in found
    ]
    if len(others) == len(motion.names):
        if not named:
            raise DreamTalkError(
                f"The file has no face shapes whose names are known, and no shape key is called "
                f"as one of its {len(motion.names)} channels (the first: "
                f"{', '.join(motion.names[:3])})."
            )
        return named
    taken = {(own.owner, own.path) for own in named}
    curves = chosen_curves(objects, motion, scene, ease)
    return [*named, *(own for own in curves if (own.owner, own.path) not in taken)]


def foreign(motion: Motion) -> list[str]:
    """Channels that are no face shapes."""
    return [name for name in motion.names if name not in FACE_NAMES]


def overwrite(take: bpy.types.Action, motion: Motion, scene: bpy.types.Scene) -> None:
    """Give a take another motion, from its first frame on, for all that it holds; what it was made
    from, and a style on it, do not count any more. Raises DreamTalkError; nothing has changed."""
    first, _ = frame_span(take)
    curves = lying_in(take, curves_in(motion, objects_with(take, scene), scene))
    if (style := style_of(take)) is not None:
        delete_take(style)
    for bag in bags(take):
        for fcurve in list(bag.fcurves):
            bag.fcurves.remove(fcurve)
    last = first + max(len(own.values) for own in curves) - 1
    replace_range(take, curves, first, first, last, 0)
    take_settings(take).recipe, take_settings(take).first = "", first
    _finish(take, scene)


def append(take: bpy.types.Action, motion: Motion, scene: bpy.types.Scene) -> None:
    """Put a motion behind the last frame of a take. Raises DreamTalkError; nothing has changed."""
    curves = lying_in(take, curves_in(motion, objects_with(take, scene), scene))
    first = frame_span(take)[1] + 1
    last = first + max(len(own.values) for own in curves) - 1
    replace_range(take, curves, first, first, last, 0)
    _finish(take, scene)


def put_range(take: bpy.types.Action, motion: Motion, scene: bpy.types.Scene) -> None:
    """Put what of a motion, that begins where the settings say, lies in the range into a take.

    Raises DreamTalkError; nothing has changed.
    """
    settings, by, first = scene_settings(scene), shift_of(take), first_frame(scene)
    start, stop = settings.range_start, settings.range_stop
    curves = curves_in(motion, objects_with(take, scene), scene, 0.0)
    last = first + max(len(own.values) for own in curves) - 1
    begin, end = (frame + by for frame in frame_span(take))
    if start > stop or max(start, first, begin) > min(stop, last, end):
        raise DreamTalkError(
            f"The range {start} to {stop} holds nothing of both the take ({begin} to {end}) and "
            f"the file ({first} to {last}). Set From, To and Start."
        )
    blend = settings.range_blend
    replace_range(take, lying_in(take, curves), first - by, start - by, stop - by, blend)
    _finish(take, scene)


def _finish(take: bpy.types.Action, scene: bpy.types.Scene) -> None:
    refresh_strengths(take)
    lengthen(take)
    settings = scene_settings(scene)
    settings.take = take
    if settings.use_range:
        scene.frame_end = max(scene.frame_end, frame_span(take)[1] + shift_of(take))


@properties(**GAINS)
class DREAMTALK_OT_import_motion(bpy.types.Operator):
    bl_idname = "dreamtalk.import_motion"
    bl_label = "Import Curves"
    bl_description = (
        "Make a take from a file of face curves: of Live Link Face, Face Cap, Audio2Face and others"
    )
    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO", "PRESET"}

    filepath: str = bpy.props.StringProperty(subtype="FILE_PATH")
    filter_glob: str = bpy.props.StringProperty(
        default=";".join(f"*{suffix}" for suffix in READABLE), options={"HIDDEN"}
    )
    place: str = bpy.props.EnumProperty(
        name="Into",
        description="Where the curves go",
        items=[
            ("NEW", "New Take", "A take of its own, from the panel's start on"),
            ("OVERWRITE", "Overwrite Take", "In place of all that the chosen take holds"),
            ("APPEND", "Append to Take", "Behind the last frame of the chosen take"),
            ("RANGE", "Range of Take", "The frames between From and To of the chosen take"),
        ],
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if self.filepath:  # it was dropped here
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(self, "place")
        settings = scene_settings(context.scene)
        if self.place in {"NEW", "RANGE"}:
            layout.prop(settings, "start_at")
            if settings.start_at == "FRAME":
                layout.prop(settings, "start_frame")
        if self.place == "RANGE":
            for name in ("range_start", "range_stop", "range_blend"):
                layout.prop(settings, name)
        layout.label(text="How much of each shape is taken:")
        for region in REGIONS:
            shapes = [shape for shape in ARKIT_NAMES if region_of(shape) == region]
            header, body = layout.panel(f"dreamtalk_gains_{region}", default_closed=True)
            header.label(text=region)
            for shape in shapes if body is not None else ():
                body.prop(self, shape, slider=True, translate=False)

    def execute(self, context: bpy.types.Context) -> set[str]:
        state().end_trial()
        try:
            objects, scene = character(context), context.scene
            file = Path(bpy.path.abspath(self.filepath))
            motion = amplified(Motion.load(file), {name: getattr(self, name) for name in GAINS})
            if self.place == "NEW":
                curves = curves_in(motion, objects, scene)
                take = put_curves(scene, curves, file.stem, first_frame(scene))
            else:
                take = chosen_take(context)
                {"OVERWRITE": overwrite, "APPEND": append, "RANGE": put_range}[self.place](
                    take, motion, scene
                )
        except DreamTalkError as error:
            self.report({"ERROR"}, message_of(error))
            return {"CANCELLED"}
        lost = [name for name in foreign(motion) if not places(name, objects)]
        if lost:
            names = ", ".join(lost[:6])
            self.report({"WARNING"}, told(f"Left out, as no shape key is called so: {names}."))
        for warning in doubts(objects):
            self.report({"WARNING"}, told(warning))
        self.report({"INFO"}, told(f"{take.name}: {len(motion)} frames from {file.name}"))
        return {"FINISHED"}


class DREAMTALK_FH_motion(bpy.types.FileHandler):
    """Files of curves that are dropped onto the 3D view."""

    bl_idname = "DREAMTALK_FH_motion"
    bl_label = "Face Curves"
    bl_import_operator = DREAMTALK_OT_import_motion.bl_idname
    bl_file_extensions = ";".join(READABLE)

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        return context.area is not None and context.area.type == "VIEW_3D"


CLASSES = (DREAMTALK_OT_import_motion, DREAMTALK_FH_motion)


def _menu(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    menu.layout.operator(DREAMTALK_OT_import_motion.bl_idname, text="Face Curves (DreamTalk)")


def register() -> None:
    bpy.types.TOPBAR_MT_file_import.append(_menu)


def unregister() -> None:
    bpy.types.TOPBAR_MT_file_import.remove(_menu)

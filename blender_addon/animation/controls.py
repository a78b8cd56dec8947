# SPDX-License-Identifier: GPL-3.0-or-later
"""A control rig for a face, with what moved it so far; and back to keys."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
import numpy as np

from dreamtalk_core.errors import DreamTalkError

from ..mapping import drivers
from ..mapping.data import ensure_stored
from ..mapping.operators import CharacterTool
from ..messages import told
from ..rigs import targets
from ..rigs.characters import character_of
from ..rigs.controls import CONTROLS, add_controls, control_curves, controlled, drive_by_controls
from ..rigs.curve import Curve, Floats
from .editing import sampled
from .settings import scene_settings
from .tracks import add_take, check_owners

_LOST = 0.02
"""Weight from which on it is said that a shape has lost some."""


def seen_in(scene: bpy.types.Scene, places: Sequence[targets.Place]) -> Floats:
    """What places are on the frames of the scene [T, P], as it is seen."""
    steps = sampled(
        [(own.owner, own.path, own.index) for own in places],
        range(scene.frame_start, scene.frame_end + 1),
    )
    while True:
        try:
            next(steps)
        except StopIteration as end:
            values: Floats = end.value
            return values


def is_animated(owner: bpy.types.ID) -> bool:
    """Whether keys move a data-block, a take's or others."""
    data = owner.animation_data
    return data is not None and bool(data.nla_tracks or data.action)


class DREAMTALK_OT_controls(CharacterTool):
    bl_idname = "dreamtalk.controls"
    bl_label = "Make Controls"
    bl_description = (
        "Bones for jaw, lips, brows, lids and gaze that drive the face: what its takes do in the "
        "frames of the scene becomes a take of the bones, and so does every take from now on"
    )

    def run(self, context: bpy.types.Context, objects: list[bpy.types.Object]) -> str:
        scene, active = context.scene, context.view_layer.objects.active
        if character_of(objects).controller is not None:
            raise DreamTalkError("This face is driven already. Press Release first.")
        ensure_stored(objects)
        rows = targets.mapping_of(objects).rows
        shapes = [row.source for row in rows if row.source in CONTROLS]
        simple = {
            row.source: found[0]
            for row in rows
            if row.source in CONTROLS and (found := targets.places(row.target, objects))
        }
        if not simple:
            raise DreamTalkError("This face has no ARKit shapes that bones could drive.")
        owners = dict.fromkeys(own.owner for own in simple.values())
        check_owners(owners)
        moves = any(is_animated(owner) for owner in owners)
        values = seen_in(scene, list(simple.values())) if moves else None
        controller = add_controls(objects, shapes)
        settings = character_of(objects)
        settings.controller = controller
        try:
            drivers.drive(objects)
        except DreamTalkError:
            drivers.release(objects)
            raise
        finally:
            context.view_layer.objects.active = active
        drive_by_controls(controller)
        if values is not None:
            self._take_over(scene, controller, dict(zip(simple, values.T, strict=True)))
        return f"{len(controller.pose.bones)} bones made."

    def _take_over(
        self, scene: bpy.types.Scene, controller: bpy.types.Object, weights: dict[str, Floats]
    ) -> None:
        """A take of the bones that does what the keys did. Takes of these stay: the drivers win
        over them, and they go on turning the head."""
        mine = {name: weights[name] for name in weights if name in controlled(controller)}
        regions = {name: targets.region_of(name) for name in mine}
        curves = list(control_curves(controller, mine, regions))
        scene_settings(scene).take = add_take("controls", curves, scene.frame_start)
        lost = []
        for name, values in mine.items():
            bone, axis, sign = CONTROLS[name]
            path = f'pose.bones["{bone}"].location'
            own = next(own for own in curves if (own.path, own.index) == (path, axis))
            kept = np.maximum(0.0, sign / controller["reach"] * own.values)
            if np.abs(kept - values).max() > _LOST:
                lost.append(name)
        if lost:
            names = ", ".join(lost)
            self.report(
                {"WARNING"}, told(f"Bones do not show both ways of an axis at once: {names}.")
            )


class DREAMTALK_OT_controls_to_keys(CharacterTool):
    bl_idname = "dreamtalk.controls_to_keys"
    bl_label = "Controls to Keys"
    bl_description = (
        "Keys of the face itself that do what is seen in the frames of the scene, as a take; the "
        "bones, or the empty, that drove it go"
    )

    def run(self, context: bpy.types.Context, objects: list[bpy.types.Object]) -> str:
        scene, mapping = context.scene, targets.mapping_of(objects)
        if character_of(objects).controller is None:
            raise DreamTalkError("This face is not driven. Press Make Controls first.")
        names = [name for name in mapping.targets if not targets.is_drawing(name, objects)]
        found = [(name, own) for name in names for own in targets.places(name, objects)]
        values = seen_in(scene, [own for _, own in found])
        drivers.release(objects)
        regions, rests = targets.regions_of(mapping), targets.rests_of(mapping)
        curves = [
            Curve(own.owner, own.path, column, regions[name], own.index, rests[name])
            for (name, own), column in zip(found, values.T, strict=True)
        ]
        take = scene_settings(scene).take = add_take("keys", curves, scene.frame_start)
        return f"{take.name}: {len(values)} frames from {scene.frame_start}"


CLASSES = (DREAMTALK_OT_controls, DREAMTALK_OT_controls_to_keys)

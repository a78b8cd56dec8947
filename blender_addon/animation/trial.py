# SPDX-License-Identifier: GPL-3.0-or-later
"""Test: mouth, lids and head move once, and what did not is named."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import ExitStack, suppress
from fractions import Fraction
from typing import ClassVar

import bpy
import numpy as np
from bpy.app.handlers import persistent
from bpy.app.translations import pgettext_iface

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES

from ..messages import message_of, told
from ..rigs.characters import objects_of
from ..rigs.curve import Curve, Floats, set_value, value_of
from ..rigs.motions import curves_of
from ..rigs.reach import look_again
from ..state import state

_PARTS: dict[str, tuple[dict[str, float], tuple[float, float, float]]] = {
    "mouth": ({"jawOpen": 0.7, "mouthLowerDownLeft": 0.3, "mouthLowerDownRight": 0.3}, (0, 0, 0)),
    "lids": ({"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}, (0, 0, 0)),
    "head": ({}, (0, 20, 0)),
}
"""Part -> its weights and the head's angles in degrees."""
_EVERY, _STEPS = 0.04, 16
_LEAST = 0.002
"""Share of the character's size from which on it is said to move."""
_GONE = (ReferenceError, ValueError)
"""What is raised where an undo has taken an object away, or somebody a shape key."""


def trial(
    objects: Sequence[bpy.types.Object], shares: Sequence[float], moved: list[str]
) -> Generator[None, None, None]:
    """Pose each part by the shares in turn, and leave the character as it was.

    moved: is given the parts that move what is seen, as measured where the share is 1.
    Raises DreamTalkError as `curves_of` does.
    """
    poses = {part: curves_of(objects, _pose(*pose)) for part, pose in _PARTS.items()}
    places = [(own.owner, own.path, own.index) for own in poses["mouth"]]
    before = [value_of(*place) for place in places]
    try:
        _show(poses["mouth"], 0.0)
        rest = _seen(objects)
        least = _LEAST * float(np.ptp(rest, axis=0).max(initial=0.0))
        for part, curves in poses.items():
            for share in shares:
                _show(curves, share)
                if share == 1.0 and np.abs(_seen(objects) - rest).max(initial=0.0) > least:
                    moved.append(part)
                yield
            _show(curves, 0.0)
    finally:
        for place, value in zip(places, before, strict=True):
            with suppress(*_GONE):
                set_value(*place, value)


def _pose(weights: dict[str, float], head: tuple[float, float, float]) -> Motion:
    row = [[weights.get(name, 0.0) for name in ARKIT_NAMES]]
    return Motion(
        ARKIT_NAMES, np.array(row, np.float32), Fraction(25), np.array([head], np.float32)
    )


def _show(curves: Sequence[Curve], share: float) -> None:
    """Set what the curves have in their first frame, from rest (0) to all of it (1)."""
    for own in curves:
        value = own.rest + share * (float(own.values[0]) - own.rest)
        set_value(own.owner, own.path, own.index, value)


def _seen(objects: Sequence[bpy.types.Object]) -> Floats:
    """Where the vertices are seen [V, 3]; those of bones, where there is no mesh."""
    graph = bpy.context.evaluated_depsgraph_get()
    graph.update()
    found = []
    for thing in (own for own in objects if own.type == "MESH"):
        mesh = thing.evaluated_get(graph).data
        points = np.empty((len(mesh.vertices), 3), np.float32)
        mesh.vertices.foreach_get("co", points.ravel())
        turn = np.array(thing.evaluated_get(graph).matrix_world, np.float32)
        found.append(points @ turn[:3, :3].T + turn[:3, 3])
    if not found:
        rigs = [own.evaluated_get(graph) for own in objects if own.pose is not None]
        bones = [bone for own in rigs for bone in own.pose.bones]
        found = [np.array([[*bone.head], [*bone.tail]], np.float32) for bone in bones]
    return np.concatenate(found) if found else np.zeros((1, 3), np.float32)


class DREAMTALK_OT_test(bpy.types.Operator):
    bl_idname = "dreamtalk.test"
    bl_label = "Test"
    bl_description = (
        "Move mouth, lids and head once, and say what of them does not move; nothing is changed"
    )
    bl_options: ClassVar[set[str]] = set()

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if context.window is None:
            return self.execute(context)
        try:
            self._begin(context, [float(np.sin(np.pi * i / _STEPS)) for i in range(_STEPS + 1)])
        except DreamTalkError as error:
            return self._failed(error)
        state().trial = self._steps
        manager = context.window_manager
        self._timer = manager.event_timer_add(_EVERY, window=context.window)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if event.type not in {"TIMER", "ESC"}:
            return {"PASS_THROUGH"}
        with ExitStack() as ending:
            ending.callback(self.cancel, context)
            try:
                # Another operator ends it by taking it out of the state.
                if event.type == "TIMER" and state().trial is self._steps:
                    next(self._steps)
                    ending.pop_all()
                    return {"PASS_THROUGH"}
            except StopIteration:
                self._tell()
            except _GONE:
                return {"CANCELLED"}
        return {"FINISHED"}

    def cancel(self, context: bpy.types.Context) -> None:
        """Esc, or Blender ends it: the character is as it was."""
        context.window_manager.event_timer_remove(self._timer)
        if state().trial is self._steps:
            state().end_trial()

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            self._begin(context, [1.0])
            for _ in self._steps:
                pass
        except DreamTalkError as error:
            return self._failed(error)
        self._tell()
        return {"FINISHED"}

    def _begin(self, context: bpy.types.Context, shares: Sequence[float]) -> None:
        state().end_trial()
        look_again()
        self._moved: list[str] = []
        self._steps = trial(objects_of(context), shares, self._moved)
        next(self._steps)  # what cannot be is told of at once

    def _tell(self) -> None:
        still = [part for part in _PARTS if part not in self._moved]
        if still:
            names = ", ".join(pgettext_iface(part) for part in still)
            message = told(f"Does not move: {names}. Look at Mapping, or press Match.")
            self.report({"WARNING"}, message)
        else:
            self.report({"INFO"}, told("Mouth, lids and head move."))

    def _failed(self, error: DreamTalkError) -> set[str]:
        self.report({"ERROR"}, message_of(error))
        return {"CANCELLED"}


CLASSES = (DREAMTALK_OT_test,)


@persistent
def _end(*_: object) -> None:
    """What is saved is the character as it was, not a pose of the Test."""
    state().end_trial()


def register() -> None:
    bpy.app.handlers.save_pre.append(_end)


def unregister() -> None:
    bpy.app.handlers.save_pre.remove(_end)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Make Shapes: the ARKit shapes for a face that has none, and the landmarks that they go by."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import bpy
import numpy as np
from mathutils import Vector

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.formats._limits import read_arrays
from dreamtalk_core.motion.tongue import FACE_NAMES
from dreamtalk_core.temporaries import remove

from ..client.job_operator import JobOperator, kept
from ..messages import message_of, told
from ..rigs import characters
from ..rigs.curve import Floats
from ..rigs.face_mesh import to_file, to_world, write_meshes
from ..rigs.reach import look_again
from ..rigs.shape_keys import add_shapes, has_keys, points_of
from ..state import state

_LANDMARKS = "dreamtalk_landmarks"
"""On the first mesh: where its landmarks were found, as JSON, in the file's space."""
_MADE = "dreamtalk_shapes"
"""On a mesh: the names of the keys that were made here, and may be made again."""
_MARK = "dreamtalk_landmark"
"""On an empty: which landmark it is. Its parent is the mesh."""
_SIZE = 0.02
"""Of an empty, in sizes of the face."""
_GUESS = {
    "eye_outer_right": (-0.2, 0.52),
    "eye_inner_right": (-0.07, 0.53),
    "eye_inner_left": (0.07, 0.53),
    "eye_outer_left": (0.2, 0.52),
    "nose_tip": (0.0, 0.69),
    "mouth_right": (-0.11, 0.82),
    "mouth_left": (0.11, 0.82),
    "chin": (0.0, 1.0),
}
"""The landmarks that are enough, of the character's own sides: how far from the middle, and below
the top, in heights of a head."""
_HEAD, _BODY = 1.6, 7.5
"""Of a bust, height by width, and of a body, heights of its head."""


def meshes_of(context: bpy.types.Context) -> list[bpy.types.Object]:
    """The meshes of the active object's character, and others that are selected.

    Raises DreamTalkError where there is none.
    """
    try:
        own = list(characters.objects_of(context))
    except DreamTalkError:
        own = []
    chosen = [*own, context.active_object, *context.selected_objects]
    found = [thing for thing in chosen if thing is not None and thing.type == "MESH"]
    if not found:
        raise DreamTalkError("Select the meshes of the head: skin, eyes, teeth.")
    return sorted(set(found), key=lambda thing: thing.name)


def _empties(thing: bpy.types.Object) -> list[bpy.types.Object]:
    return [child for child in thing.children if _MARK in child]


class DREAMTALK_OT_make_shapes(JobOperator, bpy.types.Operator):
    bl_idname = "dreamtalk.make_shapes"
    bl_label = "Make Shapes"
    bl_description = (
        "Give the selected meshes the 52 ARKit shape keys, and 16 of the tongue: their face is "
        "looked for, and the built-in head's shapes are carried over. Keys that are there stay"
    )
    bl_options: ClassVar[set[str]] = {"UNDO"}

    method = "make_shapes"

    def read(self, path: Path) -> Any:
        return read_arrays(path, DreamTalkError)["moves"]

    def plan(self, context: bpy.types.Context) -> list[dict[str, Any]]:
        things = meshes_of(context)
        for thing in things:
            if thing.data.library is not None:
                raise DreamTalkError(
                    f"'{thing.name}' is linked from another file. Make it local first."
                )
        self._things = [thing.session_uid for thing in things]
        self._sizes = [len(thing.data.vertices) for thing in things]
        self._head = Path(bpy.app.tempdir) / f"dreamtalk-head-{id(self)}.glb"
        self._sources = write_meshes(things, self._head)
        marks = [mark for thing in things for mark in _empties(thing)]
        places = to_file(np.array([mark.matrix_world.translation for mark in marks]).reshape(-1, 3))
        by_hand = {mark[_MARK]: place.tolist() for mark, place in zip(marks, places, strict=True)}
        name = ", ".join(f"'{thing.name}'" for thing in things)
        return [{"head": str(self._head), "landmarks": by_hand or None, "name": name}]

    def apply(self, context: bpy.types.Context, results: Sequence[Any]) -> None:
        remove(self._head)
        (moves,) = results
        if isinstance(moves, DreamTalkError):
            raise moves
        things = kept(bpy.data.objects, self._things)
        for thing, size in zip(things, self._sizes, strict=True):
            if thing.mode == "EDIT" or len(thing.data.vertices) != size:
                raise DreamTalkError(
                    f"'{thing.name}' has been changed meanwhile. Make the shapes again."
                )
        first = made = 0
        for thing, source in zip(things, self._sources, strict=True):
            own = moves[:, first : first + len(source)]
            first += len(source)
            if own.any():
                made += _give(thing, source, own)
        things[0][_LANDMARKS] = json.dumps(self._job.answers[0]["landmarks"])
        _move_empties(things[0])
        look_again()
        self.report({"INFO"}, told(f"{made} shape keys were made."))

    def _end(self, context: bpy.types.Context) -> None:
        remove(self._head)  # cancelled, it is still there
        super()._end(context)


def _give(thing: bpy.types.Object, source: Any, moves: Any) -> int:
    """Add to a mesh how its vertices are moved [68, N, 3], given for some of them over again."""
    inverse = np.linalg.inv(np.array(thing.matrix_world)[:3, :3])
    local = np.zeros((len(moves), len(thing.data.vertices), 3), np.float32)
    local[:, source] = to_world(moves) @ inverse.T
    before = set(thing.get(_MADE, "").split())
    blocks = thing.data.shape_keys.key_blocks if has_keys(thing) else {}
    new = {}
    for name, deltas in zip(FACE_NAMES, local, strict=True):
        if name not in blocks:
            new[name] = deltas
        elif name in before:
            rest = points_of(thing.data.shape_keys.reference_key)
            blocks[name].points.foreach_set("co", (rest + deltas).ravel())
    again = len(before & set(blocks.keys()))
    add_shapes(thing, new)
    thing[_MADE] = " ".join(sorted(before | set(new)))
    thing.data.update()
    return len(new) + again


class DREAMTALK_OT_landmarks(bpy.types.Operator):
    bl_idname = "dreamtalk.landmarks"
    bl_label = "Landmarks"
    bl_description = (
        "Show the places on the face that the shapes go by, or remove them. Move those that lie "
        "wrong, then make the shapes. Before a face has been found they are eight, to be put where "
        "they belong"
    )
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    def execute(self, context: bpy.types.Context) -> set[str]:
        state().end_trial()
        try:
            things = meshes_of(context)
            shown = [mark for thing in things for mark in _empties(thing)]
            for mark in shown:
                bpy.data.objects.remove(mark)
            if not shown:
                _show(context, things)
        except DreamTalkError as error:
            self.report({"ERROR"}, message_of(error))
            return {"CANCELLED"}
        return {"FINISHED"}


def _show(context: bpy.types.Context, things: Sequence[bpy.types.Object]) -> None:
    owner = next((thing for thing in things if _LANDMARKS in thing), None)
    if owner is None:
        owner, names = things[0], list(_GUESS)
    else:
        names = list(json.loads(owner[_LANDMARKS]))
    for name in names:
        mark = bpy.data.objects.new(f"{owner.name} {name}", None)
        mark.empty_display_type, mark.show_in_front = "SPHERE", True
        mark.show_name = _LANDMARKS not in owner
        mark[_MARK] = name
        context.scene.collection.objects.link(mark)
        mark.parent = owner
    if _LANDMARKS in owner:
        _move_empties(owner)
    else:
        _put(owner, _guessed(things))


def _guessed(things: Sequence[bpy.types.Object]) -> dict[str, Floats]:
    """Where the landmarks of a head may be that looks along -Y, in the world: before its front."""
    corners = np.concatenate(
        [
            np.array([thing.matrix_world @ Vector(one) for one in thing.bound_box])
            for thing in things
        ]
    )
    low, high = corners.min(axis=0), corners.max(axis=0)
    wide, tall = (high - low)[[0, 2]]
    size = tall / _BODY if tall > _HEAD * max(wide, 1e-9) else 0.7 * tall
    middle = (low + high)[0] / 2
    return {
        name: np.array([middle + x * size, low[1], high[2] - down * size])
        for name, (x, down) in _GUESS.items()
    }


def _move_empties(owner: bpy.types.Object) -> None:
    """To where the landmarks are known to be."""
    known = json.loads(owner[_LANDMARKS]).items()
    _put(owner, {name: to_world(np.array(place)) for name, place in known})


def _put(owner: bpy.types.Object, places: Mapping[str, Floats]) -> None:
    """The empties to places in the world."""
    size = float(np.ptp(np.array(list(places.values())), axis=0).max())
    inverse = np.linalg.inv(np.array(owner.matrix_world))
    for mark in _empties(owner):
        mark.location = inverse[:3, :3] @ places[mark[_MARK]] + inverse[:3, 3]
        mark.empty_display_size = _SIZE * size * float(np.cbrt(abs(np.linalg.det(inverse[:3, :3]))))


CLASSES = (DREAMTALK_OT_make_shapes, DREAMTALK_OT_landmarks)

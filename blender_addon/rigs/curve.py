# SPDX-License-Identifier: GPL-3.0-or-later
"""What is animated of a character: one number of a data-block, over time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import bpy
import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.motion.rotation import product

Floats = NDArray[np.float32]
DRAWINGS = "Drawings"
"""The region of curves in steps, whose values are numbers of drawings: they are not mixed."""


@dataclass(frozen=True, eq=False)
class Curve:
    """One animated number of a data-block, a value for every frame.

    owner: what has the animation, such as the shape keys of a mesh or an armature object.
    path, index: the property as F-curves name it; the index is 0 where it is a single number.
    values: float32 [T]. rest: its value in a face at rest. region: one of `REGIONS`.
    frames: the frames of the values, which need not be whole; None: one after the other.
    """

    owner: bpy.types.ID
    path: str
    values: Floats
    region: str
    index: int = 0
    rest: float = 0.0
    frames: Floats | None = None

    def keyed_at(self, first: int) -> Floats:
        """The frames of the values [T]. first: that of the first, where it has none of its own."""
        if self.frames is not None:
            return self.frames
        return np.arange(first, first + len(self.values), dtype=np.float32)


def set_value(owner: bpy.types.ID, path: str, index: int, value: float) -> None:
    """Give a property the value, as F-curves name it. Raises ValueError where it is not there."""
    now = owner.path_resolve(path)
    if hasattr(now, "__len__"):
        now[index] = value
    elif path.endswith('"]'):
        before, _, name = path.rpartition('["')
        holder = owner.path_resolve(before) if before else owner
        holder[bpy.utils.unescape_identifier(name[:-2])] = type(now)(value)
    else:
        before, _, name = path.rpartition(".")
        whole = isinstance(now, int) and not isinstance(now, bool)
        setattr(
            owner.path_resolve(before) if before else owner, name, round(value) if whole else value
        )
    owner.update_tag()


def value_of(owner: bpy.types.ID, path: str, index: int) -> float:
    """What a property is now. Raises ValueError where it is not there."""
    now = owner.path_resolve(path)
    return float(now[index] if hasattr(now, "__len__") else now)


def layered(curves: Iterable[Curve]) -> list[Curve]:
    """Curves as they lie on a take's tracks: those of bones are what their rest is
    moved, turned and scaled by."""
    turns: dict[tuple[bpy.types.ID, str], list[Curve]] = {}
    result = []
    for own in curves:
        if not is_armature(own.owner):
            result.append(own)
        elif own.path.endswith("rotation_quaternion"):
            turns.setdefault((own.owner, own.path), []).append(own)
        elif own.path.endswith(".scale") and own.rest:
            result.append(replace(own, values=own.values / own.rest, rest=1.0))
        else:
            result.append(replace(own, values=own.values - own.rest, rest=0.0))
    for of_one in turns.values():
        values = np.stack([own.values for own in of_one], axis=1).astype(np.float64)
        back = np.array([[of_one[0].rest, *(-own.rest for own in of_one[1:])]])
        # Blender puts the scalar first.
        added = np.roll(product(np.roll(back, -1, 1), np.roll(values, -1, 1)), 1, 1)
        for i, own in enumerate(of_one):
            rest = 1.0 if i == 0 else 0.0
            result.append(replace(own, values=added[:, i].astype(np.float32), rest=rest))
    return result


def is_armature(owner: bpy.types.ID) -> bool:
    return isinstance(owner, bpy.types.Object) and owner.type == "ARMATURE"

# SPDX-License-Identifier: GPL-3.0-or-later
"""What is animated of a character: one number of a data-block, over time."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Curve:
    """One animated number of a data-block, a value for every frame.

    owner: what has the animation, such as the shape keys of a mesh or an armature object.
    path, index: the property as F-curves name it; the index is 0 where it is a single number.
    values: float32 [T]. rest: its value in a face at rest. region: one of `REGIONS`.
    """

    owner: bpy.types.ID
    path: str
    values: Floats
    region: str
    index: int = 0
    rest: float = 0.0

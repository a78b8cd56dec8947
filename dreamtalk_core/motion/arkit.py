"""The 52 ARKit face shapes: names, index, regions and left/right partners.

Left and right are the character's own. A weight of 0 is neutral, 1 the full shape.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

ARKIT_NAMES: tuple[str, ...] = (
    "eyeBlinkLeft",
    "eyeLookDownLeft",
    "eyeLookInLeft",
    "eyeLookOutLeft",
    "eyeLookUpLeft",
    "eyeSquintLeft",
    "eyeWideLeft",
    "eyeBlinkRight",
    "eyeLookDownRight",
    "eyeLookInRight",
    "eyeLookOutRight",
    "eyeLookUpRight",
    "eyeSquintRight",
    "eyeWideRight",
    "jawForward",
    "jawLeft",
    "jawRight",
    "jawOpen",
    "mouthClose",
    "mouthFunnel",
    "mouthPucker",
    "mouthLeft",
    "mouthRight",
    "mouthSmileLeft",
    "mouthSmileRight",
    "mouthFrownLeft",
    "mouthFrownRight",
    "mouthDimpleLeft",
    "mouthDimpleRight",
    "mouthStretchLeft",
    "mouthStretchRight",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthShrugLower",
    "mouthShrugUpper",
    "mouthPressLeft",
    "mouthPressRight",
    "mouthLowerDownLeft",
    "mouthLowerDownRight",
    "mouthUpperUpLeft",
    "mouthUpperUpRight",
    "browDownLeft",
    "browDownRight",
    "browInnerUp",
    "browOuterUpLeft",
    "browOuterUpRight",
    "cheekPuff",
    "cheekSquintLeft",
    "cheekSquintRight",
    "noseSneerLeft",
    "noseSneerRight",
    "tongueOut",
)
"""All shapes in the order of Apple's documentation; columns of every ARKit array follow it."""

INDEX: dict[str, int] = {name: i for i, name in enumerate(ARKIT_NAMES)}
"""Name -> column."""

_REGION_PREFIXES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("eyelids", ("eyeBlink", "eyeSquint", "eyeWide")),
    ("gaze", ("eyeLook",)),
    ("brows", ("brow",)),
    ("cheeks_nose", ("cheek", "nose")),
    ("jaw", ("jaw",)),
    ("mouth", ("mouth",)),
    ("tongue", ("tongue",)),
)

REGIONS: dict[str, tuple[str, ...]] = {
    region: tuple(name for name in ARKIT_NAMES if name.startswith(prefixes))
    for region, prefixes in _REGION_PREFIXES
}
"""Region -> its shapes, in `ARKIT_NAMES` order; every shape is in exactly one region."""


def _partner(name: str) -> str:
    if name.endswith("Left"):
        return name[: -len("Left")] + "Right"
    if name.endswith("Right"):
        return name[: -len("Right")] + "Left"
    return name


MIRROR: tuple[int, ...] = tuple(INDEX[_partner(name)] for name in ARKIT_NAMES)
"""Column of each shape's left/right partner (itself where it has none): `weights[:, MIRROR]` is the
mirrored face. Gaze needs no more: "in" and "out" are already relative to the nose."""


def mouth_opening(weights: ArrayLike) -> NDArray[Any]:
    """How far the mouth is open [...], of weights [..., 52]: jawOpen less mouthClose."""
    curves = np.asarray(weights)
    return curves[..., INDEX["jawOpen"]] - curves[..., INDEX["mouthClose"]]

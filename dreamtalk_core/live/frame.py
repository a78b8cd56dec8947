"""One frame of a face on its way through a network."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX

Floats = NDArray[np.float32]

BY_NAME: dict[str, int] = {name.casefold(): i for name, i in INDEX.items()}
"""Name in lower case -> column: programs write EyeBlinkLeft, too."""
_MOST_DEGREES = 360.0


@dataclass(frozen=True, eq=False)
class Frame:
    """A face at one moment.

    weights: float32 [52] in 0..1, in the order of `ARKIT_NAMES`.
    head: float32 [3] degrees, pitch, yaw and roll as in `Motion`.
    time: seconds on the sender's own clock; None where a protocol has none. How far it is ahead of
        any other clock nobody knows: compare it with other frames of the same sender.
    name: of the face, where a protocol has one.
    face: False where the sender says that it sees nobody; weights and head mean nothing then.
    """

    weights: Floats = field(default_factory=lambda: np.zeros(len(ARKIT_NAMES), np.float32))
    head: Floats = field(default_factory=lambda: np.zeros(3, np.float32))
    time: float | None = None
    name: str = "DreamTalk"
    face: bool = True


def frame_of(
    weights: Mapping[str, float],
    head: Iterable[float] = (0.0, 0.0, 0.0),
    time: float | None = None,
    name: str = "DreamTalk",
) -> Frame | None:
    """A frame from weights by ARKit's names, in whatever case; shapes that are left out are 0.

    Other names are passed over, and weights outside 0..1 clipped. None where a value is no number,
    or no angle, or none of the names is a shape.
    """
    values = np.zeros(len(ARKIT_NAMES), np.float32)
    known = 0
    with np.errstate(over="ignore"):  # what is too large for float32 is no number either
        for shape, value in weights.items():
            if (column := BY_NAME.get(shape.casefold())) is not None:
                values[column], known = value, known + 1
        angles = np.array(list(head), np.float32)
    if not known or angles.shape != (3,) or not np.isfinite(values).all():
        return None
    if not (np.abs(angles) <= _MOST_DEGREES).all():  # NaN fails this too
        return None
    if time is not None and not math.isfinite(time):
        return None
    return Frame(values.clip(0, 1), angles, time, name)

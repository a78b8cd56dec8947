"""How far the head of a portrait turns: what a picture does not show, it cannot give."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.curves import smoothstep
from dreamtalk_core.warned import warn

Array = NDArray[np.float64]

FREE = np.array([12.0, 18.0, 20.0])
"""Degrees of pitch, yaw and roll, away from the picture, up to which the head turns as it is told.
"""
MOST = np.array([18.0, 28.0, 35.0])
"""Degrees that it comes near to, however far it is told to turn."""


_ASIDE = (10.0, 35.0)
_LEAST = 0.4
"""Degrees by which a face is turned aside in its picture from which on its head turns less, and to
`_LEAST` of that: one cheek is hidden, and would be seen."""


def _room(yaw: float) -> tuple[Array, Array]:
    """`FREE` and `MOST` for a face that its picture shows turned aside by so many degrees."""
    low, high = _ASIDE
    share = 1 - (1 - _LEAST) * smoothstep((abs(yaw) - low) / (high - low))
    less = np.array([1.0, share, 1.0])
    return FREE * less, MOST * less


def eased(head_rotation: ArrayLike, yaw: float = 0.0) -> Array:
    """Head rotation [..., 3] in degrees (pitch, yaw, roll) with large turns eased: up to `FREE`
    as they are, beyond it less and less, never as far as `MOST`; smooth, and always rising.

    yaw: degrees by which the face is turned aside in the picture.
    """
    turns = np.asarray(head_rotation, float)
    free, most = _room(yaw)
    room = most - free
    beyond = np.maximum(np.abs(turns) - free, 0)
    result: Array = np.where(
        beyond > 0, np.sign(turns) * (free + room * np.tanh(beyond / room)), turns
    )
    return result


def warn_of_eased(motion: Motion, yaw: float = 0.0) -> None:
    """Warn of turns in a motion that a portrait, see `eased`, does not follow to the end."""
    told = np.abs(motion.head_rotation).max(0)
    drawn = np.abs(eased(told, yaw))
    axis = int((told - drawn).argmax())
    # Less than a degree nobody sees.
    if told[axis] - drawn[axis] >= 1:
        verb, noun = (("nods", "nods"), ("turns", "turns"), ("leans", "leaning"))[axis]
        warn(
            f"The head {verb} by up to {told[axis]:.0f} degrees, and the picture does not show "
            f"what would be seen then: {noun} beyond {_room(yaw)[0][axis]:.0f} degrees were eased "
            f"to {drawn[axis]:.0f} at most."
        )

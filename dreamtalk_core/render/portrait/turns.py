"""How far the head of a portrait turns: what a picture does not show, it cannot give."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamtalk_core.motion import Motion
from dreamtalk_core.warned import warn

Array = NDArray[np.float64]

FREE = np.array([12.0, 18.0, 20.0])
"""Degrees of pitch, yaw and roll, away from the picture, up to which the head turns as it is told.
"""
MOST = np.array([18.0, 28.0, 35.0])
"""Degrees that it comes near to, however far it is told to turn."""


def eased(head_rotation: ArrayLike) -> Array:
    """Head rotation [..., 3] in degrees (pitch, yaw, roll) with large turns eased: up to `FREE`
    as they are, beyond it less and less, never as far as `MOST`; smooth, and always rising."""
    turns = np.asarray(head_rotation, float)
    room = MOST - FREE
    beyond = np.maximum(np.abs(turns) - FREE, 0)
    result: Array = np.where(
        beyond > 0, np.sign(turns) * (FREE + room * np.tanh(beyond / room)), turns
    )
    return result


def warn_of_eased(motion: Motion) -> None:
    """Warn of turns in a motion that a portrait does not follow to the end."""
    told = np.abs(motion.head_rotation).max(0)
    drawn = np.abs(eased(told))
    axis = int((told - drawn).argmax())
    # Less than a degree nobody sees.
    if told[axis] - drawn[axis] >= 1:
        verb, noun = (("nods", "nods"), ("turns", "turns"), ("leans", "leaning"))[axis]
        warn(
            f"The head {verb} by up to {told[axis]:.0f} degrees, and the picture does not show "
            f"what would be seen then: {noun} beyond {FREE[axis]:.0f} degrees were eased to "
            f"{drawn[axis]:.0f} at most."
        )

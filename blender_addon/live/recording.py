# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames that were recorded, as a motion whose frames lie where they belong in time; and the
actor's rest. No Blender in this module."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.animation.calibration import calibrate, resting_face
from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.motion.rotation import (
    product,
    quaternion_matrix,
    quaternions,
    rotation_angles,
)

from .receiver import Arrival

Times = NDArray[np.float64]

_DAY = 86400.0
_AGREES = 0.3
"""Share by which a sender's clock may differ from ours, and seconds beside that."""
_AGREES_BY = 0.5
_SAME = 1e-3
"""Seconds by which frames are apart at least."""
_RATES = 5.0, 240.0


@dataclass(frozen=True, eq=False)
class Rest:
    """How an actor's face rests. weights: float32 [52]. head: float32 [3] degrees."""

    weights: NDArray[np.float32]
    head: NDArray[np.float32]

    @classmethod
    def of(cls, motion: Motion) -> Rest:
        """That of a face that is held at rest."""
        return cls(resting_face(motion.weights), np.median(motion.head_rotation, axis=0))

    @classmethod
    def read(cls, text: str) -> Rest | None:
        """As `text` made it; None for anything else."""
        try:
            found = json.loads(text)
            rest = cls(*(np.array(found[part], np.float32) for part in ("weights", "head")))
        except (ValueError, TypeError, KeyError):
            return None
        shapes = rest.weights.shape, rest.head.shape
        return rest if shapes == ((len(ARKIT_NAMES),), (3,)) else None

    def text(self) -> str:
        """To be stored with a scene."""
        parts = {"weights": self.weights, "head": self.head}
        return json.dumps({name: np.round(own, 4).tolist() for name, own in parts.items()})

    def taken_off(self, motion: Motion) -> Motion:
        """The motion of a face that rests at 0."""
        still = Motion(ARKIT_NAMES, self.weights[None], motion.fps)
        back = quaternions(self.head[None]) * (-1.0, -1.0, -1.0, 1.0)
        turned = product(np.repeat(back, len(motion), axis=0), quaternions(motion.head_rotation))
        head = np.asarray(rotation_angles(quaternion_matrix(turned)), np.float32)
        weights = calibrate(motion, still).weights
        return Motion(ARKIT_NAMES, weights, motion.fps, head)


def motion_of(arrivals: Sequence[Arrival], rest: Rest | None = None, fps: float = 60) -> Motion:
    """Frames one after the other, as if they came at an even rate."""
    motion = Motion(
        ARKIT_NAMES,
        np.stack([own.frame.weights for own in arrivals]),
        Fraction(round(min(max(fps, _RATES[0]), _RATES[1]))),
        np.stack([own.frame.head for own in arrivals]),
    )
    return motion if rest is None else rest.taken_off(motion)


def in_time(arrivals: Sequence[Arrival]) -> tuple[list[Arrival], Times]:
    """The frames that have a face in the order of their times, and these times [T] in seconds of
    `time.monotonic`, rising.

    They are the sender's own where it tells some that pass as ours do, even over midnight: what
    the network or a busy Blender delays is where it belongs.
    Raises DreamTalkError where there is none.
    """
    seen = [own for own in arrivals if own.frame.face]
    if not seen:
        raise DreamTalkError("No face came while it was recorded, so there is no take.")
    times = np.array([own.moment for own in seen])
    told = [own.frame.time for own in seen if own.frame.time is not None]
    if len(told) == len(seen):
        own_times = np.array(told) + _DAY * np.cumsum(np.diff(told, prepend=told[0]) < -_DAY / 2)
        length, own_length = np.ptp(times), np.ptp(own_times)
        if abs(own_length - length) <= _AGREES * length + _AGREES_BY and (
            own_length > 0 or len(seen) == 1
        ):
            # The one that was delayed least tells how the clocks lie to each other.
            times = own_times + (times - own_times).min()
    order = np.argsort(times, kind="stable")
    return [seen[i] for i in order], _rising(times[order])


def _rising(times: Times) -> Times:
    """Times of which none is that of another: those told twice lie evenly up to the next."""
    places = np.arange(len(times))
    first = np.flatnonzero(np.diff(times, prepend=-np.inf) > _SAME)
    spread = np.interp(places, first, times[first])
    steps = places * _SAME
    rising: Times = np.maximum.accumulate(spread - steps) + steps
    return rising


def rate_of(times: Times) -> float:
    """Frames per second, about."""
    span = float(times[-1] - times[0])
    return (len(times) - 1) / span if span > 0 else 60.0

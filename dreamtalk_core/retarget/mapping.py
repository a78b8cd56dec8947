"""`Mapping`: rows that say how much of what moves which channel of a rig.

A row's source is one of `SOURCES`: an ARKit shape or one of the tongue (0..1); a viseme (0..1, see
`visemes`); an angle of the head or of an eye, in degrees as in `motion`; or, for a whole bone, a
turn: the head's or an eye's three angles together.
"""

from __future__ import annotations

from collections.abc import Mapping as Table
from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import MotionError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import INDEX
from dreamtalk_core.motion.tongue import FACE_NAMES
from dreamtalk_core.retarget.visemes import VISEMES, felt, solve
from dreamtalk_core.rig.head import EYE_DOWN, EYE_SIDE, EYE_UP

Floats = NDArray[np.float32]

_HEAD = ("headPitch", "headYaw", "headRoll")
_EYES = ("eyePitchLeft", "eyeYawLeft", "eyePitchRight", "eyeYawRight")
ANGLES = (*_HEAD, *_EYES)
TURNS = ("head", "eyeLeft", "eyeRight")
SOURCES = (*FACE_NAMES, *VISEMES, *ANGLES, *TURNS)
"""Whatever a row can take its movement from."""


@dataclass(frozen=True)
class Row:
    """`offset + scale * source` goes to the channel `target`; rows of the same target add up.

    A turn is scaled, and its offset must be 0.
    Raises `MotionError` for an unknown source, an empty target or a number that is not finite.
    """

    source: str
    target: str
    scale: float = 1.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        if self.source not in SOURCES:
            raise MotionError(
                f"A mapping cannot take anything from {self.source!r}. Use an ARKit shape such as "
                "jawOpen, a viseme such as viseme_aa, an angle such as headYaw, or head, eyeLeft, "
                "eyeRight for a whole bone."
            )
        if not self.target:
            raise MotionError(f"The row of {self.source} has no target. Name a channel of the rig.")
        if not (isfinite(self.scale) and isfinite(self.offset)):
            raise MotionError(f"Scale and offset of {self.target!r} must be finite numbers.")
        if self.source in TURNS and self.offset:
            raise MotionError(f"{self.target!r} turns with {self.source}, which takes no offset.")


@dataclass(frozen=True)
class Mapping:
    """The rows of one rig or scheme. rows: any number; name: for people."""

    rows: tuple[Row, ...]
    name: str = ""

    @property
    def targets(self) -> tuple[str, ...]:
        """The rig's channels in order, without those that are turned as a whole."""
        return tuple(dict.fromkeys(row.target for row in self.rows if row.source not in TURNS))

    @property
    def sources(self) -> tuple[str, ...]:
        """What the rows take their movement from, in order."""
        return tuple(dict.fromkeys(row.source for row in self.rows))

    def values(self, motion: Motion) -> dict[str, Floats]:
        """Target -> float32 [T], not limited. `motion` has ARKit names; what it lacks is 0."""
        return self.combine(self.inputs(motion), len(motion))

    def inputs(self, motion: Motion) -> dict[str, Floats]:
        """Source -> float32 [T], for all sources of the rows but turns."""
        wanted = [source for source in self.sources if source not in TURNS]
        weights = motion.to_arkit().weights
        known = dict(zip(FACE_NAMES, motion.over(FACE_NAMES).weights.T, strict=True))
        known |= dict(zip(_HEAD, motion.head_rotation.T, strict=True)) | eye_angles(weights)
        spoken = [source for source in wanted if source in VISEMES]
        known |= solve(weights, spoken, felt(weights, float(motion.fps))) if spoken else {}
        return {source: known[source] for source in wanted}

    def combine(self, inputs: Table[str, Floats], frames: int) -> dict[str, Floats]:
        """Target -> float32 [T] from what the sources are."""
        result = {target: np.zeros(frames, np.float32) for target in self.targets}
        for row in self.rows:
            if row.source not in TURNS:
                result[row.target] += (
                    np.float32(row.offset) + np.float32(row.scale) * inputs[row.source]
                )
        return result

    def turns(self, motion: Motion) -> dict[str, Floats]:
        """Target -> float32 [T, 3]: pitch, yaw and roll in degrees of what is turned whole."""
        eyes = eye_angles(motion.to_arkit().weights)
        still = np.zeros(len(motion), np.float32)
        source = {
            "head": motion.head_rotation,
            "eyeLeft": np.stack([eyes["eyePitchLeft"], eyes["eyeYawLeft"], still], axis=1),
            "eyeRight": np.stack([eyes["eyePitchRight"], eyes["eyeYawRight"], still], axis=1),
        }
        result: dict[str, Floats] = {}
        for row in self.rows:
            if row.source in TURNS:
                turn = np.float32(row.scale) * source[row.source]
                result[row.target] = result[row.target] + turn if row.target in result else turn
        return result

    def apply(self, motion: Motion) -> Motion:
        """The motion over the rig's own channels, limited to 0..1; the head turns as it did.

        Raises `MotionError` if no row has a channel.
        """
        values = self.values(motion)
        if not values:
            raise MotionError("This mapping moves no channel. Add rows to it, or choose another.")
        weights = np.stack(list(values.values()), axis=1).clip(0.0, 1.0)
        return Motion(tuple(values), weights, motion.fps, motion.head_rotation)


def eye_angles(weights: Floats) -> dict[str, Floats]:
    """Degrees [T] of both eyes for weights [T, 52]: as the built-in head turns its eyeballs."""
    result = {}
    for side, outward in (("Left", 1.0), ("Right", -1.0)):
        look = {
            way: weights[:, INDEX[f"eyeLook{way}{side}"]] for way in ("In", "Out", "Up", "Down")
        }
        result[f"eyePitch{side}"] = (
            np.float32(EYE_DOWN) * look["Down"] - np.float32(EYE_UP) * look["Up"]
        )
        result[f"eyeYaw{side}"] = np.float32(outward * EYE_SIDE) * (look["Out"] - look["In"])
    return result

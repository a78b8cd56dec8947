"""Between the original model's space and ours: BFM coefficients and ARKit curves.

Expression goes through linear maps that `weights/make_bfm.py` fits on research-only recordings; the
model card has their accuracy per shape. Of a person whom they do not know they find the jaw,
smile, blinks and the lips' main moves, the rest poorly; gaze, tongue and what trackers do not see
are not in BFM at all.

A BFM expression holds the person's own neutral face as well: at rest it is not zero. Give that
neutral expression where it is known, and the mean of those that were fitted on takes its place.

Head angles go over exactly. BFM's rotation is Rz @ Ry @ Rx of its three angles in radians, about
the same axes as `Motion.head_rotation`. (Compared with our tracker on 16 clips: r = .83, .97 and
.99 for pitch, yaw and roll, slopes .84 to 1.09, and a pitch that differs by 2 to 4 degrees from
person to person, since each fits another face to the picture.)
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import ModelError
from dreamtalk_core.models.checkpoint import open_weights
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.motion.rotation import rotation_angles, rotation_matrix
from dreamtalk_core.original.layout import EXPRESSION, FPS, still_pose
from dreamtalk_core.weights import WEIGHTS

FORMAT = "dreamtalk-bfm-maps"
VERSION = 1
ORDER = "XYZ"
"""Of its angles, as in `motion.rotation`."""
MAPS = WEIGHTS / "research" / "bfm.safetensors"
_SHAPES = {
    "to_arkit": (EXPRESSION, len(ARKIT_NAMES)),
    "from_arkit": (len(ARKIT_NAMES), EXPRESSION),
    "neutral": (EXPRESSION,),
}

Array = NDArray[np.float32]


def to_motion(expression: Array, pose: Array, neutral: Array | None = None) -> Motion:
    """ARKit curves and head rotation of expression [T, 64] and pose [T, 9], at 25 frames a second.

    neutral: the expression [64] of the same person at rest.
    Raises ModelError where the maps are missing or damaged.
    """
    rest = maps()["neutral"] if neutral is None else neutral
    weights = (expression - rest) @ maps()["to_arkit"]
    head = head_rotation(pose[:, :3])
    return Motion(ARKIT_NAMES, np.clip(weights, 0, 1), Fraction(FPS), head)


def from_motion(motion: Motion, neutral: Array | None = None) -> tuple[Array, Array]:
    """Expression [T, 64] and pose [T, 9] for a motion: its curves, its head's turns, and a head
    that stays in its place.

    neutral: the expression [64] at rest of the person whom the result is meant for.
    Raises ModelError where the maps are missing or damaged.
    """
    curves = motion.resample(FPS).to_arkit()
    rest = maps()["neutral"] if neutral is None else neutral
    expression = curves.weights @ maps()["from_arkit"] + rest
    pose = still_pose(len(curves))
    pose[:, :3] = pose_angles(curves.head_rotation)
    return expression, pose


def head_rotation(angles: Array) -> Array:
    """Pitch, yaw and roll [T, 3] in degrees for BFM's angles [T, 3] in radians."""
    return rotation_angles(rotation_matrix(np.degrees(angles.astype(np.float64)), ORDER)).astype(
        np.float32
    )


def pose_angles(rotation: Array) -> Array:
    """BFM's angles [T, 3] in radians for pitch, yaw and roll [T, 3] in degrees."""
    return np.radians(rotation_angles(rotation_matrix(rotation), ORDER)).astype(np.float32)


@cache
def maps() -> dict[str, Array]:
    """The shipped maps `to_arkit` [64, 52] and `from_arkit` [52, 64], and `neutral` [64], the BFM
    expression that an ARKit face of zeros goes with.

    Raises ModelError if they are missing or damaged.
    """
    tensors, header = open_weights(MAPS)
    found = {name: tuple(value.shape) for name, value in tensors.items()}
    if header.get("format") != FORMAT or header.get("version") != str(VERSION) or found != _SHAPES:
        raise ModelError(f"{MAPS} is damaged or from another release. Reinstall the package.")
    return {name: value.float().numpy() for name, value in tensors.items()}

"""Taking the actor's own face off a tracked performance.

A tracker measures every face against an average one, so a face at rest is not at zero: lids that
hang lower read as a blink that never ends, a short brow as a raised one. Left in, that would go
into the style as if it were acted (a known fault of DreamTalk's coefficients), and make any other
character look sleepy or surprised.

The actor's neutral face says exactly what to take off. Without one, nobody can tell a hooded eye
from an acted squint; then what the tracker reads on the typical face at rest is taken off, but in
no channel more than the performance always has.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX

TYPICAL_REST: dict[str, float] = {
    "eyeBlinkLeft": 0.10,
    "eyeBlinkRight": 0.06,
    "eyeLookDownLeft": 0.12,
    "eyeLookDownRight": 0.13,
    "eyeLookInLeft": 0.02,
    "eyeLookInRight": 0.07,
    "eyeLookOutLeft": 0.08,
    "eyeLookOutRight": 0.03,
    "eyeLookUpLeft": 0.03,
    "eyeLookUpRight": 0.02,
    "eyeSquintLeft": 0.28,
    "eyeSquintRight": 0.19,
    "browDownLeft": 0.02,
    "browDownRight": 0.01,
    "browInnerUp": 0.01,
    "browOuterUpLeft": 0.04,
    "browOuterUpRight": 0.03,
}
"""Median over 113 speakers of the resting value that the Face Landmarker reads, where it passes .01
(`benchmarks/resting_face.py`); every other shape rests at 0."""


def calibrate(motion: Motion, neutral: Motion | None = None) -> Motion:
    """A tracked performance, over the 52 ARKit shapes, less the actor's resting face.

    neutral: the same actor at rest, as tracked from a photo or a clip by the same tracker.
    """
    curves = motion.to_arkit()
    if neutral is None:
        rest = np.minimum(resting_face(curves.weights), _TYPICAL)
    else:
        rest = resting_face(neutral.to_arkit().weights)
    weights = np.clip(curves.weights - rest, 0, 1)
    return Motion(ARKIT_NAMES, weights, curves.fps, curves.head_rotation)


def resting_face(weights: NDArray[np.floating]) -> NDArray[np.float32]:
    """How a face rests [C]: what each of its curves [T, C] stays above nine tenths of the time."""
    rest: NDArray[np.float32] = np.percentile(weights, 10, axis=0).astype(np.float32)
    return rest


_TYPICAL = np.zeros(len(ARKIT_NAMES), np.float32)
for _name, _value in TYPICAL_REST.items():
    _TYPICAL[INDEX[_name]] = _value

"""What moves even in silence: sway, breathing, a little brow, lid and mouth corner."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.animation.head_motion import PITCH
from dreamtalk_core.animation.noise import BREATH, FACE, SWAY, Chance
from dreamtalk_core.motion.arkit import INDEX

Float64 = NDArray[np.float64]

_SWAY_SIZE = np.array([0.4, 0.7, 0.45])
_SWAY_KNOTS = 2.5
_BREATHS = 15 / 60
_BREATH_SIZE = 0.3
_UNLIKE = 0.2
"""By which share breaths at rest differ in length and depth (Tobin et al. 1988, Chest 94)."""
_RESTLESS = (
    ({"browInnerUp": 0.05, "browOuterUpLeft": 0.03, "browOuterUpRight": 0.03}, 1.1),
    ({"browDownLeft": 0.04, "browDownRight": 0.035, "noseSneerLeft": 0.01}, 1.4),
    ({"eyeSquintLeft": 0.05, "eyeSquintRight": 0.045, "cheekSquintLeft": 0.02}, 0.9),
    ({"eyeBlinkLeft": 0.05, "eyeBlinkRight": 0.05}, 0.6),
    ({"mouthSmileLeft": 0.028, "cheekSquintLeft": 0.015}, 1.7),
    ({"mouthSmileRight": 0.028, "cheekSquintRight": 0.015}, 1.9),
)
"""Shapes that never stand quite still: those that move together, how far, and seconds per knot."""


def idle_head(fps: float, chance: Chance) -> Float64:
    """Sway and breathing [T, 3] in degrees."""
    result = chance.slow_noise(SWAY, 3, _SWAY_KNOTS * fps) * _SWAY_SIZE
    faster, deeper = _UNLIKE * chance.slow_noise(BREATH, 2, fps / _BREATHS).T
    phase = 2 * np.pi * (chance.uniforms(BREATH, 5)[0, 4] + _BREATHS / fps * (1 + faster).cumsum())
    # In is faster than out; the head rises with the chest.
    result[:, PITCH] -= _BREATH_SIZE * (1 + deeper) * np.sin(phase + 0.4 * np.sin(phase))
    return result


def restless(fps: float, chance: Chance) -> dict[int, Float64]:
    """Small movement [T] by channel of brows, lids, cheeks and mouth corners, 0 and more."""
    result: dict[int, Float64] = {}
    for number, (shapes, knots) in enumerate(_RESTLESS):
        noise = chance.slow_noise(FACE + number, 1, knots * fps)[:, 0]
        # Between its bounds without corners.
        share = 0.5 + 0.5 * np.tanh(0.8 * noise)
        for name, size in shapes.items():
            result[INDEX[name]] = result.get(INDEX[name], 0) + size * share
    return result

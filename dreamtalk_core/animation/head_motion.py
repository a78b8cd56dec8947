"""Head movement and brow flashes that follow the voice.

Head movement goes with loudness and pitch as in Munhall et al. 2004 and Busso et al. 2007.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.animation.noise import DRIFT, FLASHES, NODS, POSTURE, TURNS, Chance
from dreamtalk_core.animation.phrases import Accents, Phrases, spaced, window_mean
from dreamtalk_core.motion.arkit import INDEX
from dreamtalk_core.motion.curves import smooth, smoothstep

Array = NDArray[np.floating]
Float64 = NDArray[np.float64]

PITCH, YAW, ROLL = range(3)
"""Columns of a head rotation."""

_STRONG = 0.36
_NODS = 0.65
_NOD = 2.6
"""Degrees of the nod with a strong accent."""
_MOST = 4.5
_UPWARD = 0.25
_BROWS = 0.45
"""How often a strong accent brings a brow flash, and how far the brows rise."""
_FLASH = (0.1, 0.28)
_CONTOUR = 0.22
"""Degrees that the head rises per semitone of pitch."""
_POSTURE_SIZE = np.array([1.0, 2.2, 1.3])
_POSTURE_TIME, _POSTURE_GAP = (0.7, 1.1), 1.22
_DRIFT_SIZE = np.array([0.9, 1.7, 1.0])
_DRIFT_KNOTS = 1.3
_QUIET_DRIFT = 0.3


def spoken_head(accents: Accents, pitch: Array, phrases: Phrases, chance: Chance) -> Float64:
    """Head rotation [T, 3] in degrees that goes with speech."""
    fps = phrases.fps
    speaking = window_mean((~phrases.pause).astype(np.float64), fps, 0.5, 0.5)
    drift = chance.slow_noise(DRIFT, 3, _DRIFT_KNOTS * fps) * _DRIFT_SIZE
    drift *= (_QUIET_DRIFT + (1 - _QUIET_DRIFT) * speaking)[:, None]
    height = np.nan_to_num(np.asarray(pitch, np.float64)).clip(-8, 8)
    drift[:, PITCH] -= _CONTOUR * smooth(height[:, None], fps, 1.5)[:, 0]
    return drift + _nods(accents, fps, chance) + _posture(phrases, chance)


def _nods(accents: Accents, fps: float, chance: Chance) -> Float64:
    """Nods [T, 3] in degrees: a slight lift, then down with the accent."""
    draws = chance.uniforms(NODS, 2)[accents.frames]
    sizes = chance.normals(TURNS, 3)[accents.frames]
    size = _NOD * (accents.strength / _STRONG).clip(0.4, 1.5) * np.exp(0.35 * sizes[:, 0])
    size = np.minimum(size, _MOST) * (draws[:, 0] < _NODS)
    turns = np.stack(
        [np.where(draws[:, 1] < _UPWARD, -0.7, 1.0), *(0.3 * sizes[:, 1:].clip(-2, 2)).T], 1
    )
    offsets = np.arange(-round(0.36 * fps), round(0.5 * fps) + 1)
    time = offsets / fps
    shape = np.exp(-0.5 * ((time - 0.05) / 0.13) ** 2)
    shape -= 0.3 * np.exp(-0.5 * ((time + 0.16) / 0.08) ** 2)
    return placed(accents.frames, (size[:, None] * turns), offsets, shape, len(chance))


def _posture(phrases: Phrases, chance: Chance) -> Float64:
    """Head rotation [T, 3] in degrees that changes from phrase to phrase and is held."""
    chosen = spaced(phrases.starts, _POSTURE_GAP * phrases.fps)
    rows = chance.normals(POSTURE, 4)[chosen]
    return posture(chosen, rows, _POSTURE_SIZE, phrases.fps, len(phrases))


def posture(
    starts: NDArray[np.int64], rows: Float64, sizes: Float64, fps: float, count: int
) -> Float64:
    """Head rotation [count, 3] in degrees that changes at `starts` [E] and is held.

    rows: [E, 4] normal numbers: the posture, in `sizes` [3], and how fast it is taken.
    """
    low, high = _POSTURE_TIME
    postures = np.concatenate([np.zeros((1, 3)), rows[:, :3].clip(-2, 2) * sizes])
    steps = np.diff(postures, axis=0)
    result = np.zeros((count, 3))
    frames = np.arange(count)
    for start, step, speed in zip(starts, steps, rows[:, 3], strict=True):
        taken = low + (high - low) / (1 + math.exp(speed))
        # A little before the first sound.
        done = smoothstep((frames[max(0, start - 4) :] - start + 3) / (taken * fps))
        result[max(0, start - 4) :] += done[:, None] * step
    return result


def brow_flashes(
    accents: Accents, weights: Float64, phrases: Phrases, chance: Chance
) -> dict[int, Float64]:
    """Brow movement [T] by channel with strong accents; brows that are drawn down rise less."""
    draws = chance.uniforms(FLASHES, 2)[accents.frames]
    low, high = _FLASH
    size = (low + (high - low) * draws[:, 1]) * (accents.strength / _STRONG).clip(0, 1)
    size *= (draws[:, 0] < _BROWS) & (accents.strength > 0.6 * _STRONG)
    offsets = np.arange(-round(0.28 * phrases.fps), round(0.6 * phrases.fps) + 1)
    time = offsets / phrases.fps
    shape = smoothstep((time + 0.28) / 0.24) * (1 - smoothstep((time - 0.08) / 0.5))
    flash = placed(accents.frames, size[:, None], offsets, shape, len(weights))[:, 0]
    return raise_brows(flash, weights)


def raise_brows(flash: Float64, weights: Float64) -> dict[int, Float64]:
    """A brow flash [T] by channel; brows that weights [T, 52] draw down rise less."""
    result = {}
    for name, share, down in (
        ("browInnerUp", 1.0, ("browDownLeft", "browDownRight")),
        ("browOuterUpLeft", 0.7, ("browDownLeft",)),
        ("browOuterUpRight", 0.7, ("browDownRight",)),
    ):
        drawn = weights[:, [INDEX[other] for other in down]].max(1)
        result[INDEX[name]] = share * flash * (1 - drawn).clip(0, 1)
    return result


def placed(
    frames: NDArray[np.int64],
    sizes: Float64,
    offsets: NDArray[np.int64],
    shape: Float64,
    count: int,
) -> Float64:
    """A course `shape` [K] at `offsets` [K] around each of `frames` [E], times its sizes [E, C],
    summed up: [count, C]."""
    result = np.zeros((count, sizes.shape[1]))
    at = frames[:, None] + offsets
    inside = (at >= 0) & (at < count)
    np.add.at(result, at[inside], (shape[None, :, None] * sizes[:, None, :])[inside])
    return result

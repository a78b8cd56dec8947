"""What a breath, a laugh and a sigh that are heard do to the face and the head.

Tracked mouths open 0.3 s before a phrase where an inhalation is heard, and half as often where none
is; a model that knows speech with breaths alone opens before every one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.animation.head_motion import PITCH
from dreamtalk_core.animation.phrases import Phrases, window_mean
from dreamtalk_core.motion.arkit import INDEX, mouth_opening
from dreamtalk_core.motion.curves import smooth

Array = NDArray[np.floating]
Float64 = NDArray[np.float64]

BREATH, LAUGH, SIGH = range(3)
"""Columns of what is heard."""

_OPENING = [
    INDEX[name]
    for name in (
        "jawOpen", "mouthClose", "mouthLowerDownLeft", "mouthLowerDownRight",
        "mouthUpperUpLeft", "mouthUpperUpRight",
    )
]  # fmt: skip
_EARLY = 0.8
"""What is left of an opening in a pause without a breath: a faint one may have been missed."""
_HOLD = 0.5
"""Seconds after a breath that the mouth may stay open for what is said next."""
_INHALING = 0.1
"""Least opening while a breath is heard."""
_LIFT = 1.2
"""Degrees that the head rises with a breath."""

_LAUGHING = {
    "mouthSmileLeft": 0.5, "mouthSmileRight": 0.5, "cheekSquintLeft": 0.5, "cheekSquintRight": 0.5,
    "eyeSquintLeft": 0.5, "eyeSquintRight": 0.5, "browInnerUp": 0.1,
    "jawOpen": 0.12, "mouthUpperUpLeft": 0.15, "mouthUpperUpRight": 0.15,
}  # fmt: skip
_SIGHING = {"eyeBlinkLeft": 0.25, "eyeBlinkRight": 0.25, "browInnerUp": 0.2}
_BACK, _SHAKE, _SINK = 3.0, 0.12, 4.0
"""Degrees that the head goes back in a laugh, shakes per dB of a burst, and sinks in a sigh."""


def hold_mouth(weights: Float64, heard: Array, phrases: Phrases, strength: float) -> None:
    """In a pause let the mouth of weights [T, 52] open with what is heard [T, 3] alone, in place.

    Without a breath only `_EARLY` is left of what it opens beyond where it was in this pause, but
    for the last frames before speech; with one it opens, whatever the model drew.
    """
    fps = phrases.fps
    breath = window_mean(np.asarray(heard[:, BREATH], np.float64), fps, 1.2 / fps, 1.2 / fps)
    free = breath.copy()
    for frame in range(1, len(free)):  # it stays for a while, then fades
        free[frame] = max(free[frame], free[frame - 1] - 1 / (_HOLD * fps))
    kept = _EARLY + (1 - _EARLY) * np.minimum(1, 2 * free)
    changes = np.flatnonzero(np.diff(phrases.pause, prepend=False, append=False))
    for first, stop in changes.reshape(-1, 2):
        share = kept[first:stop].copy()
        if stop < len(kept):
            ramp = np.arange(1, min(3, len(share)) + 1)[::-1] / 4
            share[-len(ramp) :] += (1 - share[-len(ramp) :]) * (1 - ramp)
        pause = weights[first:stop]
        opening = mouth_opening(pause)
        lowest = np.minimum.accumulate(opening)
        at = np.maximum.accumulate(np.where(opening <= lowest, np.arange(len(pause)), 0))
        rest = pause[at][:, _OPENING]
        wanted = rest + (1 - strength * (1 - share))[:, None] * (pause[:, _OPENING] - rest)
        pause[:, _OPENING] = wanted
    missing = strength * _INHALING * breath - mouth_opening(weights)
    weights[:, INDEX["jawOpen"]] += np.where(breath > 0, missing.clip(0), 0)


def breathe(
    weights: Float64, loudness: Array, heard: Array, fps: float, strength: float
) -> Float64:
    """Head rotation [T, 3] in degrees that goes with what is heard [T, 3]; the face of weights
    [T, 52] laughs and sighs, in place. loudness: [T] dB, whose bursts shake the head."""
    shown = smooth(np.asarray(heard, np.float64), fps, 1.5).clip(0, 1)
    for column, shapes in ((LAUGH, _LAUGHING), (SIGH, _SIGHING)):
        for name, size in shapes.items():
            curve = weights[:, INDEX[name]]
            curve += strength * size * shown[:, column] * (1 - curve)
    bursts = np.asarray(loudness, np.float64).clip(-30, 0)
    bursts -= window_mean(bursts, fps, 0.2, 0.2)
    head = np.zeros((len(weights), 3))
    head[:, PITCH] = -_LIFT * shown[:, BREATH] * (1 - shown[:, SIGH])
    head[:, PITCH] += (_SHAKE * bursts - _BACK) * shown[:, LAUGH]
    head[:, PITCH] += _SINK * smooth(shown[:, SIGH:], fps, 0.5)[:, 0]
    return strength * head

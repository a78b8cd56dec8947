"""Blinks: when they come, and what they do to the lids.

Blink rates are from Bentivoglio et al. 1997 (17 a minute at rest, 26 in conversation), blinks at
the pauses of speech from Nakano & Kitazawa 2010.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.animation.noise import BLINKS, LIDS, Chance
from dreamtalk_core.animation.phrases import Phrases
from dreamtalk_core.motion.arkit import INDEX
from dreamtalk_core.motion.curves import smooth, smoothstep
from dreamtalk_core.rig.head import EYE_DOWN, EYE_SIDE

Array = NDArray[np.floating]
Float64 = NDArray[np.float64]

_WEAK_DB = -14.0
"""Below this a syllable is weak enough for a blink."""

_INTERVAL = (3.3, 0.45)
"""Median in seconds and log-normal spread of the time after which a blink is due."""
_REFRACTORY = 0.6
_DUE = {"word": 1.5, "weak": 1.25, "pause": 0.85, "start": 0.75, "end": 0.45, "shift": 0.45}
"""When a blink comes, in shares of that time: in the midst of a word it is put off, at the end of
a phrase or with a large shift of gaze it comes early."""
_AT_END, _AT_START = 0.3, 0.16
"""Seconds after the end and the start of a phrase that count as such."""
_FALL, _SHUT, _RISE = (0.08, 0.1), (0.025, 0.04), (0.16, 0.21)
"""Least and most seconds that lids take to fall, stay shut and rise: at 25 frames a second about
two frames, one and three."""
_SQUINT_SHUTS = 0.25
"""What a full squint leaves less for the upper lid to do."""
_DIP = (2.0, 0.8)
"""Degrees that the eyes turn down and towards the nose in a blink (Bour et al. 2000)."""
_OWN_BLINK = 0.6
"""A closing of the lids in the model's motion that is over within this many seconds is a blink."""


def blink_frames(
    phrases: Phrases,
    loudness: Array,
    shifts: NDArray[np.bool_],
    chance: Chance,
    rate: float = 1.0,
) -> list[int]:
    """Frames at which blinks begin.

    Each blink falls due after a log-normal time and comes at the first moment that suits: see
    `_DUE`. shifts: [T], where gaze moves far. rate: factor on how often; below 1 some are left out.
    """
    due = np.where(np.asarray(loudness) < _WEAK_DB, _DUE["weak"], _DUE["word"])
    due[phrases.pause] = _DUE["pause"]
    due[phrases.after(phrases.starts, _AT_START)] = _DUE["start"]
    due[phrases.after(phrases.ends, _AT_END)] = _DUE["end"]
    due[shifts] = _DUE["shift"]
    median, spread = _INTERVAL
    usual = median * phrases.fps / max(1.0, rate)
    # The time to the next blink is decided at the last one.
    intervals = usual * np.exp(spread * chance.normals(BLINKS, 1)[:, 0])
    chosen = chance.uniforms(BLINKS, 3)[:, 2]
    frames: list[int] = []
    last = -0.7 * usual * chosen[0]
    while True:
        interval = intervals[max(0, int(last))]
        first = max(0, math.ceil(last + _REFRACTORY * phrases.fps))
        final = max(first, math.ceil(last + interval * _DUE["word"]))
        if first >= len(phrases):
            return frames
        window = np.arange(first, min(final, len(phrases) - 1) + 1)
        ready = np.flatnonzero(window - last >= interval * due[window])
        if len(ready):
            frame = int(window[ready[0]])
        elif final < len(phrases):
            frame = final
        else:
            return frames
        if chosen[frame] < rate:
            frames.append(frame)
        last = frame


def remove_blinks(weights: Float64, fps: float) -> None:
    """Take the model's own blinks out of weights [T, 52], in place.

    The dip of the eyes and the squint that go with a blink are taken out as well. A morphological
    opening: what is above the curve for a short time only goes, what lasts stays.
    """
    reach = max(1, round(_OWN_BLINK * fps / 2))
    for side in ("Left", "Right"):
        columns = [INDEX[name + side] for name in ("eyeBlink", "eyeLookDown", "eyeSquint")]
        lids = weights[:, columns]
        slow = _window_max(-_window_max(-lids, reach), reach)
        quick = np.maximum(lids - smooth(slow, fps, 2.5), 0)
        weights[:, columns] = lids - np.minimum(quick, quick[:, :1])


def blink(weights: Float64, frames: list[int], fps: float, chance: Chance) -> None:
    """Put blinks that begin at `frames` into weights [T, 52], in place."""
    closed = _lid_closure(frames, fps, chance)
    for side, shut in zip(("Left", "Right"), closed.T, strict=True):
        lid, wide = INDEX[f"eyeBlink{side}"], INDEX[f"eyeWide{side}"]
        full = 1 - _SQUINT_SHUTS * weights[:, INDEX[f"eyeSquint{side}"]].clip(0, 1)
        weights[:, lid] += shut * np.maximum(full - weights[:, lid], 0)
        weights[:, wide] *= 1 - shut
        down, inward = _DIP
        weights[:, INDEX[f"eyeLookDown{side}"]] += shut * down / EYE_DOWN
        weights[:, INDEX[f"eyeLookIn{side}"]] += shut * inward / EYE_SIDE


def _lid_closure(frames: list[int], fps: float, chance: Chance) -> Float64:
    """How far blinks shut the left and the right eye [T, 2], 0..1."""
    count = len(chance)
    closed, draws = np.zeros((count, 2)), chance.uniforms(LIDS, 8)
    for frame in frames:
        start, *spans = draws[frame, :4]
        fall, shut, rise = (
            low + part * (high - low)
            for part, (low, high) in zip(spans, (_FALL, _SHUT, _RISE), strict=True)
        )
        # One eye is a few milliseconds ahead and opens a little faster.
        ahead, slower = 0.012 * draws[frame, 4:6] - 0.006, 0.95 + 0.13 * draws[frame, 6:]
        stop = min(count, frame + math.ceil(1 + (fall + shut + rise * 1.1) * fps))
        time = (np.arange(frame, stop) - frame + 1 - start)[:, None] / fps + ahead
        falling = smoothstep(time / fall)
        rising = smoothstep(((time - fall - shut) / (rise * slower)).clip(0, 1) ** 0.8)
        closed[frame:stop] = np.maximum(closed[frame:stop], falling * (1 - rising))
    return closed


def _window_max(values: Float64, reach: int) -> Float64:
    """[T, C] largest values within `reach` frames."""
    padded = np.pad(values, ((reach, reach), (0, 0)), constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=0)
    result: Float64 = windows.max(-1)
    return result

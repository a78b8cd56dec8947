"""What the behaviour hears in a speech: phrases, pauses and accents, by loudness and pitch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.motion.curves import smooth

Array = NDArray[np.floating]
Float64 = NDArray[np.float64]

SILENT_DB = -60.0
"""Loudness of silence."""
SPEECH_DB = -22.0
"""Breath and the noise of a room are below this, and so are a few consonants, but not for long."""
_PAUSE = 0.2
"""Seconds of silence that end a phrase; the closure of a stop is shorter."""
_ACCENT = 0.12
"""Least prominence of an accent; a strong one has three times that."""
_ACCENT_GAP = 0.36
"""Seconds between accents, at least."""


@dataclass(frozen=True, eq=False)
class Phrases:
    """Where somebody speaks, pauses, starts and ends, known a few frames ahead.

    pause: bool [T], in a silence of 0.2 s or more. starts, ends: frames where a phrase begins and
    where the pause after it begins.
    """

    pause: NDArray[np.bool_]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    fps: float

    def __len__(self) -> int:
        return len(self.pause)

    def after(self, frames: NDArray[np.int64], seconds: float) -> NDArray[np.bool_]:
        """[T] whether one of `frames` was within the last `seconds`."""
        before = np.searchsorted(frames, np.arange(len(self)), side="right") - 1
        last = np.append(frames, 0)[before] if len(frames) else np.zeros(len(self))
        result: NDArray[np.bool_] = (before >= 0) & (
            np.arange(len(self)) - last < seconds * self.fps
        )
        return result


def find_phrases(loudness: Array, fps: float) -> Phrases:
    """Phrases and pauses of a speech by its loudness [T] in dB, see `enliven`."""
    length = max(1, round(_PAUSE * fps))
    # Before and after the speech there is silence.
    quiet = np.pad(np.asarray(loudness) < SPEECH_DB, length, constant_values=True)
    windows = np.lib.stride_tricks.sliding_window_view
    runs = np.asarray(windows(quiet, length).all(1))
    pause = np.asarray(windows(runs, length).any(1))[1:-1]
    change = np.diff(pause.astype(np.int8), prepend=np.int8(1))
    return Phrases(pause, np.flatnonzero(change < 0), np.flatnonzero(change > 0), fps)


@dataclass(frozen=True, eq=False)
class Accents:
    """Stressed syllables: frames [E], ascending, and how much they stand out [E]."""

    frames: NDArray[np.int64]
    strength: Float64


def find_accents(loudness: Array, pitch: Array, phrases: Phrases) -> Accents:
    """Where speech rises in loudness and pitch above what is around it."""
    fps = phrases.fps
    level = ((np.asarray(loudness, np.float64) + 30) / 30).clip(0, 1.2)
    around = window_mean(level, fps, 1.0, 0.3)
    voiced = np.isfinite(pitch)
    height = np.where(voiced, pitch, 0.0).astype(np.float64)
    share = window_mean(voiced.astype(np.float64), fps, 1.5, 0.0)
    usual = window_mean(height, fps, 1.5, 0.0) / np.maximum(share, 1e-3)
    raised = np.where(voiced, height - usual, 0.0).clip(0, 8)
    prominence = smooth((level - around + 0.06 * raised)[:, None], fps, 2.5)[:, 0]
    before, after = np.pad(prominence, 1)[:-2], np.pad(prominence, 1)[2:]
    peaks = np.flatnonzero((prominence > before) & (prominence >= after) & (prominence > _ACCENT))
    frames = spaced(peaks[~phrases.pause[peaks]], _ACCENT_GAP * fps)
    return Accents(frames, prominence[frames].astype(np.float64))


def spaced(frames: NDArray[np.int64], gap: float) -> NDArray[np.int64]:
    """Those of ascending frames that come `gap` frames or more after the one kept before."""
    kept: list[int] = []
    for frame in frames:
        if not kept or frame - kept[-1] >= gap:
            kept.append(int(frame))
    return np.array(kept, np.int64)


def window_mean(values: Float64, fps: float, before: float, after: float) -> Float64:
    """[T] means over the seconds before and after each frame, less at the ends."""
    count = len(values)
    total = np.concatenate([[0.0], values.cumsum()])
    frames = np.arange(count)
    first = np.maximum(frames - round(before * fps), 0)
    stop = np.minimum(frames + round(after * fps) + 1, count)
    result: Float64 = (total[stop] - total[first]) / (stop - first)
    return result

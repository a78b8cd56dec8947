"""Chance: numbers and slow noise that a seed and a voice decide, whatever else is drawn."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
Float64 = NDArray[np.float64]
UInt64 = NDArray[np.uint64]

MODEL, BLINKS, LIDS, GAZE, NODS, TURNS, FLASHES, POSTURE, DRIFT, SWAY, BREATH, FACE = range(12)
"""Each part has numbers of its own, so that a strength never moves another part's events. FACE is
the last of the first, for it has several."""
CUES, RESPONSES, LEANS = 40, 41, 42
"""Of a face that listens."""

BEGINNING = 50
"""Frames of sound (2 s) that tell one voice from another: what is changed later in a line changes
nothing before it."""
_ODD = np.uint64(0x9E3779B97F4A7C15)


class Chance:
    """Numbers that depend on a seed, on the frame and on the voice: two who speak with one seed do
    not blink together. Nothing depends on how many are drawn, or in which order."""

    def __init__(self, seed: int, voice: UInt64, first: int = 0) -> None:
        """voice: [T] a number for the voice in each frame: of a recording `voice_of` it in all of
        them; of a voice that is still speaking what has been `heard` of it up to there, and so
        none before its first sound. first: number of the first frame.
        """
        self._first = first
        state = np.random.SeedSequence(seed).generate_state(1, np.uint64)
        self._heard = _mixed(voice ^ state)

    def __len__(self) -> int:
        return len(self._heard)

    def uniforms(self, part: int, width: int) -> Float64:
        """[T, width] numbers in 0..1 of every frame: what happens in it takes those."""
        here = np.arange(len(self))
        return self._drawn(part, width, self._first + here, here)

    def normals(self, part: int, width: int) -> Float64:
        """[T, width] normal numbers of every frame."""
        return _normal(self.uniforms(part, 2 * width))

    def slow_noise(self, part: int, width: int, spacing: float) -> Float64:
        """Slow noise [T, width] of unit spread: a cubic B-spline through knots every `spacing`
        frames."""
        place = (self._first + np.arange(len(self))) / spacing
        knot, t = place.astype(np.int64), (place % 1)[:, None]
        numbers = np.arange(int(knot[0]), int(knot[-1]) + 4)
        knot -= knot[0]
        # A knot is felt from the time of the third before it.
        felt = np.ceil((numbers - 3) * spacing).astype(np.int64) - self._first
        felt = felt.clip(0, len(self) - 1)
        knots = _normal(self._drawn(part, 2 * width, numbers, felt))
        basis = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
        curve = np.zeros((len(self), width))
        for i, share in enumerate(basis):
            curve += share / 6 * knots[knot + i]
        # The mean square sum of the four shares is 151/315.
        curve /= math.sqrt(151 / 315)
        return curve

    def _drawn(
        self, part: int, width: int, numbers: NDArray[np.int64], frames: NDArray[np.int64]
    ) -> Float64:
        """[E, width] of things number `numbers` [E], as decided at `frames` [E]."""
        key = _mixed(self._heard[frames] + _ODD * numbers.astype(np.uint64))
        columns = (np.arange(width) + 1000 * (part + 1)).astype(np.uint64)
        drawn = _mixed(key[:, None] ^ _mixed(columns))
        # The upper 53 bits are a whole float, kept off 0 for the logarithm.
        result: Float64 = ((drawn >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
        return result


def own_seed(seed: int, voice: int) -> int:
    """A seed of a voice's own, for what is drawn otherwise. voice: see `voice_of`."""
    return int(_mixed(np.array([voice], np.uint64))[0]) ^ seed


def listener_of(voices: Iterable[int]) -> int:
    """A number for somebody silent who listens to these voices, as if it were a voice of theirs."""
    total = np.array([sum(voices) & 0xFFFFFFFFFFFFFFFF], np.uint64)
    return int(listening_to(total)[0])


def listening_to(voice: UInt64) -> UInt64:
    """[T] such a number for each of a voice [T]."""
    return _mixed(voice + _ODD)


def voice_of(levels: Array) -> int:
    """A number for a recording, from the first two seconds of its sound.

    levels: [T] of its frames in any unit and at any gain, 0 for silence.
    """
    sounding = np.flatnonzero(levels)
    if not len(sounding):
        return 0
    return int(heard(levels[sounding[0] : sounding[0] + BEGINNING])[-1])


def heard(levels: Array, last: float = 0.0, before: int = 0, frame: int = 0) -> UInt64:
    """[T] what has been heard of a voice up to each frame, as a number.

    levels: as in `voice_of`; which of them are above the one before is what counts, for that is
    alike at any gain and on any machine. last, before, frame: where the voice has spoken already,
    the level of its last frame, the number up to there, and the first frame's own.
    """
    rises = np.sign(np.diff(levels, prepend=last)).astype(np.int64)
    place = _ODD * (frame + np.arange(len(levels)) + 1).astype(np.uint64)
    here = np.where(rises != 0, _mixed(rises.astype(np.uint64) + place), np.uint64(0))
    result: UInt64 = np.cumsum(here, dtype=np.uint64) + np.uint64(before)
    return result


def _mixed(values: UInt64) -> UInt64:
    """Each number scrambled: the finaliser of SplitMix64 (Steele, Lea & Flood 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    result: UInt64 = values ^ (values >> np.uint64(31))
    return result


def _normal(uniforms: Float64) -> Float64:
    """[E, W] normal numbers of uniform ones [E, 2 W] (Box & Muller 1958)."""
    radius, angle = np.split(uniforms, 2, axis=1)
    result: Float64 = np.sqrt(-2 * np.log(radius)) * np.cos(2 * np.pi * angle)
    return result

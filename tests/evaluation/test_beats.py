"""Heads that move to a voice, and heads that do not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.evaluation import beats


def syllables(times: list[float], seconds: float = 4.0) -> NDArray[np.float64]:
    """A voice that sets in at each time, for 0.15 s."""
    wave = 1e-4 * np.random.default_rng(0).standard_normal(int(seconds * 16_000))
    for time in times:
        start = round(time * 16_000)
        wave[start : start + 2400] += 0.3 * np.sin(2 * np.pi * 150 * np.arange(2400) / 16_000)
    return wave


def test_accents_are_where_the_voice_sets_in() -> None:
    times = [0.5, 1.1, 1.8, 2.6, 3.3]
    np.testing.assert_allclose(beats.voice_accents(syllables(times)), times, atol=0.03)
    assert len(beats.voice_accents(np.zeros(16_000))) == 0
    assert len(beats.voice_accents(np.zeros(10))) == 0


def test_a_head_that_stops_at_the_accents_is_aligned() -> None:
    times = [0.5, 1.1, 1.8, 2.6, 3.3]
    frames = (np.arange(100) + 0.5) / 25
    # It turns from each accent to the next, and stands still for a moment at each.
    phase = np.interp(frames, [0.0, *times, 4.0], np.arange(len(times) + 2.0))
    head = np.zeros((100, 3))
    head[:, 1] = phase - np.sin(2 * np.pi * phase) / (2 * np.pi)
    score, gain = beats.beat_alignment(head, syllables(times))
    assert score > 0.8
    assert gain > 0.4
    late, loss = beats.beat_alignment(np.roll(head, 6, axis=0), syllables(times))
    assert late < score - 0.3
    assert loss < gain - 0.3


def test_a_still_head_has_no_beats() -> None:
    assert np.isnan(beats.beat_alignment(np.zeros((100, 3)), syllables([1.0]))).all()
    turning = np.random.default_rng(0).normal(size=(100, 3))
    assert np.isnan(beats.beat_alignment(turning, np.zeros(64_000))).all()
    assert len(beats.head_beats(np.zeros((2, 3)))) == 0

"""Phrases and pauses."""

from __future__ import annotations

import numpy as np

from dreamtalk_core.animation.phrases import find_phrases


def test_phrases_end_where_silence_lasts() -> None:
    loudness = np.full(50, -5.0)
    loudness[[10, 11, 12]] = -50  # the closure of a stop
    loudness[30:40] = -50
    phrases = find_phrases(loudness, 25.0)
    assert phrases.starts.tolist() == [0, 40]
    assert phrases.ends.tolist() == [30]
    assert np.flatnonzero(phrases.pause).tolist() == list(range(30, 40))

"""Which part of a recording tells how somebody speaks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamtalk_core.errors import StyleError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.style import useful_spans
from dreamtalk_core.style.extract import runs, speaking


def mouth(*parts: tuple[float, bool], fps: int = 25) -> Motion:
    """Parts of so many seconds, in each of which the mouth speaks or not."""
    pieces = []
    for seconds, speaks in parts:
        time = np.arange(round(seconds * fps)) / fps
        pieces.append(speaks * (0.15 + 0.15 * np.sin(2 * np.pi * 4 * time)))
    weights = np.zeros((sum(map(len, pieces)), 52))
    weights[:, INDEX["jawOpen"]] = np.concatenate(pieces)
    return Motion(ARKIT_NAMES, weights, fps)


@pytest.mark.parametrize("fps", [24, 25, 60])
def test_what_speaks_is_used(fps: int) -> None:
    (span,) = useful_spans(mouth((5, False), (4, True), (6, False), fps=fps))
    # Half a second to either side belongs to it: a second around those frames has speech in it.
    assert span[0] / fps == pytest.approx(4.6, abs=0.15)
    assert span[1] / fps == pytest.approx(9.4, abs=0.15)


def test_a_silent_performance_is_used_whole() -> None:
    """A held smile is a style as well; and a little speech does not outweigh all the rest."""
    assert useful_spans(mouth((4, False))) == [(0, 100)]
    assert useful_spans(mouth((8, False), (0.4, True), (8, False))) == [(0, 410)]


def test_what_is_not_seen_is_left_out() -> None:
    motion = mouth((10, True))
    visible = np.ones(250, bool)
    visible[100:120] = False
    visible[140:150] = False  # what is left between the two is shorter than a second
    assert useful_spans(motion, visible) == [(0, 100), (150, 250)]


def test_a_long_recording_gives_its_longest_stretches() -> None:
    motion = mouth((20, True), (5, False), (50, True), (5, False), (30, True))
    spans = useful_spans(motion)
    assert sum(end - start for start, end in spans) == 60 * 25
    assert spans[0][0] / 25 == pytest.approx(24.6, abs=0.15)  # the fifty seconds
    assert spans[1][0] > spans[0][1]  # and the start of the thirty


def test_too_little_to_see() -> None:
    visible = np.zeros(100, bool)
    visible[10:30] = True
    with pytest.raises(StyleError, match=r"at least 1 s .* this is 4\.00 s.*seen for 0\.80 s"):
        useful_spans(mouth((4, True)), visible)
    with pytest.raises(StyleError, match=r"0\.80 s"):
        useful_spans(mouth((0.8, True)))


@given(st.lists(st.booleans(), max_size=30))
def test_runs_are_the_true_stretches(mask: list[bool]) -> None:
    row = np.array(mask, bool)
    again = np.zeros(len(row), bool)
    spans = runs(row)
    for start, end in spans:
        assert start < end
        again[start:end] = True
    assert (again == row).all()
    assert all(end < start for (_, end), (start, _) in pairwise(spans))


@given(st.integers(1, 60), st.sampled_from([1, 5, 24, 25, 30, 120]))
def test_every_frame_is_judged(frames: int, fps: int) -> None:
    motion = Motion(ARKIT_NAMES, np.zeros((frames, 52)), fps)
    assert speaking(motion).shape == (frames,)
    assert not speaking(motion).any()

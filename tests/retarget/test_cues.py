from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamtalk_core.retarget.cues import HOLD, SETS, Cue, frames, track
from dreamtalk_core.retarget.visemes import VISEMES

RATE = Fraction(100)


def scores(*mouths: tuple[str, int]) -> np.ndarray:
    """One row a centisecond, in which one viseme fits."""
    rows = [VISEMES.index(f"viseme_{name}") for name, count in mouths for _ in range(count)]
    return np.eye(len(VISEMES))[rows]


def made(*mouths: tuple[str, int], drawings: str = "visemes") -> list[Cue]:
    given = scores(*mouths)
    return list(track(given, RATE, Fraction(len(given), 100), drawings).cues)


def test_what_is_held_long_enough_stays_where_it_is() -> None:
    cues = made(("sil", 30), ("aa", 12), ("PP", 8), ("I", 20))
    assert [cue.name for cue in cues] == ["sil", "aa", "PP", "I"]
    assert [cue.start for cue in cues] == [0, Fraction(3, 10), Fraction(42, 100), Fraction(1, 2)]
    assert cues[-1].end == Fraction(7, 10)


def test_a_flicker_is_left_out() -> None:
    assert [cue.name for cue in made(("aa", 20), ("kk", 3), ("aa", 20))] == ["aa"]


@pytest.mark.parametrize(("drawings", "shut"), [("rhubarb", "A"), ("preston_blair", "MBP")])
def test_lips_shut_for_a_moment_are_no_rest(drawings: str, shut: str) -> None:
    cues = made(("aa", 20), ("sil", 15), ("E", 20), ("sil", 40), drawings=drawings)
    assert [cue.name for cue in cues][1] == shut
    assert cues[-1].name == SETS[drawings]["viseme_sil"]


@given(st.lists(st.tuples(st.integers(0, 14), st.integers(1, 30)), min_size=1, max_size=30))
def test_cues_have_no_gaps_and_are_held(spans: list[tuple[int, int]]) -> None:
    given = scores(*((VISEMES[mouth].removeprefix("viseme_"), count) for mouth, count in spans))
    duration = Fraction(len(given), 100) + Fraction(1, 333)
    cues = track(given, RATE, duration, "rhubarb").cues
    assert cues[0].start == 0
    assert cues[-1].end == duration
    assert all(one.end == two.start for one, two in itertools.pairwise(cues))
    if len(cues) > 1:
        assert min(cue.end - cue.start for cue in cues) >= HOLD


def test_every_set_has_a_mouth_for_every_viseme() -> None:
    assert all(set(known) == set(VISEMES) for known in SETS.values())
    assert set(SETS["rhubarb"].values()) <= set("ABCDEFGHX")


def test_frames_are_whole_and_none_is_empty() -> None:
    cues = (
        Cue(Fraction(0), Fraction(1, 100), "X"),
        Cue(Fraction(1, 100), Fraction(1, 2), "A"),
        Cue(Fraction(1, 2), Fraction(51, 100), "B"),
        Cue(Fraction(51, 100), Fraction(1), "A"),
    )
    assert frames(cues, 24) == ([(0, "A")], 24)

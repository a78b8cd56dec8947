"""Corrections by hand: taken off, kept in a file, and laid over other curves."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from dreamtalk_core.errors import DreamTalkWarning, MotionError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.motion.corrections import ENDING, Corrections

JAW, SMILE = INDEX["jawOpen"], INDEX["mouthSmileLeft"]


def curves(frames: int = 100, fps: Fraction = Fraction(25), seed: int = 0) -> Motion:
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 0.01, (frames, 52)).cumsum(axis=0)
    head = rng.normal(0, 0.1, (frames, 3)).cumsum(axis=0)
    return Motion(ARKIT_NAMES, np.clip(0.4 + steps, 0.1, 0.8), fps, head)


def edited(made: Motion) -> Motion:
    """A smile that comes and goes, a jaw that is shut at once, and a head that turns away."""
    weights, head = made.weights.copy(), made.head_rotation.copy()
    weights[20:61, SMILE] += 0.15 * np.sin(np.linspace(0, np.pi, 41))
    weights[70:75, JAW] -= 0.08
    head[:, 1] += 5
    return Motion(made.names, weights, made.fps, head)


def test_they_are_the_difference_and_nothing_else() -> None:
    made = curves()
    found = Corrections.between(made, edited(made))
    assert found.names == ("jawOpen", "mouthSmileLeft", "headYaw")
    assert np.flatnonzero(found.values[:, 0]).tolist() == [70, 71, 72, 73, 74]
    np.testing.assert_allclose(found.values[:, 2], 5, atol=1e-5)
    # What other programs round is nobody's work.
    rounded = Motion(made.names, made.weights.round(3), made.fps, made.head_rotation.round(2))
    assert Corrections.between(made, rounded).names == ()


def test_over_what_was_made_they_give_what_was_edited() -> None:
    """But for the frames beside a step, which is eased."""
    made = curves()
    found = Corrections.between(made, edited(made)).over(made)
    apart = np.abs(found.weights - edited(made).weights)
    assert apart[21:60, SMILE].max() <= 0.002
    assert apart[:, SMILE].max() < 0.012  # its first step
    assert apart[70:75, JAW].max() < 1e-6
    assert np.flatnonzero(apart[:, JAW] > 1e-6).tolist() == [67, 68, 69, 75, 76, 77]
    others = np.delete(apart, (JAW, SMILE), axis=1)
    assert others.max() == 0
    np.testing.assert_allclose(found.head_rotation, edited(made).head_rotation, atol=1e-4)


def test_a_step_is_eased() -> None:
    values = np.zeros((50, 1), np.float32)
    values[20:30] = 0.5
    still = Motion(ARKIT_NAMES, np.full((50, 52), 0.2), Fraction(25))
    found = Corrections(("jawOpen",), values, Fraction(25)).over(still).channel("jawOpen") - 0.2
    np.testing.assert_allclose(found[20:30], 0.5, atol=1e-6)
    assert np.abs(np.diff(found)).max() < 0.2
    assert found[:17].max() == found[33:].max() == 0
    np.testing.assert_allclose(found, found[::-1], atol=1e-6)  # the same on both sides


def test_at_another_rate_they_stand_at_the_same_time() -> None:
    made = curves()
    found = Corrections.between(made, edited(made))
    other = curves(240, Fraction(60), 1)
    added = found.over(other).weights - other.weights
    at = (int(added[:, SMILE].argmax()) + 0.5) / 60
    assert at == pytest.approx((40 + 0.5) / 25, abs=0.03)
    assert added[:, SMILE].max() == pytest.approx(0.15, abs=0.003)


def test_what_goes_beyond_is_clipped_and_said() -> None:
    made = curves()
    found = Corrections.between(made, edited(made))
    wide = Motion(ARKIT_NAMES, np.full((100, 52), 0.95), Fraction(25))
    with pytest.warns(DreamTalkWarning, match=r"clipped: mouthSmileLeft by 0\.10"):
        assert found.over(wide).weights.max() == 1


def test_another_line_has_none_unless_asked() -> None:
    made, longer = curves(), curves(130)
    found = Corrections.between(made, edited(made))
    with pytest.warns(DreamTalkWarning, match=r"4\.00 s are not laid over this one of 5\.20 s"):
        assert found.over(longer) == longer
    asked = Corrections(found.names, found.values, found.fps, any_length=True)
    added = asked.over(longer).weights - longer.weights
    assert added[:, SMILE].max() == pytest.approx(0.15, abs=1e-3)
    assert not added[100:].any()
    short = curves(50)
    assert len(asked.over(short)) == 50


def test_channels_that_are_no_more_are_named() -> None:
    made = curves()
    less = Motion(("mouthSmileLeft",), made.weights[:, [SMILE]], made.fps)
    with pytest.warns(DreamTalkWarning, match="no more: jawOpen"):
        Corrections.between(made, edited(made)).over(less)


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (curves(101), "length or rate"),
        (curves(100, Fraction(30)), "length or rate"),
        (Motion(("jawOpen",), np.zeros((100, 1)), Fraction(25)), "channels"),
    ],
)
def test_what_was_retimed_is_not_understood(other: Motion, why: str) -> None:
    with pytest.raises(MotionError, match=why):
        Corrections.between(curves(), other)


def test_a_file_gives_them_back(tmp_path: Path) -> None:
    made = curves(fps=Fraction(30000, 1001))
    found = Corrections.between(made, edited(made))
    path = tmp_path / f"ü b.csv{ENDING}"
    found.save(path)
    again = Corrections.load(path)
    assert (again.names, again.fps, again.any_length) == (found.names, found.fps, False)
    np.testing.assert_allclose(again.values, found.values, atol=1e-6)
    first = path.read_bytes()
    again.save(path)
    assert path.read_bytes() == first
    # Curves of a line, not a frame a line: somebody is to find their way in it.
    assert len(first.splitlines()) == 12


@pytest.mark.parametrize(
    "change",
    [
        {"format": "dreamtalk-motion"},
        {"version": 2},
        {"fps": "fast"},
        {"frame_count": 0},
        {"frame_count": 10**12},
        {"channels": {"jawOpen": [[99, [0.1, 0.1]]]}},
        {"channels": {"jawOpen": [[-1, [0.1]]]}},
        {"channels": {"jawOpen": [[0, [1e9]]]}},
        {"channels": {"jawOpen": [0.1]}},
        {"channels": []},
        {"any_length": "yes"},
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / f"a{ENDING}"
    Corrections.between(curves(), edited(curves())).save(path)
    whole = path.read_bytes()
    path.write_text(json.dumps(json.loads(whole) | change), encoding="utf-8")
    with pytest.raises(MotionError, match="Mend it, or delete it"):
        Corrections.load(path)


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / f"a{ENDING}"
    Corrections.between(curves(), edited(curves())).save(path)
    whole = path.read_bytes()
    for cut in range(0, len(whole) - 1, 37):
        path.write_bytes(whole[:cut])
        with pytest.raises(MotionError):
            Corrections.load(path)

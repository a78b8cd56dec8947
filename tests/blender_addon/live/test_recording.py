"""Recorded frames lie where their sender says, none is lost; and the actor's rest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_addon.live.receiver import Arrival
from blender_addon.live.recording import Rest, in_time, motion_of, rate_of
from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.live.frame import Frame
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX


def arrivals(moments: list[float], told: list[float | None]) -> list[Arrival]:
    """Frames that came at these moments; their jaws count them."""
    found = []
    for i, (moment, time) in enumerate(zip(moments, told, strict=True)):
        weights = np.zeros(len(ARKIT_NAMES), np.float32)
        weights[INDEX["jawOpen"]] = i / len(moments)
        found.append(Arrival(Frame(weights, time=time), moment))
    return found


def test_the_senders_clock_counts_even_over_midnight() -> None:
    even = np.arange(120) / 60
    late = even + 100 + np.random.default_rng(0).uniform(0.01, 0.2, 120)
    told = (even + 86400 - 1) % 86400
    seen, times = in_time(arrivals(list(late), list(told)))
    assert len(seen) == 120
    assert np.abs(np.diff(times) - 1 / 60).max() < 1e-6
    assert 100 <= times[0] <= 100.2


@pytest.mark.parametrize(
    "told",
    [[0.0] * 60, [None] * 60, [None, *np.arange(59) / 60], list(np.arange(60) * 7.0)],
    ids=["stands still", "none", "some", "another unit"],
)
def test_a_clock_that_tells_nothing_does_not_count(told: list[float | None]) -> None:
    moments = np.arange(60) / 60 + 5
    seen, times = in_time(arrivals(list(moments), told))
    assert len(seen) == 60
    assert np.allclose(times, moments)


def test_frames_are_put_in_order_and_those_of_nobody_left_out() -> None:
    moments = np.arange(10) / 60
    given_ = arrivals(list(moments), list(moments))
    given_[3], given_[4] = given_[4], given_[3]
    gone = Arrival(Frame(time=moments[7], face=False), float(moments[7]))
    given_[7] = gone
    seen, times = in_time(given_)
    jaws = [own.frame.weights[INDEX["jawOpen"]] for own in seen]
    assert jaws == sorted(jaws)
    assert len(seen) == 9
    assert (np.diff(times) > 0).all()
    with pytest.raises(DreamTalkError, match="No face came"):
        in_time([gone])


@given(st.lists(st.floats(0, 10), min_size=1, max_size=80))
def test_no_frame_is_lost_and_no_two_are_at_once(told: list[float]) -> None:
    moments = np.linspace(0, 10, len(told))
    seen, times = in_time(arrivals(list(moments), list(told)))
    assert len(seen) == len(told)
    assert (np.diff(times) > 9e-4).all()


def test_frames_of_the_same_moment_lie_evenly() -> None:
    told = list(np.repeat(np.arange(60) / 30, 2))
    _, times = in_time(arrivals(list(np.arange(120) / 60), told))
    assert np.allclose(np.diff(times[:-1]), 1 / 60)
    assert abs(rate_of(times) - 60) < 1


def test_rest_is_taken_off_and_kept_as_text() -> None:
    frames = arrivals([0.0, 1 / 60], [None, None])
    for own in frames:
        own.frame.weights[INDEX["eyeBlinkLeft"]] = 0.3
        own.frame.head[:] = 5, 20, -3
    motion = motion_of(frames)
    rest = Rest.of(motion)
    again = Rest.read(rest.text())
    assert again is not None
    assert np.allclose(again.weights, rest.weights, atol=1e-4)
    still = again.taken_off(motion)
    assert still.channel("eyeBlinkLeft").max() < 1e-3
    assert np.abs(still.head_rotation).max() < 1e-2
    frames[1].frame.head[:] = 5, 30, -3
    turned = again.taken_off(motion_of(frames)).head_rotation[1]
    assert abs(np.linalg.norm(turned) - 10) < 0.2, "ten degrees from rest"


@pytest.mark.parametrize("text", ["", "{", "{}", '{"weights": [1], "head": [0, 0, 0]}', "[1]"])
def test_what_is_no_rest_is_none(text: str) -> None:
    assert Rest.read(text) is None

"""What moves in silence."""

from __future__ import annotations

import numpy as np
import pytest

from dreamtalk_core.animation.behaviour import enliven
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import INDEX, REGIONS
from dreamtalk_core.parameters import Behaviour
from tests.animation.speaker import NO, blinks, said, speech, still


def test_nothing_is_frozen_in_silence() -> None:
    silent = (np.full(1500, -60.0), np.full(1500, np.nan))
    motion = enliven(still(1500), *silent, 0, Behaviour(**{**NO, "idle": 1.0}))
    for region in ("eyelids", "brows", "cheeks_nose", "mouth"):
        moves = [motion.channel(name).std() for name in REGIONS[region]]
        assert max(moves) > 0.003, region
    assert motion.weights.max() < 0.1
    head = motion.head_rotation
    assert (head.std(0) > 0.2).all()
    assert (head.std(0) < 1.2).all()


def test_the_head_breathes_fifteen_times_a_minute_or_so(ten_minutes: Motion) -> None:
    pitch = ten_minutes.head_rotation[:, 0]
    power = np.abs(np.fft.rfft(pitch - pitch.mean())) ** 2
    # Bins are breaths in ten minutes.
    assert power[110:190].mean() > 3 * power[220:400].mean()


def repeats(curve: np.ndarray) -> float:
    """The highest correlation of a curve with itself 8 s to 5 min later."""
    curve = curve - curve.mean()
    power = np.abs(np.fft.rfft(curve, 2 * len(curve))) ** 2
    same = np.fft.irfft(power)[: len(curve) // 2] / power.mean()
    return float(np.abs(same[200:]).max() / same[0])


@pytest.fixture(scope="module")
def ten_minutes() -> Motion:
    return enliven(still(15000), np.full(15000, -60.0), np.full(15000, np.nan), 0)


@pytest.mark.parametrize("name", ["pitch", "yaw", "roll", "eyeLookInLeft", "browInnerUp", "blinks"])
def test_ten_minutes_of_idle_do_not_repeat(ten_minutes: Motion, name: str) -> None:
    """Noise of this many independent moments correlates with itself by .1 (deviation)."""
    if name == "blinks":
        curve = np.zeros(15000)
        curve[[blink.start for blink in blinks(ten_minutes)]] = 1
        curve = np.convolve(curve, np.ones(10), "same")
    elif name in ("pitch", "yaw", "roll"):
        curve = ten_minutes.head_rotation[:, ("pitch", "yaw", "roll").index(name)]
    else:
        curve = ten_minutes.channel(name)
    assert repeats(curve) < 0.35
    # The measure sees what does come back.
    again = np.concatenate([curve[:2500]] * 6)
    assert repeats(again) > 0.6


def test_ten_minutes_of_idle_do_not_drift_away(ten_minutes: Motion) -> None:
    minutes = ten_minutes.head_rotation.reshape(10, 1500, 3)
    assert np.abs(minutes.mean(1)).max() < 0.6
    assert np.abs(minutes).max() < 4


def test_blinks_and_fixations_last_as_peoples_do(ten_minutes: Motion) -> None:
    """Bentivoglio et al. 1997: 17 blinks a minute at rest, skewed; a fixation lasts about 1 s."""
    starts = np.array([blink.start for blink in blinks(ten_minutes)])
    between = np.diff(starts) / 25
    assert 14 < len(starts) / 10 < 22
    assert between.min() > 0.5
    assert np.median(between) < between.mean() < 1.3 * np.median(between)
    assert 0.25 < between.std() / between.mean() < 0.8
    look = enliven(
        still(15000), np.full(15000, -60.0), np.full(15000, np.nan), 0,
        Behaviour(**{**NO, "gaze": 1.0}),
    )  # fmt: skip
    eyes = look.weights[:, [INDEX["eyeLookInLeft"], INDEX["eyeLookOutLeft"]]]
    moves = np.flatnonzero(np.abs(np.diff(eyes, axis=0)).max(1) > 0.002)
    fixations = np.diff(moves)[np.diff(moves) > 3] / 25
    assert 0.6 < np.median(fixations) < 1.6
    assert fixations.max() < 8


def test_two_voices_with_one_seed_go_their_own_ways() -> None:
    first, pitch = speech(300)
    second = np.roll(first, 20) + np.random.default_rng(1).normal(0, 2, len(first))
    second[:15] = first[:15] = -60
    for voice in (lambda _: None, said):
        one, other = (
            enliven(still(7500), loudness, pitch, 7, said=voice(loudness))
            for loudness in (first, second)
        )
        near = [min(abs(a.start - b.start) for b in blinks(other)) <= 2 for a in blinks(one)]
        # By chance one in six or so comes within 80 ms of the other's.
        assert np.mean(near) < 0.4
        head = [motion.head_rotation[250:, 1] for motion in (one, other)]
        assert abs(np.corrcoef(*head)[0, 1]) < 0.3
        again = enliven(still(7500), first, pitch, 7, said=voice(first))
        assert again == one


def test_a_line_that_ends_otherwise_begins_alike() -> None:
    """Whoever cuts the end of a line finds its beginning as it was."""
    loudness, pitch = speech(300)
    changed = loudness.copy()
    changed[-200:] = -60
    one, other = (enliven(still(7500), track, pitch, 7) for track in (loudness, changed))
    np.testing.assert_allclose(one.head_rotation[:7000], other.head_rotation[:7000], atol=1e-6)
    louder = enliven(still(7500), loudness, pitch, 7, said=said(2.5 * (loudness + 60) - 60))
    assert louder == enliven(still(7500), loudness, pitch, 7, said=said(loudness))

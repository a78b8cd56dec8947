"""When people blink, and how."""

from __future__ import annotations

import numpy as np
import pytest

from dreamtalk_core.animation.behaviour import enliven
from dreamtalk_core.animation.blinks import blink_frames
from dreamtalk_core.animation.noise import Chance
from dreamtalk_core.animation.phrases import find_phrases
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.parameters import Behaviour
from dreamtalk_core.rig.head import EYE_DOWN
from tests.animation.speaker import NO, blinks, minute, only, said, speech, still


def test_people_blink_as_often_as_people_do() -> None:
    counts = [len(blinks(minute(seed))) for seed in range(8)]
    assert min(counts) >= 10
    assert max(counts) <= 25
    assert 15 <= np.mean(counts) <= 21


@pytest.mark.parametrize(("level", "low", "high"), [(-60.0, 14, 24), (-5.0, 10, 17)])
def test_blinks_without_pauses_or_without_speech(level: float, low: int, high: int) -> None:
    loudness = np.full(15000, level)
    phrases, chance = find_phrases(loudness, 25.0), Chance(0, said(loudness))
    none = np.zeros(len(loudness), bool)
    per_minute = len(blink_frames(phrases, loudness, none, chance)) / 10
    assert low <= per_minute <= high
    twice = len(blink_frames(phrases, loudness, none, chance, 2.0)) / 10
    assert twice == pytest.approx(2 * per_minute, rel=0.15)


def test_blinks_come_at_pauses() -> None:
    loudness, _ = speech(600)
    phrases = find_phrases(loudness, 25.0)
    none = np.zeros(len(loudness), bool)
    frames = blink_frames(phrases, loudness, none, Chance(0, said(loudness)))
    in_pause = phrases.pause[frames].mean()
    # By chance it would be their share of the time, a fifth.
    assert phrases.pause.mean() < 0.22
    assert in_pause > 0.6
    assert np.diff(frames).min() >= 0.6 * 25


def test_a_blink_shuts_both_eyes_and_opens_slower_than_it_falls() -> None:
    motion = only("blinks", still(1500, eyeWideLeft=0.5, eyeWideRight=0.5))
    left, right = motion.channel("eyeBlinkLeft"), motion.channel("eyeBlinkRight")
    found = blinks(motion)
    assert found
    assert 0 < np.abs(left - right).max() < 0.25
    for blink in found:
        if blink.stop > len(motion) - 8:
            continue
        peak = blink.start + int(left[blink].argmax())
        assert left[peak] > 0.95
        assert right[peak] > 0.95
        assert motion.channel("eyeWideLeft")[peak] < 0.05
        around = left[peak - 5 : peak + 12]
        fall = np.count_nonzero((around[:6] > 0.02) & (around[:6] < 0.95))
        rise = np.count_nonzero((around[6:] > 0.02) & (around[6:] < 0.95))
        assert 1 <= fall <= 3
        assert 3 <= rise <= 5
        assert 1 <= np.count_nonzero(around > 0.95) <= 2
        # The eyes dip.
        assert motion.channel("eyeLookDownLeft")[peak] * EYE_DOWN == pytest.approx(2, abs=0.3)


def test_a_squint_leaves_less_for_the_blink() -> None:
    motion = only("blinks", still(1500, eyeSquintLeft=0.8, eyeSquintRight=0.8))
    assert motion.channel("eyeBlinkLeft").max() == pytest.approx(0.8, abs=0.02)


def test_own_blinks_make_way_and_a_sleepy_look_stays() -> None:
    weights = np.full((400, 52), 0.05, np.float32)
    quick = np.array([0.3, 0.8, 0.9, 0.6, 0.3])[:, None]
    weights[50:55, [INDEX["eyeBlinkLeft"], INDEX["eyeSquintLeft"]]] = quick
    weights[200:320, INDEX["eyeBlinkLeft"]] = 0.4
    motion = Motion(ARKIT_NAMES, weights, 25)
    loudness = np.full(400, -5.0)
    off = enliven(motion, loudness, np.zeros(400), 0, Behaviour(**NO))
    assert off.weights[:, INDEX["eyeBlinkLeft"]].max() == pytest.approx(0.4, abs=1e-3)
    done = enliven(motion, loudness, np.zeros(400), 0, Behaviour(**{**NO, "blinks": 1.0}))
    same_place = [blink for blink in blinks(done) if 45 <= blink.start <= 58]
    assert same_place or done.channel("eyeBlinkLeft")[45:60].max() < 0.1
    assert done.channel("eyeSquintLeft")[45:60].max() < 0.1
    assert np.median(done.channel("eyeBlinkLeft")[205:315]) == pytest.approx(0.4, abs=0.01)


def test_half_the_blinks() -> None:
    loudness, pitch = speech(300)
    counts = [
        len(blinks(enliven(still(7500), loudness, pitch, 0, Behaviour(**{**NO, "blinks": rate}))))
        for rate in (0.25, 0.5, 1.0, 2.0)
    ]
    assert counts == sorted(counts)
    assert counts[0] == pytest.approx(counts[2] / 4, abs=12)
    assert counts[1] == pytest.approx(counts[2] / 2, abs=12)
    assert counts[3] > 1.5 * counts[2]

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamtalk_core.animation.behaviour import blink_frames, enliven, find_phrases
from dreamtalk_core.errors import DreamTalkError, MotionError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX, REGIONS
from dreamtalk_core.parameters import Behaviour
from dreamtalk_core.rig.head import EYE_DOWN, EYE_SIDE, EYE_UP

LIPS = [INDEX[name] for name in (*REGIONS["jaw"], *REGIONS["mouth"], *REGIONS["tongue"])]
SMILES = [INDEX["mouthSmileLeft"], INDEX["mouthSmileRight"]]
NO = {"blinks": 0.0, "gaze": 0.0, "gestures": 0.0, "idle": 0.0}


def speech(seconds: float = 60.0) -> tuple[np.ndarray, np.ndarray]:
    """Loudness and pitch of somebody who speaks for 2.6 s and pauses for 0.6 s, over and over."""
    time = (np.arange(round(seconds * 25)) + 0.5) / 25
    place = time % 3.2
    accent = np.exp(-0.5 * ((time % 0.8 - 0.4) / 0.08) ** 2)
    loudness = -14 + 5 * np.sin(2 * np.pi * 4.5 * time) + 9 * accent
    pitch = 2 - place + 4 * accent
    silent = place < 0.6
    return np.where(silent, -60.0, loudness), np.where(silent, np.nan, pitch)


def still(frames: int, **weights: float) -> Motion:
    values = np.zeros((frames, 52), np.float32)
    for name, weight in weights.items():
        values[:, INDEX[name]] = weight
    return Motion(ARKIT_NAMES, values, 25)


@cache
def minute(seed: int = 0) -> Motion:
    loudness, pitch = speech()
    return enliven(still(len(loudness)), loudness, pitch, seed)


def only(part: str, motion: Motion, seed: int = 0, strength: float = 1.0) -> Motion:
    loudness, pitch = speech(len(motion) / 25)
    return enliven(motion, loudness, pitch, seed, Behaviour(**{**NO, part: strength}))


def blinks(motion: Motion) -> list[slice]:
    """Stretches in which the lids are more than half shut."""
    shut = motion.channel("eyeBlinkLeft") > 0.5
    edges = np.flatnonzero(np.diff(shut.astype(int), prepend=0, append=0))
    return [slice(a, b) for a, b in edges.reshape(-1, 2)]


def test_all_off_takes_out_blinks_and_changes_nothing_else() -> None:
    motion = minute()
    off = enliven(motion, *speech(), 3, Behaviour(0, 0, 0, 0))
    assert blinks(motion)
    assert not blinks(off)
    lids = ("eyeBlink", "eyeLookDown", "eyeSquint")
    other = [i for i, name in enumerate(ARKIT_NAMES) if not name.startswith(lids)]
    np.testing.assert_array_equal(off.weights[:, other], motion.to_arkit().weights[:, other])
    np.testing.assert_array_equal(off.head_rotation, motion.head_rotation)


def test_same_seed_same_life() -> None:
    loudness, pitch = speech()
    again = enliven(still(len(loudness)), loudness, pitch, 0)
    assert again == minute()
    assert not np.array_equal(again.weights, minute(1).weights)


@pytest.mark.parametrize("frames", [100, 310, 777])
def test_a_stream_gets_the_frames_of_the_whole(frames: int) -> None:
    """What comes more than a second later changes nothing."""
    loudness, pitch = speech()
    rng = np.random.default_rng(0)
    own = rng.uniform(0, 0.3, (len(loudness), 52))
    own[:, INDEX["eyeBlinkLeft"]] = rng.random(len(own)) ** 3
    whole = enliven(Motion(ARKIT_NAMES, own, 25), loudness, pitch, 5)
    for known in (frames + 25, frames + 40):
        part = enliven(Motion(ARKIT_NAMES, own[:known], 25), loudness[:known], pitch[:known], 5)
        np.testing.assert_allclose(part.weights[:frames], whole.weights[:frames], atol=1e-5)
        np.testing.assert_allclose(
            part.head_rotation[:frames], whole.head_rotation[:frames], atol=1e-4
        )


def test_people_blink_as_often_as_people_do() -> None:
    counts = [len(blinks(minute(seed))) for seed in range(8)]
    assert min(counts) >= 10
    assert max(counts) <= 25
    assert 15 <= np.mean(counts) <= 21


@pytest.mark.parametrize(("level", "low", "high"), [(-60.0, 14, 24), (-5.0, 10, 17)])
def test_blinks_without_pauses_or_without_speech(level: float, low: int, high: int) -> None:
    loudness = np.full(15000, level)
    phrases = find_phrases(loudness, 25.0)
    none = np.zeros(len(loudness), bool)
    per_minute = len(blink_frames(phrases, loudness, none, 0)) / 10
    assert low <= per_minute <= high
    twice = len(blink_frames(phrases, loudness, none, 0, 2.0)) / 10
    assert twice == pytest.approx(2 * per_minute, rel=0.15)


def test_blinks_come_at_pauses() -> None:
    loudness, _ = speech(600)
    phrases = find_phrases(loudness, 25.0)
    frames = blink_frames(phrases, loudness, np.zeros(len(loudness), bool), 0)
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
        assert 0 <= fall <= 3
        assert 3 <= rise <= 7
        assert 1 <= np.count_nonzero(around > 0.95) <= 3
        # The eyes dip.
        assert motion.channel("eyeLookDownLeft")[peak] * EYE_DOWN == pytest.approx(2, abs=0.3)


def test_a_squint_leaves_less_for_the_blink() -> None:
    motion = only("blinks", still(1500, eyeSquintLeft=0.8, eyeSquintRight=0.8))
    assert motion.channel("eyeBlinkLeft").max() == pytest.approx(0.8, abs=0.02)


def test_own_blinks_make_way_and_a_sleepy_look_stays() -> None:
    own = np.full((400, 52), 0.05, np.float32)
    quick = np.array([0.3, 0.8, 0.9, 0.6, 0.3])[:, None]
    own[50:55, [INDEX["eyeBlinkLeft"], INDEX["eyeSquintLeft"]]] = quick
    own[200:320, INDEX["eyeBlinkLeft"]] = 0.4
    motion = Motion(ARKIT_NAMES, own, 25)
    loudness = np.full(400, -5.0)
    off = enliven(motion, loudness, np.zeros(400), 0, Behaviour(**NO))
    assert off.weights[:, INDEX["eyeBlinkLeft"]].max() == pytest.approx(0.4, abs=1e-3)
    done = enliven(motion, loudness, np.zeros(400), 0, Behaviour(**{**NO, "blinks": 1.0}))
    own_place = [blink for blink in blinks(done) if 45 <= blink.start <= 58]
    assert own_place or done.channel("eyeBlinkLeft")[45:60].max() < 0.1
    assert done.channel("eyeSquintLeft")[45:60].max() < 0.1
    assert np.median(done.channel("eyeBlinkLeft")[205:315]) == pytest.approx(0.4, abs=0.01)


def degrees(motion: Motion, side: str) -> np.ndarray:
    """(pitch, yaw) of an eye [T, 2]."""
    outward = 1 if side == "Left" else -1
    look = {way: motion.channel(f"eyeLook{way}{side}") for way in ("In", "Out", "Up", "Down")}
    yaw = outward * EYE_SIDE * (look["Out"] - look["In"])
    return np.stack([EYE_DOWN * look["Down"] - EYE_UP * look["Up"], yaw], 1)


def test_both_eyes_look_the_same_way_in_jumps() -> None:
    motion = only("gaze", still(15000))
    left, right = degrees(motion, "Left"), degrees(motion, "Right")
    np.testing.assert_allclose(left, right, atol=1e-4)
    for opposite in (("In", "Out"), ("Up", "Down")):
        both = [motion.channel(f"eyeLook{way}Left") for way in opposite]
        assert np.minimum(*both).max() == 0
    distance = np.linalg.norm(left, axis=1)
    assert np.median(distance) < 2.5
    assert 5 < distance.max() < 16
    moves = np.linalg.norm(np.diff(left, axis=0), axis=1)
    # Fixations: still most of the time, one to two frames per jump.
    assert (moves < 1e-4).mean() > 0.9
    assert 0.4 < np.count_nonzero(np.diff((moves > 0.5).astype(int)) > 0) / 600 < 2


def test_more_looks_away_around_the_start_and_the_end_of_a_phrase() -> None:
    place = np.arange(30000) / 25 % 6
    loudness = np.where(place < 3, -60.0, -5.0)
    motion = enliven(still(30000), loudness, np.zeros(30000), 0, Behaviour(**{**NO, "gaze": 1.0}))
    away = np.linalg.norm(degrees(motion, "Left"), axis=1) > 3
    speaking = away[place > 4.5].mean()
    assert away[(place > 2.9) & (place < 3.4)].mean() > 2.1 * speaking
    assert away[(place > 0.2) & (place < 1)].mean() > 1.6 * speaking


def test_the_head_goes_a_little_along_with_the_eyes() -> None:
    loudness, pitch = speech(300)
    with_gaze, without, gaze = (
        enliven(still(7500), loudness, pitch, 0, Behaviour(0, *strengths, 0))
        for strengths in ((1, 1), (0, 1), (1, 0))
    )
    along = (with_gaze.head_rotation - without.head_rotation)[:, 1]
    slope = np.polyfit(degrees(gaze, "Left")[:, 1], along, 1)[0]
    assert 0.1 < slope < 0.25


def test_lids_follow_the_eyes() -> None:
    motion = only("gaze", still(15000))
    down = motion.channel("eyeLookDownLeft")
    np.testing.assert_allclose(motion.channel("eyeBlinkLeft"), 0.25 * down, atol=1e-6)
    assert down.max() > 0.1


def test_gaze_adds_to_where_the_model_looks() -> None:
    own = still(1500, eyeLookDownLeft=0.3, eyeLookDownRight=0.3)
    moved = degrees(only("gaze", own), "Left") - degrees(only("gaze", still(1500)), "Left")
    assert moved[:, 0].mean() == pytest.approx(0.3 * EYE_DOWN, abs=0.3)


def test_eyes_stay_on_the_viewer_while_the_head_turns() -> None:
    loudness, pitch = speech()
    both = enliven(still(1500), loudness, pitch, 0, Behaviour(0, 1, 1, 0))
    alone = enliven(still(1500), loudness, pitch, 0, Behaviour(0, 1, 0, 0))
    eyes = degrees(both, "Left")[:, 1] - degrees(alone, "Left")[:, 1]
    head = both.head_rotation[:, 1]
    assert np.corrcoef(eyes, head)[0, 1] < -0.95


def test_head_moves_with_natural_size_and_speed() -> None:
    for seed in range(4):
        head = minute(seed).head_rotation
        assert (head.std(0) > [1.0, 1.2, 0.8]).all()
        assert (head.std(0) < [3.0, 3.5, 3.0]).all()
        assert np.linalg.norm(np.diff(head, axis=0), axis=1).max() * 25 < 60


def test_the_head_nods_with_accents_and_is_quieter_in_silence() -> None:
    head = only("gestures", still(15000)).head_rotation
    place = (np.arange(15000) + 0.5) / 25 % 3.2
    phase = (np.arange(15000) + 0.5) / 25 % 0.8
    speaking = place > 1.0
    speed = np.gradient(head[:, 0]) * 25
    # Down into the accent at 0.4 s, up after it.
    into, out = (phase > 0.28) & (phase < 0.4), (phase > 0.55) & (phase < 0.7)
    assert speed[speaking & into].mean() > 2 + speed[speaking & out].mean()
    silent = enliven(
        still(15000), np.full(15000, -60.0), np.full(15000, np.nan), 0, Behaviour(0, 0, 1, 0)
    )
    assert silent.head_rotation.std() < 0.5 * head.std()
    assert silent.head_rotation.std() > 0


def test_strong_accents_lift_brows_that_are_free() -> None:
    free = only("gestures", still(1500)).channel("browInnerUp")
    assert 0.1 < free.max() < 0.35
    drawn = only("gestures", still(1500, browDownLeft=1.0)).channel("browInnerUp")
    assert drawn.max() == 0


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
    # Fifteen breaths a minute are a line in the spectrum of the pitch, a little smeared.
    power = np.abs(np.fft.rfft(head[:, 0] - head[:, 0].mean())) ** 2
    assert 11 <= int(power[8:].argmax()) + 8 <= 19


@settings(max_examples=20)
@given(st.integers(0, 1000), st.floats(0, 3))
def test_lips_and_jaw_stay_but_for_the_corners(seed: int, opening: float) -> None:
    rng = np.random.default_rng(seed)
    own = rng.uniform(0, min(opening, 1), (60, 52)).astype(np.float32)
    own[:, SMILES] *= 0.9
    done = enliven(Motion(ARKIT_NAMES, own, 25), *speech(2.4), seed)
    others = [column for column in LIPS if column not in SMILES]
    np.testing.assert_array_equal(done.weights[:, others], own[:, others])
    assert np.abs(done.weights[:, SMILES] - own[:, SMILES]).max() < 0.03


@pytest.mark.parametrize("part", ["gaze", "gestures", "idle"])
def test_strength_scales_a_part(part: str) -> None:
    """Half of it does half as much, and a little of it next to nothing."""
    base = still(750, **dict.fromkeys(ARKIT_NAMES, 0.4))
    full = only(part, base)
    for strength in (0.5, 1e-3):
        some = only(part, base, strength=strength)
        np.testing.assert_allclose(
            some.head_rotation, strength * full.head_rotation, atol=1e-4, rtol=1e-4
        )
        change = np.abs(some.weights - base.weights).max()
        most = np.abs(full.weights - base.weights).max()
        assert change == pytest.approx(strength * most, rel=0.15, abs=1e-6)


def test_half_the_blinks() -> None:
    loudness, pitch = speech(300)
    counts = [
        len(blinks(enliven(still(7500), loudness, pitch, 0, Behaviour(**{**NO, "blinks": rate}))))
        for rate in (0.25, 0.5, 1.0, 2.0)
    ]
    assert counts == sorted(counts)
    assert counts[0] == pytest.approx(counts[2] / 4, abs=8)
    assert counts[1] == pytest.approx(counts[2] / 2, abs=12)
    assert counts[3] > 1.5 * counts[2]


def test_parts_do_not_disturb_each_other() -> None:
    loudness, pitch = speech()
    without = enliven(
        still(1500), loudness, pitch, 0, Behaviour(blinks=1, gaze=0, gestures=0, idle=0)
    )
    starts = [[blink.start for blink in blinks(motion)] for motion in (without, minute())]
    # Lids that are a little lower to begin with are half shut a frame earlier.
    np.testing.assert_allclose(starts[0], starts[1], atol=1)


@pytest.mark.parametrize("frames", [1, 2, 5])
@pytest.mark.parametrize("level", [-60.0, 0.0])
def test_very_short_motions(frames: int, level: float) -> None:
    done = enliven(still(frames), np.full(frames, level), np.full(frames, np.nan), 0)
    assert len(done) == frames


def test_phrases_end_where_silence_lasts() -> None:
    loudness = np.full(50, -5.0)
    loudness[[10, 11, 12]] = -50  # the closure of a stop
    loudness[30:40] = -50
    phrases = find_phrases(loudness, 25.0)
    assert phrases.starts.tolist() == [0, 40]
    assert phrases.ends.tolist() == [30]
    assert np.flatnonzero(phrases.pause).tolist() == list(range(30, 40))


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_impossible_strengths(value: float) -> None:
    with pytest.raises(DreamTalkError, match="gaze is"):
        Behaviour(gaze=value)


def test_loudness_of_another_length() -> None:
    with pytest.raises(MotionError, match="10 frames"):
        enliven(still(10), np.zeros(9), np.zeros(10), 0)

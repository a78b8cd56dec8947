"""A face that listens."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from dreamtalk_core.animation.behaviour import enliven
from dreamtalk_core.animation.listening import Talker, listen
from dreamtalk_core.animation.noise import Chance
from dreamtalk_core.animation.phrases import find_phrases
from dreamtalk_core.motion import Motion
from dreamtalk_core.parameters import Behaviour
from tests.animation.speaker import NO, blinks, speech, still

FPS = 25.0
STILL = Behaviour(**NO, tongue=0.0)


def silence(frames: int) -> tuple[np.ndarray, np.ndarray]:
    return np.full(frames, -60.0), np.full(frames, np.nan)


@cache
def hearing(
    seconds: float = 60.0,
    seed: int = 0,
    strength: float = 1.0,
    yaw: float = 0.0,
    known: float | None = None,
) -> Motion:
    """Somebody silent who hears the speaker, of whom only so many seconds have been said."""
    loudness, pitch = speech(seconds)
    cut = None if known is None else round(known * FPS)
    talker = Talker(loudness[:cut], pitch[:cut], None, (0.0, yaw))
    frames = len(loudness)
    return enliven(
        still(frames), *silence(frames), seed, STILL, said=7, talkers=[talker], listening=strength
    )


def nods(motion: Motion) -> np.ndarray:
    """Frames at which the head begins to go down by more than a degree."""
    down = motion.head_rotation[:, 0] > 1.0
    return np.flatnonzero(np.diff(down.astype(int)) > 0)


def test_nods_follow_the_ends_of_phrases() -> None:
    """The speaker pauses after 3.2 s, over and over; most nods begin within 1.3 s of that."""
    at = nods(hearing(240.0)) / FPS % 3.2
    assert len(at) > 20
    assert (at < 1.3).mean() > 0.6, "by chance it would be 0.4"


def test_a_listener_nods_five_to_ten_times_a_minute() -> None:
    """Repeated cycles are one nod."""
    loudness, pitch = speech(300)
    own = find_phrases(silence(len(loudness))[0], FPS)
    chance = Chance(1, np.full(len(loudness), 7, np.uint64))
    found = listen([Talker(loudness, pitch)], own, chance)
    down = np.flatnonzero(found.head[:, 0] > 1.0)
    assert 5 < (np.diff(down) > FPS).sum() / 5 < 10
    assert found.head[:, 0].max() < 9
    assert 0.1 < found.brows.max() < 0.5


def test_nobody_nods_at_silence() -> None:
    frames = 500
    talker = Talker(*silence(frames))
    base = enliven(still(frames), *silence(frames), 0, STILL, said=7)
    heard = enliven(still(frames), *silence(frames), 0, STILL, said=7, talkers=[talker])
    assert heard == base


def test_off_is_off_and_half_is_half() -> None:
    frames = len(hearing())
    base = enliven(still(frames), *silence(frames), 0, STILL, said=7)
    assert hearing(strength=0.0) == base
    full, half = hearing().head_rotation, hearing(strength=0.5).head_rotation
    np.testing.assert_allclose(half, full / 2, atol=1e-4)


def test_same_seed_same_listener_and_another_seed_another_one() -> None:
    hearing.cache_clear()
    one = hearing(seed=3)
    hearing.cache_clear()
    assert one == hearing(seed=3)
    assert set(nods(one)) != set(nods(hearing(seed=4)))


@pytest.mark.parametrize("seconds", [5.0, 12.3, 31.7])
def test_a_listener_knows_only_what_has_been_said(seconds: float) -> None:
    """But for the smoothness of a turn, and that silence takes 0.2 s to be one."""
    frames = round((seconds - 0.6) * FPS)
    whole, part = hearing(yaw=20.0), hearing(yaw=20.0, known=seconds)
    np.testing.assert_allclose(part.head_rotation[:frames], whole.head_rotation[:frames], atol=1e-4)
    np.testing.assert_array_equal(part.weights[:frames], whole.weights[:frames])


def test_head_and_eyes_turn_to_the_speaker_and_come_back() -> None:
    loudness, pitch = speech(10.0)
    heard = np.concatenate([loudness, np.full(200, -60.0)]), np.pad(pitch, (0, 200))
    frames = len(heard[0])
    found = listen(
        [Talker(*heard, None, (0.0, 24.0))],
        find_phrases(silence(frames)[0], FPS),
        Chance(0, np.full(frames, 7, np.uint64)),
    )
    yaw, gaze = found.head[:, 1], found.gaze[:, 1]
    assert yaw[100:240].min() > 8, "to the listener's left"
    np.testing.assert_allclose(gaze[30:240], 24.0)
    assert abs(gaze[-50:]).max() == 0
    eyes, head = np.argmax(gaze > 12), np.argmax(yaw > 6)
    assert eyes < head, "the eyes are ahead"


def test_who_speaks_does_not_listen() -> None:
    loudness, pitch = speech(30.0)
    own = np.where(np.arange(len(loudness)) < 400, -5.0, -60.0)
    found = listen(
        [Talker(loudness, pitch, None, (0.0, 20.0))],
        find_phrases(own, FPS),
        Chance(0, np.full(len(own), 7, np.uint64)),
    )
    assert abs(found.gaze[:400]).max() == 0
    assert abs(found.head[:400, 0]).max() == 0
    assert found.gaze[450:, 1].min() > 0
    assert found.head[450:, 0].max() > 1


def test_the_first_who_speaks_has_the_floor() -> None:
    frames = 500
    one, other = np.full(frames, -60.0), np.full(frames, -60.0)
    one[50:200] = other[150:350] = -5.0
    quiet = np.full(frames, np.nan)
    found = listen(
        [Talker(one, quiet, None, (0, -20.0)), Talker(other, quiet, None, (0, 30.0))],
        find_phrases(silence(frames)[0], FPS),
        Chance(0, np.full(frames, 7, np.uint64)),
    )
    np.testing.assert_allclose(found.gaze[70:200, 1], -20)
    np.testing.assert_allclose(found.gaze[220:350, 1], 30)
    assert found.shifts.sum() == 3


def test_a_laugh_is_answered_with_a_smile() -> None:
    loudness, pitch = speech(10.0)
    heard = np.zeros((len(loudness), 3))
    heard[50:75, 1] = 1.0
    frames = len(loudness)
    motion = enliven(
        still(frames), *silence(frames), 0, STILL, talkers=[Talker(loudness, pitch, heard)]
    )
    smile = motion.channel("mouthSmileLeft")
    assert smile[:45].max() < 0.03
    assert smile[65:80].max() > 0.25
    assert smile[160:].max() < 0.03


def test_listeners_blink_after_the_pauses_of_the_speaker() -> None:
    loudness, pitch = speech(400.0)
    frames = len(loudness)
    only = Behaviour(**{**NO, "blinks": 1.0}, tongue=0.0)

    def soon(*talkers: Talker) -> float:
        motion = enliven(still(frames), *silence(frames), 0, only, said=7, talkers=talkers)
        begins = np.array([one.start for one in blinks(motion)]) / FPS % 3.2
        return float(((begins > 0.25) & (begins < 0.75)).mean())

    assert soon(Talker(loudness, pitch)) > 1.6 * soon()

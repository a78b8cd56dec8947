"""Sound in which a part is another one."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from dreamtalk_core.errors import SpeechError
from dreamtalk_core.render.output.sound import Sound, Splice
from dreamtalk_core.speech.audio import Speech
from dreamtalk_core.speech.sound import write_wav

RATE = 48000


@pytest.fixture
def around(tmp_path: Path) -> Path:
    """Two seconds of stereo: .25 on the left, .5 on the right."""
    path = tmp_path / "around.wav"
    level = np.array([[0.25], [0.5]], np.float32)
    write_wav(path, np.broadcast_to(level, (2, 2 * RATE)).copy(), RATE)
    return path


def heard(splice: Splice) -> np.ndarray:
    sound = Sound(splice, "pcm")
    assert (sound.rate, sound.channels) == (RATE, 2)
    return np.concatenate(list(sound.pieces), axis=1)


def test_a_part_is_another_sound(around: Path, tmp_path: Path) -> None:
    speech = tmp_path / "speech.wav"
    write_wav(speech, np.full((1, RATE), -0.5, np.float32), RATE)
    found = heard(Splice(speech, Fraction(1, 2), Fraction(1), around))
    assert found.shape == (2, 2 * RATE)
    for start, end, left, right in ((0, 0.5, 0.25, 0.5), (0.5, 1, -0.5, -0.5), (1, 2, 0.25, 0.5)):
        part = found[:, round(start * RATE) : round(end * RATE)]
        assert np.abs(part - [[left], [right]]).max() < 1e-5


def test_speech_that_ends_early_is_silence_and_comes_to_the_better_rate(around: Path) -> None:
    speech = Speech(np.full(4000, 0.5, np.float32), "a quarter of a second")
    found = heard(Splice(speech, Fraction(0), Fraction(1), around))
    assert found.shape[1] == pytest.approx(2 * RATE, abs=1)
    assert np.abs(found[:, 2000:10000] - 0.5).max() < 0.01
    assert np.abs(found[:, 13000:47000]).max() < 1e-3
    assert np.abs(found[0, RATE + 10 : -10] - 0.25).max() < 1e-4


def test_silence_where_there_is_nothing_around() -> None:
    speech = Speech(np.full(1600, 0.5, np.float32), "a tenth of a second")
    sound = Sound(Splice(speech, Fraction(1), Fraction(11, 10)), "pcm")
    found = np.concatenate(list(sound.pieces), axis=1)
    assert found.shape == (1, 17600)
    assert (found[:, :16000] == 0).all()
    assert (found[:, 16000:] == 0.5).all()


def test_a_sound_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SpeechError, match="no such file"):
        Sound(Splice(tmp_path / "none.wav", Fraction(0), Fraction(1)), "pcm")

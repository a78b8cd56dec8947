"""Sound as it was recorded: read, cut, written."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from dreamtalk_core.errors import SpeechError
from dreamtalk_core.speech import sound
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech
from dreamtalk_core.speech.sound import cut_sound, read_sound, write_wav


def noise(channels: int, count: int) -> np.ndarray:
    draw = np.random.default_rng(0)
    return draw.uniform(-1, 1, (channels, count)).astype(np.float32)


@pytest.mark.parametrize(("channels", "rate"), [(1, 16000), (2, 44100), (6, 96000)])
def test_what_is_written_is_read(tmp_path: Path, channels: int, rate: int) -> None:
    samples = noise(channels, 300_000)  # more than a piece
    write_wav(tmp_path / "ä 台.wav", samples, rate)
    with wave.open(str(tmp_path / "ä 台.wav")) as file:
        assert file.getparams()[:4] == (channels, 3, rate, 300_000)
    found, found_rate = read_sound(tmp_path / "ä 台.wav")
    assert found_rate == rate
    assert found.dtype == np.float32
    assert np.abs(found - samples).max() < 2**-22


def test_what_is_no_sound_is_written_as_silence(tmp_path: Path) -> None:
    samples = np.array([[0.5, np.nan, 7.0, -7.0, np.inf]], np.float32)
    write_wav(tmp_path / "a.wav", samples, 16000)
    found, _ = read_sound(tmp_path / "a.wav")
    np.testing.assert_allclose(found, [[0.5, 0, 1, -1, 1]], atol=2**-22)


def test_reading_can_be_ended(demo_voice: Path) -> None:
    def cancel() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_sound(demo_voice, cancel)


def test_a_file_without_samples(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", noise(1, 0), 16000)
    with pytest.raises(SpeechError):
        read_sound(tmp_path / "a.wav")


def test_sound_that_changes_midway(demo_voice: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a broadcast does; and silence for a gap, which has one channel, is no change."""
    stereo, gap = (noise(2, 500), 44100), (np.zeros((1, 300), np.float32), 44100)
    monkeypatch.setattr(sound, "decode_audio", lambda path: iter([stereo, gap, stereo]))
    samples, rate = read_sound(demo_voice)
    assert (samples.shape, rate) == ((2, 1300), 44100)
    assert not samples[:, 500:800].any()
    for other in ((noise(2, 500), 48000), (noise(6, 500), 44100)):
        monkeypatch.setattr(sound, "decode_audio", lambda path, other=other: iter([stereo, other]))
        samples, rate = read_sound(demo_voice)
        assert rate == SAMPLE_RATE
        np.testing.assert_array_equal(samples, Speech.load(demo_voice).waveform[None])


@pytest.mark.parametrize(
    ("start", "seconds", "first", "before", "after"),
    [
        (0, 1, 0, 0, 0),
        (0.25, 0.5, 250, 0, 0),
        (0.75, 1.0, 750, 0, 750),
        (-0.5, 1.0, 0, 500, 0),
        (-0.5, 2.0, 0, 500, 500),
        (Fraction(1, 3), Fraction(1, 3), 333, 0, 0),
    ],
)
def test_silence_where_there_is_no_sound(
    start: float, seconds: float, first: int, before: int, after: int
) -> None:
    samples = noise(2, 1000)
    found = cut_sound(samples, 1000, start, seconds)
    count = round((start + seconds) * 1000) - round(start * 1000)
    assert found.shape == (2, count)
    assert found.dtype == np.float32
    known = count - before - after
    np.testing.assert_array_equal(
        found[:, before : count - after], samples[:, first : first + known]
    )
    assert not found[:, :before].any()
    assert not found[:, count - after :].any()


@pytest.mark.parametrize("start", [-5.0, 5.0])
def test_far_from_all_sound_there_is_silence(start: float) -> None:
    found = cut_sound(noise(1, 1000)[None], 1000, start, 1.0)
    assert found.shape == (1, 1, 1000)
    assert not found.any()

"""Speech for video models: the level and colour of the noise, and nothing else changed."""

from __future__ import annotations

import numpy as np
import pytest

from dreamtalk_core.errors import SpeechError
from dreamtalk_core.speech.prepare import pink_noise, prepare_sound


def level(samples: np.ndarray) -> float:
    """dB of full scale, RMS."""
    return float(10 * np.log10(np.square(samples, dtype=np.float64).mean()))


@pytest.mark.parametrize(("channels", "rate"), [(1, 16000), (2, 44100), (6, 48000)])
@pytest.mark.parametrize("noise", [-40.0, -55.0])
def test_silence_becomes_noise_of_that_level(channels: int, rate: int, noise: float) -> None:
    silence = np.zeros((channels, 3 * rate), np.float32)
    heard, clean = prepare_sound(silence, rate, noise=noise, tail=0.75)
    assert heard.shape == clean.shape == (channels, round(3.75 * rate))
    assert heard.dtype == np.float32
    for part in (heard, heard[:, : rate // 2], heard[:, -rate // 2 :]):
        assert level(part) == pytest.approx(noise, abs=1.5)
    assert level(heard) == pytest.approx(noise, abs=0.3)
    assert level(heard.mean(0)) == pytest.approx(noise, abs=0.3), "as loud when it is mixed"
    assert not clean.any()


def test_the_voice_is_left_as_it_is() -> None:
    draw = np.random.default_rng(0)
    voice = draw.uniform(-0.5, 0.5, (2, 20000)).astype(np.float32)
    heard, clean = prepare_sound(voice, 16000, tail=0.25)
    np.testing.assert_array_equal(clean[:, :20000], voice)
    assert level(heard - clean) == pytest.approx(-40, abs=0.5)
    again, other = (prepare_sound(voice, 16000, tail=0.25, seed=seed)[0] for seed in (0, 1))
    np.testing.assert_array_equal(heard, again)
    assert np.abs(heard - other).max() > 0.01


def test_it_is_pink_at_every_moment() -> None:
    """As loud in every octave, and in every tenth of a second."""
    rate = 48000
    noise = pink_noise(20 * rate, rate)
    power = np.square(np.abs(np.fft.rfft(noise)))
    hertz = np.fft.rfftfreq(len(noise), 1 / rate)
    octaves = [
        10 * np.log10(power[(hertz >= low) & (hertz < 2 * low)].sum())
        for low in 25.0 * 2.0 ** np.arange(9)
    ]
    assert np.ptp(octaves) < 0.7
    assert not power[hertz < 15].max() > 1e-3 * power.max()
    assert np.ptp([level(part) for part in noise.reshape(-1, rate // 10)]) < 8


def test_a_tail_below_nothing_is_an_error() -> None:
    with pytest.raises(SpeechError, match="tail is -1"):
        prepare_sound(np.zeros((1, 100), np.float32), 16000, tail=-1)


@pytest.mark.parametrize("noise", [np.nan, np.inf, 0.5])
def test_noise_that_is_no_level_is_an_error(noise: float) -> None:
    with pytest.raises(SpeechError, match=r"noise is .*Give a level"):
        prepare_sound(np.zeros((1, 100), np.float32), 16000, noise=noise)


def test_no_noise_at_all() -> None:
    heard, clean = prepare_sound(np.ones((1, 100), np.float32), 16000, noise=-np.inf)
    np.testing.assert_array_equal(heard, clean)

"""Noise at a known level, from voices that are not the speaker's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.corpora.noisy import VOICES, babble, cafe, listen, mix, settings
from dreamtalk_core.speech.audio import Speech

Wave = NDArray[np.float32]


def voice(seed: int, count: int = 16_000, loud: float = 0.1) -> Wave:
    rng = np.random.default_rng(seed)
    return (loud * rng.standard_normal(count) * (np.arange(count) % 4000 < 3000)).astype(np.float32)


@pytest.mark.parametrize("snr", [-5, 0, 10, 30])
def test_noise_is_as_loud_as_asked(snr: float) -> None:
    speech, noise = voice(0), voice(1, 20_000, loud=3.0)
    mixed = mix(speech, noise, snr)
    added = (mixed - speech).std()
    assert 20 * np.log10(speech.std() / added) == pytest.approx(snr, abs=0.01)
    np.testing.assert_allclose(np.corrcoef(mixed - speech, noise[:16_000])[0, 1], 1, atol=1e-4)


@pytest.mark.parametrize("make", [babble, cafe])
def test_noise_is_of_the_length_asked_and_from_the_seed(make: object) -> None:
    voices = [voice(1), voice(2, 9000, loud=5.0)]
    assert callable(make)
    a, b, c = (make(40_000, voices, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert a.shape == (40_000,)
    np.testing.assert_array_equal(a, b)
    assert np.abs(a - c).max() > 0.1


def test_voices_of_a_babble_are_equally_loud() -> None:
    voices = [voice(seed, loud=10.0 ** (seed - 3)) for seed in range(VOICES)]
    noise = babble(16_000, voices, np.random.default_rng(0))
    assert noise.std() == pytest.approx(np.sqrt(VOICES), rel=0.1)


def test_a_room_is_darker_than_babble() -> None:
    voices = [voice(seed) for seed in range(8)]
    high = []
    for make in (babble, cafe):
        power = np.abs(np.fft.rfft(make(16_000, voices, np.random.default_rng(0)))) ** 2
        high.append(power[4000:].sum() / power.sum())
    assert high[1] < 0.9 * high[0]


@dataclass
class Clip:
    id: str = "wild_1"
    split: str = "train"
    speaker: str = "her"

    def waveform(self) -> Wave:
        return voice(0)


@pytest.mark.parametrize("name", settings(10.0))
def test_a_noisy_clip_is_the_same_clip_in_time_and_at_normal_level(name: str) -> None:
    voices = [voice(seed, 20_000) for seed in (1, 2)]
    setting = settings(10.0)[name]
    clip = listen(Clip(), setting, voices, np.random.default_rng(7))  # type: ignore[arg-type]
    assert (clip.id, clip.split, clip.speaker) == ("wild_1", "train", "her")
    wave, quiet = clip.waveform(), voice(0)
    assert len(wave) == 16_000
    alike = np.correlate(wave[1000:15_000], quiet[2000:14_000], "full")
    assert alike.argmax() == 12_999
    if "," not in name and name != "telephone":
        expected = 1 if name == "quiet" else np.sqrt(10 / 11)
        assert np.corrcoef(wave, quiet)[0, 1] == pytest.approx(expected, abs=0.02)
    loud = Speech.from_array(quiet, 16_000).waveform
    assert wave.std() == pytest.approx(loud.std(), rel=0.3)

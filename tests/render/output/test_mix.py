"""Sounds that are heard together."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dreamtalk_core.render.output.sound import _BLOCK, Mix, Sound
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech
from dreamtalk_core.speech.sound import write_wav


def heard(mix: Mix) -> tuple[np.ndarray, int]:
    sound = Sound(mix, "pcm")
    samples = np.concatenate(list(sound.pieces), axis=1)
    sound.close()
    return samples, sound.rate


def tone(seconds: float, size: float, hertz: float = 220.0) -> Speech:
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return Speech((size * np.sin(2 * np.pi * hertz * time)).astype(np.float32), "tone")


def test_the_sum_as_long_as_the_longest() -> None:
    one, other = tone(3.1, 0.3), tone(5.0, 0.2, 330.0)
    samples, rate = heard(Mix((one, other)))
    assert (samples.shape, rate) == ((1, 5 * SAMPLE_RATE), SAMPLE_RATE)
    wanted = other.waveform.copy()
    wanted[: len(one.waveform)] += one.waveform
    np.testing.assert_allclose(samples[0], wanted, atol=1e-6)


def test_nothing_is_clipped_and_the_balance_stays() -> None:
    one = tone(1.0, 0.9)
    samples, _ = heard(Mix((one, one, tone(2.0, 0.3))))
    np.testing.assert_allclose(np.abs(samples).max(), 1.0, atol=1e-3)
    first, rest = np.abs(samples[0, :SAMPLE_RATE]).max(), np.abs(samples[0, SAMPLE_RATE:]).max()
    np.testing.assert_allclose(first / rest, 2.1 / 0.3, rtol=0.02)


def test_the_best_rate_and_both_channels(tmp_path: Path) -> None:
    time = np.arange(24000) / 48000
    stereo = np.stack([0.4 * np.sin(2 * np.pi * 100 * time), np.zeros(24000)])
    write_wav(tmp_path / "ü 1.wav", stereo.astype(np.float32), 48000)
    samples, rate = heard(Mix((tmp_path / "ü 1.wav", tone(0.5, 0.2))))
    assert (samples.shape, rate) == ((2, 24000), 48000)
    left, right = np.abs(samples[:, 1000:-1000]).max(1)
    np.testing.assert_allclose([left, right], [0.6, 0.2], atol=0.02)


def test_sounds_of_whole_blocks_have_no_empty_one() -> None:
    long = Speech(np.full(2 * _BLOCK, 0.5, np.float32), "long")
    samples, _ = heard(Mix((long, tone(0.1, 0.2))))
    assert samples.shape == (1, 2 * _BLOCK)

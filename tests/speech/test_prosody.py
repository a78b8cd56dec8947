"""Prosody on sounds whose pitch and loudness are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamtalk_core.speech.audio import Speech
from dreamtalk_core.speech.prosody import (
    DESCRIPTORS,
    FLOOR_DB,
    Prosody,
    describe_voice,
    measure_loudness,
    measure_pitch,
    measure_prosody,
)
from dreamtalk_core.training.backgrounds import coloured

RATE = 16000


def voice(hertz: np.ndarray | float, seconds: float = 1.0, level: float = 0.1) -> np.ndarray:
    """A buzz [N] of ten partials."""
    count = int(seconds * RATE)
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(hertz, count)) / RATE
    return (level * sum(np.sin(k * phase) / k for k in range(1, 11))).astype(np.float32)


@given(st.floats(65, 550))
def test_a_steady_voice_has_its_pitch(hertz: float) -> None:
    measured, periodic = measure_pitch(voice(hertz), 25)
    inner = measured[1:-1]
    assert np.abs(12 * np.log2(inner / hertz)).max() < 0.2
    assert periodic[1:-1].min() > 0.9


def test_a_glide_is_followed_in_time() -> None:
    times = np.arange(2 * RATE) / RATE
    prosody = measure_prosody(voice(100 * 2**times, 2.0))
    moments = (np.arange(50) + 0.5) / 25
    found = prosody.median_hz * 2 ** (prosody.pitch / 12)
    assert np.abs(12 * np.log2(found[1:-1] / (100 * 2 ** moments[1:-1]))).max() < 0.3
    assert np.median(prosody.pitch[np.isfinite(prosody.pitch)]) == pytest.approx(0, abs=0.05)


def test_noise_and_silence_have_no_pitch() -> None:
    rng = np.random.default_rng(0)
    noise = (0.1 * rng.standard_normal(2 * RATE)).astype(np.float32)
    assert np.isfinite(measure_prosody(noise).pitch).mean() < 0.05
    quiet = measure_prosody(np.zeros(RATE, np.float32))
    assert np.isnan(quiet.pitch).all()
    assert np.isnan(quiet.median_hz)
    assert (quiet.loudness == FLOOR_DB).all()


def test_hum_in_a_pause_is_not_voice() -> None:
    wave = np.concatenate([voice(200), voice(100, level=0.0005)])
    prosody = measure_prosody(wave)
    assert np.isfinite(prosody.pitch[1:24]).all()
    assert np.isnan(prosody.pitch[27:]).all()


def test_loudness_is_relative_to_the_loud_parts() -> None:
    wave = np.concatenate([voice(150), voice(150, level=0.01)])
    for gain in (1.0, 0.2):
        loudness = measure_prosody(gain * wave).loudness
        assert loudness[2:23] == pytest.approx(np.zeros(21), abs=0.6)
        assert loudness[28:48] == pytest.approx(np.full(20, -20.0), abs=0.6)


def test_digital_silence_around_a_line_changes_nothing() -> None:
    wave = voice(np.linspace(120, 180, 16000), 1.0) * np.linspace(1, 0.1, 16000, dtype=np.float32)
    alone = measure_prosody(wave)
    around = measure_prosody(np.pad(wave, (32000, 640000)))
    np.testing.assert_allclose(around.loudness[52:73], alone.loudness[2:23], atol=0.5)
    assert around.loudness[:45].max() == around.loudness[80:].max() == -60


@pytest.mark.parametrize("count", [1, 5, 320, 639, 640, 16000, 33333])
def test_there_are_as_many_frames_as_a_motion_has(count: int) -> None:
    wave = voice(150, 3.0)[:count]
    prosody = measure_prosody(wave)
    frames = max(1, int(count / RATE * 25 + 0.5))
    assert prosody.pitch.shape == prosody.loudness.shape == (frames,)
    described = describe_voice(wave)
    assert described.shape == (frames, len(DESCRIPTORS))
    assert np.isfinite(described).all()


@pytest.mark.slow
def test_long_speech_is_measured_like_short_speech() -> None:
    """It is handled in blocks; their seams must not show."""
    wave = voice(150 + 50 * np.sin(np.arange(45 * RATE) / 3000), 45.0)
    whole, part = measure_pitch(wave, 1125)[0], measure_pitch(wave[15 * RATE :], 750)[0]
    assert whole[377:-2] == pytest.approx(part[2:-2], rel=1e-3)


def test_effort_shows_in_the_balance_of_the_spectrum(demo_voice: object) -> None:
    wave = Speech.load(str(demo_voice)).waveform[: 4 * RATE]
    brighter = (0.05 * coloured(wave, -0.5)).astype(np.float32)  # 3 dB an octave
    column = {name: i for i, name in enumerate(DESCRIPTORS)}
    soft, bright = describe_voice(wave), describe_voice(brighter)
    loud = soft[:, column["loudness"]] > -20
    change = (bright - soft)[loud].mean(0)
    assert change[column["alpha"]] < -4
    assert change[column["hammarberg"]] < -3
    assert change[column["slope high"]] == pytest.approx(3.0, abs=0.3)


@pytest.mark.slow
def test_loudness_is_that_of_librosa(demo_voice: object) -> None:
    import librosa

    wave = Speech.load(str(demo_voice)).waveform[: 8 * RATE]
    padded = np.pad(wave, (512 - 320, 1024))
    rms = librosa.feature.rms(y=padded, frame_length=1024, hop_length=640, center=False)[0, :200]
    level = 20 * np.log10(rms / np.sqrt(np.percentile(rms**2, 95)))
    assert measure_loudness(wave, 200) == pytest.approx(np.maximum(level, FLOOR_DB), abs=0.01)


@pytest.mark.slow
def test_pitch_is_that_of_librosa(demo_voice: object) -> None:
    """Where ours is sure; elsewhere each may take an octave for the voice."""
    import librosa

    wave = Speech.load(str(demo_voice)).waveform[: 8 * RATE]
    pitch, periodic = (found.ravel() for found in measure_pitch(wave, 200))
    padded = np.pad(wave, (512 - 80, 1024))
    other = librosa.yin(
        padded, fmin=60, fmax=600, sr=RATE, frame_length=1024, hop_length=160, center=False
    )[: len(pitch)]
    sure = np.isfinite(pitch) & (periodic > 0.9)
    apart = np.abs(12 * np.log2(pitch[sure] / other[sure]))
    assert sure.mean() > 0.3
    assert np.median(apart) < 0.2
    assert (apart < 1).mean() > 0.9


def test_cepstra_are_those_of_librosa(demo_voice: object) -> None:
    import librosa

    wave = Speech.load(str(demo_voice)).waveform[: 8 * RATE]
    bands = {"n_mels": 26, "fmin": 50, "fmax": 7500, "htk": True, "norm": None}
    padded = np.pad(wave, (256 - 80, 512))
    spectrum = librosa.stft(padded, n_fft=512, hop_length=160, window=np.hanning(512), center=False)
    power = np.abs(spectrum[:, : 4 * 200]) ** 2 + 1e-6
    mel = librosa.feature.melspectrogram(S=power, sr=RATE, n_fft=512, **bands)
    cepstra = librosa.feature.mfcc(S=np.log(mel + 1e-6), n_mfcc=9, norm=None)[1:] / 52
    expected = cepstra.reshape(8, 200, 4).mean(2).T
    assert describe_voice(wave)[:, -8:] == pytest.approx(expected, abs=2e-3)


def test_prosody_cannot_be_changed() -> None:
    three, moments = np.zeros(3, np.float32), np.zeros((3, 4), np.float32)
    prosody = Prosody(three, three, 100.0, moments, moments)
    with pytest.raises(ValueError, match="read-only"):
        prosody.pitch[0] = 1

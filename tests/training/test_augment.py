from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dreamtalk_core.training.augment import _stretch, silence, vary
from dreamtalk_core.training.backgrounds import babble, background, reverberate
from dreamtalk_core.training.lines import CODECS, telephone, through_codec
from dreamtalk_core.training.music import music

Wave = NDArray[np.float32]


@pytest.fixture(scope="module")
def bursts() -> Wave:
    times = np.arange(3 * 16_000) / 16_000
    return (((times % 1.0) < 0.1) * np.sin(2 * np.pi * 300 * times)).astype(np.float32)


def others(seed: int = 1) -> list[Wave]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(rng.integers(8000, 50_000)).astype(np.float32) for _ in range(8)]


def lateness(wave: NDArray[np.floating], original: Wave) -> int:
    """Samples by which a sound is later than the original."""
    alike = np.correlate(wave[8000:32_000], original[10_000:30_000], "valid")
    return int(alike.argmax()) - 2000


@pytest.mark.slow  # librosa is
def test_a_variant_keeps_the_moments_where_the_tempo_says(bursts: Wave) -> None:
    rng = np.random.default_rng(0)
    tempos, heard = [], []
    for _ in range(24):
        wave, tempo = vary(bursts, others(), rng)
        tempos.append(tempo)
        assert len(wave) / 16_000 == pytest.approx(3 / tempo, abs=0.01)
        moments = np.arange(len(wave)) / 16_000 * tempo
        sounding = np.abs(wave)[(moments % 1.0) < 0.1].mean()
        heard.append(sounding / np.abs(wave)[(moments % 1.0) > 0.6].mean())
    assert np.median(heard) > 3
    assert min(heard) > 1  # as loud as the noise
    assert max(tempos) > 1.1
    assert min(tempos) < 0.9


def test_a_variant_comes_from_the_seed(bursts: Wave) -> None:
    one, again, other = (vary(bursts, others(), np.random.default_rng(s))[0] for s in (5, 5, 6))
    np.testing.assert_array_equal(one, again)
    assert len(one) != len(other)


@pytest.mark.slow  # librosa is
@pytest.mark.parametrize("pace", [0.75, 1.3])
def test_another_pace_has_the_same_pitch_and_every_moment_in_its_place(
    bursts: Wave, pace: float
) -> None:
    wave = _stretch(bursts, pace)
    assert len(wave) == pytest.approx(len(bursts) / pace, abs=1)
    spectrum = np.abs(np.fft.rfft(wave, 48_000))
    assert spectrum.argmax() / 3 == pytest.approx(300, abs=10)
    loud = np.convolve(np.square(wave), np.ones(160) / 160, "same")
    for onset in (1.0, 2.0):
        near = loud[int((onset - 0.5) / pace * 16_000) : int((onset + 0.2) / pace * 16_000)]
        rises = np.flatnonzero(near > 0.25 * near.max())[0] / 16_000
        assert rises == pytest.approx(0.5 / pace, abs=0.02)


@pytest.mark.parametrize("end", [0, 1])
@pytest.mark.parametrize("kind", CODECS)
def test_codecs_do_not_move_the_sound_by_a_sample(kind: str, end: int) -> None:
    times = np.arange(40_000) / 16_000
    speech = np.random.default_rng(0).standard_normal(40_000) * (np.sin(9 * times) > 0)
    wave = (0.1 * np.convolve(speech, np.ones(8) / 8, "same")).astype(np.float32)
    encoder, *kbps = CODECS[kind]
    heard = through_codec(wave, kind, encoder, kbps[end])
    assert heard.shape == wave.shape
    assert lateness(heard, wave) == 0
    assert 0.3 < np.corrcoef(heard, wave)[0, 1] < 0.99999
    quiet = through_codec(np.zeros(9000, np.float32), kind, encoder, kbps[end])
    assert quiet.shape == (9000,)
    assert np.abs(quiet).max() < 1e-6


def test_a_telephone_keeps_its_band_and_the_time() -> None:
    wave = np.random.default_rng(0).standard_normal(40_001).astype(np.float32)
    heard = telephone(wave)
    assert heard.shape == wave.shape
    assert lateness(heard, wave) == 0
    power = np.square(np.abs(np.fft.rfft(heard)))
    hertz = np.fft.rfftfreq(len(heard), 1 / 16_000)
    assert power[(hertz > 300) & (hertz < 3400)].sum() > 0.95 * power.sum()


def test_a_room_answers_after_what_is_said() -> None:
    click = np.zeros(8000, np.float32)
    click[1000] = 1.0
    heard = reverberate(click, np.random.default_rng(0))
    assert np.abs(heard[:1000]).max() < 1e-6
    assert heard.argmax() == 1000
    assert 0.05 < np.linalg.norm(heard[1001:]) < 0.9


def test_a_babble_is_of_several_of_the_voices() -> None:
    tones = [np.sin(np.arange(16_000) * f).astype(np.float32) for f in (0.2, 0.5, 0.8, 1.1)]
    counts = set()
    for seed in range(8):
        power = np.abs(np.fft.rfft(babble(16_000, tones, np.random.default_rng(seed))))
        counts.add(sum(power[int(f * 16_000 / 2 / np.pi)] > 300 for f in (0.2, 0.5, 0.8, 1.1)))
    assert min(counts) >= 1
    assert max(counts) == 4


def test_music_has_notes_and_no_two_pieces_are_the_same() -> None:
    pieces = [music(32_000, np.random.default_rng(seed)) for seed in range(6)]
    assert all(piece.shape == (32_000,) for piece in pieces)
    np.testing.assert_allclose([piece.std() for piece in pieces], 1, atol=1e-6)
    power = [np.square(np.abs(np.fft.rfft(piece))) for piece in pieces]
    # Half the power of a chord is in a hundredth of the spectrum; of noise it is in a sixth.
    tonal = [np.sort(p)[-160:].sum() / p.sum() for p in power]
    assert np.median(tonal) > 0.5
    assert abs(np.corrcoef(pieces)[np.triu_indices(6, 1)]).max() < 0.5


def test_without_other_voices_there_is_other_noise() -> None:
    rng = np.random.default_rng(0)
    assert all(background(4000, [], rng).std() > 0 for _ in range(10))


def test_silence_is_soft() -> None:
    rng = np.random.default_rng(0)
    waves = [silence(1.0, rng) for _ in range(30)]
    assert all(len(wave) == 16_000 for wave in waves)
    assert max(np.sqrt(np.mean(wave**2)) for wave in waves) < 0.06
    assert any(not wave.any() for wave in waves)

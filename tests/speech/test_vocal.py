"""Breaths, laughs and sighs, in sounds made of noise and pulses."""

from __future__ import annotations

import numpy as np
import pytest

from dreamtalk_core.animation.breaths import BREATH, LAUGH, SIGH
from dreamtalk_core.speech.prosody import measure_prosody
from dreamtalk_core.speech.vocal import hear_beside_words

RATE = 16_000


def noise(seconds: float, low: float = 300, high: float = 2500, seed: int = 1) -> np.ndarray:
    count = round(seconds * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=count))
    hertz = np.fft.rfftfreq(count, 1 / RATE)
    wave = np.fft.irfft(spectrum * ((hertz > low) & (hertz < high)), count)
    fade = np.minimum(1, np.arange(count) / 800)
    return 0.004 * wave / wave.std() * fade * fade[::-1]


def vowel(seconds: float, formant: float, hertz: float = 120) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    tones = [
        np.exp(-0.5 * ((hertz * k - formant) / 250) ** 2) * np.sin(2 * np.pi * hertz * k * time)
        for k in range(1, 30)
    ]
    return 0.2 * np.sum(tones, 0) * np.hanning(len(time)) ** 0.5


def words(seconds: float = 1.6) -> np.ndarray:
    """Syllables of many vowels, four a second or so."""
    rng = np.random.default_rng(0)
    parts = [
        np.pad(vowel(rng.uniform(0.12, 0.3), rng.uniform(400, 2000)), (0, 600)) for _ in range(12)
    ]
    return np.concatenate(parts)[: round(seconds * RATE)]


def laugh(bursts: int = 6) -> np.ndarray:
    one = np.concatenate([vowel(0.09, 900), 2 * noise(0.08)])
    return np.concatenate([one * 0.9**k for k in range(bursts)])


def recording(*parts: tuple[float, np.ndarray], seconds: float = 5.0) -> np.ndarray:
    """Sounds at their times in a quiet room."""
    wave = 2e-4 * np.random.default_rng(3).normal(size=round(seconds * RATE))
    for start, sound in parts:
        first = round(start * RATE)
        wave[first : first + len(sound)] += sound
    return wave.astype(np.float32)


def heard(wave: np.ndarray) -> np.ndarray:
    return hear_beside_words(wave, measure_prosody(wave))


def times(column: np.ndarray) -> tuple[float, float]:
    at = np.flatnonzero(column)
    return at[0] / 25, (at[-1] + 1) / 25


def test_a_breath_before_a_phrase_is_heard_where_it_is() -> None:
    found = heard(recording((0.2, words()), (2.5, noise(0.3)), (3.0, words())))
    first, stop = times(found[:, BREATH])
    assert first == pytest.approx(2.5, abs=0.05)
    assert stop == pytest.approx(2.8, abs=0.08)
    assert found[63:69, BREATH].min() > 0.5
    assert not found[:, [LAUGH, SIGH]].any()


@pytest.mark.parametrize(
    "other",
    [noise(0.3, 4500, 7900), noise(0.05), vowel(0.3, 700) / 10, noise(0.3, 40, 200)],
    ids=["hiss", "click", "hum", "bump"],
)
def test_what_is_no_breath(other: np.ndarray) -> None:
    assert not heard(recording((0.2, words()), (2.5, other), (3.0, words()))).any()


def test_a_word_that_dies_away_is_no_breath() -> None:
    room = noise(1.0) * np.exp(-np.arange(RATE) / 2500)
    assert not heard(recording((0.2, words()), (1.78, room), (3.5, words(1.2))))[:, BREATH].any()


def test_words_are_no_laugh_and_a_laugh_is() -> None:
    found = heard(recording((0.2, words(1.2)), (2.0, laugh()), (3.6, words(1.2))))
    first, stop = times(found[:, LAUGH])
    # The fourth burst makes sure.
    assert 2.3 < first < 2.7
    assert 2.9 < stop < 3.25
    assert not heard(recording((0.2, words()), (2.0, words()), (3.6, words(1.2))))[:, LAUGH].any()


def test_a_sigh_is_a_long_breath_that_falls() -> None:
    fall = np.exp(-np.arange(round(1.2 * RATE)) / 8000)
    found = heard(recording((0.2, words()), (2.5, 8 * noise(1.2) * fall)))
    first, stop = times(found[:, SIGH])
    assert first == pytest.approx(2.8, abs=0.1)
    assert 3.3 < stop < 3.8
    assert not heard(recording((0.2, words()), (2.5, 8 * noise(1.2))))[:, SIGH].any()


def test_nothing_depends_on_what_comes_later_than_a_stream_waits() -> None:
    fall = np.exp(-np.arange(round(1.2 * RATE)) / 8000)
    wave = recording(
        (0.2, words()), (2.0, noise(0.3)), (2.5, laugh()), (4.0, 8 * noise(1.2) * fall), seconds=6
    )
    whole = heard(wave)
    assert whole.any(0).all()
    for known in range(40, 150):
        part = heard(wave[: known * 640])[: known - 5]
        np.testing.assert_allclose(part, whole[: known - 5], atol=0.2)


@pytest.mark.parametrize("samples", [1, 500, 5000])
def test_next_to_nothing(samples: int) -> None:
    assert not heard(np.zeros(samples, np.float32)).any()

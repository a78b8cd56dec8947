"""Acted speech measures as it was meant to sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dreamtalk_core.speech.audio import Speech
from dreamtalk_core.speech.prosody import DESCRIPTORS, FAINT_DB, describe_voice
from dreamtalk_core.training.emotional_speech import (
    EmotionalVoice,
    make_emotional,
)

COLUMN = {name: i for i, name in enumerate(DESCRIPTORS)}


@pytest.fixture(scope="module")
def plain() -> np.ndarray:
    folder = Path(__file__).resolve().parents[2] / "dreamtalk_core" / "assets"
    return Speech.load(folder / "demo_voice.flac").waveform[: 4 * 16000]


def emotional(plain: np.ndarray, **changes: float) -> np.ndarray:
    return describe_voice(
        make_emotional(plain, EmotionalVoice(**changes), np.random.default_rng(0))
    )


def pitch(voice: np.ndarray) -> np.ndarray:
    return voice[voice[:, COLUMN["voiced"]] > 0.5, COLUMN["pitch"]]


def middle(voice: np.ndarray, name: str) -> float:
    return float(voice[voice[:, COLUMN["voiced"]] > 0.5, COLUMN[name]].mean())


def test_an_emotion_of_nothing_changes_little(plain: np.ndarray) -> None:
    before, after = describe_voice(plain), emotional(plain)
    assert len(before) == len(after)
    assert np.median(pitch(after)) == pytest.approx(np.median(pitch(before)), abs=0.4)
    assert np.corrcoef(before[:, COLUMN["loudness"]], after[:, COLUMN["loudness"]])[0, 1] > 0.95
    both = (before[:, COLUMN["voiced"]] > 0.5) & (after[:, COLUMN["voiced"]] > 0.5)
    apart = np.abs(before - after)[both, COLUMN["pitch"]]
    assert np.median(apart) < 0.3


@pytest.mark.parametrize("semitones", [-3, 5])
def test_pitch_rises_and_formants_stay(plain: np.ndarray, semitones: float) -> None:
    before, after = emotional(plain), emotional(plain, pitch=semitones)
    assert np.median(pitch(after)) - np.median(pitch(before)) == pytest.approx(semitones, abs=0.6)
    assert middle(after, "cepstrum 2") == pytest.approx(middle(before, "cepstrum 2"), abs=0.25)


@pytest.mark.slow
def test_range_tempo_and_formants(plain: np.ndarray) -> None:
    before = emotional(plain)
    spread = np.subtract(*np.percentile(pitch(before), [80, 20]))
    wide = np.subtract(*np.percentile(pitch(emotional(plain, range=1.8)), [80, 20]))
    flat = np.subtract(*np.percentile(pitch(emotional(plain, range=0.4)), [80, 20]))
    assert wide > 1.4 * spread
    assert flat < 0.6 * spread
    assert len(emotional(plain, tempo=1.25)) == pytest.approx(len(before) / 1.25, abs=1)
    smiling = emotional(plain, formants=1.1)
    assert len(smiling) == pytest.approx(len(before), abs=1)
    assert np.median(pitch(smiling)) == pytest.approx(np.median(pitch(before)), abs=0.5)


@pytest.mark.slow
def test_voice_quality(plain: np.ndarray) -> None:
    before = emotional(plain)
    assert middle(emotional(plain, brightness=3), "alpha") < middle(before, "alpha") - 4
    assert middle(emotional(plain, breath=0.3), "alpha") < middle(before, "alpha") - 2
    rough = emotional(plain, roughness=0.6)
    assert middle(rough, "unsteadiness") > 1.2 * middle(before, "unsteadiness")
    voices = [
        voice[voice[:, COLUMN["loudness"]] > FAINT_DB]
        for voice in (before, emotional(plain, dynamics=1.5))
    ]
    calm, lively = (float(voice[:, COLUMN["loudness"]].std()) for voice in voices)
    assert lively > 1.08 * calm


@pytest.mark.parametrize("count", [1, 100, 3000])
def test_short_and_silent_sounds_can_be_made_emotional(count: int) -> None:
    rng = np.random.default_rng(0)
    for wave in (np.zeros(count), 0.01 * rng.standard_normal(count)):
        result = make_emotional(
            wave.astype(np.float32), EmotionalVoice(pitch=3, tempo=1.2, breath=0.1), rng
        )
        assert np.isfinite(result).all()

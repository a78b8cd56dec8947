"""The predictor: what it hears, that it draws codes for it, and its weights file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from dreamtalk_core.errors import ModelError
from dreamtalk_core.models.style_predictor import (
    SUMMARY,
    PredictorConfig,
    StylePredictor,
    most_typical,
    summarise_speech,
)
from dreamtalk_core.speech.audio import Speech
from dreamtalk_core.speech.features import SpeechFeatures
from dreamtalk_core.speech.phonetics import PhoneticEncoder

EMOTIONS = ("neutral", "happy", "sad")
CONFIG = PredictorConfig(6, "0123456789ab", EMOTIONS, width=16, hearing=8)


@pytest.fixture
def predictor() -> StylePredictor:
    torch.manual_seed(0)
    network = StylePredictor(CONFIG).requires_grad_(False).eval()
    network.noised.weight.mul_(20)  # untrained, it would hardly listen to the noise
    return network


@pytest.fixture(scope="module")
def phonetics() -> PhoneticEncoder:
    return PhoneticEncoder.load()


def summary(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(len(SUMMARY)).astype(np.float32)


def test_a_speech_is_summed_up(demo_voice: Path, phonetics: PhoneticEncoder) -> None:
    waveform = Speech.load(demo_voice).waveform[: 3 * 16_000]
    found = summarise_speech(SpeechFeatures(Speech(waveform, "demo"), phonetics))
    assert found.shape == (len(SUMMARY),)
    assert found.dtype == np.float32
    value = dict(zip(SUMMARY, found, strict=True))
    assert value["pitch 20 %"] < value["pitch 50 %"] < value["pitch 80 %"]
    assert 3 < value["pitch 50 %"] < 20  # a woman's voice, in semitones over 100 Hz
    assert 1 < value["voiced runs a second"] < 8
    deviations = [value[f"row {i} deviation"] for i in range(288)]
    assert min(deviations) > 0  # of the first two blocks, which are all different


@pytest.mark.parametrize("samples", [1, 1600, 16_000])
def test_silence_can_be_summed_up(samples: int, phonetics: PhoneticEncoder) -> None:
    silence = Speech(np.zeros(samples, np.float32), "silence")
    assert np.isfinite(summarise_speech(SpeechFeatures(silence, phonetics))).all()


def test_what_is_heard_are_probabilities(predictor: StylePredictor) -> None:
    heard = predictor.listen(summary())
    assert tuple(heard) == EMOTIONS
    assert sum(heard.values()) == pytest.approx(1)
    last = predictor.hearing[-1]
    assert isinstance(last, nn.Linear)
    last.weight.mul_(4)
    last.bias.mul_(4)
    assert max(predictor.listen(summary()).values()) > max(heard.values())


def test_an_emotion_and_a_seed_are_choices(predictor: StylePredictor) -> None:
    first = predictor.predict("happy", seed=1)
    assert first.dtype == np.float32
    assert first.shape == (CONFIG.style,)
    np.testing.assert_array_equal(first, predictor.predict("happy", seed=1))
    assert np.abs(first - predictor.predict("happy", seed=2)).max() > 1e-3
    assert np.abs(first - predictor.predict("sad", seed=1)).max() > 1e-3


def test_the_face_matters_and_may_be_missing(predictor: StylePredictor) -> None:
    face = np.full(52, 0.3, np.float32)
    known = predictor.predict("happy", face)
    assert np.abs(known - predictor.predict("happy")).max() > 1e-3
    assert np.abs(known - predictor.predict("happy", 2 * face)).max() > 1e-4


def test_the_most_typical_draw_is_in_the_crowd() -> None:
    crowd = torch.randn(8, 3) + 5
    strangers = 10 * torch.randn(8, 3)
    assert most_typical(torch.cat([strangers, crowd])) >= 8


def test_a_code_without_noise_is_left_as_it_is(predictor: StylePredictor) -> None:
    asked, code = torch.randn(5, 16), torch.randn(5, 6)
    clean = predictor.denoise(asked, code, torch.zeros(5, dtype=torch.long))
    torch.testing.assert_close(clean, code)


def test_weights_come_back(predictor: StylePredictor, tmp_path: Path) -> None:
    predictor.half().float()  # as the file holds them
    path = tmp_path / "predictor.safetensors"
    predictor.save(path, {"licence": "none"})
    read = StylePredictor.load(path)
    assert read.config == CONFIG
    np.testing.assert_allclose(
        read.predict("sad", seed=3), predictor.predict("sad", seed=3), atol=1e-5
    )
    assert read.listen(summary()) == pytest.approx(predictor.listen(summary()))


def test_other_files_are_refused(predictor: StylePredictor, tmp_path: Path) -> None:
    path = tmp_path / "predictor.safetensors"
    with pytest.raises(ModelError, match="no such file"):
        StylePredictor.load(path)
    predictor.unknown_face.fill_(float("nan"))
    predictor.save(path, {})
    with pytest.raises(ModelError, match="not numbers"):
        StylePredictor.load(path)
    path.write_bytes(path.read_bytes().replace(b"style-predictor", b"style-predicted"))
    with pytest.raises(ModelError, match="not a DreamTalk style predictor"):
        StylePredictor.load(path)

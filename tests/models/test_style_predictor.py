"""The predictor: what it hears, that it learns, and its weights file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from dreamtalk_core.errors import ModelError
from dreamtalk_core.models.style_predictor import (
    MAX_PIECES,
    SUMMARY,
    PredictorConfig,
    StylePredictor,
    most_typical,
    summarise_speech,
)
from dreamtalk_core.speech.audio import Speech
from dreamtalk_core.speech.phonetics import FEATURE_WIDTH

CONFIG = PredictorConfig(style=6, model="0123456789ab", width=16, layers=1, heads=2, dropout=0.0)


@pytest.fixture
def predictor() -> StylePredictor:
    torch.manual_seed(0)
    network = StylePredictor(CONFIG).requires_grad_(False).eval()
    network.noised.weight.mul_(20)  # untrained, it would hardly listen to the noise
    return network


def summaries(pieces: int = 3) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((1 + pieces, len(SUMMARY))).astype(np.float32)


@pytest.mark.slow
def test_a_speech_is_summed_up_whole_and_second_by_second(demo_voice: Path) -> None:
    waveform = Speech.load(demo_voice).waveform
    rows = np.zeros((len(waveform) // 320, FEATURE_WIDTH), np.float16)
    for seconds, pieces in ((0.1, 1), (1.0, 2), (2.0, 4), (13.0, 27), (13.8 * 3, MAX_PIECES)):
        count = int(seconds * 16_000)
        long = np.tile(waveform, 3)[:count]
        found = summarise_speech(long, np.tile(rows, (3, 1))[: count // 320])
        assert found.shape == (1 + pieces, len(SUMMARY))
        assert np.isfinite(found).all()
    column = {name: i for i, name in enumerate(SUMMARY)}
    whole = found[0]
    assert whole[column["pitch 20 %"]] < whole[column["pitch 50 %"]] < whole[column["pitch 80 %"]]
    assert 3 < whole[column["pitch 50 %"]] < 20  # a woman's voice, in semitones over 100 Hz
    assert 1 < whole[column["voiced runs a second"]] < 8


def test_silence_can_be_summed_up() -> None:
    rows = np.zeros((25, FEATURE_WIDTH), np.float16)
    assert np.isfinite(summarise_speech(np.zeros(8000, np.float32), rows)).all()


def test_a_seed_is_a_choice(predictor: StylePredictor) -> None:
    first = predictor.predict(summaries(), seed=1)
    assert first.dtype == np.float32
    assert first.shape == (CONFIG.style,)
    np.testing.assert_array_equal(first, predictor.predict(summaries(), seed=1))
    assert np.abs(first - predictor.predict(summaries(), seed=2)).max() > 1e-3


def test_the_face_matters_and_may_be_missing(predictor: StylePredictor) -> None:
    face = np.full(52, 0.3, np.float32)
    known = predictor.predict(summaries(), face)
    assert np.abs(known - predictor.predict(summaries())).max() > 1e-3
    assert np.abs(known - predictor.predict(summaries(), 2 * face)).max() > 1e-4


def test_the_most_typical_draw_is_in_the_crowd() -> None:
    crowd = torch.randn(8, 3) + 5
    strangers = 10 * torch.randn(8, 3)
    assert most_typical(torch.cat([strangers, crowd])) >= 8


def test_padding_is_ignored(predictor: StylePredictor) -> None:
    speech = torch.from_numpy(summaries())[None]
    padded = torch.cat([speech, torch.full((1, 2, len(SUMMARY)), 9.0)], 1)
    face = torch.zeros(1, 52), torch.tensor([True])
    short = predictor.read(speech, torch.zeros(1, 4, dtype=torch.bool), *face)
    long = predictor.read(padded, torch.tensor([[False] * 4 + [True] * 2]), *face)
    torch.testing.assert_close(short, long)


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
        read.predict(summaries(), seed=3), predictor.predict(summaries(), seed=3), atol=1e-5
    )


def test_other_files_are_refused(predictor: StylePredictor, tmp_path: Path) -> None:
    path = tmp_path / "predictor.safetensors"
    with pytest.raises(ModelError, match="no such file"):
        StylePredictor.load(path)
    predictor.query.fill_(float("nan"))
    predictor.save(path, {})
    with pytest.raises(ModelError, match="not numbers"):
        StylePredictor.load(path)
    path.write_bytes(path.read_bytes().replace(b"style-predictor", b"style-predicted"))
    with pytest.raises(ModelError, match="not a DreamTalk style predictor"):
        StylePredictor.load(path)

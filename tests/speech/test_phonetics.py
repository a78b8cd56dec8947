"""The phonetic encoder against the native library whose weights it carries, and against itself."""

from __future__ import annotations

from importlib import resources

import numpy as np
import pytest
import torch

from dreamtalk_core.assets import DEMO_VOICE
from dreamtalk_core.speech.articulation import FEATURES, articulation
from dreamtalk_core.speech.audio import Speech
from dreamtalk_core.speech.phonetics import FEATURE_WIDTH, HOP, MARGIN, WINDOW, PhoneticEncoder


@pytest.fixture(scope="module")
def encoder() -> PhoneticEncoder:
    return PhoneticEncoder.load()


@pytest.fixture(scope="module")
def waveform() -> torch.Tensor:
    return torch.tensor(Speech.load(DEMO_VOICE).waveform)


@pytest.mark.slow
def test_posteriors_equal_the_native_library(
    encoder: PhoneticEncoder, waveform: torch.Tensor
) -> None:
    engine = pytest.importorskip("hama._engine", reason="hama has no build for this platform")
    if not engine.available():
        pytest.skip("hama has no native library for this platform")
    data = resources.files("hama.assets").joinpath("asr_waveform.hama").read_bytes()
    piece = waveform[: 4 * 16_000]
    lengths = np.array([len(piece)])
    feeds = {"waveform": piece.numpy(), "waveform_lengths": lengths}
    native = np.exp(engine.AsrSession(data).run(["log_probs"], feeds)[0][0])
    ours = encoder(piece[None], span=10_000)[1][0].exp().numpy()
    assert native.shape == ours.shape == (len(piece) // 320 + 1, 191)
    assert 0.5 * np.abs(native - ours).sum(1).mean() < 5e-4
    assert 0.5 * np.abs(native - ours).sum(1).max() < 2e-2


def test_it_recognises_the_words(encoder: PhoneticEncoder, waveform: torch.Tensor) -> None:
    best = encoder(waveform[None, : 4 * 16_000])[1][0].argmax(-1)
    phones = "".join(encoder.phones[i] for i in torch.unique_consecutive(best) if i != 190)
    assert "kɔlɪŋ<wb>supɝ" in phones  # "Thank you for calling Super ..."


@pytest.mark.slow
def test_windows_agree_with_the_whole(encoder: PhoneticEncoder, waveform: torch.Tensor) -> None:
    waveform = torch.cat([waveform, waveform])
    streamed = torch.cat(list(encoder.stream(waveform.numpy())))
    whole = encoder.features(waveform[None])[0]
    assert streamed.shape == (-(-len(waveform) // HOP), FEATURE_WIDTH)
    seam = slice(WINDOW - 25, WINDOW + 25)
    assert len(streamed) > WINDOW + MARGIN, "the voice must be longer than a window"
    difference = (streamed[seam] - whole[seam]).abs().mean()
    assert difference < 0.05 * whole[seam].abs().mean()


@pytest.mark.parametrize("samples", [1, 160, 321, 16_000])
def test_short_speech(encoder: PhoneticEncoder, samples: int) -> None:
    rows = torch.cat(list(encoder.stream(np.zeros(samples, np.float32))))
    assert rows.shape == (-(-samples // HOP), FEATURE_WIDTH)
    assert rows.isfinite().all()


def test_articulation_knows_what_it_was_never_shown() -> None:
    table = articulation(("u", "y", "p", "ɸ", "f", "t͡ʃ", "aʊ", "<wb>", "<pad>"))
    row = {
        phone: dict(zip(FEATURES, values, strict=True))
        for phone, values in zip("uypɸftawP", table, strict=True)
    }
    assert row["y"]["round"] == row["u"]["round"] == 1
    assert row["y"]["front"] > row["u"]["front"]
    assert row["p"]["bilabial"] == 1
    assert row["ɸ"]["bilabial"] > 0.5
    assert row["f"]["labiodental"] == 1
    assert row["t"]["stop"] == row["t"]["fricative"] == 0.5
    assert 0 < row["a"]["round"] < 1
    assert row["w"]["boundary"] == 1
    assert not any(row["P"].values())

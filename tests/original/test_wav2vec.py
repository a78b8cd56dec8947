"""wav2vec2 features: as the public code gets them, and without seams where speech is long."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from dreamtalk_core.errors import ModelError
from dreamtalk_core.original import wav2vec
from dreamtalk_core.original.wav2vec import MODEL, Wav2Vec

pytestmark = pytest.mark.slow

transformers = pytest.importorskip(
    "transformers", reason="needs transformers: pip install dreamtalk[original]"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The architecture of MODEL, tiny and never trained."""
    path = tmp_path_factory.mktemp("wav2vec2")
    config = transformers.Wav2Vec2Config(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=(8,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
    )
    torch.manual_seed(3)
    transformers.Wav2Vec2Model(config).save_pretrained(path)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def listener(folder: Path) -> Wav2Vec:
    return Wav2Vec.load(folder)


def noise(samples: int) -> np.ndarray:
    generator = np.random.default_rng(samples)
    loud = 0.1 + 0.05 * np.sin(np.arange(samples) / 9000)
    return (0.02 + loud * generator.standard_normal(samples)).astype(np.float32)


def as_published(listener: Wav2Vec, waveform: np.ndarray) -> torch.Tensor:
    """The public code's way: all of the speech through preprocessing and network at once."""
    prepare = transformers.Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=True)
    values = prepare(waveform, sampling_rate=16_000, return_tensors="pt").input_values
    with torch.inference_mode():
        return listener.network(values, return_dict=False)[0][0]


@pytest.mark.parametrize("samples", [400, 719, 720, 48_123])
def test_short_speech_is_as_published(listener: Wav2Vec, samples: int) -> None:
    waveform = noise(samples)
    rows = torch.cat(list(listener.stream(waveform)))
    assert len(rows) == listener.rows(samples) == (samples - 400) // 320 + 1
    torch.testing.assert_close(rows, as_published(listener, waveform), rtol=0, atol=1e-5)


def test_long_speech_has_no_seams(listener: Wav2Vec, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows far shorter than they are, so that their edges would show."""
    monkeypatch.setattr(wav2vec, "WINDOW", 200)
    monkeypatch.setattr(wav2vec, "OVERLAP", 100)
    monkeypatch.setattr(wav2vec, "FADE", 40)
    for samples in (400 + 320 * 199, 400 + 320 * 200, 200_000):
        waveform = noise(samples)
        pieces = list(listener.stream(waveform))
        assert max(map(len, pieces)) <= 200
        rows, whole = torch.cat(pieces), as_published(listener, waveform)
        assert rows.shape == whole.shape
        assert (rows - whole).abs().max() < 0.05 * whole.std()
        # Steps from row to row are as large at the fades as anywhere.
        jumps, expected = rows.diff(dim=0) - whole.diff(dim=0), whole.diff(dim=0)
        assert jumps.abs().max() < 0.03 * expected.abs().max()


def test_shorter_than_a_row(listener: Wav2Vec) -> None:
    (rows,) = listener.stream(noise(10))
    assert rows.shape == (1, 16)
    assert rows.isfinite().all()


def test_silence(listener: Wav2Vec) -> None:
    rows = torch.cat(list(listener.stream(np.zeros(16_000, np.float32))))
    assert rows.shape == (49, 16)
    assert rows.isfinite().all()


def test_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match="hf download jonatasgrosman/"):
        Wav2Vec.load("someone/that-is-not-in-the-cache")
    with pytest.raises(ModelError, match=f"holds no wav2vec2 model.*{MODEL}"):
        Wav2Vec.load(tmp_path)


def test_folders_that_are_damaged(folder: Path, tmp_path: Path) -> None:
    for name in ("config.json", "preprocessor_config.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    data = (folder / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelError, match="no wav2vec2 model that can be read"):
        Wav2Vec.load(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="no wav2vec2 model that can be read"):
        Wav2Vec.load(tmp_path)


def test_file_of_a_recogniser(folder: Path, tmp_path: Path, listener: Wav2Vec) -> None:
    """MODEL is one: the network is a part of it, and its weight norm has the names of old."""
    from safetensors.torch import load_file, save_file

    for name in ("config.json", "preprocessor_config.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    old = {"parametrizations.weight.original0": "weight_g"}
    old["parametrizations.weight.original1"] = "weight_v"
    tensors = {"lm_head.weight": torch.zeros(33, 16), "lm_head.bias": torch.zeros(33)}
    for name, value in load_file(folder / "model.safetensors").items():
        for new, before in old.items():
            name = name.replace(new, before)
        tensors[f"wav2vec2.{name}"] = value
    assert any(name.endswith("weight_g") for name in tensors)
    save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
    whole = Wav2Vec.load(tmp_path)
    for name, value in listener.network.state_dict().items():
        assert torch.equal(value, whole.network.state_dict()[name]), name


def test_another_model_is_refused(tmp_path: Path) -> None:
    transformers.BertConfig().save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="is not a wav2vec2 model"):
        Wav2Vec.load(tmp_path)


def test_weights_that_lack_something(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    tensors = load_file(folder / "model.safetensors")
    del tensors["encoder.layers.1.attention.k_proj.weight"]
    save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match=r"lacks weights.*layers\.1\.attention\.k_proj"):
        Wav2Vec.load(tmp_path)


def test_without_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(ModelError, match=r"pip install \"dreamtalk\[original\]\""):
        Wav2Vec.load()

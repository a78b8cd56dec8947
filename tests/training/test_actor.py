"""A model that is there already is taught how one person speaks, and what is kept out meanwhile."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from dreamtalk_core.errors import CorpusError, ModelError
from dreamtalk_core.models.checkpoint import weights_header
from dreamtalk_core.models.denoiser import DenoiserConfig
from dreamtalk_core.models.motion_model import ModelConfig, MotionModel
from dreamtalk_core.models.style_encoder import StyleEncoderConfig
from dreamtalk_core.motion.arkit import INDEX
from dreamtalk_core.pipeline.dreamtalk import PREDICTOR
from dreamtalk_core.speech.phonetics import heard_columns
from dreamtalk_core.style import fingerprint
from dreamtalk_core.training import train as training
from dreamtalk_core.training.actor import Anchor, at_rest
from dreamtalk_core.training.config import read_config
from dreamtalk_core.training.data import CHANNELS, Recording, Variant
from dreamtalk_core.training.synthetic_styles import NAMED
from dreamtalk_core.training.validation import keep_out, load_split
from tests.test_corpus import write_tracked
from tests.training.test_train import config as fresh_config
from tests.training.test_train import corpus

__all__ = ["corpus", "fresh_config"]
ACTOR = Path(training.__file__).with_name("actor.json")


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """Weights as they are shipped: a model, and a predictor beside it."""
    channels = len(CHANNELS)
    sizes = {"style": 8, "width": 16, "heads": 2, "dropout": 0.0}
    blocks = {"features": len(heard_columns((4,))), "blocks": (4,)}
    config = ModelConfig(
        CHANNELS,
        DenoiserConfig(channels, **blocks, **sizes, content_layers=1, layers=1, span=2),
        StyleEncoderConfig(channels, **sizes, layers=1),
    )
    torch.manual_seed(0)
    model = MotionModel(config, torch.zeros(channels), torch.full((channels,), 0.2))
    model.styles = {name: torch.zeros(8) for name in NAMED}
    path = tmp_path / "shipped" / "model.safetensors"
    path.parent.mkdir()
    model.save(path, {})
    path.with_name(PREDICTOR).write_bytes(b"a predictor")
    return path


@pytest.fixture
def actor_config(shipped: Path, tmp_path: Path) -> Path:
    settings = read_config(ACTOR) | {"from": str(shipped), "steps": 6, "batch": 4, "frames": 20}
    settings |= {"variants": 2, "validation": {"share": 0.3, "every": 2}}
    path = tmp_path / "actor.json"
    path.write_text(json.dumps(settings), encoding="utf-8")
    return path


@pytest.mark.slow
def test_an_actor_is_taught_and_all_else_still_fits(
    shipped: Path, actor_config: Path, corpus: Path, tmp_path: Path
) -> None:
    path = training.train(actor_config, corpus, tmp_path / "mine", "cpu")
    before, after = MotionModel.load(shipped), MotionModel.load(path)
    assert fingerprint(before) == fingerprint(after)
    assert path.with_name(PREDICTOR).read_bytes() == b"a predictor"
    assert set(after.styles) == {*before.styles, "actor"}
    moved = [
        name
        for name, value in after.denoiser.state_dict().items()
        if not torch.equal(value, before.denoiser.state_dict()[name])
    ]
    assert len(moved) > 10
    assert not (tmp_path / "mine" / "lip_expert.safetensors").exists()  # it has the shipped one's
    again = training.train(actor_config, corpus, tmp_path / "mine", "cpu")
    assert again.read_bytes() == path.read_bytes()  # there is nothing left to do
    write_tracked(corpus, "more", "A", 60)
    with pytest.raises(CorpusError, match="other recordings"):
        training.train(actor_config, corpus, tmp_path / "mine", "cpu")


@pytest.mark.slow
def test_the_best_weights_are_kept(
    actor_config: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([3.0, 1.0, 2.0])
    monkeypatch.setattr(training.Judge, "loss", lambda self: next(losses))
    path = training.train(actor_config, corpus, tmp_path / "mine", "cpu")
    assert weights_header(path)[1]["training_steps"] == "4"
    state = torch.load(tmp_path / "mine" / "checkpoint.pt", weights_only=True)
    assert (state["step"], state["best"]) == (6, 1.0)


@pytest.mark.slow
def test_validation_changes_no_draw(corpus: Path, fresh_config: Path, tmp_path: Path) -> None:
    write_tracked(corpus, "other", "B")
    settings = read_config(fresh_config) | {"sync_weight": 0, "steps": 3}
    fresh_config.write_text(json.dumps(settings), encoding="utf-8")
    plain = training.train(fresh_config, corpus, tmp_path / "plain", "cpu")
    settings |= {"validation": {"speakers": ["B"], "every": 2}}
    fresh_config.write_text(json.dumps(settings), encoding="utf-8")
    judged = training.train(fresh_config, corpus, tmp_path / "judged", "cpu")
    one, other = MotionModel.load(plain), MotionModel.load(judged)
    for name, value in one.state_dict().items():
        torch.testing.assert_close(value, other.state_dict()[name], atol=2e-3, rtol=1e-2)


@pytest.mark.slow
def test_a_lip_expert_of_another_configuration_is_refused(
    corpus: Path, fresh_config: Path, tmp_path: Path
) -> None:
    settings = read_config(fresh_config) | {"steps": 1}
    fresh_config.write_text(json.dumps(settings), encoding="utf-8")
    training.train(fresh_config, corpus, tmp_path / "run", "cpu")
    settings["expert"]["steps"] = 5
    fresh_config.write_text(json.dumps(settings), encoding="utf-8")
    with pytest.raises(CorpusError, match="another configuration"):
        training.train(fresh_config, corpus, tmp_path / "run", "cpu")


@pytest.mark.slow
def test_speakers_that_are_kept_out_are_in_no_source(
    corpus: Path, fresh_config: Path, tmp_path: Path
) -> None:
    write_tracked(corpus, "other", "B")
    settings = read_config(fresh_config)
    settings["sources"][0]["where"] = {}
    settings["validation"] = {"speakers": ["B"]}
    sources, kept = load_split(settings, corpus, tmp_path / "cache")
    assert [len(source) for source in sources] == [3]
    assert [len(source) for source in kept] == [1]
    assert [len(one.variants) for one in kept[0]] == [1]


def recordings(count: int) -> list[Recording]:
    values = np.full((4, len(CHANNELS)), 0.1, np.float32)
    values[:, INDEX["mouthSmileLeft"]] = [0.3, 0.4, 0.5, 0.4]
    values[:, INDEX["jawOpen"]] = 0.2
    values[:, -1] = 5.0
    variants = tuple(Variant(np.zeros((9, 3), np.float16), values) for _ in range(2))
    return [Recording(variants, np.ones(len(CHANNELS), bool)) for _ in range(count)]


def test_every_so_manieth_recording_is_kept_out() -> None:
    train, kept = keep_out([recordings(20), recordings(1)], 0.1)
    assert [len(source) for source in train] == [18, 1]
    assert [len(source) for source in kept] == [2]
    assert [len(source) for source in keep_out([recordings(3)], 0.1)[0]] == [2]
    assert keep_out([recordings(3)], 0.0)[1] == []
    with pytest.raises(CorpusError, match="more clips"):
        keep_out([recordings(1)], 0.1)


def test_the_face_that_is_held_is_taken_off() -> None:
    (plain,) = at_rest(recordings(1))
    values = plain.variants[0].values
    np.testing.assert_allclose(values[:, INDEX["mouthSmileLeft"]], [0, 0, 0.1, 0], atol=1e-6)
    assert (values[:, INDEX["browInnerUp"]] == 0).all()
    np.testing.assert_allclose(values[:, INDEX["jawOpen"]], 0.2)
    np.testing.assert_allclose(values[:, -1], 5.0)


def test_weights_are_drawn_to_where_they_began() -> None:
    model = torch.nn.Linear(2, 2)
    model.bias.requires_grad_(False)
    anchor = Anchor(model)  # type: ignore[arg-type]
    start = model.weight.detach().clone()
    model.weight.data += 1.0
    anchor.draw(0.25)
    torch.testing.assert_close(model.weight.detach(), start + 0.75)


def test_what_cannot_be_started_from_is_told(tmp_path: Path) -> None:
    settings = read_config(ACTOR)
    for wrong, error in ((tmp_path / "none.safetensors", "no such file"), (ACTOR, "safetensors")):
        with pytest.raises(ModelError, match=error):
            training.load_start({**settings, "from": str(wrong)})

"""Training, end to end, on a corpus that the test writes."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from dreamtalk_core.corpus import read_manifest
from dreamtalk_core.errors import CorpusError, DreamTalkError
from dreamtalk_core.models.checkpoint import open_weights
from dreamtalk_core.models.lip_expert import LipExpert
from dreamtalk_core.models.motion_model import MotionModel
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.rig.head import load_head
from dreamtalk_core.speech import phonetics
from dreamtalk_core.training import data
from dreamtalk_core.training import train as training
from dreamtalk_core.training.data import CHANNELS, calibrate, draw_batch, load_sources
from tests.test_corpus import write_sound, write_tracked

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = Path(training.__file__).with_name("default.json")
SIZES = {"style": 8, "width": 16, "heads": 2, "dropout": 0.0}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    for index in range(3):
        write_tracked(folder, f"clip{index}", "A")
    return folder


@pytest.fixture
def config(tmp_path: Path) -> Path:
    settings = training.read_config(DEFAULT) | {
        "denoiser": {**SIZES, "content_layers": 1, "layers": 1, "span": 2},
        "style_encoder": {**SIZES, "layers": 1},
        "expert": {
            "network": {"width": 16, "layers": 1, "dropout": 0.0},
            "style_encoder": {**SIZES, "layers": 1},
            "style_aware": True,
            "steps": 4,
            "learning_rate": 0.002,
        },
        "sources": [{"name": "test", "where": {"speaker": ["A"]}, "weight": 1.0}],
        "babble": [],
        "variants": 2,
        "steps": 6,
        "batch": 4,
        "frames": 20,
    }
    path = tmp_path / "config.json"
    path.write_text(json.dumps(settings), encoding="utf-8")
    return path


def test_a_run_that_was_stopped_ends_like_one_that_was_not(
    corpus: Path, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "SAVE_EVERY", 3)
    whole = training.train(config, corpus, tmp_path / "whole", "cpu")

    drawn = training.draw_batch
    calls = 0

    def interrupted(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 6:  # one is drawn to build the model; the checkpoint is of step 3
            raise KeyboardInterrupt
        return drawn(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(training, "draw_batch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        training.train(config, corpus, tmp_path / "parts", "cpu")
    monkeypatch.setattr(training, "draw_batch", drawn)
    resumed = training.train(config, corpus, tmp_path / "parts", "cpu")
    one, other = MotionModel.load(whole), MotionModel.load(resumed)
    for name, value in one.state_dict().items():
        torch.testing.assert_close(value, other.state_dict()[name], atol=2e-3, rtol=1e-2)
    assert set(one.styles) >= {"neutral", "happy"}
    assert len(list((tmp_path / "whole" / "log").iterdir())) == 1
    assert LipExpert.load(tmp_path / "whole" / "lip_expert.safetensors").config.width == 16


def test_the_loss_falls(corpus: Path, config: Path, tmp_path: Path) -> None:
    settings = training.read_config(config)
    sources = load_sources(settings, corpus, tmp_path / "cache")
    torch.manual_seed(0)
    model = training.build_model(settings, sources, [1.0])
    objective = training.Objective(model, None, settings)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    losses = []
    for step in range(200):
        loss = objective(draw_batch(sources, [1.0], 8, 20, np.random.default_rng(step)))["total"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-40:]) < 0.6 * np.mean(losses[:20])


def test_a_run_without_sync_loss_needs_no_lip_expert(
    corpus: Path, config: Path, tmp_path: Path
) -> None:
    settings = training.read_config(config) | {"sync_weight": 0, "steps": 1}
    config.write_text(json.dumps(settings), encoding="utf-8")
    training.train(config, corpus, tmp_path / "run", "cpu")
    assert not (tmp_path / "run" / "lip_expert.safetensors").exists()


@pytest.mark.parametrize("change", ["recogniser", "sound"])
def test_features_are_made_anew_when_what_they_are_made_from_has_changed(
    change: str, corpus: Path, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = training.read_config(config)
    first = load_sources(settings, corpus, tmp_path / "cache")
    again = load_sources(settings, corpus, tmp_path / "cache")
    np.testing.assert_array_equal(
        first[0][0].variants[1].features, again[0][0].variants[1].features
    )
    assert len(list((tmp_path / "cache").iterdir())) == 1
    if change == "sound":
        write_sound(corpus / "clips" / "clip0.flac", 1.6)
    else:
        copied = tmp_path / "weights"
        copied.mkdir()
        tensors, header = open_weights(data.WEIGHTS / "phonetic.safetensors")
        tensors["head.bias"] += torch.arange(len(tensors["head.bias"])) % 7
        save_file(tensors, copied / "phonetic.safetensors", header)
        monkeypatch.setattr(data, "WEIGHTS", copied)
        monkeypatch.setattr(phonetics, "WEIGHTS", copied)
    other = load_sources(settings, corpus, tmp_path / "cache")
    assert len(list((tmp_path / "cache").iterdir())) == 2
    one, another = (source[0][0].variants[0].features for source in (first, other))
    assert one.shape != another.shape or not np.array_equal(one, another)


def together(script: str, *arguments: Path) -> list[subprocess.CompletedProcess[str]]:
    """What two processes, as torchrun starts them, make of a script."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = []
    for rank in range(2):
        place = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2"}
        place |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        command = [sys.executable, "-c", script, *map(str, arguments)]
        started.append(
            subprocess.Popen(
                command,
                env=os.environ | place,
                cwd=ROOT,
                text=True,
                encoding="utf-8",
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        )
    ends = []
    for process in started:
        try:
            out, err = process.communicate(timeout=120)
        finally:
            process.kill()
        ends.append(subprocess.CompletedProcess(process.args, process.returncode, out, err))
    return ends


TWO = """
import sys, time
from datetime import timedelta
from pathlib import Path
from torch import distributed
from dreamtalk_core.training import train as training

def slow(*arguments, load=training.load_split):
    if distributed.get_rank() == 0:
        {meanwhile}
    return load(*arguments)

training.load_split = slow
start = distributed.init_process_group
distributed.init_process_group = lambda backend: start(backend, timeout=timedelta(seconds=12))
try:
    training.train(*map(Path, sys.argv[1:]), "cpu")
finally:
    print("left", not distributed.is_initialized())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="gloo's sockets are another matter there")
class TestTwoProcesses:
    def test_wait_for_features_as_long_as_they_take(
        self, corpus: Path, config: Path, tmp_path: Path
    ) -> None:
        script = TWO.format(meanwhile="time.sleep(15)")  # longer than collectives are given
        ends = together(script, config, corpus, tmp_path / "run")
        assert [end.returncode for end in ends] == [0, 0], ends[0].stderr + ends[1].stderr
        assert [end.stdout.split()[-2:] for end in ends] == [["left", "True"]] * 2
        assert MotionModel.load(tmp_path / "run" / "model.safetensors").styles

    def test_end_together_when_one_fails(self, corpus: Path, config: Path, tmp_path: Path) -> None:
        script = TWO.format(meanwhile="raise training.CorpusError('the corpus is gone')")
        ends = together(script, config, corpus, tmp_path / "run")
        assert [end.returncode for end in ends] == [1, 1]
        assert "the corpus is gone" in ends[0].stderr
        assert [end.stdout.split()[-2:] for end in ends] == [["left", "True"]] * 2


def test_no_work_is_done_without_tensorboard(
    corpus: Path, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(DreamTalkError, match=r"dreamtalk\[train\]"):
        training.train(config, corpus, tmp_path / "run", "cpu")
    assert not (tmp_path / "run").exists()


def test_a_configuration_stands_on_its_base(config: Path) -> None:
    above = config.with_name("above.json")
    more = [{"name": "more", "where": {}, "weight": 2.0}]
    above.write_text(json.dumps({"base": config.name, "steps": 9, "sources": more}))
    settings = training.read_config(above)
    assert settings["steps"] == 9
    assert settings["batch"] == 4
    assert [source["name"] for source in settings["sources"]] == ["test", "more"]


def test_speakers_are_brought_to_one_scale(corpus: Path) -> None:
    settings = training.read_config(DEFAULT) | {"gap": 0.0}
    values = np.concatenate(calibrate(list(read_manifest(corpus)), settings))
    jaw, pucker = (values[:, CHANNELS.index(name)] for name in ("jawOpen", "mouthPucker"))
    assert jaw.std() == pytest.approx(settings["amplitude"][0]["deviation"], rel=1e-3)
    # This mouth never puckers but narrows as the jaw opens: the geometry speaks.
    assert pucker.std() == pytest.approx(settings["narrowing"] * settings["pucker"], rel=0.05)
    assert np.corrcoef(jaw, pucker)[0, 1] > 0.9


def test_the_jaw_opens_as_far_as_the_lips_were_seen_apart(corpus: Path) -> None:
    """The tracked jaw is a noisy witness of the lips."""
    rng = np.random.default_rng(0)
    clips = list(read_manifest(corpus))
    noisy = [
        replace(clip, lip_gap=clip.lip_gap.clip(0.02) + 0.01, motion=with_noise(clip.motion, rng))
        for clip in clips
    ]
    seen = np.concatenate([clip.lip_gap for clip in noisy])
    settings = training.read_config(DEFAULT)
    likeness = {}
    for share in (0.0, 0.5, 1.0):
        values = np.concatenate(calibrate(noisy, settings | {"gap": share}))
        shown = load_head().lip_gap_mm(values[:, : len(ARKIT_NAMES)])
        likeness[share] = np.corrcoef(shown, seen)[0, 1]
        assert shown[seen <= seen.min() + 1e-6].max() < 1 or share < 1  # closed lips are closed
    assert likeness[0.0] + 0.02 < likeness[0.5] < likeness[1.0]
    assert likeness[1.0] > 0.99


def with_noise(motion: Motion, rng: np.random.Generator) -> Motion:
    weights = motion.weights.copy()
    weights[:, INDEX["jawOpen"]] += rng.normal(0, 0.05, len(weights)).clip(0)
    return replace(motion, weights=weights.clip(0, 1))


def test_a_variant_is_aligned_with_its_curves(corpus: Path, config: Path, tmp_path: Path) -> None:
    settings = training.read_config(config) | {"effort": 0.0}
    sources = load_sources(settings, corpus, tmp_path / "cache")
    for recording in sources[0]:
        plain, varied = recording.variants
        assert len(plain.values) == 50
        assert len(plain.features) == 101
        assert len(varied.features) == 2 * len(varied.values) + 1
        tempo = 50 / len(varied.values)
        jaw = CHANNELS.index("jawOpen")
        times = (np.arange(len(varied.values)) + 0.5) * tempo - 0.5
        expected = np.interp(times, np.arange(50), plain.values[:, jaw])
        assert np.abs(varied.values[:, jaw] - expected).mean() < 0.02


def test_what_does_not_fit_is_refused(corpus: Path, config: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no such file"):
        training.train(tmp_path / "none.json", corpus, tmp_path / "run")
    settings = json.loads(config.read_text(encoding="utf-8"))
    settings["sources"][0]["where"] = {"speaker": ["nobody"]}
    config.write_text(json.dumps(settings), encoding="utf-8")
    with pytest.raises(CorpusError, match="matches no clip"):
        training.train(config, corpus, tmp_path / "run")


def test_what_was_learnt_from_other_recordings_is_refused(
    corpus: Path, config: Path, tmp_path: Path
) -> None:
    settings = training.read_config(config) | {"steps": 1}
    config.write_text(json.dumps(settings), encoding="utf-8")
    run = tmp_path / "run"
    training.train(config, corpus, run, "cpu")
    write_sound(corpus / "clips" / "clip0.flac", 2.04)  # as many frames of the face as before
    for made in ("lip_expert.safetensors", "checkpoint.pt"):
        with pytest.raises(CorpusError, match=f"{made}.*other recordings"):
            training.train(config, corpus, run, "cpu")
        (run / made).unlink()
    training.train(config, corpus, run, "cpu")

"""A speech is analysed once: how often its waveform goes through what hears it."""

from __future__ import annotations

import gc
import importlib
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from weakref import ref

import numpy as np
import pytest
import torch

from dreamtalk_core import DreamTalk, MotionStream, Speech
from dreamtalk_core.pipeline.sync import measure_sync
from dreamtalk_core.speech.audio import SAMPLE_RATE
from dreamtalk_core.worker.methods import Methods

pytestmark = pytest.mark.slow

ONCE = {"phonetics": 1, "pitch": 1}


@pytest.fixture(scope="module")
def talk() -> DreamTalk:
    return DreamTalk.load(device="cpu")


@pytest.fixture
def speech(demo_voice: Path) -> Speech:
    return Speech(Speech.load(demo_voice).waveform[: 4 * SAMPLE_RATE], "four seconds")


def test_style_motion_and_sync_share_one(
    talk: DreamTalk, speech: Speech, calls: Counter[str]
) -> None:
    features = talk.analyse(speech)
    motion = talk.animate(features, talk.predict_style(features), steps=1)
    shared = measure_sync(features, motion)
    assert calls == ONCE
    assert measure_sync(speech, motion) == shared
    assert calls == {"phonetics": 2, "pitch": 1}


def test_a_motion_that_outlasts_its_speech_can_be_judged(talk: DreamTalk, speech: Speech) -> None:
    motion = talk.animate(speech, "neutral", steps=1)
    long = motion.resample(25, motion.duration + 1)
    assert measure_sync(talk.analyse(speech), long).offset == measure_sync(speech, long).offset


def test_a_stream_analyses_each_window_once(
    talk: DreamTalk, speech: Speech, calls: Counter[str]
) -> None:
    stream = MotionStream(talk, "neutral", steps=1)
    for count, piece in enumerate(np.array_split(speech.waveform, 3), 1):
        assert stream.feed(piece) is not None
        assert calls == {"phonetics": count, "pitch": count}


def test_the_worker_analyses_a_file_once(
    demo_voice: Path, tmp_path: Path, calls: Counter[str]
) -> None:
    methods = Methods()
    about = {"speech": str(demo_voice), "project": str(tmp_path), "device": "cpu"}

    def animate(name: str, **options: Any) -> bytes:
        path = tmp_path / name
        methods.animate(lambda *_: None, output=str(path), **about, **options, steps=1)
        return path.read_bytes()

    methods.save_style(lambda *_: None, style="auto", name="hers", shelf="project", **about)
    calls["phonetics"] -= 1  # the sentence that the picture of a style shows
    calls["pitch"] -= 1
    animate("styled.csv")
    animate("plain.csv", style="neutral")
    assert calls == ONCE


def test_a_file_that_has_changed_is_analysed_anew(
    demo_voice: Path, tmp_path: Path, calls: Counter[str]
) -> None:
    methods, line = Methods(), tmp_path / "line.flac"
    line.write_bytes(demo_voice.read_bytes())
    about = {"speech": str(line), "output": str(tmp_path / "line.npz"), "device": "cpu"}
    for count in (1, 1, 2):
        if count == 2:
            line.write_bytes(demo_voice.read_bytes())
        methods.animate(lambda *_: None, **about, style="neutral", steps=1)
        assert calls == {"phonetics": count, "pitch": count}


@pytest.fixture
def nodes_model(monkeypatch: pytest.MonkeyPatch, root: Path) -> Any:
    """`nodes.model` with a host that moves nothing."""
    kind = SimpleNamespace(Input=lambda **_: None)
    io = SimpleNamespace(
        Custom=lambda name: None, ComfyNode=object, Schema=lambda **_: None, Float=kind
    )
    comfy = {
        "comfy": {}, "comfy.model_management": {}, "comfy.model_patcher": {}, "folder_paths": {},
        "comfy_api": {}, "comfy_api.latest": {"io": io},
        "nodes": {"__path__": [str(root / "nodes")]},
        "nodes.host": {"Audio": dict, "cut_audio": None, "samples": None},
    }  # fmt: skip
    for name, content in comfy.items():
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    device = torch.device("cpu")
    sys.modules["comfy"].model_management = SimpleNamespace(  # type: ignore[attr-defined]
        get_torch_device=lambda: device,
        unet_offload_device=lambda: device,
        load_models_gpu=lambda *_, **__: None,
    )
    patcher = SimpleNamespace(ModelPatcher=lambda *_, **__: SimpleNamespace(load_device=device))
    sys.modules["comfy"].model_patcher = patcher  # type: ignore[attr-defined]
    sys.modules["nodes"].host = sys.modules["nodes.host"]  # type: ignore[attr-defined]
    yield importlib.import_module("nodes.model")
    for name in [name for name in sys.modules if name.split(".")[0] == "nodes"]:
        monkeypatch.delitem(sys.modules, name, raising=False)


def test_nodes_of_a_graph_share_features(
    nodes_model: Any, talk: DreamTalk, speech: Speech, calls: Counter[str]
) -> None:
    """For as long as the host keeps the speech."""
    model = nodes_model.LoadedModel(talk)
    value = sys.modules["nodes.values"].SpeechValue(speech, {})
    style = model.ready().predict_style(nodes_model.analysed(model, value))
    model.ready().sample_motion(nodes_model.analysed(model, value), style, steps=1)
    assert calls == ONCE
    known = ref(nodes_model.analysed(model, value))
    assert known() is not None
    del value
    gc.collect()
    assert known() is None


def test_networks_that_the_host_would_split_stay_together(nodes_model: Any) -> None:
    """A host that is short of memory loads what it has room for."""
    inside, outside = torch.nn.Linear(1, 1), torch.nn.Linear(1, 1, device="meta")
    for networks, brought in (([inside, inside], 0), ([inside, outside], 1)):
        model, detached = nodes_model.LoadedModel(SimpleNamespace(networks=networks)), []
        model._patcher.detach = lambda into=detached: into.append(True)
        model.ready()
        assert len(detached) == brought

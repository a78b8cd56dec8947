"""Files of weights that others made: lies in their headers are one line, at once."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from dreamtalk_core.errors import DreamTalkError, ModelError, StyleError
from dreamtalk_core.models.checkpoint import open_weights
from dreamtalk_core.models.denoiser import DenoiserConfig
from dreamtalk_core.models.lip_expert import LipExpert
from dreamtalk_core.models.motion_model import ModelConfig, MotionModel
from dreamtalk_core.models.style_encoder import StyleEncoderConfig
from dreamtalk_core.models.style_predictor import StylePredictor
from dreamtalk_core.original.checkpoint import MOTION, is_original, read_checkpoint
from dreamtalk_core.style import read_style_file


def packed(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(*shape: int, start: int = 0, end: int = 8, kind: str = "F32") -> dict[str, object]:
    return {"dtype": kind, "shape": shape, "data_offsets": [start, end]}


LIES = [
    b"",
    b"\0" * 8,
    b"\xff" * 16,
    packed({}, length=100_000_000),
    packed({}, length=2**63),
    packed(b" " * 11_000_000),
    packed(b"[" * 200_000),
    packed(b'{"a":' * 200_000),
    packed([]),
    packed(b"null"),
    packed(b"\xff\xfe"),
    packed({"code": 1}),
    packed({"code": tensor(10**12, end=4 * 10**12)}, bytes(8)),
    packed({"code": tensor(10**9, 0)}, bytes(8)),
    packed({"code": tensor(2, start=-8, end=0)}, bytes(8)),
    packed({"code": tensor(2, start=8, end=0)}, bytes(8)),
    packed({"code": tensor(2), "clip": tensor(2, start=4, end=12)}, bytes(12)),
    packed({"code": tensor(2, kind="F99")}, bytes(8)),
    packed({"code": tensor(1, kind="C64")}, bytes(8)),
    packed({"code": tensor(2)} | {"__metadata__": {"a": 1}}, bytes(8)),
    packed({"code": tensor(2)} | {"__metadata__": ["a"]}, bytes(8)),
    packed({"code": tensor(2)} | {"__metadata__": {"format": {"a": {}}}}, bytes(8)),
    packed(
        b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},'
        b'"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}',
        bytes(8),
    ),
]
READERS: list[Callable[[Path], object]] = [
    open_weights,
    MotionModel.load,
    LipExpert.load,
    StylePredictor.load,
    read_style_file,
    lambda path: read_checkpoint(path, MOTION),
]


@pytest.mark.parametrize("content", LIES, ids=lambda content: f"{content[8:48]!r} {len(content)}")
def test_headers_that_lie(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    for read in READERS:
        with pytest.raises(DreamTalkError) as raised:
            read(path)
        assert "\n" not in str(raised.value)
    assert not is_original(path)


STYLE = {
    "format": "dreamtalk-style",
    "version": "1",
    "name": "a",
    "source": "b",
    "intensity": "1.0",
    "model": "m",
}


@pytest.mark.parametrize(
    ("header", "tensors"),
    [
        ({"intensity": "1e999"}, {}),
        ({"intensity": "nan"}, {}),
        ({"intensity": "1" * 5000}, {}),
        ({"fps": "1e999999999"}, {"clip": torch.zeros(3, 55)}),
        ({"fps": "0"}, {"clip": torch.zeros(3, 55)}),
        ({"fps": "25"}, {"clip": torch.zeros(3)}),
        ({"fps": "25"}, {"clip": torch.zeros(3, 5, 2)}),
        ({"fps": "25"}, {"clip": torch.zeros(3, 54)}),
        ({"fps": "25"}, {"clip": torch.full((3, 55), 2.0)}),
        ({"fps": "25"}, {"clip": torch.full((3, 55), float("nan"))}),
        ({}, {"code": torch.zeros(2, 2)}),
        ({}, {"code": torch.zeros(0)}),
        ({}, {"code": torch.full((2,), float("inf"))}),
        ({}, {"thumbnail": torch.zeros(9)}),
        ({}, {"thumbnail": torch.zeros(9, dtype=torch.uint8)}),
    ],
)
def test_styles_that_are_none(
    tmp_path: Path, header: dict[str, str], tensors: dict[str, torch.Tensor]
) -> None:
    path = tmp_path / "a.safetensors"
    save_file({"code": torch.zeros(4)} | tensors, path, STYLE | header)
    with pytest.raises(StyleError, match="is damaged"):
        read_style_file(path)


@pytest.fixture(scope="module")
def model() -> MotionModel:
    config = ModelConfig(
        ("jawOpen",),
        DenoiserConfig(1, features=8, style=4, width=16, content_layers=1, layers=1),
        StyleEncoderConfig(1, style=4, width=16, layers=1, heads=2),
    )
    made = MotionModel(config, torch.zeros(1), torch.ones(1))
    made.styles = {"neutral": torch.zeros(4)}
    return made


def change(path: Path, value: Any, *names: str) -> None:
    tensors, header = open_weights(path)
    config = json.loads(header["config"])
    place = config
    for name in names[:-1]:
        place = place[name]
    place[names[-1]] = value
    save_file(tensors, path, header | {"config": json.dumps(config)})


@pytest.mark.parametrize(
    "value", [10**12, 60_000, -1, 0, 2.5, True, "wide", None, [16], {}, float("nan"), 10**400]
)
@pytest.mark.parametrize("names", ["denoiser layers", "denoiser width", "style_encoder heads"])
def test_sizes_that_the_weights_do_not_have(
    model: MotionModel, tmp_path: Path, names: str, value: Any
) -> None:
    path = tmp_path / "a.safetensors"
    model.save(path, {})
    change(path, value, *names.split())
    with pytest.raises(ModelError) as raised:
        MotionModel.load(path)
    assert "\n" not in str(raised.value)


def test_a_config_that_is_none(model: MotionModel, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    model.save(path, {})
    tensors, header = open_weights(path)
    for config in ("", "[]", "1", "{}", "[" * 100_000, '{"channels": 1}', '{"denoiser": []}'):
        save_file(tensors, path, header | {"config": config})
        with pytest.raises(ModelError, match="damaged"):
            MotionModel.load(path)


def test_names_of_styles_in_a_model_are_shown_harmlessly(
    model: MotionModel, tmp_path: Path
) -> None:
    path = tmp_path / "a.safetensors"
    model.save(path, {})
    tensors, header = open_weights(path)
    save_file(tensors | {"styles.a\x1b[31m": torch.zeros(4)}, path, header)
    assert all(name.isprintable() for name in MotionModel.load(path).styles)
    save_file(tensors | {"styles.short": torch.zeros(3)}, path, header)
    with pytest.raises(ModelError, match="another length"):
        MotionModel.load(path)


def test_checkpoints_that_swell(tmp_path: Path) -> None:
    """Of no size, and a billion of it."""
    path = tmp_path / "a.pth"
    hollow = torch.zeros(1).expand(100_000, 100_000)
    torch.save({"model_state_dict": {"diff_net.net.a": hollow}}, path)
    with pytest.raises(ModelError, match="no tensors of real numbers"):
        read_checkpoint(path, MOTION)
    sparse = torch.sparse_coo_tensor(torch.zeros(2, 1, dtype=torch.long), [1.0], (10**6, 10**6))
    torch.save({"model_state_dict": {"diff_net.net.a": sparse}}, path)
    with pytest.raises(ModelError, match="no tensors of real numbers"):
        read_checkpoint(path, MOTION)


@pytest.mark.slow
def test_loading_networks_takes_no_compiler() -> None:
    """PyTorch's own loads lazily: seconds, and 90 MB, for whoever touches it."""
    program = """
import sys
from dreamtalk_core.models.lip_expert import DEFAULT_EXPERT, LipExpert
from dreamtalk_core.pipeline.dreamtalk import DreamTalk
from dreamtalk_core.tracking.tracker import FaceTracker
before = set(sys.modules)
DreamTalk.load(device="cpu").predictor, FaceTracker.load(), LipExpert.load(DEFAULT_EXPERT)
late = {".".join(name.split(".")[:2]) for name in set(sys.modules) - before}
print(*sorted(late & {"torch._dynamo", "torch._inductor", "sympy"}))
"""
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr

"""Checkpoints: read without running them, checked name by name, imported without loss."""

from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from dreamtalk_core.errors import DreamTalkError, ModelError
from dreamtalk_core.original.checkpoint import (
    MOTION,
    RENDERER,
    import_checkpoint,
    is_original,
    load_motion_model,
    load_renderer,
    read_checkpoint,
)
from dreamtalk_core.original.denoiser import OriginalMotionModel


@pytest.fixture
def checkpoint(tmp_path: Path, small_tensors: dict[str, Tensor]) -> Path:
    """A motion model as the original files hold it, with what else may lie in there."""
    return save(tmp_path / "denoising_network.pth", small_tensors)


def save(path: Path, tensors: dict[str, Any]) -> Path:
    named = {f"diff_net.{name}": value for name, value in tensors.items()}
    beside = {"sync_net.weight": torch.ones(2)}
    torch.save({"epoch": 7, "model_state_dict": named | beside}, path)
    return path


def test_reads_what_was_saved(checkpoint: Path, small_tensors: dict[str, Tensor]) -> None:
    model = load_motion_model(checkpoint)
    for name, value in model.state_dict().items():
        assert torch.equal(value, small_tensors[name]), name
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.slow
def test_import_keeps_every_bit(
    checkpoint: Path, tmp_path: Path, small_model: OriginalMotionModel
) -> None:
    target = tmp_path / "out.safetensors"
    assert import_checkpoint(checkpoint, target) is MOTION
    model = load_motion_model(target)
    assert model.sizes == small_model.sizes
    for name, value in small_model.state_dict().items():
        assert torch.equal(model.state_dict()[name], value), name
    with safe_open(target, framework="pt") as file:
        header = file.metadata()
    assert header["format"] == MOTION.format
    assert "licence and rights" in header["rights"]
    assert header["source_file"] == "denoising_network.pth"
    assert len(header["source_sha256"]) == 64
    again = tmp_path / "again.safetensors"
    assert import_checkpoint(target, again) is MOTION


@pytest.mark.slow
def test_import_of_a_renderer(shared: Path, tmp_path: Path) -> None:
    tensors = load_file(shared / "parity" / "renderer_small.safetensors")
    source, target = tmp_path / "renderer.pt", tmp_path / "renderer.safetensors"
    # The public code's file holds more than the network, and loads all the same.
    torch.save({"net_G_ema": tensors | {"other.weight": torch.ones(1)}, "net_G": {}}, source)
    assert import_checkpoint(source, target) is RENDERER
    assert load_file(target).keys() == tensors.keys()
    assert load_renderer(source).sizes == load_renderer(target).sizes
    with pytest.raises(ModelError, match="is the original renderer; this needs"):
        load_motion_model(source)


def test_published_names_of_both(shared: Path) -> None:
    listed = json.loads((shared / "parity" / "checkpoint_keys.json").read_text("utf-8"))
    for kind, name in ((MOTION, "denoiser"), (RENDERER, "renderer")):
        expected = {key: tuple(shape) for key, shape in listed[name].items()}
        assert kind.shapes(expected) == expected


def test_half_precision_and_bare_tensors(
    tmp_path: Path, small_tensors: dict[str, Tensor], checkpoint: Path
) -> None:
    halves = {name: v.half() if v.is_floating_point() else v for name, v in small_tensors.items()}
    halves["var_sched.alpha_bars"] = small_tensors["var_sched.alpha_bars"]
    half = read_checkpoint(save(tmp_path / "half.pth", halves), MOTION)
    assert all(value.dtype in (torch.float32, torch.bool) for value in half.values())
    bare = tmp_path / "bare.safetensors"
    save_file(small_tensors, bare)
    assert read_checkpoint(bare, MOTION).keys() == read_checkpoint(checkpoint, MOTION).keys()


def test_every_wrong_tensor_is_listed(tmp_path: Path, small_tensors: dict[str, Tensor]) -> None:
    missing = [name for name in small_tensors if "lower_tail_fc" in name]
    for name in missing:
        del small_tensors[name]
    small_tensors["net.stranger.weight"] = torch.zeros(3)
    small_tensors["net.time_embed_net.0.bias"] = torch.zeros(5)
    with pytest.raises(ModelError) as caught:
        load_motion_model(save(tmp_path / "wrong.pth", small_tensors))
    message = str(caught.value)
    assert all(name in message for name in missing)
    assert f"missing ({len(missing)})" in message
    assert "unexpected (1): net.stranger.weight" in message
    assert "net.time_embed_net.0.bias is [5], not [16]" in message


def test_not_numbers(tmp_path: Path, small_tensors: dict[str, Tensor]) -> None:
    small_tensors["net.time_embed_net.2.weight"][3, 4] = float("nan")
    with pytest.raises(ModelError, match=r"not numbers .*net\.time_embed_net\.2\.weight"):
        load_motion_model(save(tmp_path / "nan.pth", small_tensors))


@pytest.mark.parametrize("value", ["text", torch.zeros(16, dtype=torch.complex64)])
def test_not_tensors(tmp_path: Path, small_tensors: dict[str, Any], value: Any) -> None:
    small_tensors["net.time_embed_net.0.bias"] = value
    with pytest.raises(ModelError, match=r"no tensors of real numbers: net\.time_embed_net"):
        load_motion_model(save(tmp_path / "odd.pth", small_tensors))


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.999])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_truncated(checkpoint: Path, tmp_path: Path, share: float, suffix: str) -> None:
    if suffix == ".safetensors":
        import_checkpoint(checkpoint, tmp_path / "whole.safetensors")
        checkpoint = tmp_path / "whole.safetensors"
    data = checkpoint.read_bytes()
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ModelError, match=r"cannot be read|is empty"):
        load_motion_model(cut)


class Program:
    """What a pickle of this runs when it is loaded carelessly."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_is_refused_and_not_run(
    tmp_path: Path, small_tensors: dict[str, Tensor], zipped: bool
) -> None:
    trace, evil = tmp_path / "trace", tmp_path / "evil.pth"
    content = {"model_state_dict": small_tensors, "note": Program(f"echo > {trace}")}
    torch.save(content, evil, _use_new_zipfile_serialization=zipped)
    with pytest.raises(ModelError, match=r"refused: it asks to load \w+\.system"):
        load_motion_model(evil)
    with pytest.raises(ModelError, match="refused"):
        import_checkpoint(evil, tmp_path / "out.safetensors")
    assert not trace.exists()
    assert not (tmp_path / "out.safetensors").exists()


def test_tar_archives_are_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "old.pth"
    with tarfile.open(path, "w") as archive:
        archive.add(__file__, "storages")
    with pytest.raises(ModelError, match="tar archive"):
        load_motion_model(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"state_dict": {"conv.weight": torch.zeros(2)}}, "neither of the original networks"),
        ({}, "at its top there is: nothing"),
        (torch.zeros(3), "holds a Tensor"),
        ([1, 2], "holds a list"),
        ({"model_state_dict": {"diff_net.net.foo": torch.zeros(2)}}, "no original motion model"),
        ({"net_G_ema": {"mapping_net.foo": torch.zeros(2)}}, "no renderer"),
    ],
)
def test_something_else(tmp_path: Path, content: Any, message: str) -> None:
    path = tmp_path / "other.pth"
    torch.save(content, path)
    with pytest.raises(ModelError, match=message):
        load_motion_model(path)


def test_names_of_files(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no such file|is a folder"):
        load_motion_model(tmp_path / "nothing.pth")
    with pytest.raises(ModelError, match=r"no such file|is a folder"):
        load_motion_model(tmp_path)
    with pytest.raises(ModelError, match=r"does not end in \.safetensors"):
        import_checkpoint(checkpoint, tmp_path / "out.pth")
    with pytest.raises(DreamTalkError, match="does not exist"):
        import_checkpoint(checkpoint, tmp_path / "nowhere" / "out.safetensors")


def test_originals_are_known(checkpoint: Path, tmp_path: Path, root: Path) -> None:
    imported = tmp_path / "imported.safetensors"
    import_checkpoint(checkpoint, imported)
    assert is_original(checkpoint)
    assert is_original(imported)
    assert not is_original(root / "dreamtalk_core" / "weights" / "default.safetensors")
    assert not is_original("default")
    assert not is_original(tmp_path / "nothing.safetensors")

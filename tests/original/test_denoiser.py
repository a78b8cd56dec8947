"""The original motion model, held against fixtures and against the network written down plainly."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from dreamtalk_core.errors import ModelError
from dreamtalk_core.original.denoiser import (
    LOWER,
    UPPER,
    OriginalMotionModel,
    Sampler,
    motion_model_shapes,
)

# The issue asks for 1e-4; float32 gives far better, and a slip would show above this.
CLOSE = {"rtol": 0, "atol": 2e-6}


def fuses_layers() -> bool:
    """Whether this torch puts a transformer's layer into one call of its own even here.

    Such a call is not counted, and knows nothing of half precision on a CPU (torch 2.4).
    """
    layer = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        layer(torch.zeros(1, 3, 8))
    return counter.get_total_flops() == 0


needs_open_layers = pytest.mark.skipif(fuses_layers(), reason="this torch fuses layers uncounted")


@pytest.fixture(scope="module")
def published(shared: Path) -> tuple[OriginalMotionModel, dict[str, Tensor]]:
    """The architecture of the original at reduced width, and what went in and came out."""
    folder = shared / "parity"
    model = OriginalMotionModel.build(load_file(folder / "denoiser_d32.safetensors"))
    return model, load_file(folder / "denoiser_d32_io.safetensors")


def content_of(model: OriginalMotionModel, windows: Tensor) -> Tensor:
    encoder = model.net.content_encoder
    return encoder(encoder.increase_embed_dim(windows))


def clip_of(io: dict[str, Tensor]) -> Tensor:
    return io["style_clip"][0, ~io["style_pad_mask"][0].bool()]


@torch.inference_mode()
def test_encoders_of_the_fixture(
    published: tuple[OriginalMotionModel, dict[str, Tensor]],
) -> None:
    model, io = published
    content = content_of(model, io["audio_windows"][0])
    torch.testing.assert_close(content, io["content_encoder_out"][0], **CLOSE)
    torch.testing.assert_close(model.style_code(clip_of(io)), io["style_code"][0], **CLOSE)
    torch.testing.assert_close(model.null_code, io["style_code_null"][0], **CLOSE)


@torch.inference_mode()
def test_one_step_of_the_fixture(
    published: tuple[OriginalMotionModel, dict[str, Tensor]],
) -> None:
    model, io = published
    sampler = Sampler(model, io["style_code"][0])
    clean = sampler.denoise(io["x_T"][0], 901, io["content_encoder_out"][0])
    torch.testing.assert_close(clean, io["net_out_t901"][0], **CLOSE)


@pytest.mark.slow
@torch.inference_mode()
@pytest.mark.parametrize(
    ("name", "guidance", "steps"),
    [
        ("ddim10_cfg0.0", 0.0, 10),
        ("ddim10_cfg1.0", 1.0, 10),
        ("ddim10_cfg2.0", 2.0, 10),
        ("ddim50_cfg1.0", 1.0, 50),
    ],
)
def test_sampling_of_the_fixture(
    published: tuple[OriginalMotionModel, dict[str, Tensor]],
    name: str,
    guidance: float,
    steps: int,
) -> None:
    model, io = published
    content = content_of(model, io["audio_windows"][0])
    sampler = Sampler(model, model.style_code(clip_of(io)), guidance)
    motion = sampler.sample(content, io["x_T"][0], steps)
    torch.testing.assert_close(motion, io[name][0], **CLOSE)


@pytest.mark.slow
@torch.inference_mode()
@pytest.mark.parametrize("guidance", [0.0, 0.6, 1.0, 2.0])
def test_plain_path_agrees(
    benchmark_module: ModuleType, small_model: OriginalMotionModel, guidance: float
) -> None:
    sizes, frames = small_model.sizes, 9
    rows = torch.randn(2 * (frames - 1) + sizes.window, sizes.audio)
    windows = rows.unfold(0, sizes.window, 2).transpose(1, 2)
    clip, noise = torch.randn(13, 64), torch.randn(frames, 64)
    ours = benchmark_module.sample(small_model, rows, clip, noise, guidance, 4)
    plain = benchmark_module.PlainModel(small_model).sample(windows, clip, noise, guidance, 4)
    torch.testing.assert_close(ours, plain, rtol=0, atol=1e-5)


@pytest.mark.slow
@torch.inference_mode()
def test_plain_path_agrees_at_full_size(benchmark_module: ModuleType) -> None:
    full = benchmark_module.FULL
    model = benchmark_module.random_model(full)
    rows = torch.randn(2 * 3 + full.window, full.audio)
    windows = rows.unfold(0, full.window, 2).transpose(1, 2)
    clip, noise = torch.randn(40, 64), torch.randn(4, 64)
    ours = benchmark_module.sample(model, rows, clip, noise, 2.0, 3)
    plain = benchmark_module.PlainModel(model).sample(windows, clip, noise, 2.0, 3)
    torch.testing.assert_close(ours, plain, rtol=0, atol=5e-5)


@needs_open_layers
@torch.inference_mode()
@pytest.mark.parametrize(("guidance", "saved"), [(1.0, 4.0), (2.0, 2.2)])
def test_arithmetic_is_saved(benchmark_module: ModuleType, guidance: float, saved: float) -> None:
    """What makes it fast, counted rather than timed."""
    full, frames, steps = benchmark_module.FULL, 10, 8
    model = benchmark_module.random_model(full)
    rows, noise = torch.zeros(2 * (frames - 1) + full.window, full.audio), torch.zeros(frames, 64)
    with FlopCounterMode(display=False) as ours:
        sampler = Sampler(model, torch.zeros(full.width), guidance)
        sampler.sample(model.content(rows), noise, steps)
    plain = benchmark_module.PlainModel(model)
    windows = rows.unfold(0, full.window, 2).transpose(1, 2)
    short = torch.zeros(2, 1, 64), torch.zeros(2, 1, dtype=torch.bool)  # style costs it nothing
    with FlopCounterMode(display=False) as one_step:
        plain.denoise(noise.expand(2, -1, -1), 901, windows, *short)
    ratio = steps * one_step.get_total_flops() / ours.get_total_flops()
    assert ratio > saved


@pytest.mark.slow
@torch.inference_mode()
def test_frames_do_not_know_of_each_other(small_model: OriginalMotionModel) -> None:
    """So long speech can be sampled in pieces."""
    sizes = small_model.sizes
    rows = torch.randn(2 * 9 + sizes.window, sizes.audio)
    sampler = Sampler(small_model, torch.randn(sizes.width), 1.5)
    noise = torch.randn(10, 64)
    whole = sampler.sample(small_model.content(rows), noise, 3)
    part = sampler.sample(small_model.content(rows[8 : 8 + 2 * 2 + sizes.window]), noise[4:7], 3)
    torch.testing.assert_close(part, whole[4:7], rtol=0, atol=1e-5)


@needs_open_layers
@torch.inference_mode()
def test_half_precision_is_near(small_model: OriginalMotionModel) -> None:
    sizes = small_model.sizes
    rows, noise = torch.randn(2 * 9 + sizes.window, sizes.audio), torch.randn(10, 64)
    sampler = Sampler(small_model, torch.randn(sizes.width), 2.0)
    exact = sampler.sample(small_model.content(rows), noise, 4)
    with torch.autocast("cpu", torch.bfloat16):
        rough = sampler.sample(small_model.content(rows), noise, 4)
    assert rough.dtype == torch.float32
    difference = (rough - exact).abs().max()
    assert 0 < difference < 0.1 * exact.abs().max()


@torch.inference_mode()
def test_style_of_a_long_clip_is_that_of_its_beginning(small_model: OriginalMotionModel) -> None:
    clip = torch.randn(30, 64)
    code = small_model.style_code(clip)
    assert code.shape == (small_model.sizes.width,)
    assert torch.equal(code, small_model.style_code(clip[: small_model.sizes.clip]))
    assert not torch.equal(code, small_model.style_code(clip[:19]))


def test_faces_are_whole() -> None:
    assert sorted([*LOWER, *UPPER]) == list(range(64))
    assert LOWER == (0, 1, 2, 3, 4, 5, 7, 9, 10, 11, 12, 13, 14)


def test_published_names_and_shapes(shared: Path) -> None:
    listed = json.loads((shared / "parity" / "checkpoint_keys.json").read_text("utf-8"))
    expected = {name: tuple(shape) for name, shape in listed["denoiser"].items()}
    assert motion_model_shapes(expected) == expected


def test_another_noise_schedule_is_refused(small_tensors: dict[str, Tensor]) -> None:
    small_tensors["var_sched.alpha_bars"] **= 2
    with pytest.raises(ModelError, match="noise schedule"):
        OriginalMotionModel.build(small_tensors)


def test_sizes_that_cannot_be(small_tensors: dict[str, Tensor]) -> None:
    shapes = {name: tuple(value.shape) for name, value in small_tensors.items()}
    for name in list(shapes):
        if "upper_decoder.layers.1" in name or "upper_decoder.layers.2" in name:
            del shapes[name]
    with pytest.raises(ModelError, match="1 decoder layers"):
        motion_model_shapes(shapes)
    with pytest.raises(ModelError, match="no original motion model"):
        motion_model_shapes({})

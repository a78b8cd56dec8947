"""The original renderer against tensors of its public code's architecture with random weights."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from dreamtalk_core.errors import ModelError
from dreamtalk_core.original.renderer import PIRenderer, RendererSizes, renderer_shapes, warp

pytestmark = pytest.mark.slow

TOLERANCE = 1e-4

TINY = RendererSizes(
    coefficients=9,
    descriptor=6,
    mapping_layers=3,
    hidden=5,
    warp_base=2,
    warp_limit=5,
    warp_down=4,
    warp_up=2,
    edit_base=3,
    edit_limit=7,
    edit_layers=2,
    edit_blocks=1,
)


@pytest.fixture(scope="module")
def tensors(shared: Path) -> dict[str, Tensor]:
    return load_file(shared / "parity" / "renderer_small.safetensors")


@pytest.fixture(scope="module")
def reference(shared: Path) -> dict[str, Tensor]:
    return load_file(shared / "parity" / "renderer_small_io.safetensors")


@pytest.fixture(scope="module")
def tiny() -> dict[str, Tensor]:
    """Tensors of a renderer that is cheap to run; the odd sizes are meant."""
    torch.manual_seed(3)
    names = PIRenderer(TINY).state_dict()
    return {name: torch.randn_like(value) * 0.4 for name, value in names.items()}


@pytest.fixture(scope="module")
def benchmark_file(root: Path) -> ModuleType:
    """`benchmarks/original_renderer.py`: the plain path."""
    path = root / "benchmarks" / "original_renderer.py"
    spec = importlib.util.spec_from_file_location("original_renderer", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def difference(found: Tensor, expected: Tensor) -> float:
    return float((found - expected.reshape(found.shape)).abs().max())


def test_every_stage_is_that_of_the_public_code(
    tensors: dict[str, Tensor], reference: dict[str, Tensor]
) -> None:
    renderer = PIRenderer.build(tensors)
    with torch.inference_mode():
        portrait = renderer.prepare(reference["input_image"])
        descriptors = renderer.describe(reference["driving_windows"])
        flow = renderer.flow(portrait, descriptors)
        warped = warp(portrait.image, flow)
        image = renderer.edit(portrait, warped, descriptors)
    assert difference(descriptors, reference["descriptor"]) < TOLERANCE
    assert difference(flow, reference["flow_field"]) < TOLERANCE
    assert difference(warped, reference["warp_image"]) < TOLERANCE
    assert difference(image, reference["fake_image"]) < TOLERANCE


def test_a_batch_is_its_frames(tensors: dict[str, Tensor], reference: dict[str, Tensor]) -> None:
    renderer = PIRenderer.build(tensors)
    portrait = renderer.prepare(reference["input_image"])
    images = renderer(portrait, reference["driving_windows"])
    assert images.shape == reference["fake_image"].shape
    assert difference(images, reference["fake_image"]) < TOLERANCE


def test_shapes_are_those_of_the_published_file(shared: Path) -> None:
    listed = json.loads((shared / "parity" / "checkpoint_keys.json").read_text(encoding="utf-8"))
    published = {name: tuple(shape) for name, shape in listed["renderer"].items()}
    assert renderer_shapes(published) == published


def test_other_sizes_and_shapes_agree_with_the_plain_path(
    benchmark_file: ModuleType, tiny: dict[str, Tensor]
) -> None:
    image, windows = torch.randn(1, 3, 64, 96), torch.randn(3, 9, 27)
    with torch.inference_mode():
        plain = benchmark_file.PlainRenderer({n: v.double() for n, v in tiny.items()})
        expected = plain(image.double(), windows.double())["fake_image"]
        renderer = PIRenderer.build(tiny)
        assert renderer.sizes == TINY
        one_by_one = renderer(renderer.prepare(image), windows)
        # As on a graphics card: all frames at once.
        portrait, descriptors = renderer.prepare(image), renderer.describe(windows)
        flow = renderer.flow(portrait, descriptors)
        together = renderer.edit(portrait, warp(portrait.image, flow), descriptors)
    assert difference(one_by_one.double(), expected) < 2e-3
    assert difference(together.double(), expected) < 2e-3
    assert float((expected[0] - expected[1]).abs().max()) > 0.1, "the motion must show"


def test_tensors_beside_the_network_do_not_matter(tiny: dict[str, Tensor]) -> None:
    image, windows = torch.randn(1, 3, 32, 32), torch.randn(1, 9, 27)
    pictures = []
    for tensors in (tiny, tiny | {"discriminator.weight": torch.zeros(3)}):
        renderer = PIRenderer.build(tensors)
        pictures.append(renderer(renderer.prepare(image), windows))
    assert torch.equal(*pictures)


def test_something_else_is_no_renderer() -> None:
    with pytest.raises(ModelError, match="no renderer"):
        renderer_shapes({"linear.weight": (3, 3)})


def test_the_plain_path_is_the_public_code(
    benchmark_file: ModuleType, tensors: dict[str, Tensor], reference: dict[str, Tensor]
) -> None:
    """Else the benchmark's ratio would mean nothing."""
    with torch.inference_mode():
        found = benchmark_file.PlainRenderer(tensors)(
            reference["input_image"], reference["driving_windows"]
        )
    for name, value in found.items():
        assert difference(value, reference[name]) < TOLERANCE, name


def test_norms_keep_their_digits_with_a_large_offset() -> None:
    """Sums of many pixels far from zero are where single precision is lost."""
    from dreamtalk_core.original.renderer import _centred, _LayerNorm

    torch.manual_seed(0)
    x = 20 + torch.randn(1, 8, 256, 256)
    for layout in (torch.contiguous_format, torch.channels_last):
        centred, factor = _centred(x.contiguous(memory_format=layout))
        exact = torch.nn.functional.instance_norm(x.double())
        assert difference((centred * factor).double(), exact) < 1e-5
        norm = _LayerNorm(8)
        exact = torch.nn.functional.layer_norm(x.double(), x.shape[1:])
        exact = torch.nn.functional.leaky_relu(exact, 0.1)
        with torch.inference_mode():
            found = norm(x.contiguous(memory_format=layout))
        assert difference(found.double(), exact) < 1e-5


def test_no_flow_is_almost_the_picture() -> None:
    """Almost: the identity has its corners aligned, sampling has not; the edge fades into grey."""
    ramp = torch.linspace(-1, 1, 64).expand(1, 3, 64, 64)
    still = warp(ramp, torch.zeros(1, 2, 16, 16))
    np.testing.assert_allclose(still[0, :, 8:-8, 8:-8], ramp[0, :, 8:-8, 8:-8], atol=0.05)
    right = warp(ramp, torch.ones(1, 2, 16, 16) * torch.tensor([1.0, 0.0]).view(1, 2, 1, 1))
    assert float((right - still)[0, 0, 32, 32]) > 0.08, "x moves along the ramp"
    down = warp(ramp, torch.ones(1, 2, 16, 16) * torch.tensor([0.0, 1.0]).view(1, 2, 1, 1))
    assert float((down - still)[0, 0, 32, 32].abs()) < 1e-6, "y does not"

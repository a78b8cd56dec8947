"""What the tests of the original networks share."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from torch import Tensor

from dreamtalk_core.original.denoiser import OriginalMotionModel, Sizes

SMALL = Sizes(
    width=16,
    feed_forward=24,
    content_layers=1,
    style_layers=2,
    decoder_layers=3,
    audio=12,
    window=5,
    clip=20,
)


@pytest.fixture(scope="session")
def benchmark_module(root: Path) -> ModuleType:
    """`benchmarks/original.py`: the plain path, and models with random weights."""
    spec = importlib.util.spec_from_file_location("original", root / "benchmarks" / "original.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def small_model(benchmark_module: ModuleType) -> OriginalMotionModel:
    return benchmark_module.random_model(SMALL)


@pytest.fixture
def small_tensors(small_model: OriginalMotionModel) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in small_model.state_dict().items()}

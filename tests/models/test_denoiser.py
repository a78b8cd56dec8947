"""The network sees no further than it says, which is what makes cutting a speech safe."""

from __future__ import annotations

import pytest
import torch

from dreamtalk_core.models.denoiser import Denoiser, DenoiserConfig

CONFIG = DenoiserConfig(channels=6, features=10, style=4, width=16, heads=2, span=3, layers=2)
FRAMES = 60


@pytest.fixture(scope="module")
def denoiser() -> Denoiser:
    torch.manual_seed(0)
    network = Denoiser(CONFIG).eval().requires_grad_(False)
    for parameter in network.parameters():  # the modulation starts at zero, which would hide style
        parameter += 0.1 * torch.randn_like(parameter)
    return network


def inputs() -> tuple[torch.Tensor, ...]:
    torch.manual_seed(1)
    return (
        torch.randn(1, FRAMES, CONFIG.channels),
        torch.tensor([300]),
        torch.randn(1, FRAMES, CONFIG.width),
        torch.randn(1, CONFIG.style),
    )


@pytest.mark.parametrize("argument", [0, 2])
def test_a_frame_is_felt_as_far_as_reach_says(denoiser: Denoiser, argument: int) -> None:
    before = inputs()
    after = [value.clone() for value in before]
    after[argument][0, 30] += 1
    changed = (denoiser(*before) - denoiser(*after)).abs().sum((0, 2)) > 1e-6
    assert changed.nonzero().min() == 30 - denoiser.reach
    assert changed.nonzero().max() == 30 + denoiser.reach


def test_features_are_felt_as_far_as_content_reach_says(denoiser: Denoiser) -> None:
    rows = torch.randn(1, 2 * FRAMES + 1, CONFIG.features)
    other = rows.clone()
    other[0, 2 * 30 + 1] += 1  # the row that frame 30 is centred on
    changed = (denoiser.content(rows) - denoiser.content(other)).abs().sum((0, 2)) > 1e-6
    assert changed.shape == (FRAMES,)
    assert 0 < 30 - changed.nonzero().min() <= denoiser.content_reach
    assert 0 < changed.nonzero().max() - 30 <= denoiser.content_reach


@pytest.mark.parametrize("argument", [1, 3])
def test_step_and_style_matter(denoiser: Denoiser, argument: int) -> None:
    before = inputs()
    after = [value.clone() for value in before]
    after[argument] += 1
    assert (denoiser(*before) - denoiser(*after)).abs().mean() > 1e-4


def test_a_style_per_frame_equals_one_style_held(denoiser: Denoiser) -> None:
    noised, step, content, style = inputs()
    constant = style[:, None].expand(-1, FRAMES, -1)
    torch.testing.assert_close(
        denoiser(noised, step, content, style), denoiser(noised, step, content, constant)
    )

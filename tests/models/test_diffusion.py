"""The sampler against closed forms: for Gaussian data the best denoiser is known exactly."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from dreamtalk_core.models.diffusion import (
    add_noise,
    alphas_cumprod,
    frame_noise,
    sample,
    timesteps,
)

MEAN, DEVIATION = 0.7, 0.4


def best_denoiser(noised: Tensor, step: int) -> Tensor:
    """E[clean | noised] when the clean data is N(MEAN, DEVIATION^2)."""
    alpha_prod = alphas_cumprod()[step]
    gain = alpha_prod.sqrt() * DEVIATION**2 / (alpha_prod * DEVIATION**2 + 1 - alpha_prod)
    return MEAN + gain * (noised - alpha_prod.sqrt() * MEAN)


def test_schedule_is_the_linear_one_of_the_public_configuration() -> None:
    alpha_prod = alphas_cumprod()
    betas = np.linspace(1e-4, 0.02, 1000)
    assert alpha_prod.shape == (1001,)
    assert alpha_prod[0] == 1
    np.testing.assert_allclose(alpha_prod[1:], np.cumprod(1 - betas), rtol=1e-5)


def test_timesteps() -> None:
    assert timesteps(10) == [901, 801, 701, 601, 501, 401, 301, 201, 101, 1]
    assert timesteps(1000) == list(range(1000, 0, -1))
    assert timesteps(1) == [1]


def test_noise_is_mixed_in_by_variance() -> None:
    clean, noise = torch.full((1, 2, 3), 2.0), torch.full((1, 2, 3), -1.0)
    alpha_prod = alphas_cumprod()[300]
    expected = alpha_prod.sqrt() * 2 - (1 - alpha_prod).sqrt()
    np.testing.assert_allclose(
        add_noise(clean, noise, torch.tensor([300])), expected.expand(1, 2, 3)
    )


@pytest.mark.slow
@pytest.mark.parametrize(("steps", "eta"), [(50, 0.0), (1000, 1.0)])
def test_samples_follow_the_data(steps: int, eta: float) -> None:
    drawn = sample(best_denoiser, frame_noise(20_000, 1, seed=1), steps, eta, seed=2)
    assert drawn.mean() == pytest.approx(MEAN, abs=0.02)
    assert drawn.std() == pytest.approx(DEVIATION, rel=0.06)


def test_a_certain_denoiser_is_believed() -> None:
    clean = torch.linspace(-1, 1, 12).view(4, 3)
    drawn = sample(lambda noised, step: clean, frame_noise(4, 3, seed=0), 5)
    np.testing.assert_allclose(drawn, clean, atol=1e-6)


def test_noise_of_a_frame_depends_on_the_seed_and_not_on_the_length() -> None:
    long, short = frame_noise(100, 7, seed=5), frame_noise(13, 7, seed=5)
    np.testing.assert_array_equal(long[:13], short)
    assert not torch.equal(short, frame_noise(13, 7, seed=6))

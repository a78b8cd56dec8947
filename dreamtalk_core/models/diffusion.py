"""The diffusion process: DDPM (arXiv 2006.11239) and DDIM (arXiv 2010.02502) over clean-sample
prediction."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

TRAIN_STEPS = 1000


def alphas_cumprod(device: torch.device | str = "cpu") -> Tensor:
    """Share of signal power left after each step, [1001]; entry 0 is 1, the clean motion.

    Linear betas from 1e-4 to 0.02, as in DreamTalk's public configuration.
    """
    # Made on the CPU: Apple's GPU has no float64.
    betas = torch.linspace(1e-4, 0.02, TRAIN_STEPS, dtype=torch.float64)
    return torch.cat([betas.new_ones(1), (1 - betas).cumprod(0)]).float().to(device)


def add_noise(clean: Tensor, noise: Tensor, step: Tensor) -> Tensor:
    """Motion [B, T, C] as it looks at diffusion steps [B] in 1..1000."""
    alpha_prod = alphas_cumprod(clean.device)[step].view(-1, 1, 1)
    return alpha_prod.sqrt() * clean + (1 - alpha_prod).sqrt() * noise


def timesteps(num_steps: int) -> list[int]:
    """The diffusion steps that a sampler of `num_steps` steps visits, from noise to motion."""
    return [int(t) + 1 for t in np.arange(0, TRAIN_STEPS, TRAIN_STEPS / num_steps)][::-1]


def frame_noise(frames: int, channels: int, seed: int) -> Tensor:
    """Gaussian noise [frames, channels]. Frame i has the same noise whatever `frames` is."""
    noise = np.random.default_rng(seed).standard_normal((frames, channels), np.float32)
    return torch.from_numpy(noise)


def sample(
    denoise: Callable[[Tensor, int], Tensor],
    noise: Tensor,
    num_steps: int,
    eta: float = 0.0,
    seed: int = 0,
) -> Tensor:
    """Clean motion from noise.

    denoise: (noised motion, diffusion step) -> clean motion, same shape as `noise`.
    eta: 0 is DDIM, deterministic after the first noise; 1 with 1000 steps is DDPM.
    """
    alphas = alphas_cumprod(noise.device)
    generator = torch.Generator(noise.device).manual_seed(seed)
    x = noise
    visited = timesteps(num_steps)
    for step, previous in zip(visited, [*visited[1:], 0], strict=True):
        pred_original_sample = denoise(x, step)
        alpha_prod, alpha_prod_prev = alphas[step], alphas[previous]
        variance = (1 - alpha_prod_prev) / (1 - alpha_prod) * (1 - alpha_prod / alpha_prod_prev)
        sigma = eta * variance.sqrt()
        x = ddim_step(x, pred_original_sample, alpha_prod, alpha_prod_prev, sigma)
        if eta and previous:
            x = x + sigma * torch.randn(x.shape, generator=generator, device=x.device)
    return x


def ddim_step(
    x: Tensor,
    pred_original_sample: Tensor,
    alpha_prod: Tensor,
    alpha_prod_prev: Tensor,
    sigma: Tensor | float = 0.0,
) -> Tensor:
    """Noised motion x one step nearer to the clean one (equation 12 of DDIM).

    alpha_prod, alpha_prod_prev: the shares of signal power before and after the step. sigma: how
    much fresh noise will be added.
    """
    direction = (x - alpha_prod.sqrt() * pred_original_sample) / (1 - alpha_prod).sqrt()
    rest = (1 - alpha_prod_prev - sigma**2).clamp(min=0).sqrt()
    return alpha_prod_prev.sqrt() * pred_original_sample + rest * direction

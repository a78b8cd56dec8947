"""The lip expert on speech that says what the jaw does."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dreamtalk_core.models.lip_expert import LipExpert, LipExpertConfig
from dreamtalk_core.models.style_encoder import StyleEncoderConfig
from dreamtalk_core.motion.arkit import INDEX
from dreamtalk_core.training.data import CHANNELS, Batch
from dreamtalk_core.training.expert import expert_loss, sync_loss

pytestmark = pytest.mark.slow

FRAMES, FEATURES = 40, 12


def batch(seed: int, size: int = 12) -> Batch:
    """Jaws that move at random, and features that follow them."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((size, 2 * FRAMES + 1 + 6))
    path = np.stack([np.convolve(row, np.hanning(7), "valid") for row in noise])
    features = 0.1 * rng.standard_normal((size, 2 * FRAMES + 1, FEATURES)) + path[..., None]
    target = np.zeros((size, FRAMES, len(CHANNELS)))
    target[..., INDEX["jawOpen"]] = (path[:, 1::2] / 4).clip(0, 1)
    tensors = (features, target, np.ones_like(target), target, np.zeros((size, FRAMES), bool))
    return Batch(*(torch.from_numpy(x).float() for x in tensors[:4]), torch.from_numpy(tensors[4]))


@pytest.fixture(scope="module")
def expert() -> LipExpert:
    torch.manual_seed(0)
    channels = len(CHANNELS)
    style = StyleEncoderConfig(channels, style=8, width=16, layers=1, heads=2)
    config = LipExpertConfig(channels, FEATURES, style, width=24, layers=1, dropout=0.0)
    network = LipExpert(config, torch.zeros(channels), torch.full((channels,), 0.2))
    optimizer = torch.optim.AdamW(network.parameters(), 4e-3)
    for step in range(120):
        loss, _ = expert_loss(network, batch(step), True, np.random.default_rng(step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network.eval().requires_grad_(False)


def test_it_separates_right_lips_from_wrong_ones(expert: LipExpert) -> None:
    _, right = expert_loss(expert, batch(1000), True, np.random.default_rng(0))
    assert right > 0.8


def test_as_a_loss_it_objects_to_wrong_lips(expert: LipExpert) -> None:
    fresh = batch(1001)
    known = torch.ones(len(fresh.target))
    right = sync_loss(expert, fresh, fresh.target, known, True)
    assert right < 0.5 * sync_loss(expert, fresh, fresh.target.roll(7, 1), known, True)
    assert sync_loss(expert, fresh, fresh.target, 0 * known, True) == 0


def test_its_gradient_moves_lips_towards_the_speech(expert: LipExpert) -> None:
    fresh = batch(1002)
    lips = (0.3 * fresh.target).requires_grad_()
    sync_loss(expert, fresh, lips, torch.ones(len(lips)), True).backward()
    assert lips.grad is not None
    jaw = INDEX["jawOpen"]
    way, wanted = -lips.grad[..., jaw], (fresh.target - lips.detach())[..., jaw]
    assert (way * wanted).sum() > 0


def test_probability_depends_on_near_frames_only(expert: LipExpert) -> None:
    fresh, reach = batch(1003, 1), expert.config.reach
    style = expert.style(fresh.clip)
    speech = expert.embed_speech(fresh.features, style)
    other = fresh.target.clone()
    other[0, 20, INDEX["jawOpen"]] += 0.5
    before, after = (
        expert.logits(speech, expert.embed_lips(lips, style))[0] for lips in (fresh.target, other)
    )
    changed = (before - after).abs().gt(1e-6).nonzero()[:, 0]
    assert 20 - reach <= changed.min() < 20 < changed.max() <= 20 + reach

"""Training of the lip expert: lips as they were said against lips of another moment or take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from dreamtalk_core.models.lip_expert import LipExpert, LipExpertConfig
from dreamtalk_core.models.style_encoder import StyleEncoderConfig
from dreamtalk_core.training.config import hearing
from dreamtalk_core.training.data import CHANNELS, Batch, Source, draw_batch
from dreamtalk_core.training.synthetic_styles import LIPS

SHIFTS = (3, 15)
"""Frames by which lips are shifted against their speech to be wrong; fewer would be debatable."""


def train_expert(
    config: Mapping[str, Any],
    sources: Sequence[Source],
    shares: Sequence[float],
    path: Path,
    about: Mapping[str, str],
    device: torch.device,
) -> LipExpert:
    """Train a lip expert, write it to `path` and return it frozen.

    config: see `expert` in default.json. A source that does not know all of the lips would teach
    the expert what is missing rather than what is wrong, and is left out.
    """
    settings = config["expert"]
    torch.manual_seed(config["seed"])
    lips = [CHANNELS.index(name) for name in LIPS]
    seen = [i for i, source in enumerate(sources) if source[0].observed[lips].all()]
    sources = [sources[i] for i in seen]
    shares = [shares[i] / sum(shares[k] for k in seen) for i in seen]
    rng = np.random.default_rng(config["seed"])
    first = draw_batch(sources, shares, 400, config["frames"], rng).target
    scale = first.std((0, 1)).clamp(min=0.02)
    sizes = StyleEncoderConfig(len(CHANNELS), **settings["style_encoder"])
    expert = LipExpert(
        LipExpertConfig(
            len(CHANNELS), style_encoder=sizes, **hearing(config), **settings["network"]
        ),
        first.mean((0, 1)),
        scale,
    ).to(device)
    optimizer = torch.optim.AdamW(expert.parameters(), settings["learning_rate"], weight_decay=0.05)
    bar = tqdm(range(settings["steps"]), desc="lip expert")
    for step in bar:
        for group in optimizer.param_groups:  # warm-up, then down to nothing
            rise = min(1.0, (step + 1) / 50)
            group["lr"] = settings["learning_rate"] * rise * (1 - step / settings["steps"])
        rng = np.random.default_rng([config["seed"], 1, step])
        torch.manual_seed(int(rng.integers(2**62)))
        batch = draw_batch(sources, shares, config["batch"], config["frames"], rng).to(device)
        loss, right = expert_loss(expert, batch, settings["style_aware"], rng)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(expert.parameters(), 1.0)
        optimizer.step()
        if step % 20 == 0:
            bar.set_postfix(loss=f"{loss.item():.3f}", right=f"{right.item():.3f}")
    expert.save(path, about)
    return LipExpert.load(path, device)


def expert_loss(
    expert: LipExpert, batch: Batch, style_aware: bool, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Binary cross-entropy over right and wrong pairs, and the share it tells apart."""
    style = expert.style(batch.clip, batch.padding) * float(style_aware)
    speech = expert.embed_speech(batch.features, style)
    lips = expert.embed_lips(batch.target, style)
    shift = int(rng.integers(*SHIFTS)) * int(rng.choice([-1, 1]))
    right = expert.logits(speech, lips)
    # Half of the wrong pairs are the same take at another moment, half another take.
    moved = expert.logits(speech, lips.roll(shift, 1))
    moved = moved[:, shift:] if shift > 0 else moved[:, :shift]
    other = expert.logits(speech, lips.roll(1, 0))
    wrong = torch.cat([moved, other], 1)
    loss = F.softplus(-right).mean() + F.softplus(wrong).mean()
    return loss, ((right > 0).float().mean() + (wrong < 0).float().mean()) / 2


def sync_loss(
    expert: LipExpert, batch: Batch, predicted: Tensor, known: Tensor, style_aware: bool
) -> Tensor:
    """-log P(sync) of predicted motion [B, T, C], channel values, over the clips that are known.

    known: [B] 1 where the take's lips are known.
    """
    style = expert.style(batch.clip, batch.padding) * float(style_aware)
    speech = expert.embed_speech(batch.features, style)
    unsure = F.softplus(-expert.logits(speech, expert.embed_lips(predicted, style))).mean(1)
    return (known * unsure).sum() / known.sum().clamp(min=1.0)

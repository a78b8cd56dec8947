"""The style encoder: a clip of facial motion in, one style code out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class StyleEncoderConfig:
    """Sizes of a style encoder; stored in the header of its weights."""

    channels: int
    style: int = 64
    width: int = 96
    layers: int = 2
    heads: int = 4
    dropout: float = 0.1


class StyleEncoder(nn.Module):
    """Transformer encoder with self-attention pooling (DreamTalk, section 3.2).

    Beside what attention picks, the code sees the mean and the deviation of every channel over
    the clip (statistics pooling, Snyder et al. 2018, "X-vectors"): the face that somebody holds
    while speaking is the better part of a style, and a mean keeps it exactly.
    """

    def __init__(self, config: StyleEncoderConfig) -> None:
        super().__init__()
        width = config.width
        self.input = nn.Linear(config.channels, width)
        layer = nn.TransformerEncoderLayer(
            width, config.heads, 4 * width, config.dropout, batch_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, config.layers, enable_nested_tensor=False)
        self.pooling = nn.Sequential(nn.Linear(width, width), nn.Mish(), nn.Linear(width, 1))
        self.output = nn.Linear(width + 2 * config.channels, config.style)

    def forward(self, motion: Tensor, padding: Tensor | None = None) -> Tensor:
        """Style codes [B, style].

        motion: [B, T, C] normalised motion; padding: [B, T] bool, True on frames to ignore.
        """
        x = self.input(motion)
        x = x + positions(motion.shape[1], x.shape[-1], x.device)
        x = self.encoder(x, src_key_padding_mask=padding)
        score = self.pooling(x)
        if padding is not None:
            score = score.masked_fill(padding[..., None], -math.inf)
        picked = (score.softmax(1) * x).sum(1)
        share = _frame_share(motion, padding)
        mean = (share * motion).sum(1)
        deviation = (share * (motion - mean[:, None]) ** 2).sum(1).add(1e-4).sqrt()
        return self.output(torch.cat([picked, mean, deviation], -1))


def _frame_share(motion: Tensor, padding: Tensor | None) -> Tensor:
    """[B, T, 1] share of each frame in a mean over the frames that are not padding."""
    if padding is None:
        return motion.new_full((*motion.shape[:2], 1), 1 / motion.shape[1])
    valid = (~padding[..., None]).to(motion.dtype)
    return valid / valid.sum(1, keepdim=True)


def positions(length: int, width: int, device: torch.device) -> Tensor:
    """Sinusoidal positions [length, width]."""
    rates = torch.exp(-math.log(10_000) * torch.arange(0, width, 2, device=device) / width)
    angles = torch.arange(length, device=device)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], -1).reshape(length, width)

"""The denoiser: phonetic features, noised motion and a style code in, clean motion out.

DreamTalk (arXiv 2312.09767, section 3.2) runs one transformer per frame over a window of eleven
feature rows. Neighbouring windows share ten of them, so this network runs once over the sequence
and lets every frame attend to its neighbours only: the same window conditioning, computed once.
Two consequences that the sampler relies on: content does not depend on the diffusion step, and the
receptive field is finite (`Denoiser.reach`), so a long speech can be cut anywhere without seams.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dreamtalk_core.models.attention import local_attention
from dreamtalk_core.speech.phonetics import heard_columns


@dataclass(frozen=True)
class DenoiserConfig:
    """Sizes of a denoiser; stored in the header of its weights."""

    channels: int
    """Motion channels."""
    features: int
    """Width of what is heard of the phonetic features."""
    style: int = 64
    """Width of the style code."""
    width: int = 128
    content_layers: int = 4
    layers: int = 3
    heads: int = 4
    span: int = 8
    """Frames that attention reaches to each side."""
    dropout: float = 0.1
    blocks: tuple[int, ...] = ()
    """See `Hearing`."""


class Hearing(nn.Module):
    """Of feature rows, what a network hears: some blocks of the phonetic encoder, and the phones.

    A middle block still knows how each sound is being made, by whom and how loudly, which the last
    one has turned into the phone's identity. None named: rows are heard as they come.
    """

    columns: Tensor

    def __init__(self, blocks: Sequence[int], width: int) -> None:
        """width: of what is heard. Raises ValueError if these blocks have another."""
        super().__init__()
        columns = heard_columns(blocks) if blocks else np.arange(width)
        if len(columns) != width:
            raise ValueError(f"blocks {blocks} are {len(columns)} features, not {width}")
        self.some = bool(blocks)
        self.register_buffer("columns", torch.from_numpy(columns), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """[..., width] of rows [..., F]."""
        return features[..., self.columns] if self.some else features


class ConvolutionBlock(nn.Module):
    """Residual depthwise convolution over time and a gated feed-forward."""

    def __init__(self, width: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.empty(kernel, width))
        nn.init.normal_(self.kernel, std=1 / math.sqrt(kernel))
        self.norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, 4 * width)
        self.project = nn.Linear(2 * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        # A sum of shifts: on CPUs several times faster than a depthwise Conv1d.
        half = len(self.kernel) // 2
        padded = F.pad(x, (0, 0, half, half))
        y = sum(padded[:, k : k + x.shape[1]] * tap for k, tap in enumerate(self.kernel))
        return x + self.dropout(self.project(F.glu(self.expand(self.norm(y)))))


class ContentEncoder(nn.Module):
    """Phonetic features at 50 frames/s -> content at 25 frames/s, centred on the motion frames."""

    KERNEL = 5
    MARGIN = 1
    """Feature rows that the halving convolution needs before the first and after the last row."""

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.hearing = Hearing(config.blocks, config.features)
        self.dropout = nn.Dropout(config.dropout)
        self.halve = nn.Conv1d(config.features, config.width, 5, stride=2, padding=self.MARGIN)
        self.blocks = nn.Sequential(
            *(
                ConvolutionBlock(config.width, self.KERNEL, config.dropout)
                for _ in range(config.content_layers)
            )
        )

    def forward(self, features: Tensor) -> Tensor:
        """features: [B, 2T + 1, F], row k centred on k / 50 s. Returns content [B, T, width]."""
        # Motion frame i is centred on (i + 0.5) / 25 s: on feature row 2i + 1.
        x = self.halve(self.dropout(self.hearing(features)).transpose(1, 2))
        return self.blocks(x.transpose(1, 2))


class LocalBlock(nn.Module):
    """Transformer block with attention to near frames, modulated by step and style (AdaLN)."""

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        width = config.width
        self.heads, self.span = config.heads, config.span
        self.modulation = nn.Linear(width, 6 * width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)
        self.norm1 = nn.LayerNorm(width, elementwise_affine=False)
        self.qkv = nn.Linear(width, 3 * width)
        self.distance = nn.Parameter(torch.zeros(config.heads, 2 * config.span + 1))
        self.output = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width, elementwise_affine=False)
        self.feed_forward = nn.Sequential(
            nn.Linear(width, 3 * width), nn.GELU(), nn.Linear(3 * width, width)
        )

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """x: [B, T, width]; condition: [B, 1 or T, width]."""
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulation(condition).chunk(6, -1)
        y = self.norm1(x) * (1 + scale1) + shift1
        x = x + (1 + gate1) * self.output(self.attend(self.qkv(y)))
        y = self.norm2(x) * (1 + scale2) + shift2
        return x + (1 + gate2) * self.feed_forward(y)

    def attend(self, qkv: Tensor) -> Tensor:
        batch, length, _ = qkv.shape
        q, k, v = qkv.view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = local_attention(q, k, v, self.span, self.distance)
        return y.transpose(1, 2).reshape(batch, length, -1)


class Denoiser(nn.Module):
    """Predicts the clean motion from noised motion, content, step and style (x0 prediction)."""

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.content = ContentEncoder(config)
        self.motion = nn.Linear(config.channels, width)
        self.mix = nn.Linear(2 * width, width)
        self.step = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.style = nn.Linear(config.style, width)
        self.blocks = nn.ModuleList(LocalBlock(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(width)
        self.output = nn.Linear(width, config.channels)
        self.held = nn.Linear(config.style, config.channels, bias=False)
        """The face that a style holds whatever is said."""

    @property
    def reach(self) -> int:
        """Frames to each side that can influence a frame within one call of `forward`."""
        return self.config.layers * self.config.span

    @property
    def content_reach(self) -> int:
        """Frames to each side whose features can influence a content frame."""
        return 1 + (ContentEncoder.KERNEL // 2) * self.config.content_layers

    def forward(self, noised: Tensor, step: Tensor, content: Tensor, style: Tensor) -> Tensor:
        """Clean motion [B, T, C].

        noised: [B, T, C]; step: [B] in 1..1000; content: [B, T, width] from `self.content`;
        style: [B, style], or [B, T, style] for a style that changes over time.
        """
        style = style if style.dim() == 3 else style[:, None]
        condition = F.silu(
            self.step(step_embedding(step, self.config.width))[:, None] + self.style(style)
        )
        x = self.mix(torch.cat([content, self.motion(noised)], -1))
        for block in self.blocks:
            x = block(x, condition)
        return self.output(self.norm(x)) + self.held(style)


def step_embedding(step: Tensor, width: int) -> Tensor:
    """Sinusoidal embedding [B, width] of diffusion steps [B]."""
    rates = torch.exp(
        -math.log(10_000) * torch.arange(width // 2, device=step.device) / (width // 2)
    )
    angles = step[:, None].float() * rates
    return torch.cat([angles.cos(), angles.sin()], -1)

"""The lip expert: do these lips belong to this speech, in this style?

DreamTalk (arXiv 2312.09767, section 3.3): speech and lip shapes are embedded window by window, each
with the style, and their cosine gives the probability that they belong together. A lip expert that
knows no style takes a grin for bad sync and wipes it off. Trained first, then frozen, it is a loss
of the denoiser (`training/train.py`) and a measure of sync (`LipExpert.sync`).

Here the windows are the receptive field of convolutions, which run once over a whole clip.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dreamtalk_core.models.checkpoint import LAST_BLOCK, Checkpoint, fill
from dreamtalk_core.models.denoiser import ConvolutionBlock, Hearing
from dreamtalk_core.models.devices import inference
from dreamtalk_core.models.style_encoder import StyleEncoder, StyleEncoderConfig
from dreamtalk_core.rig.head import load_head
from dreamtalk_core.weights import WEIGHTS

DEFAULT_EXPERT = WEIGHTS / "lip_expert.safetensors"


@dataclass(frozen=True)
class LipExpertConfig:
    """Sizes of a lip expert; stored in the header of its weights."""

    channels: int
    """Motion channels; the first 52 are the ARKit shapes."""
    features: int
    """Width of what is heard of the phonetic features."""
    style_encoder: StyleEncoderConfig
    width: int = 96
    layers: int = 3
    kernel: int = 5
    dropout: float = 0.1
    blocks: tuple[int, ...] = ()
    """See `Hearing`."""

    @property
    def reach(self) -> int:
        """Frames to each side that the probability of a frame depends on."""
        return self.layers * (self.kernel // 2) + 1


@dataclass(frozen=True)
class Sync:
    """How speech and lips of a clip belong together."""

    offset: int
    """Frames by which the lips are late; negative: early."""
    confidence: float
    """How much the best offset stands out: its mean logit less the median over all offsets."""
    probability: float
    """Mean probability that speech and lips belong together as they are, 0..1."""


class LipExpert(Checkpoint):
    """Two branches, speech and lips, compared by a cosine."""

    FORMAT = "dreamtalk-lip-expert"
    KIND = "lip expert"

    lips: Tensor
    mean: Tensor
    scale: Tensor

    def __init__(self, config: LipExpertConfig, mean: Tensor, scale: Tensor) -> None:
        """mean, scale: [channels] of the motion that the style encoder is given."""
        super().__init__()
        self.config = config
        width = config.width
        # Kept with the weights: a head that is made anew later has other lips.
        self.register_buffer("lips", lip_vertices())
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)
        self.style_encoder = StyleEncoder(config.style_encoder)
        code = config.style_encoder.style
        self.hearing = Hearing(config.blocks, config.features)
        self.hear = nn.Conv1d(config.features, width, 5, stride=2, padding=1)
        self.see = nn.Sequential(
            nn.Linear(self.lips.shape[1], width), nn.GELU(), nn.Linear(width, width)
        )
        self.speech_style, self.lip_style = (nn.Linear(code, width) for _ in range(2))
        self.speech_branch, self.lip_branch = (self._branch() for _ in range(2))
        self.steepness = nn.Parameter(torch.tensor([5.0, 0.0]))

    def _branch(self) -> nn.Sequential:
        width, dropout = self.config.width, self.config.dropout
        blocks = (
            ConvolutionBlock(width, self.config.kernel, dropout) for _ in range(self.config.layers)
        )
        return nn.Sequential(*blocks, nn.LayerNorm(width), nn.Linear(width, width))

    def style(self, clip: Tensor, padding: Tensor | None = None) -> Tensor:
        """Style codes [B, D] of style clips [B, S, channels] (channel values)."""
        return self.style_encoder((clip - self.mean) / self.scale, padding)

    def embed_speech(self, features: Tensor, style: Tensor) -> Tensor:
        """Unit vectors [B, T, width] of feature rows [B, 2T + 1, F] and styles [B, D]."""
        x = self.hear(self.hearing(features).transpose(1, 2)).transpose(1, 2)
        x = x + self.speech_style(style)[:, None]
        return F.normalize(self.speech_branch(x), dim=-1)

    def embed_lips(self, motion: Tensor, style: Tensor) -> Tensor:
        """Unit vectors [B, T, width] of motion [B, T, channels] and styles [B, D]."""
        x = self.see(motion[..., : len(self.lips)] @ self.lips) + self.lip_style(style)[:, None]
        return F.normalize(self.lip_branch(x), dim=-1)

    def logits(self, speech: Tensor, lips: Tensor) -> Tensor:
        """Logits [B, T] of the probability of sync, from embeddings [B, T, width]."""
        return self.steepness[0] * (speech * lips).sum(-1) + self.steepness[1]

    @inference()
    def sync(self, features: Tensor, motion: Tensor, reach: int = 15) -> Sync:
        """By how much the lips of a clip are late, and how sure that is.

        features: rows [2T + 1 or so, F] from the phonetic encoder; motion: [T, channels] at 25
        fps, at least 1 s of it, which serves as the style clip, too. reach: frames of offset tried.
        """
        frames = min(len(motion), (len(features) - 1) // 2)
        rows, motion = features[None, : 2 * frames + 1].float(), motion[None, :frames].float()
        style = self.style(motion)
        speech, lips = self.embed_speech(rows, style)[0], self.embed_lips(motion, style)[0]
        reach = min(reach, frames - 5)
        means = torch.stack(
            [
                self.logits(
                    speech[max(0, -k) : frames - max(0, k)], lips[max(0, k) : frames + min(0, k)]
                ).mean()
                for k in range(-reach, reach + 1)
            ]
        )
        here = self.logits(speech, lips).sigmoid().mean()
        confidence = means.max() - means.median()
        return Sync(int(means.argmax()) - reach, float(confidence), float(here))

    @classmethod
    def build(cls, sizes: Mapping[str, Any], tensors: dict[str, Tensor]) -> LipExpert:
        """See `Checkpoint`."""
        style_encoder = StyleEncoderConfig(**sizes["style_encoder"])
        config = LipExpertConfig(**{**LAST_BLOCK, **sizes, "style_encoder": style_encoder})
        mean, scale = tensors["mean"].float(), tensors["scale"].float()
        return fill(lambda: LipExpert(config, mean, scale), {"lips": lip_vertices(), **tensors})


def lip_vertices() -> Tensor:
    """[52, 3 L]: how far each shape moves the lip vertices of the built-in head, in cm."""
    head = load_head()
    points = np.concatenate([np.unique(head.lip_columns), head.lip_corners])
    return torch.from_numpy(head.deltas[:, points].reshape(len(head.deltas), -1) / 10)

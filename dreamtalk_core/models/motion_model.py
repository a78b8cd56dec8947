"""The motion model: denoiser, style encoder, motion space and named styles in one weights file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dreamtalk_core.errors import shown
from dreamtalk_core.models.checkpoint import LAST_BLOCK, Checkpoint, fill
from dreamtalk_core.models.denoiser import Denoiser, DenoiserConfig
from dreamtalk_core.models.style_encoder import StyleEncoder, StyleEncoderConfig
from dreamtalk_core.motion import MODEL_FPS

HEAD = ("headPitch", "headYaw", "headRoll")
"""Channels that stand for head rotation, in degrees."""


@dataclass(frozen=True)
class ModelConfig:
    """Everything needed to build the networks; stored in the header of the weights."""

    channels: tuple[str, ...]
    """Names of the motion channels: blend shapes, then HEAD."""
    denoiser: DenoiserConfig
    style_encoder: StyleEncoderConfig
    fps: int = MODEL_FPS


class MotionModel(Checkpoint):
    """Networks and motion space. Inside, motion is normalised: (value - mean) / scale."""

    FORMAT = "dreamtalk-motion-model"
    KIND = "motion model"

    mean: Tensor
    scale: Tensor

    def __init__(self, config: ModelConfig, mean: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.config = config
        self.denoiser = Denoiser(config.denoiser)
        self.style_encoder = StyleEncoder(config.style_encoder)
        self.styles: dict[str, Tensor] = {}
        """Named style codes [style]; no part of the network, they stay where they are."""
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)

    def normalise(self, motion: Tensor) -> Tensor:
        """Channel values [..., C] -> normalised motion."""
        return (motion - self.mean) / self.scale

    def restore(self, motion: Tensor) -> Tensor:
        """Normalised motion [..., C] -> channel values; blend shapes are cut to 0..1."""
        values = motion * self.scale + self.mean
        shapes = len(self.config.channels) - len(HEAD)
        return torch.cat([values[..., :shapes].clamp(0, 1), values[..., shapes:]], -1)

    @classmethod
    def build(cls, sizes: Mapping[str, Any], tensors: dict[str, Tensor]) -> MotionModel:
        """See `Checkpoint`; `styles.NAME` among the tensors are the named styles."""
        config = ModelConfig(
            tuple(sizes["channels"]),
            DenoiserConfig(**LAST_BLOCK | sizes["denoiser"]),
            StyleEncoderConfig(**sizes["style_encoder"]),
            sizes["fps"],
        )
        styles = {
            shown(name.removeprefix("styles."), 80): tensors.pop(name).float()
            for name in list(tensors)
            if name.startswith("styles.")
        }
        if any(code.shape != (config.style_encoder.style,) for code in styles.values()):
            raise ValueError("a style of another length")
        mean, scale = tensors["mean"].float(), tensors["scale"].float()
        model = fill(lambda: MotionModel(config, mean, scale), tensors)
        model.styles = styles
        return model

    def tensors(self) -> dict[str, Tensor]:
        """All that is saved, the named styles too."""
        return self.state_dict() | {f"styles.{name}": code for name, code in self.styles.items()}

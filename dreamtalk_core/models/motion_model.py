"""The motion model: denoiser, style encoder, motion space and named styles in one weights file."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from dreamtalk_core.errors import ModelError, shown
from dreamtalk_core.models.denoiser import Denoiser, DenoiserConfig
from dreamtalk_core.models.style_encoder import StyleEncoder, StyleEncoderConfig
from dreamtalk_core.weights import fill, open_weights, parse_config, save_weights

FORMAT = "dreamtalk-motion-model"
VERSION = 1
HEAD = ("headPitch", "headYaw", "headRoll")
"""Channels that stand for head rotation, in degrees."""


@dataclass(frozen=True)
class ModelConfig:
    """Everything needed to build the networks; stored in the header of the weights."""

    channels: tuple[str, ...]
    """Names of the motion channels: blend shapes, then HEAD."""
    denoiser: DenoiserConfig
    style_encoder: StyleEncoderConfig
    fps: int = 25


class MotionModel(nn.Module):
    """Networks and motion space. Inside, motion is normalised: (value - mean) / scale."""

    mean: Tensor
    scale: Tensor

    def __init__(self, config: ModelConfig, mean: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.config = config
        self.denoiser = Denoiser(config.denoiser)
        self.style_encoder = StyleEncoder(config.style_encoder)
        self.styles: dict[str, Tensor] = {}
        """Named style codes [style]."""
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

    def save(self, path: Path, about: dict[str, str]) -> None:
        """Write weights in float16; `about`: training data, licence and the like for the header."""
        styles = {f"styles.{name}": code for name, code in self.styles.items()}
        tensors = self.state_dict() | styles
        save_weights(path, tensors, (FORMAT, VERSION), asdict(self.config), about)

    @staticmethod
    def load(path: Path, device: torch.device | str = "cpu") -> MotionModel:
        """Read a weights file, ready for inference.

        Raises ModelError when the file is not a motion model of this version, or holds NaN.
        """
        tensors, header = open_weights(path)
        if header.get("format") != FORMAT or header.get("version") != str(VERSION):
            raise ModelError(
                f"{path} is not a DreamTalk motion model of version {VERSION}. Name a file that "
                "`dreamtalk train` made with this release."
            )
        try:
            sizes = parse_config(header)
            config = ModelConfig(
                tuple(sizes["channels"]),
                DenoiserConfig(**sizes["denoiser"]),
                StyleEncoderConfig(**sizes["style_encoder"]),
                sizes["fps"],
            )
            styles = {
                shown(name.removeprefix("styles."), 80): tensors.pop(name).float().to(device)
                for name in list(tensors)
                if name.startswith("styles.")
            }
            mean, scale = tensors["mean"].float(), tensors["scale"].float()
            model = fill(lambda: MotionModel(config, mean, scale), tensors)
            if any(code.shape != (config.style_encoder.style,) for code in styles.values()):
                raise ValueError("a style of another length")
        except (ArithmeticError, LookupError, TypeError, ValueError, RuntimeError) as error:
            raise ModelError(f"{path} is damaged or from another release: {error}") from error
        except ModelError as error:
            raise ModelError(f"{path} is damaged: {error}") from error
        if not all(np.isfinite(value.float().sum().item()) for value in tensors.values()):
            raise ModelError(f"{path} holds values that are not numbers. Fetch the file again.")
        model.styles = styles
        return model.requires_grad_(False).eval().to(device)

"""Styles: how somebody speaks, as a code that the denoiser understands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from dreamtalk_core.errors import StyleError
from dreamtalk_core.models.motion_model import MotionModel
from dreamtalk_core.motion import Motion

MIN_SECONDS = 1.0
MAX_FRAMES = 256
"""Longer clips are read in pieces of this many frames whose codes are averaged."""


@dataclass(frozen=True, eq=False)
class Style:
    """A speaking style.

    code: float32 [D], read-only. name: what it is called. source: where it came from.
    """

    code: npt.NDArray[np.float32]
    name: str
    source: str

    def __post_init__(self) -> None:
        code = np.array(self.code, np.float32)
        code.flags.writeable = False
        object.__setattr__(self, "code", code)


def named_style(model: MotionModel, name: str) -> Style:
    """A style that ships with the model. Raises StyleError, listing the names, if there is none."""
    if name not in model.styles:
        raise StyleError(
            f"There is no style '{name}'. This model has: {', '.join(sorted(model.styles))}."
        )
    return Style(model.styles[name].cpu().numpy(), name, "shipped with the model")


def extract_style(model: MotionModel, motion: Motion, name: str, source: str) -> Style:
    """The style of a clip of facial motion, at least one second long.

    Raises StyleError for a shorter clip.
    """
    if motion.duration < MIN_SECONDS:
        raise StyleError(
            f"{source} lasts {float(motion.duration):.2f} s; a style needs at least "
            f"{MIN_SECONDS:g} s."
        )
    clip = motion.to_arkit().resample(model.config.fps)
    head = clip.head_rotation - clip.head_rotation.mean(0)
    values = torch.from_numpy(np.concatenate([clip.weights, head], 1)).to(model.mean.device)
    with torch.inference_mode():
        codes = [
            model.style_encoder(model.normalise(piece)[None])[0]
            for piece in values.split(MAX_FRAMES)
            if len(piece) >= model.config.fps
        ]
        return Style(torch.stack(codes).mean(0).cpu().numpy(), name, source)

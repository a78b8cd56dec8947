"""My actor: a model that is there already is taught how one person speaks, from minutes of takes.

Two minutes say how this mouth moves, and little about hearing. So the style encoder stays as it is,
with which kept styles and the style predictor still fit, and every other weight is held near where
it began (L2-SP: X. Li et al., "Explicit inductive bias for transfer learning with convolutional
networks", 2018): `weight_decay` draws there rather than to 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dreamtalk_core.errors import ModelError
from dreamtalk_core.files import atomic_write
from dreamtalk_core.models.lip_expert import DEFAULT_EXPERT
from dreamtalk_core.models.motion_model import MotionModel
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.pipeline.dreamtalk import MODELS, PREDICTOR
from dreamtalk_core.training.data import CHANNELS, Recording, Source, Variant
from dreamtalk_core.training.synthetic_styles import SHAPE_DEVIATION

HELD = [
    index
    for index, name in enumerate(ARKIT_NAMES)
    if name.startswith(tuple(SHAPE_DEVIATION)) and not name.startswith("eyeBlink")
]
"""Shapes that somebody may hold while speaking."""


def start_path(config: Mapping[str, Any]) -> Path:
    """The weights that a run starts from."""
    return MODELS.get(config["from"], Path(config["from"]))


def load_start(config: Mapping[str, Any]) -> MotionModel:
    """The model that a run starts from, ready to learn all but styles. Raises ModelError."""
    path = start_path(config)
    model = MotionModel.load(path)
    if model.config.channels != CHANNELS:
        raise ModelError(
            f"{path} moves other channels than this release trains. Train it anew, or start from "
            '"default".'
        )
    model.train().requires_grad_(True)
    model.style_encoder.eval().requires_grad_(False)
    return model


def start_expert(config: Mapping[str, Any]) -> Path:
    """The lip expert that guides it: the one beside the weights, or else the shipped one."""
    beside = start_path(config).with_name(DEFAULT_EXPERT.name)
    return beside if beside.is_file() else DEFAULT_EXPERT


def copy_predictor(config: Mapping[str, Any], output: Path) -> None:
    """Put the style predictor beside the new weights: their styles are those of the old."""
    predictor = start_path(config).with_name(PREDICTOR)
    if predictor.is_file():
        with atomic_write(output / PREDICTOR) as temporary:
            temporary.write_bytes(predictor.read_bytes())


def at_rest(source: Sequence[Recording]) -> Source:
    """Recordings of a speaker without the face that they hold while speaking: neutral ones, for the
    named styles to be put on."""
    together = np.concatenate([one.variants[0].values for one in source])
    held = np.zeros(together.shape[1], np.float32)
    held[HELD] = np.median(together[:, HELD], axis=0)
    shapes = len(ARKIT_NAMES)
    plain = []
    for one in source:
        values = one.variants[0].values - held
        values[:, :shapes] = values[:, :shapes].clip(0, 1)
        plain.append(replace(one, variants=(Variant(one.variants[0].features, values),)))
    return plain


class Anchor:
    """Where the weights of a model began, and what draws them back."""

    def __init__(self, model: MotionModel) -> None:
        self.values = [value for value in model.parameters() if value.requires_grad]
        self.start = [value.detach().clone() for value in self.values]

    @torch.no_grad()
    def draw(self, share: float) -> None:
        """Bring every weight by a share of its way back."""
        for value, start in zip(self.values, self.start, strict=True):
            value.lerp_(start, share)

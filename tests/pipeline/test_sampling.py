"""What the model is given to draw from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from dreamtalk_core.models.motion_model import MotionModel
from dreamtalk_core.pipeline import sampling
from dreamtalk_core.style import Style
from dreamtalk_core.weights import WEIGHTS


@pytest.mark.parametrize(("guidance_scale", "count"), [(1.0, 1), (0.5, 2)])
def test_codes_are_where_the_model_is(
    monkeypatch: pytest.MonkeyPatch, guidance_scale: float, count: int
) -> None:
    """`meta` is a device that every machine has. Guided, there is the neutral style, too."""
    given = []

    def denoise(
        model: MotionModel,
        content: Iterator[Tensor],
        frames: int,
        codes: Callable[[slice], Tensor],
        *more: Any,
    ) -> Iterator[Tensor]:
        given.append(codes(slice(0, frames)))
        raise StopIteration  # nothing can be calculated there

    monkeypatch.setattr(sampling, "denoise", denoise)
    model = MotionModel.load(WEIGHTS / "default.safetensors", "meta")
    assert {value.device.type for value in model.state_dict().values()} == {"meta"}
    style = Style(model.styles["happy"].numpy(), "happy", "the model")
    nothing: Iterator[Tensor] = iter(())
    with pytest.raises(StopIteration):
        sampling.sample_frames(model, nothing, 5, style, guidance_scale, nothing, 4, lambda _: None)
    (codes,) = given
    assert codes.device == torch.device("meta")
    assert codes.shape == (count, 1, len(style.code))

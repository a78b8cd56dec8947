"""Predict Style: the manner of speaking that is heard in a voice."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from comfy_api.latest import io

from . import host
from .conversions import Audio
from .model import analysed, model_input, talk_of
from .portrait import find_portrait
from .schema import SEED, found_by
from .style import CATEGORY
from .values import SpeechType, SpeechValue, StyleType

if TYPE_CHECKING:
    from .model import LoadedModel


class PredictStyle(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DreamTalkPredictStyle",
            display_name="Predict Style",
            category=CATEGORY,
            description="Hears in a voice how the face would look. Sample Motion does the same "
            "when no style is connected.",
            inputs=[
                io.MultiType.Input(
                    "speech", types=[SpeechType, io.Audio], tooltip="The voice to hear it in."
                ),
                io.Float.Input(
                    "intensity",
                    default=1.0,
                    min=0.0,
                    max=3.0,
                    step=0.05,
                    tooltip="How strongly it shows: 1 as strongly as the voice is sure.",
                ),
                io.Int.Input(
                    "seed",
                    **SEED,
                    tooltip="Another seed shows the same emotion in another way.",
                ),
                io.Image.Input(
                    "portrait",
                    optional=True,
                    tooltip="The speaker's resting face, if there is a picture of it.",
                ),
                model_input(),
            ],
            hidden=[io.Hidden.unique_id],
            outputs=[
                StyleType.Output(
                    display_name="style",
                    tooltip="For Sample Motion, or for Mix Styles, Style Keys and Save DreamTalk "
                    "Style.",
                ),
                io.String.Output(
                    display_name="heard",
                    tooltip="Which emotion was heard, and how surely; empty where nobody speaks.",
                ),
            ],
            **found_by("emotion", "auto", "sentiment"),
        )

    @classmethod
    def execute(
        cls,
        speech: SpeechValue | Audio,
        intensity: float,
        seed: int,
        portrait: torch.Tensor | None = None,
        model: LoadedModel | None = None,
    ) -> io.NodeOutput:
        with host.show_warnings(cls.hidden.unique_id):
            rest = None if portrait is None else find_portrait(portrait).rest
        talk = talk_of(model)
        style = talk.predict_style(analysed(model, SpeechValue.of(speech)), rest, seed=seed)
        host.show_heard(style, cls.hidden.unique_id)
        heard = str(style.heard or "")
        return io.NodeOutput(replace(style, intensity=intensity * style.intensity), heard)

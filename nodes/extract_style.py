"""Extract Style: the manner of speaking of somebody who was filmed."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from comfy_api.latest import io

from dreamtalk_core.motion import Motion

from . import host
from .conversions import Frames
from .model import model_input, talk_of
from .portrait import (
    FaceChoice,
    filmed_face_input,
    find_portrait,
    neutral_input,
    rate_input,
)
from .schema import found_by
from .style import CATEGORY
from .values import MotionType, MotionValue, StyleType

if TYPE_CHECKING:
    from .model import LoadedModel

LandmarksType = io.Custom("FACE_LANDMARKS")
"""What the newer hosts' own face tracker gives: faces [frame][face] with their ARKit shapes."""


class ExtractStyle(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DreamTalkExtractStyle",
            display_name="Extract Style",
            category=CATEGORY,
            description="Takes the manner of speaking from somebody's performance: two seconds or "
            "more of a face that speaks, seen from the front.",
            inputs=[
                io.MultiType.Input(
                    "performance",
                    types=[io.Video, io.Image, MotionType, LandmarksType],
                    tooltip="A video, a batch of images, a motion, or face landmarks. The parts "
                    "in which the face is seen and speaks are used.",
                ),
                io.String.Input(
                    "name", default="my style", tooltip="What to call the style when it is saved."
                ),
                rate_input("Frame rate of images and landmarks. Videos and motions know theirs."),
                filmed_face_input(),
                neutral_input(),
                model_input(),
            ],
            hidden=[io.Hidden.unique_id],
            outputs=[
                StyleType.Output(
                    display_name="style",
                    tooltip="For Sample Motion, or for Mix Styles, Style Keys and Save DreamTalk "
                    "Style.",
                )
            ],
            **found_by("emotion", "actor", "performance", "reference video"),
        )

    @classmethod
    def execute(
        cls,
        performance: Any,
        name: str,
        fps: float,
        face: int,
        neutral: torch.Tensor | None = None,
        model: LoadedModel | None = None,
    ) -> io.NodeOutput:
        from dreamtalk_core.pipeline.landmarks import landmark_motion

        with ExitStack() as stack:
            stack.enter_context(host.show_warnings(cls.hidden.unique_id))
            rest = None if neutral is None else find_portrait(neutral).rest
            seen: Motion | Path | Frames
            if isinstance(performance, MotionValue):
                seen = performance.motion
            elif isinstance(performance, dict):
                seen, rest = landmark_motion(performance["frames"], fps, face, rest), None
            else:
                seen = stack.enter_context(host.moving(performance, fps))
            style = talk_of(model).extract_style(
                seen, neutral=rest, face=FaceChoice(face).chosen, progress=host.progress()
            )
        return io.NodeOutput(replace(style, name=name))

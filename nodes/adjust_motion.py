"""Adjust Motion: what an animator does to a take."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from comfy_api.latest import io

from dreamtalk_core.animation.controls import apply_controls
from dreamtalk_core.motion.parts import frames_to_cut, shift_motion
from dreamtalk_core.parameters import Controls

from . import host
from .conversions import cut_audio
from .rigs import KEEP, mapping_to, preset_path, rigs
from .schema import found_by
from .sliders import control_inputs
from .values import MotionType, MotionValue

CATEGORY = "DreamTalk/motion"


class AdjustMotion(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DreamTalkAdjustMotion",
            display_name="Adjust Motion",
            category=CATEGORY,
            description="Scales, smooths, shifts, cuts and retargets a motion. The sound stays "
            "with it.",
            inputs=[
                MotionType.Input("motion", tooltip="The motion to change."),
                *control_inputs(sampling=False),
                io.Float.Input(
                    "offset",
                    default=0.0,
                    min=-60.0,
                    max=60.0,
                    step=0.01,
                    tooltip="Seconds by which the face moves later than the sound (below 0: "
                    "earlier).",
                ),
                io.Float.Input(
                    "start",
                    default=0.0,
                    min=0.0,
                    max=86400.0,
                    step=0.01,
                    tooltip="Seconds to cut off at the beginning, of face and sound.",
                ),
                io.Float.Input(
                    "duration",
                    default=0.0,
                    min=0.0,
                    max=86400.0,
                    step=0.01,
                    tooltip="Seconds to keep; 0 is all the rest.",
                ),
                io.Float.Input(
                    "fps",
                    default=0.0,
                    min=0.0,
                    max=240.0,
                    step=0.001,
                    tooltip="Another frame rate, such as 23.976; 0 keeps it.",
                ),
                io.Combo.Input(
                    "retarget",
                    options=rigs(),
                    default=KEEP,
                    optional=True,
                    tooltip="Whose names and shapes Save DreamTalk Motion writes (json, npz): a "
                    "known rig's, or those of a preset from Blender in models/dreamtalk. Pictures "
                    "are drawn from the face as it is.",
                ),
            ],
            outputs=[
                MotionType.Output(
                    display_name="motion", tooltip="The changed motion, with its sound."
                )
            ],
            **found_by("smooth", "scale", "trim", "retime", "delay"),
        )

    @classmethod
    def validate_inputs(cls, retarget: str | None = None) -> bool | str:
        return host.check_file(preset_path(retarget))

    @classmethod
    def fingerprint_inputs(cls, retarget: str | None = None, **_: Any) -> str:
        return host.changed(preset_path(retarget))

    @classmethod
    def execute(
        cls,
        motion: MotionValue,
        offset: float,
        start: float,
        duration: float,
        fps: float,
        retarget: str = KEEP,
        **sliders: float,
    ) -> io.NodeOutput:
        face = shift_motion(apply_controls(motion.motion, Controls(**sliders)), offset)
        value = trimmed(replace(motion, motion=face), start, duration)
        if fps:
            value = replace(value, motion=value.motion.resample(fps))
        if retarget != KEEP:
            value = replace(value, mapping=mapping_to(retarget))
        return io.NodeOutput(value)


def trimmed(value: MotionValue, start: float, seconds: float) -> MotionValue:
    """The frames of `frames_to_cut`, with their sound."""
    motion, sound = value.motion, value.audio
    frames = frames_to_cut(motion, start, seconds)
    if frames == range(len(motion)):
        return value
    if sound is not None:
        sound = cut_audio(sound, frames.start / motion.fps, len(frames) / motion.fps)
    return replace(value, motion=motion.cut(frames.start, frames.stop), audio=sound)

"""Adjust Motion: what an animator does to a take."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from comfy_api.latest import io

from dreamtalk_core.animation.controls import apply_controls
from dreamtalk_core.errors import MotionError
from dreamtalk_core.motion import Motion, frame_count
from dreamtalk_core.parameters import Controls

from . import host
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
                    tooltip="Whose names and shapes Save Motion writes (json, npz): a known rig's, "
                    "or those of a preset from Blender in models/dreamtalk. Pictures are drawn "
                    "from the face as it is.",
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
        face = shifted(apply_controls(motion.motion, Controls(**sliders)), offset)
        value = trimmed(replace(motion, motion=face), start, duration)
        if fps:
            value = replace(value, motion=value.motion.resample(fps))
        if retarget != KEEP:
            value = replace(value, mapping=mapping_to(retarget))
        return io.NodeOutput(value)


def shifted(motion: Motion, seconds: float) -> Motion:
    """The same frames later, or earlier below 0; the first or the last one is held."""
    frames = round(seconds * motion.fps)
    rows = [min(max(row - frames, 0), len(motion) - 1) for row in range(len(motion))]
    return Motion(motion.names, motion.weights[rows], motion.fps, motion.head_rotation[rows])


def trimmed(value: MotionValue, start: float, seconds: float) -> MotionValue:
    """So many seconds from `start` on, of face and sound, in whole frames; 0: all the rest.

    Raises MotionError if nothing is left.
    """
    motion = value.motion
    first = round(start * motion.fps)
    last = first + frame_count(seconds, motion.fps) if seconds else len(motion)
    if first >= len(motion):
        raise MotionError(
            f"Nothing is left: this motion lasts {float(motion.duration):.2f} s, and is to begin "
            f"at {start:g} s. Begin earlier."
        )
    if first == 0 and last >= len(motion):
        return value
    kept = motion.cut(first, last)
    sound = value.audio
    if sound is not None:
        sound = host.cut_audio(sound, float(first / motion.fps), float(kept.duration))
    return replace(value, motion=kept, audio=sound)

"""Preview Motion: the head's video and its curves in the node, to be played and scrubbed.

The frontend's half is `web/player.js`. Curves go there in a file, as bytes: in the message
itself they would be kept for every run.
"""

from __future__ import annotations

import numpy as np
from comfy_api.latest import io

from dreamtalk_core.motion.parts import frames_to_show

from .conversions import Audio, frames_audio
from .frames import audio_input, motion_input
from .head import size_input
from .host import progress, saved, sound_file, temp_path
from .schema import found_by
from .values import MotionType, MotionValue


class PreviewMotion(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DreamTalkPreviewMotion",
            display_name="Preview Motion",
            category="DreamTalk/motion",
            description="Plays a motion on the built-in head, with its curves below: drag along "
            "them to scrub, step through frames with the arrow keys.",
            inputs=[
                motion_input(),
                audio_input(),
                size_input(384),
                io.Float.Input(
                    "start",
                    default=0.0,
                    min=0.0,
                    max=86400.0,
                    step=0.5,
                    tooltip="Where to begin, in seconds.",
                ),
                io.Float.Input(
                    "seconds",
                    default=30.0,
                    min=0.0,
                    max=86400.0,
                    step=0.5,
                    tooltip="How much to show, in seconds; 0 shows all of it. Drawing takes "
                    "about half that time on two processor cores.",
                ),
            ],
            outputs=[
                MotionType.Output(
                    "same", display_name="motion", tooltip="The motion as it came, whole."
                )
            ],
            is_output_node=True,
            **found_by("play", "curves", "view motion"),
        )

    @classmethod
    def execute(
        cls,
        motion: MotionValue,
        size: int,
        start: float,
        seconds: float,
        audio: Audio | None = None,
    ) -> io.NodeOutput:
        from dreamtalk_core.render.head.pictures import HeadPictures
        from dreamtalk_core.render.job import render

        whole = motion.motion
        frames = frames_to_show(whole, start, seconds)
        part = whole.cut(frames.start, frames.stop)
        sound = frames_audio(motion.audio if audio is None else audio, frames, whole.fps)
        video, curves = temp_path(".mp4"), temp_path(".curves")
        with sound_file(sound) as sound_path:
            # No pictures meanwhile: the frontend would keep the last one beside the player.
            render(HeadPictures(part, size), video, sound_path, progress())
        curves.write_bytes(np.round(part.weights.T * 255).astype(np.uint8).tobytes())
        preview = {
            **saved(video, "temp"),
            "curves": saved(curves, "temp"),
            "names": part.names,
            "frames": len(part),
            "fps": [part.fps.numerator, part.fps.denominator],
            "start": float(frames.start / whole.fps),
        }
        return io.NodeOutput(motion, ui={"dreamtalk_preview": [preview]})

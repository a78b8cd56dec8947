"""Track Motion: what a face does in a video, as a motion, with the video's sound."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from comfy_api.latest import io

from dreamtalk_core.errors import SpeechError
from dreamtalk_core.warned import warn

from . import host
from .conversions import Audio, audio_of, samples
from .extract_style import LandmarksType
from .portrait import (
    FaceChoice,
    filmed_face_input,
    find_portrait,
    neutral_input,
    rate_input,
)
from .schema import ADVANCED, found_by
from .values import MotionValue, motion_outputs


class TrackMotion(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DreamTalkTrackMotion",
            display_name="Track Motion",
            category="DreamTalk/motion",
            description="Follows a face through a video: its expression and the turns of its head "
            "as a motion, with the video's sound, to drive a portrait or a rig. The video is read "
            "frame by frame, so it may be as long as it likes.",
            inputs=[
                io.MultiType.Input(
                    "video",
                    types=[io.Video, io.Image, LandmarksType],
                    tooltip="A video or a batch of images of somebody seen from the front, or face "
                    "landmarks.",
                ),
                neutral_input(),
                io.Audio.Input(
                    "audio",
                    optional=True,
                    tooltip="The sound of the motion. Not connected: that of the video, if it has "
                    "any.",
                ),
                filmed_face_input(),
                io.Float.Input(
                    "smoothing",
                    default=1.0,
                    min=0.0,
                    max=10.0,
                    step=0.05,
                    tooltip="Takes out jitter: 0 none, 1 what the tracker needs, 2 twice as much.",
                ),
                io.Boolean.Input(
                    "raw",
                    default=False,
                    tooltip="Leave the person's own resting face in the curves.",
                    **ADVANCED,
                ),
                rate_input("Frame rate of images and landmarks. Videos know theirs.", **ADVANCED),
            ],
            hidden=[io.Hidden.unique_id],
            outputs=motion_outputs(),
            **found_by(
                *("LivePortrait", "driving video", "reenactment", "face tracking", "MediaPipe"),
                *("motion capture", "mocap", "ARKit", "blendshapes"),
            ),
        )

    @classmethod
    def execute(
        cls,
        video: Any,
        face: int,
        smoothing: float,
        raw: bool,
        fps: float,
        neutral: torch.Tensor | None = None,
        audio: Audio | None = None,
    ) -> io.NodeOutput:
        from dreamtalk_core.animation.calibration import calibrate
        from dreamtalk_core.tracking import track_faces
        from dreamtalk_core.tracking.foreign import track_landmarks

        if audio is not None:
            samples(audio)  # raises for one that is empty, before any work
        with ExitStack() as stack:
            stack.enter_context(host.show_warnings(cls.hidden.unique_id))
            rest = None if neutral is None else find_portrait(neutral).rest
            choice = FaceChoice(face).chosen
            if isinstance(video, Mapping):
                tracked = track_landmarks(video["frames"], fps, choice, smoothing)
            else:
                source = stack.enter_context(host.moving(video, fps))
                if audio is None and isinstance(source, Path):
                    audio = _sound_of(source)
                tracked = track_faces(
                    source,
                    choice=choice,
                    smoothing=smoothing,
                    device=host.device(),
                    progress=host.progress(),
                )
        motion = tracked.motion if raw else calibrate(tracked.motion, rest)
        return MotionValue(motion, audio).answer()


def _sound_of(video: Path) -> Audio | None:
    """The sound of a video, None if it has none; with a warning if it cannot be read."""
    from dreamtalk_core.speech.sound import read_sound
    from dreamtalk_core.tracking.video import details_of, open_images

    if not details_of(open_images(video)).sound:
        return None
    try:
        return audio_of(*read_sound(video, host.check_cancelled))
    except SpeechError as error:
        warn(f"The motion goes without sound: {error}")
        return None

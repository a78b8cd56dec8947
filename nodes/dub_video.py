"""Dub Video: new speech into an existing video."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from comfy_api.latest import InputImpl, io

from dreamtalk_core.parameters import MOUTH_SETTINGS

from . import host
from .conversions import Audio
from .model import model_input, talk_of
from .portrait import FaceChoice, filmed_face_input, rate_input
from .schema import ADVANCED, found_by
from .sliders import behaviour_inputs, control_inputs, sampling_inputs, settings_of
from .values import SpeechType, SpeechValue, StyleType

if TYPE_CHECKING:
    from dreamtalk_core.style import Style, StyleTrack

    from .model import LoadedModel


def _settings() -> list[io.Input]:
    """Inputs of the settings that say something of the mouth."""
    rows = [*sampling_inputs(), *behaviour_inputs(), *control_inputs(sampling=True)]
    known = {*MOUTH_SETTINGS, "guidance"}
    return [row for row in rows if row.id in known]


class DubVideo(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DreamTalkDubVideo",
            display_name="Dub Video",
            category="DreamTalk/render",
            description="Makes somebody in a video say something else: the mouth follows the new "
            "speech, all the rest stays as it was filmed, at the video's own resolution. The video "
            "is written frame by frame and says of itself that it is synthetic.",
            inputs=[
                io.MultiType.Input(
                    "video",
                    types=[io.Video, io.Image],
                    tooltip="A video, or a batch of images, of somebody seen from the front.",
                ),
                io.MultiType.Input(
                    "speech",
                    types=[SpeechType, io.Audio],
                    tooltip="What to say: speech, or any AUDIO. What is longer than the video is "
                    "cut off.",
                ),
                StyleType.Input(
                    "style",
                    optional=True,
                    tooltip="How to speak; left open, as the person speaks in the video.",
                ),
                model_input(),
                io.Float.Input(
                    "start",
                    default=0.0,
                    min=0.0,
                    max=1e6,
                    step=0.01,
                    tooltip="Where in the video the speech begins, in seconds.",
                ),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="How far the old mouth is replaced.",
                ),
                io.Boolean.Input(
                    "only_speech",
                    default=False,
                    tooltip="In pauses of the speech, leave the mouth as it was filmed.",
                ),
                filmed_face_input(),
                rate_input("Frame rate of images. Videos know theirs.", **ADVANCED),
                *_settings(),
            ],
            hidden=[io.Hidden.unique_id],
            outputs=[
                io.Video.Output(
                    "dubbed",
                    display_name="video",
                    tooltip="H.264 with the speech as its sound: for Save Video.",
                )
            ],
            **found_by("dubbing", "lip sync", "lipsync", "video to video", "Wav2Lip", "LatentSync"),
        )

    @classmethod
    def execute(
        cls,
        video: Any,
        speech: SpeechValue | Audio,
        start: float,
        strength: float,
        only_speech: bool,
        face: int,
        fps: float,
        style: Style | StyleTrack | None = None,
        model: LoadedModel | None = None,
        **settings: Any,
    ) -> io.NodeOutput:
        from dreamtalk_core.pipeline.dub import Dubbing

        spoken, path = SpeechValue.of(speech), host.temp_path(".mp4")
        options = Dubbing(
            face=FaceChoice(face).chosen,
            start=start,
            strength=strength,
            only_speech=only_speech,
        )
        with ExitStack() as stack:
            stack.enter_context(host.show_warnings(cls.hidden.unique_id))
            source = stack.enter_context(host.moving(video, fps))
            sound = stack.enter_context(host.sound_file(spoken.audio))
            talk_of(model).dub(
                source,
                spoken.speech,
                path,
                style=style,
                dubbing=options,
                sound=sound,
                progress=host.progress(),
                **settings_of(settings),
            )
        return io.NodeOutput(InputImpl.VideoFromFile(str(path)))

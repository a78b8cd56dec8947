"""Sample Motion: speech and a style in, a face that moves out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from dreamtalk_core.formats.cues.said import spoken_words
from dreamtalk_core.parameters import Behaviour

from . import host
from .conversions import Audio
from .frames import sampled
from .model import analysed, model_input, talk_of
from .schema import found_by
from .sliders import behaviour_inputs, control_inputs, sampling_inputs, settings_of
from .values import MotionValue, SpeechType, SpeechValue, StyleType, motion_outputs

if TYPE_CHECKING:
    from dreamtalk_core.style import Style, StyleTrack

    from .model import LoadedModel


class SampleMotion(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DreamTalkSampleMotion",
            display_name="Sample Motion",
            category="DreamTalk",
            description="Makes a face speak: the 52 ARKit curves and the turns of the head for a "
            "recording, in a style.",
            inputs=[
                io.MultiType.Input(
                    "speech",
                    types=[SpeechType, io.Audio],
                    tooltip="Speech, or any AUDIO. The sound goes on with the motion.",
                ),
                StyleType.Input(
                    "style",
                    optional=True,
                    tooltip="How to speak; left open, it is heard in the voice.",
                ),
                model_input(),
                *sampling_inputs(),
                *behaviour_inputs(),
                *control_inputs(sampling=True),
                io.MultiType.Input(
                    "others",
                    types=[SpeechType, io.Audio],
                    optional=True,
                    tooltip="Somebody else who speaks from the same moment on, on a track of their "
                    "own: the face listens to them while it is silent.",
                ),
                io.String.Input(
                    "transcript",
                    optional=True,
                    force_input=True,
                    tooltip="What is said, as text or subtitles (SRT, WebVTT): corrects lips that "
                    "are not clearly heard.",
                ),
            ],
            hidden=[io.Hidden.unique_id],
            outputs=motion_outputs(),
            **found_by(
                *("lip sync", "talking head", "audio to face", "audio2face", "ARKit", "DreamTalk"),
                *("blendshapes", "viseme", "avatar"),
            ),
        )

    @classmethod
    def execute(
        cls,
        speech: SpeechValue | Audio,
        style: Style | StyleTrack | None = None,
        model: LoadedModel | None = None,
        others: SpeechValue | Audio | None = None,
        transcript: str = "",
        **inputs: Any,
    ) -> io.NodeOutput:
        value, talk = SpeechValue.of(speech), talk_of(model)
        features = analysed(model, value)
        progress, watch = sampled()
        if style is None:
            style = talk.load_style(talk.default_style, features)
            host.show_heard(style, cls.hidden.unique_id)
        motion = talk.sample_motion(
            features,
            style,
            behaviour=Behaviour(),
            others=[] if others is None else [analysed(model, SpeechValue.of(others))],
            transcript=spoken_words(transcript),
            progress=progress,
            watch=watch,
            **settings_of(inputs),
        )
        return MotionValue(motion, value.audio).answer()

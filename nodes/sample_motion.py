"""Sample Motion: speech and a style in, a face that moves out."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from dreamtalk_core.animation.behaviour import enliven
from dreamtalk_core.animation.controls import apply_controls
from dreamtalk_core.motion import Motion
from dreamtalk_core.parameters import Behaviour, Controls

from . import host
from .conversions import Audio
from .model import model_input, talk_of
from .schema import ADVANCED, SEED, found_by
from .sliders import behaviour_inputs, control_inputs
from .values import MotionType, MotionValue, SpeechType, SpeechValue, StyleType

if TYPE_CHECKING:
    from dreamtalk_core.speech.audio import Speech
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
                io.Float.Input(
                    "guidance",
                    default=1.0,
                    min=0.0,
                    max=3.0,
                    step=0.05,
                    tooltip="Strength of the style: 0 neutral, 1 as it is, up to 2 exaggerated.",
                ),
                io.Int.Input(
                    "seed",
                    **SEED,
                    tooltip="Another seed is another take. The same seed is the same take.",
                ),
                io.Float.Input(
                    "fps",
                    default=25.0,
                    min=1.0,
                    max=240.0,
                    step=0.001,
                    tooltip="Frames per second. 23.976, 29.97 and 59.94 are taken for the exact "
                    "rates of film and television.",
                ),
                io.Int.Input(
                    "steps",
                    default=0,
                    min=0,
                    max=100,
                    optional=True,
                    tooltip="Denoising steps; 0 is what the model is made for. More is slower and "
                    "hardly better.",
                    **ADVANCED,
                ),
                *behaviour_inputs(),
                *control_inputs(sampling=True),
            ],
            outputs=[
                MotionType.Output(display_name="motion", tooltip="The motion, with its sound."),
                io.Float.Output(display_name="fps", tooltip="For nodes that make videos."),
                io.Int.Output(display_name="frames", tooltip="How many frames there are."),
            ],
            **found_by("lip sync", "talking head", "audio to face", "ARKit", "DreamTalk"),
        )

    @classmethod
    def execute(
        cls,
        speech: SpeechValue | Audio,
        guidance: float,
        seed: int,
        fps: float,
        style: Style | StyleTrack | None = None,
        model: LoadedModel | None = None,
        steps: int = 0,
        **sliders: float,
    ) -> io.NodeOutput:
        from dreamtalk_core.pipeline.dreamtalk import DreamTalk

        own = {part.name for part in fields(Behaviour)} & sliders.keys()
        behaviour = Behaviour(**{name: sliders.pop(name) for name in own})
        value, talk, controls = SpeechValue.of(speech), talk_of(model), Controls(**sliders)
        given: dict[str, Any] = {"guidance": guidance, "seed": seed, "progress": host.progress()}
        if steps:
            given["steps"] = steps
        if isinstance(talk, DreamTalk):
            motion = talk.sample_motion(
                value.speech,
                style or "auto",
                fps=fps,
                behaviour=behaviour,
                controls=controls,
                **given,
            )
        else:
            face = talk.sample_motion(value.speech, style or "neutral", **given).to_motion()
            motion = finished(face, value.speech, seed, behaviour, controls).resample(
                fps, value.speech.duration
            )
        return io.NodeOutput(MotionValue(motion, value.audio), float(motion.fps), len(motion))


def finished(
    face: Motion, speech: Speech, seed: int, behaviour: Behaviour, controls: Controls
) -> Motion:
    """What an original checkpoint leaves out: the behaviour; and the animator's controls."""
    from dreamtalk_core.speech.prosody import measure_prosody

    heard = measure_prosody(speech.waveform)
    return apply_controls(enliven(face, heard.loudness, heard.pitch, seed, behaviour), controls)

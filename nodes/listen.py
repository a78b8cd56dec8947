"""Listen: a face that says nothing and hears somebody speak."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from dreamtalk_core.parameters import Behaviour

from .conversions import Audio
from .frames import sampled
from .model import analysed, model_input, talk_of
from .schema import found_by
from .sliders import (
    behaviour_inputs,
    control_inputs,
    listening_input,
    sampling_inputs,
    settings_of,
    toward_input,
)
from .values import MotionValue, SpeechType, SpeechValue, StyleType, motion_outputs

if TYPE_CHECKING:
    from dreamtalk_core.style import Style, StyleTrack

    from .model import LoadedModel


class Listen(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DreamTalkListen",
            display_name="Listen",
            category="DreamTalk",
            description="Makes a face listen to somebody: it nods where the speaker pauses, looks "
            "at them, blinks, raises its brows, and smiles at a laugh. For people who are in the "
            "same picture use Render Group.",
            inputs=[
                io.MultiType.Input(
                    "speech",
                    types=[SpeechType, io.Audio],
                    tooltip="What somebody else says: SPEECH, or any AUDIO. The sound goes on with "
                    "the motion.",
                ),
                StyleType.Input(
                    "style", optional=True, tooltip="The mood of who listens; left open, neutral."
                ),
                model_input(),
                *sampling_inputs(),
                listening_input(),
                toward_input(),
                *behaviour_inputs(),
                *control_inputs(sampling=True),
            ],
            outputs=motion_outputs(),
            **found_by("listener", "nod", "backchannel", "reaction", "dialogue"),
        )

    @classmethod
    def execute(
        cls,
        speech: SpeechValue | Audio,
        style: Style | StyleTrack | None = None,
        model: LoadedModel | None = None,
        **inputs: Any,
    ) -> io.NodeOutput:
        value, talk = SpeechValue.of(speech), talk_of(model)
        progress, watch = sampled()
        motion = talk.listen(
            analysed(model, value),
            "neutral" if style is None else style,
            behaviour=Behaviour(),
            progress=progress,
            watch=watch,
            **settings_of(inputs),
        )
        return MotionValue(motion, value.audio).answer()

"""Styles out of styles: Mix Styles, and Style Keys, which change over the line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comfy_api.latest import io

from .conversions import Audio
from .model import analysed, model_input, talk_of
from .schema import found_by
from .style import CATEGORY, single
from .values import SpeechType, SpeechValue, StyleType

if TYPE_CHECKING:
    from dreamtalk_core.style import Style, StyleTrack

    from .model import LoadedModel


class MixStyles(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DreamTalkMixStyles",
            display_name="Mix Styles",
            category=CATEGORY,
            description="A style between two others. Mixes can be mixed again.",
            inputs=[
                StyleType.Input("first", tooltip="One style."),
                StyleType.Input("second", tooltip="The other one, of the same model."),
                io.Float.Input(
                    "share",
                    default=0.5,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    display_mode=io.NumberDisplay.slider,
                    tooltip="0 is all the first, 1 all the second.",
                ),
            ],
            outputs=[
                StyleType.Output(
                    display_name="style", tooltip="The mix, for Sample Motion or another mix."
                )
            ],
            **found_by("blend", "emotion", "interpolate"),
        )

    @classmethod
    def execute(
        cls, first: Style | StyleTrack, second: Style | StyleTrack, share: float
    ) -> io.NodeOutput:
        from dreamtalk_core.style import mix_styles

        return io.NodeOutput(mix_styles([(single(first), 1 - share), (single(second), share)]))


class StyleKeys(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        tooltip = "A style of your own, called '{}' in the keys."
        return io.Schema(
            node_id="DreamTalkStyleKeys",
            display_name="Style Keys",
            category=CATEGORY,
            description="A style that changes over the line: keys in seconds, with soft passages "
            "between them.",
            inputs=[
                io.String.Input(
                    "keys",
                    default="neutral@0, happy@2",
                    multiline=True,
                    tooltip="style@seconds, with commas or new lines between: neutral@0, "
                    "angry*1.5@2.5, happy*0.7+surprise*0.3@4. Names are those of Load DreamTalk "
                    "Style, 'auto' for the one heard in the voice, or a, b, c, d for the styles "
                    "connected here.",
                ),
                *(StyleType.Input(n, optional=True, tooltip=tooltip.format(n)) for n in "abcd"),
                io.MultiType.Input(
                    "speech",
                    types=[SpeechType, io.Audio],
                    optional=True,
                    tooltip="The voice that 'auto' is heard in; only for keys with it.",
                ),
                model_input(),
            ],
            outputs=[StyleType.Output(display_name="style", tooltip="For Sample Motion.")],
            **found_by("emotion", "keyframe", "schedule", "timeline"),
        )

    @classmethod
    def execute(
        cls,
        keys: str,
        speech: SpeechValue | Audio | None = None,
        model: LoadedModel | None = None,
        **styles: Style | StyleTrack,
    ) -> io.NodeOutput:
        from dreamtalk_core.style import parse_style_keys

        talk = talk_of(model)
        voice = None if speech is None else analysed(model, SpeechValue.of(speech))

        def resolve(name: str) -> Style:
            style = styles.get(name)
            return single(talk.load_style(name, voice) if style is None else style)

        return io.NodeOutput(talk.load_style(parse_style_keys(keys, resolve)))

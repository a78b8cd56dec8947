"""Render Group: several people in one picture talk with one another."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import torch
from comfy_api.latest import InputImpl, io

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.parameters import Behaviour

from . import host
from .frames import shown
from .model import model_input, talk_of
from .portrait import portrait_pixels
from .render_portrait import stamp_input
from .schema import found_by
from .sliders import behaviour_inputs, listening_input, sampling_inputs, settings_of
from .values import SpeechType, SpeechValue, StyleType

if TYPE_CHECKING:
    from .model import LoadedModel

SPEAKERS = 4
"""Faces that can have a speech of their own; all others listen."""


class RenderGroup(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        numbers = range(1, SPEAKERS + 1)
        return io.Schema(
            node_id="DreamTalkRenderGroup",
            display_name="Render Group",
            category="DreamTalk/render",
            description="Makes several people in one picture talk: each face speaks what is "
            "connected for it and listens to the others otherwise. All speeches begin together and "
            "are heard together, as on the tracks of a dialogue.",
            inputs=[
                io.Image.Input(
                    "portrait",
                    tooltip="A picture with several faces. They are numbered from the left, from 1 "
                    "up.",
                ),
                *(
                    io.MultiType.Input(
                        f"speech_{number}",
                        types=[SpeechType, io.Audio],
                        optional=True,
                        tooltip=f"What face {number} from the left says: SPEECH, or any AUDIO. Not "
                        "connected: it listens.",
                    )
                    for number in numbers
                ),
                *(
                    StyleType.Input(
                        f"style_{number}",
                        optional=True,
                        tooltip=f"How face {number} speaks. Left open, it is heard in the voice; "
                        "who listens is neutral.",
                    )
                    for number in numbers
                ),
                model_input(),
                *sampling_inputs(),
                listening_input(),
                *behaviour_inputs(),
                stamp_input(),
            ],
            outputs=[
                io.Video.Output(
                    "video",
                    display_name="video",
                    tooltip="H.264 with all speeches as its sound: for Save Video.",
                )
            ],
            hidden=[io.Hidden.unique_id],
            **found_by("dialogue", "conversation", "several faces", "talking heads", "podcast"),
        )

    @classmethod
    def execute(
        cls,
        portrait: torch.Tensor,
        stamp: bool,
        model: LoadedModel | None = None,
        **inputs: Any,
    ) -> io.NodeOutput:
        from dreamtalk_core.pipeline.people import Person, sample_people
        from dreamtalk_core.render.job import render
        from dreamtalk_core.render.output.sound import Mix
        from dreamtalk_core.render.portrait.group import GroupPictures
        from dreamtalk_core.tracking.portrait import read_portraits

        numbers = range(1, SPEAKERS + 1)
        spoken = [inputs.pop(f"speech_{number}", None) for number in numbers]
        values = [None if one is None else SpeechValue.of(one) for one in spoken]
        styles = [inputs.pop(f"style_{number}", None) for number in numbers]
        settings, path = {"behaviour": Behaviour(), **settings_of(inputs)}, host.temp_path(".mp4")
        with host.show_warnings(cls.hidden.unique_id), ExitStack() as stack:
            portraits, faces = read_portraits(portrait_pixels(portrait), progress=host.progress())
            if any(values[len(portraits) :]):
                raise DreamTalkError(
                    f"The picture shows {len(portraits)} faces that can be read, and there is a "
                    "speech for one beyond. Connect speeches for the faces from the left."
                )
            sounds = [stack.enter_context(host.sound_file(one.audio)) for one in values if one]
            people = [
                Person(value.speech if value else None, style, face.rest, settings, face.face.box)
                for face, value, style in zip_longest(portraits, values, styles)
                if face is not None
            ]
            motions = sample_people(talk_of(model), people, host.progress())
            moving = [one.face for one in portraits]
            pictures = GroupPictures(portraits[0].image, moving, motions, faces, stamp)
            heard = Mix(tuple(sound for sound in sounds if sound is not None))
            render(pictures, path, heard, shown(pictures.draw))
        return io.NodeOutput(InputImpl.VideoFromFile(str(path)))

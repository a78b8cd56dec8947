"""What goes along the wires between our nodes. Immutable, as the core's own."""

from __future__ import annotations

from dataclasses import dataclass

from comfy_api.latest import io

from dreamtalk_core.motion import Motion
from dreamtalk_core.retarget import Mapping
from dreamtalk_core.speech.audio import Speech
from dreamtalk_core.speech.lines import cut_speech

from .conversions import Audio, cut_audio, speech_of

SpeechType = io.Custom("DREAMTALK_SPEECH")
"""A `SpeechValue`."""
StyleType = io.Custom("DREAMTALK_STYLE")
"""A `Style` or a `StyleTrack` of the core."""
ModelType = io.Custom("DREAMTALK_MODEL")
"""A `LoadedModel`."""
MotionType = io.Custom("DREAMTALK_MOTION")
"""A `MotionValue`."""


@dataclass(frozen=True, eq=False)
class SpeechValue:
    """Speech for the model, and the same sound as it came, for the video that is made of it."""

    speech: Speech
    audio: Audio

    @staticmethod
    def of(source: SpeechValue | Audio, name: str = "The AUDIO") -> SpeechValue:
        """Whatever an input for speech was given. name: how messages call an AUDIO.

        Raises SpeechError for an AUDIO without sound.
        """
        if isinstance(source, SpeechValue):
            return source
        return SpeechValue(speech_of(source, name), source)

    def cut(self, start: float, seconds: float) -> SpeechValue:
        """So many seconds from `start` on. Raises SpeechError if nothing is left."""
        part = cut_speech(self.speech, start, seconds)
        return SpeechValue(part, cut_audio(self.audio, start, part.duration))


def motion_outputs() -> list[io.Output]:
    """Of a node that samples a motion, see `MotionValue.answer`."""
    return [
        MotionType.Output(display_name="motion", tooltip="The motion, with its sound."),
        io.Float.Output(display_name="fps", tooltip="For nodes that make videos."),
        io.Int.Output(display_name="frames", tooltip="How many frames there are."),
    ]


@dataclass(frozen=True, eq=False)
class MotionValue:
    """A motion in ARKit's shapes, and the sound that it was made for: both begin at zero.

    mapping: the rig that it is for, if that has other shapes. It is applied where the motion is
    saved; pictures are drawn from the face as it is.
    """

    motion: Motion
    audio: Audio | None = None
    mapping: Mapping | None = None

    @property
    def on_rig(self) -> Motion:
        """The motion in the shapes of the rig that it is for."""
        return self.motion if self.mapping is None else self.mapping.apply(self.motion)

    def answer(self) -> io.NodeOutput:
        """What `motion_outputs` promises."""
        return io.NodeOutput(self, float(self.motion.fps), len(self.motion))

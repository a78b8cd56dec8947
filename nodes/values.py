"""What goes along the wires between our nodes. Immutable, as the core's own."""

from __future__ import annotations

from dataclasses import dataclass

from comfy_api.latest import io

from dreamtalk_core.errors import SpeechError
from dreamtalk_core.motion import Motion
from dreamtalk_core.retarget import Mapping
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech

from .host import Audio, cut_audio, samples

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
        heard = samples(source)
        # The core takes more channels than this for samples that lie the wrong way round.
        mixed = heard.mean(axis=0) if len(heard) > 8 else heard
        return SpeechValue(Speech.from_array(mixed, source["sample_rate"], name), source)

    def cut(self, start: float, seconds: float) -> SpeechValue:
        """So many seconds from `start` on. Raises SpeechError if nothing is left."""
        first, last = (round(time * SAMPLE_RATE) for time in (start, start + seconds))
        waveform = self.speech.waveform[first:last]
        if not len(waveform):
            raise SpeechError(
                f"Nothing is left: this speech lasts {float(self.speech.duration):.2f} s, and the "
                f"part is to begin at {start:g} s. Begin earlier."
            )
        return SpeechValue(
            Speech(waveform, self.speech.source),
            cut_audio(self.audio, start, len(waveform) / SAMPLE_RATE),
        )


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

"""`Pipeline`: the five steps as methods, in the same shape whatever model is behind them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from dreamtalk_core.animation.listening import Talker
from dreamtalk_core.animation.noise import listener_of
from dreamtalk_core.assets import DEMO_VOICE
from dreamtalk_core.errors import SpeechError
from dreamtalk_core.files import check_not_read
from dreamtalk_core.formats.png import encode_png
from dreamtalk_core.motion import Motion
from dreamtalk_core.parameters import Behaviour, Controls, Listener, Sampling
from dreamtalk_core.pipeline.performance import Performance
from dreamtalk_core.progress import Progress
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech
from dreamtalk_core.speech.features import SpeechFeatures
from dreamtalk_core.speech.prosody import measure_prosody, number_voice
from dreamtalk_core.speech.vocal import hear_beside_words
from dreamtalk_core.style import Style, StyleLibrary, StyleTrack

if TYPE_CHECKING:
    from dreamtalk_core.pipeline.dub import Dubbing
    from dreamtalk_core.render.output.sound import Audible
    from dreamtalk_core.speech.media import Moving

AnyStyle = Style | StyleTrack | Motion | str | Path
AnySpeech = Speech | SpeechFeatures
Watch = Callable[[Motion], None]
"""Called with a motion of one frame while more of them are made."""
AUTO, NEUTRAL = "auto", "neutral"
USUAL, UNCHANGED, ATTENTIVE = Sampling(), Controls(), Listener()
STILL = Behaviour(blinks=0, gaze=0, gestures=0, idle=0, tongue=0)


@dataclass(frozen=True, eq=False)
class Other:
    """Somebody else who speaks, and is listened to.

    at: (pitch, yaw) in degrees from the viewer to them, as the listener sees it; None: straight
    ahead, but for `Listener.toward`.
    """

    speech: AnySpeech
    at: tuple[float, float] | None = None


class Pipeline(ABC):
    """Speech in, motion out. Not bound to one speech; holds nothing between calls but weights.

    model: the motion network. library: of styles, by name.
    """

    default_style: ClassVar[str] = AUTO
    """What speaks where no style is named."""
    model: Any
    library: StyleLibrary

    @property
    def device(self) -> torch.device:
        """Where the motion network is: a host may move it."""
        found: torch.device = next(self.model.parameters()).device
        return found

    @property
    @abstractmethod
    def networks(self) -> list[torch.nn.Module]:
        """All networks, for hosts that move them."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits that stand for the model, as its styles are told apart by."""

    @property
    @abstractmethod
    def style_names(self) -> tuple[str, ...]:
        """Names of the styles that there are: the model's own and those in the library."""

    def load_speech(self, path: str | Path) -> Speech:
        """The sound of any file that PyAV opens. Raises SpeechError."""
        return Speech.load(path)

    def analyse(self, speech: AnySpeech) -> AnySpeech:
        """The features of a speech. The other methods take them in its place: whoever asks for a
        style first and for a motion then has it analysed once."""
        return speech

    @abstractmethod
    def extract_style(
        self,
        performance: Performance | Sequence[Performance],
        *,
        neutral: Performance | None = None,
        face: str | int = "largest",
        progress: Progress | None = None,
    ) -> Style:
        """The style of a performance, or of several together.

        A performance is a Motion, which is used whole, or pictures in time, or the file of a motion
        or a video, of which the stretches are used that show a face and, if there are any, speak;
        the style's source names them. A face in pictures is calibrated, see `calibration`.
        neutral: the actor at rest, as a photo, a video or a motion; then motions are calibrated,
        too. face: which one of several, see `tracking.track_faces`. progress: of each in turn.

        Raises StyleError where too little is seen, TrackingError for a video that cannot be read
        or has no face, MotionError for a motion file that cannot be read.
        """

    @abstractmethod
    def predict_style(
        self, speech: AnySpeech, portrait: Performance | None = None, *, seed: int = 0
    ) -> Style:
        """The style that a speech calls for. Raises StyleError where the model cannot tell."""

    @abstractmethod
    def load_style(
        self,
        style: AnyStyle,
        speech: AnySpeech | None = None,
        portrait: Performance | None = None,
    ) -> Style | StyleTrack:
        """A style in any form: a style, a motion, a file, a name or other text; `auto` is the one
        for `speech` and `portrait`. Raises StyleError."""

    @abstractmethod
    def find_style(self, name: str) -> Style:
        """The style of one of `style_names`. Raises StyleError for another name, or a damaged
        file."""

    @abstractmethod
    def sample_motion(
        self,
        speech: AnySpeech,
        style: AnyStyle,
        *,
        sampling: Sampling = USUAL,
        behaviour: Behaviour | None = None,
        controls: Controls = UNCHANGED,
        listener: Listener = ATTENTIVE,
        others: Sequence[Other | AnySpeech] = (),
        transcript: str = "",
        progress: Progress | None = None,
        watch: Watch | None = None,
        **settings: Any,
    ) -> Motion:
        """Facial motion for a speech in a style: round(duration x fps) frames.

        style: in any form that `load_style` takes. behaviour: what speech does not dictate, such as
        blinks; None: what is usual for the model. controls: strengths by region and the like,
        applied last. others: who else speaks from the same moment on; the face listens to them
        while it is silent, as `listener` says. transcript: what is said, as text, which closes and
        parts lips where it was not surely heard, see `speech.written`; the style `auto` hears the
        voice alone. watch: told of the frame that was finished last, as the model draws it; a model
        that draws all of them at once may leave that. settings: any of the tables by name, such as
        seed=3, in place of what the table has, and those that only this model takes.
        Raises DreamTalkError for values out of range or settings that it does not take, StyleError
        for a style of another model, MotionError for an impossible fps.
        """

    def animate(
        self, speech: AnySpeech | str | Path, style: AnyStyle | None = None, **options: Any
    ) -> Motion:
        """All of the road but rendering: `load_speech`, `load_style`, `sample_motion`.

        style: the `default_style` if left out. options: those of `sample_motion`.
        Raises what they raise: SpeechError, StyleError, MotionError or DreamTalkError.
        """
        if isinstance(speech, (str, Path)):
            speech = self.load_speech(speech)
        return self.sample_motion(speech, self.default_style if style is None else style, **options)

    def listen(
        self,
        others: AnySpeech | Sequence[Other | AnySpeech],
        style: AnyStyle = NEUTRAL,
        **options: Any,
    ) -> Motion:
        """A face that says nothing and listens to somebody, or to several, to the end.

        options: those of `sample_motion`. Raises what it raises, and SpeechError for nobody.
        """
        heard = [others] if isinstance(others, (Speech, SpeechFeatures)) else list(others)
        if not heard:
            raise SpeechError("There is nobody to listen to. Give the speech of somebody.")
        longest = max(spoken_in(one).duration for one in heard)
        silence = Speech(np.zeros(round(longest * SAMPLE_RATE), np.float32), "silence")
        return self.sample_motion(silence, style, others=heard, **options)

    def picture_style(self, style: Style | StyleTrack, size: int = 256) -> bytes:
        """A PNG, size x size pixels, of the built-in head in a style: at the most typical moment
        of a sentence."""
        from dreamtalk_core.render.head.renderer import HeadRenderer

        sentence = Speech(Speech.load(DEMO_VOICE).waveform[: 4 * SAMPLE_RATE], "a sentence")
        face = self.sample_motion(sentence, style, behaviour=STILL).weights
        typical = np.abs(face - face.mean(axis=0)).sum(axis=1).argmin()
        return encode_png(HeadRenderer(size).render(face[typical]))

    def render(
        self,
        motion: Motion,
        path: str | Path,
        audio: Audible | None = None,
        *,
        portrait: str | Path | None = None,
        size: int = 512,
        progress: Progress | None = None,
    ) -> None:
        """Write a video, with sound if given: of a portrait, or of the built-in head.

        path: .mp4, .mov, or numbered pictures, see `render.output.video`. portrait: a picture of a
        face, which keeps its size. size: of the head, in pixels.
        Raises RenderError, SpeechError, and TrackingError for a picture without a face.
        """
        # The rasteriser is compiled when it is imported; curves alone need not wait for it.
        from dreamtalk_core.render import job
        from dreamtalk_core.render.head.pictures import HeadPictures
        from dreamtalk_core.render.output.sound import Mix
        from dreamtalk_core.render.output.video import check_video_path
        from dreamtalk_core.render.portrait.pictures import PortraitPictures
        from dreamtalk_core.render.portrait.renderer import PortraitRenderer
        from dreamtalk_core.tracking.portrait import read_portrait

        heard = audio.sources if isinstance(audio, Mix) else (audio,)
        read = (*heard, portrait)
        check_not_read([Path(path)], [Path(one) for one in read if isinstance(one, (str, Path))])
        if portrait is None:
            job.render(HeadPictures(motion, size), path, audio, progress)
            return
        check_video_path(path)
        image, face = (found := read_portrait(portrait)).image, found.face
        drawn = PortraitRenderer(image, face.landmarks, face.matrix, face.weights)
        job.render(PortraitPictures(drawn, motion), path, audio, progress)

    def dub(
        self,
        video: str | Path | Moving,
        speech: AnySpeech | str | Path,
        path: str | Path,
        *,
        style: AnyStyle | None = None,
        dubbing: Dubbing | None = None,
        sound: str | Path | None = None,
        codec: str | None = None,
        progress: Progress | None = None,
        **settings: Any,
    ) -> Motion:
        """Write a video in which the face says a speech, see `pipeline.dub.dub`."""
        from dreamtalk_core.pipeline.dub import dub

        return dub(
            self,
            video,
            speech,
            path,
            style=style,
            dubbing=dubbing,
            sound=sound,
            codec=codec,
            progress=progress,
            **settings,
        )


def spoken_in(other: Other | AnySpeech) -> Speech:
    """The speech itself, whatever has been made of it."""
    speech = other.speech if isinstance(other, Other) else other
    return speech.speech if isinstance(speech, SpeechFeatures) else speech


def talkers_of(
    others: Sequence[Other | AnySpeech], listener: Listener
) -> tuple[tuple[Talker, ...], int]:
    """Others as the behaviour hears them, and a number for the voice of who listens to them."""
    talkers, voices = [], []
    for one in others:
        other = one if isinstance(one, Other) else Other(one)
        features = other.speech
        if isinstance(features, Speech):
            prosody = measure_prosody(features.waveform)
            beside = hear_beside_words(features.waveform, prosody)
            voices.append(number_voice(features.waveform))
        else:
            prosody, beside = features.prosody, features.beside_words
            voices.append(features.voice)
        at = (0.0, listener.toward) if other.at is None else other.at
        talkers.append(Talker(prosody.loudness, prosody.pitch, beside, at))
    return tuple(talkers), listener_of(voices)


def names_auto(style: object) -> bool:
    """Whether a style is the text `auto`, in whatever case."""
    return isinstance(style, str) and style.casefold() == AUTO

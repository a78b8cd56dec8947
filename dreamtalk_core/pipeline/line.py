"""A line: what is said, in what manner, and the files to make of it.

`dreamtalk animate` makes one, a batch thousands: by this code, so that the results are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamtalk_core.formats import Provenance, is_of_arkit, is_read, start_in
from dreamtalk_core.formats.cues import is_cues, write_cues
from dreamtalk_core.motion import Motion
from dreamtalk_core.pipeline.base import AnySpeech, Pipeline, spoken_in
from dreamtalk_core.pipeline.load import Kind
from dreamtalk_core.progress import Progress
from dreamtalk_core.render.output.sound import Mix
from dreamtalk_core.retarget.renaming import renamed
from dreamtalk_core.speech.audio import Speech
from dreamtalk_core.style import Style, StyleTrack, as_track
from dreamtalk_core.version import __version__

if TYPE_CHECKING:
    from dreamtalk_core.speech.phones import Phones
    from dreamtalk_core.speech.phonetics import PhoneticEncoder

Stage = Callable[[str], AbstractContextManager[Progress]]
"""Called with the name of a part of the work; gives what is told how far it is."""


@dataclass(frozen=True)
class Line:
    """Files in, files out.

    speech: what the face says; None: it listens to `others`. style: in any form that `load_style`
    takes. portrait: the speaker's face at rest, for the style `auto`. settings: by name, of any
    table that the model takes. curves: motion files to write, and those of cues. preview: a video
    of the built-in head. video: a video of the portrait, which then is a picture. transcript: what
    is said, as a hint, and for cues that hold words. start, timecode_rate: of the curves, see
    `start_of`. scheme: of the rig whose channels the curves are to have, in files that are not made
    of ARKit's shapes. voice: a recording in which the style `auto` is heard, in the place of the
    speech.
    """

    speech: Path | None
    curves: tuple[Path, ...] = ()
    others: tuple[Path, ...] = ()
    style: str = "auto"
    portrait: Path | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    preview: Path | None = None
    video: Path | None = None
    transcript: str = ""
    start: str | None = None
    timecode_rate: str | None = None
    scheme: str = ""
    voice: Path | None = None

    def is_readable(self, path: Path) -> bool:
        """Whether one of the curves' files can be read as ARKit's shapes."""
        return is_read(path) and (not self.scheme or is_of_arkit(path))

    def load_speeches(self) -> tuple[Speech | None, list[Speech]]:
        """What is said, and what the others say. Raises SpeechError."""
        others = [Speech.load(path) for path in self.others]
        return None if self.speech is None else Speech.load(self.speech), others


@dataclass(frozen=True, eq=False)
class Take:
    """What became of a line. features: of its speech, or the first of the others. corrections: a
    hash of those by hand that are in the motion."""

    motion: Motion
    features: AnySpeech
    style: Style | StyleTrack
    corrections: str = ""


def sample_line(
    talk: Pipeline,
    kind: Kind,
    line: Line,
    speeches: tuple[AnySpeech | None, Sequence[AnySpeech]],
    stage: Stage,
) -> Take:
    """The motion of a line. kind: of the model. speeches: of `Line.load_speeches`, or their
    features.

    Raises what `load_style` and `sample_motion` raise.
    """
    own, others = speeches
    heard = [talk.analyse(one) for one in others]
    features = talk.analyse(own) if own is not None else heard[0]
    voice = features if line.voice is None else _voice(talk, line.voice, line.voice.stat().st_mtime)
    style = talk.load_style(line.style, voice, _rest(line))
    with stage("animate") as progress:
        sampling = {**kind.sampling_of(line.settings), "progress": progress}
        if own is None:
            motion = talk.listen(heard, style, **sampling)
        else:
            motion = talk.sample_motion(
                features, style, others=heard, transcript=line.transcript, **sampling
            )
    return Take(motion, features, style)


def write_line(talk: Pipeline, line: Line, take: Take, stage: Stage) -> Iterator[Path]:
    """Write the files of a line, each whole or not at all; yields each when it is there.

    Raises what `Motion.save` and `Pipeline.render` raise.
    """
    from dreamtalk_core.speech.timecode import start_of

    motion, phones, made = take.motion, None, provenance_of(talk, line, take)
    recording = line.speech or line.others[0]
    start = start_of(line.start, line.timecode_rate, motion.fps, recording)
    for path in dict.fromkeys(line.curves):
        if line.speech is None or not is_cues(path):
            own = line.scheme and not is_of_arkit(path)
            (renamed(motion, line.scheme) if own else motion).save(
                path, made, start_in(path, line.curves, start)
            )
        else:
            phones = phones or _phones(talk, line, take)
            write_cues(path, phones, motion.fps, line.speech.name)
        yield path
    sounds = (*(() if line.speech is None else (line.speech,)), *line.others)
    sound = sounds[0] if len(sounds) == 1 else Mix(sounds)
    for video, portrait in ((line.preview, None), (line.video, line.portrait)):
        if video is not None:
            with stage("preview" if portrait is None else "render") as progress:
                talk.render(motion, video, sound, portrait=portrait, progress=progress)
            yield video


@lru_cache(maxsize=16)
def _voice(talk: Pipeline, path: Path, changed: float) -> AnySpeech:
    """A character's voice, heard once. changed: when the file was."""
    return talk.analyse(Speech.load(path))


def provenance_of(talk: Pipeline, line: Line, take: Take) -> Provenance:
    """How the motion of a line is made: what makes the same again, wherever its files lie."""
    return {
        "generator": f"DreamTalk {__version__}",
        "model": talk.fingerprint,
        "speech": [path.name for path in (line.speech, *line.others) if path is not None],
        "style": [
            {"time": time, "name": style.name, "intensity": round(style.intensity, 6)}
            for time, style in as_track(take.style).keys
        ],
        "parameters": {
            name: value if isinstance(value, (bool, int, float)) else Path(str(value)).name
            for name, value in sorted(line.settings.items())
        },
        **({"corrections": take.corrections} if take.corrections else {}),
    }


def ears_of(talk: Pipeline) -> PhoneticEncoder:
    """What hears phones: a model's own ears, or ours, where an original checkpoint hears
    otherwise."""
    from dreamtalk_core.pipeline.dreamtalk import DreamTalk
    from dreamtalk_core.speech.phonetics import PhoneticEncoder

    return talk.phonetics if isinstance(talk, DreamTalk) else PhoneticEncoder.load()


def _phones(talk: Pipeline, line: Line, take: Take) -> Phones:
    """What is heard in the line."""
    from dreamtalk_core.speech.phones import hear_phones
    from dreamtalk_core.speech.words import find_words

    phones = hear_phones(spoken_in(take.features), ears_of(talk))
    return find_words(phones, line.transcript) if line.transcript else phones


def _rest(line: Line) -> Path | Motion | None:
    """The speaker's resting face; of a portrait that is drawn, as `render` sees it."""
    if line.video is None or line.portrait is None:
        return line.portrait
    from dreamtalk_core.tracking.portrait import read_portrait

    return read_portrait(line.portrait).rest

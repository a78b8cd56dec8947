"""`Studio`: one model, and what the doors can have of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamtalk_core.errors import DreamTalkError, StyleError, shown
from dreamtalk_core.files import digest_of, name_key
from dreamtalk_core.parameters import Parameter, parameters, tables
from dreamtalk_core.pipeline.base import AUTO, NEUTRAL, AnySpeech, spoken_in
from dreamtalk_core.pipeline.line import Line, Take, sample_line, write_line
from dreamtalk_core.pipeline.load import check_settings, kind_of, load
from dreamtalk_core.progress import Progress
from dreamtalk_core.speech.audio import Speech
from dreamtalk_core.style import as_track
from dreamtalk_core.style.text import parse_style
from dreamtalk_core.warned import collect_warnings, warn

if TYPE_CHECKING:
    from dreamtalk_core.style import Style, StyleTrack

Stages = Callable[[str], Progress]
"""Called with the name of a part of the work; gives what is told how far that is."""
_KNOWN, _SECONDS = 4, 600.0
"""How many sounds are kept as they were heard, and how long they may be together."""
MOTION, VIDEO = "motion.npz", "video.mp4"
"""What a job leaves in its folder: curves, as they are, and a video if one is asked for."""


@dataclass(frozen=True)
class Order:
    """What is to be made.

    speech: a sound file. style: text without names of files. portrait: a picture of a face to
    draw, and the speaker's face at rest; None: the built-in head. video: whether to draw one.
    settings: by name, of the tables of `parameters`.
    """

    speech: Path
    style: str = "auto"
    settings: Mapping[str, Any] = field(default_factory=dict)
    portrait: Path | None = None
    video: bool = False

    @property
    def files(self) -> tuple[Path, ...]:
        """All that is read for it."""
        return tuple(path for path in (self.speech, self.portrait) if path is not None)


@dataclass(frozen=True, eq=False)
class Made:
    """What became of an order; the curves are in its folder, not in memory. emotions: heard in the
    voice, where the style was."""

    frames: int
    fps: float
    emotions: tuple[str, ...]


class Studio:
    """One model, loaded once; its methods that work are for one thread at a time.

    longest: seconds that a speech may have. talk: the pipeline.
    """

    def __init__(self, model: str, device: str, longest: float) -> None:
        self._kind = kind_of(model)
        self._model, self._longest = model, longest
        self.talk = load(model, device)
        self._heard: dict[tuple[str, str], tuple[AnySpeech, list[str]]] = {}

    @property
    def styles(self) -> tuple[str, ...]:
        """Names of the styles that there are now."""
        return self.talk.style_names

    def knows(self, name: str) -> bool:
        """Whether there is a style of this name, however it is spelled."""
        return name_key(name) in map(name_key, self.styles)

    def make(self, order: Order, folder: Path, stages: Stages) -> Made:
        """Make an order's files in a folder. Raises DreamTalkError, and what `stages` raises."""
        self._check_style(order.style)
        line = Line(
            order.speech,
            curves=(folder / MOTION,),
            style=order.style,
            portrait=order.portrait,
            settings=order.settings,
            preview=folder / VIDEO if order.video and order.portrait is None else None,
            video=folder / VIDEO if order.video and order.portrait is not None else None,
        )
        take = self.write(line, stages)
        motion = take.motion
        return Made(len(motion), float(motion.fps), emotions_in(take.style))

    def write(self, line: Line, stages: Stages) -> Take:
        """Make a line, whose style may be a file, and write its files. Raises DreamTalkError, and
        what `stages` raises."""
        check_settings(self._model, line.settings)
        stages("listen")
        assert line.speech is not None
        speech = self._listen(line.speech)

        @contextmanager
        def stage(name: str) -> Iterator[Progress]:
            yield stages(name)

        take = sample_line(self.talk, self._kind, line, (speech, []), stage)
        for _ in write_line(self.talk, line, take, stage):
            pass
        return take

    def _listen(self, path: Path) -> AnySpeech:
        """The features of a sound, and the warnings about it: of the last few they are still known,
        as somebody who tries styles asks for the same sound again."""
        try:
            known = str(path), digest_of(path)  # by its path, too, which warnings and errors name
        except OSError:
            Speech.load(path, self._longest)  # says what is wrong with it
            raise
        if known not in self._heard:
            warnings: list[str] = []
            with collect_warnings(warnings.append):
                speech = Speech.load(path, self._longest)
            self._heard[known] = self.talk.analyse(speech), warnings
        self._heard[known] = features, warnings = self._heard.pop(known)  # the last in order
        while len(self._heard) > _KNOWN or self._seconds() > _SECONDS:
            del self._heard[next(iter(self._heard))]
        for text in warnings:
            warn(text)
        return features

    def _seconds(self) -> float:
        return sum(float(spoken_in(features).duration) for features, _ in self._heard.values())

    def _check_style(self, text: str) -> None:
        """Raises StyleError for a text that names what is not a style of the library: whoever asks
        has no business with the files of this machine."""
        parse_style(text, self._named)

    def _named(self, name: str) -> Any:
        auto = name_key(name) == name_key(AUTO)
        if Path(name).suffix or not (auto or self.knows(name)):
            raise StyleError(
                f"There is no style '{shown(name)}' here. "
                f"There are: {AUTO}, {', '.join(self.styles)}."
            )
        return self.talk.find_style(NEUTRAL if auto else name)


def emotions_in(style: Style | StyleTrack) -> tuple[str, ...]:
    """What was heard in a voice, where its style was."""
    heard = [part.heard.emotion for _, part in as_track(style).keys if part.heard]
    return tuple(dict.fromkeys(heard))


def settings() -> Iterator[tuple[str, Parameter]]:
    """All that a caller can set, each with the name of its table."""
    for table in tables():
        for parameter in parameters(table):
            yield table.__name__, parameter


def check_extra(module: str, extra: str) -> None:
    """Raises DreamTalkError where what a door needs is not installed."""
    from importlib.util import find_spec

    try:
        found = find_spec(module)
    except ModuleNotFoundError:  # nor what it is in
        found = None
    if found is None:
        raise DreamTalkError(
            f"{module} is not installed. Install it with: pip install dreamtalk[{extra}]"
        )

"""What the worker can be asked for."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamtalk_core.errors import DreamTalkError, SpeechError, StyleError
from dreamtalk_core.files import check_not_read
from dreamtalk_core.progress import Progress
from dreamtalk_core.version import __version__
from dreamtalk_core.warned import collect_warnings, warn
from dreamtalk_core.worker.protocol import PROTOCOL, Answer, ProtocolError
from dreamtalk_core.worker.styles import describe, save_to_library

if TYPE_CHECKING:
    from dreamtalk_core.motion import Motion
    from dreamtalk_core.pipeline.base import AnySpeech, Pipeline
    from dreamtalk_core.speech.audio import Speech
    from dreamtalk_core.style import Style, StyleTrack

NEEDS = {
    **{name: name for name in ("av", "numba", "numpy", "platformdirs")},
    **{name: name for name in ("safetensors", "soxr", "torch")},
    "cv2": "opencv-python-headless",
}
"""Modules without which there is no speech, no motion or no picture, and their packages."""


@dataclass(frozen=True, eq=False)
class Analysed:
    """A sound file as it was, with what there was to say of it, and its features of a pipeline."""

    file: tuple[object, ...]
    speech: Speech
    warnings: list[str]
    talk: Pipeline
    features: AnySpeech


@dataclass(frozen=True, eq=False)
class Loaded:
    """A pipeline, and what it was loaded with."""

    model: str
    device: str
    settings: Mapping[str, Any]
    talk: Pipeline

    def does_for(self, model: str, device: str, settings: Mapping[str, Any] | None) -> bool:
        """Whether it is the one for these; None: however it was loaded."""
        same = (self.model, self.device) == (model, device)
        return same and settings in (None, self.settings)


class Methods:
    """What can be asked for; each takes the parameters by name and `progress` first."""

    def __init__(self) -> None:
        self._loaded: Loaded | None = None
        self._last: Analysed | None = None
        self.idle = 0.0

    def hello(self, progress: Progress, *, protocol: int, idle: float = 0) -> Answer:
        if protocol != PROTOCOL:
            raise ProtocolError(
                f"This is DreamTalk {__version__}, which speaks version {PROTOCOL} of the worker's "
                f"protocol, not {protocol}. Install the same DreamTalk on both sides."
            )
        # A bare folder, without a module in it, is what two flavours of OpenCV leave behind.
        found = {name: find_spec(name) for name in NEEDS}
        lacking = [
            NEEDS[name] for name, spec in found.items() if spec is None or spec.origin is None
        ]
        if lacking:
            raise DreamTalkError(
                f"{sys.executable} lacks {', '.join(lacking)}. Install what it lacks with "
                f'"{sys.executable}" -m pip install {" ".join(lacking)}, or choose another Python.'
            )
        self.idle = max(0.0, idle)
        return {"protocol": PROTOCOL, "version": __version__, "python": platform.python_version()}

    def styles(
        self,
        progress: Progress,
        *,
        pictures: str = "",
        project: str = "",
        model: str = "default",
        device: str = "auto",
    ) -> Answer:
        talk, found = self._talk(model, device, project), []
        names = talk.style_names
        for done, name in enumerate(names):
            progress(done, len(names))
            try:
                found.append(describe(talk, talk.find_style(name), name, pictures))
            except DreamTalkError as error:
                folder, _ = talk.library.where(name)
                found.append({"name": name, "shelf": folder, "problem": str(error)})
        blank = {"tags": [], "intensity": 1.0, "source": "", "picture": "", "problem": ""}
        return {"styles": [{**blank, **style} for style in found]}

    def animate(
        self,
        progress: Progress,
        *,
        output: str,
        speech: str = "",
        others: list[str] | None = None,
        start: float = 0,
        end: float = 0,
        style: str = "",
        portrait: str = "",
        transcript: str = "",
        project: str = "",
        model: str = "default",
        device: str = "auto",
        **settings: Any,
    ) -> Answer:
        from dreamtalk_core.pipeline.base import spoken_in
        from dreamtalk_core.pipeline.load import check_settings, kind_of
        from dreamtalk_core.speech.audio import Speech

        check_settings(model, settings)
        kind = kind_of(model)
        kind.check_output(Path(output))
        if not speech and not others:
            raise DreamTalkError("Give a speech, or the speech of others to listen to.")
        read = [speech, portrait, style, settings.get("pose"), *(others or ())]
        check_not_read([Path(output)], map(Path, filter(None, read)))
        heard = [Speech.load(path) for path in others or ()]
        first, loading = speech or (others or [""])[0], kind.loading_of(settings)
        talk, features = self._analysed(first, model, device, project, loading, (start, end))
        progress(0, 1)
        made = talk.load_style(
            style or ("auto" if speech else "neutral"), features, portrait or None
        )
        options = {**kind.sampling_of(settings), "progress": progress}
        if speech:
            motion = talk.sample_motion(
                features, made, others=heard, transcript=transcript, **options
            )
        else:
            motion = talk.listen([features, *heard[1:]], made, **options)
        return {**save_motion(motion, output), "heard": heard_in(made, spoken_in(features).source)}

    def dub(
        self,
        progress: Progress,
        *,
        video: str,
        speech: str,
        output: str,
        style: str = "",
        face: str | int = "largest",
        start: float = 0,
        end: float = 0,
        strength: float = 1,
        only_speech: bool = False,
        project: str = "",
        model: str = "default",
        device: str = "auto",
        **settings: Any,
    ) -> Answer:
        from dreamtalk_core.pipeline.dub import Dubbing
        from dreamtalk_core.pipeline.load import check_settings

        check_settings(model, settings)
        options = Dubbing(face, start, end or None, strength, only_speech)
        talk, features = self._analysed(speech, model, device, project)
        motion = talk.dub(
            Path(video),
            features,
            output,
            style=style or None,
            dubbing=options,
            sound=speech,
            progress=progress,
            **settings,
        )
        return {"output": output, "frames": len(motion), "fps": str(motion.fps)}

    def track(
        self,
        progress: Progress,
        *,
        video: str,
        output: str,
        face: str | int = "largest",
        neutral: str = "",
        fps: str | int | float = "",
        device: str = "auto",
    ) -> Answer:
        from dreamtalk_core.animation.calibration import calibrate
        from dreamtalk_core.formats import check_writable
        from dreamtalk_core.pipeline.performance import read_performance
        from dreamtalk_core.tracking import track_faces

        check_writable(Path(output))
        check_not_read([Path(output)], map(Path, filter(None, [video, neutral])))
        rest = read_performance(neutral, face, device=device)[0] if neutral else None
        tracked = track_faces(Path(video), choice=face, device=device, progress=progress).motion
        motion = calibrate(tracked, rest)
        return save_motion(motion.resample(fps) if fps else motion, output)

    def extract_style(
        self,
        progress: Progress,
        *,
        performance: list[str],
        name: str,
        neutral: str = "",
        face: str | int = "largest",
        shelf: str = "user",
        tags: list[str] | None = None,
        pictures: str = "",
        project: str = "",
        model: str = "default",
        device: str = "auto",
    ) -> Answer:
        talk = self._talk(model, device, project)
        talk.library.path(name, shelf)
        style = talk.extract_style(
            [Path(path) for path in performance],
            neutral=neutral or None,
            face=face,
            progress=progress,
        )
        return save_to_library(talk, style, name, tags, shelf, pictures)

    def save_style(
        self,
        progress: Progress,
        *,
        style: str,
        name: str,
        speech: str = "",
        portrait: str = "",
        shelf: str = "user",
        tags: list[str] | None = None,
        pictures: str = "",
        project: str = "",
        model: str = "default",
        device: str = "auto",
    ) -> Answer:
        from dreamtalk_core.style import StyleTrack

        talk = self._talk(model, device, project)
        talk.library.path(name, shelf)
        features = None
        if speech:
            talk, features = self._analysed(speech, model, device, project)
        progress(0, 1)
        made = talk.load_style(style, features, portrait or None)
        if isinstance(made, StyleTrack):
            raise StyleError("A style file holds one style. Leave out the @ times.")
        return save_to_library(talk, made, name, tags, shelf, pictures)

    def speak(
        self,
        progress: Progress,
        *,
        port: int,
        sound: str = "",
        microphone: str = "",
        style: str = "",
        project: str = "",
        model: str = "default",
        device: str = "auto",
        **settings: Any,
    ) -> Answer:
        from dreamtalk_core.pipeline.live.sources import Microphone, Recording
        from dreamtalk_core.pipeline.load import check_settings
        from dreamtalk_core.worker.speaking import speak

        check_settings(model, settings)
        # Before the model: a wrong name is reported at once.
        file = Recording(Path(sound)) if sound else None
        talk = self._talk(model, device, project)
        with closing(file or Microphone(microphone)) as heard:
            frames = speak(talk, style or "neutral", heard, port, lambda: progress(0, 1), settings)
        return {"frames": frames}

    def make_shapes(
        self,
        progress: Progress,
        *,
        head: str,
        output: str,
        landmarks: dict[str, list[float]] | None = None,
    ) -> Answer:
        from dreamtalk_core.pipeline.shapes.make import make_shapes, save_moves

        check_not_read([Path(output)], [Path(head)])
        fitted = make_shapes(head, landmarks, progress)
        save_moves(fitted, output)
        places = {name: place.tolist() for name, place in fitted.landmarks.items()}
        return {"output": output, "landmarks": places}

    def shutdown(self, progress: Progress) -> Answer:
        return {}

    def _analysed(
        self,
        path: str,
        model: str,
        device: str,
        project: str,
        loading: Mapping[str, Any] | None = None,
        part: tuple[float, float] = (0, 0),
    ) -> tuple[Pipeline, AnySpeech]:
        """The features of a sound file, with the pipeline: once, for requests in a row.

        part: seconds that it begins and ends at, 0 for the end of the file.
        """
        from dreamtalk_core.speech.audio import Speech
        from dreamtalk_core.speech.features import CACHED_SECONDS

        file, last = (path, _state(path), part), self._last
        if last is not None and last.file == file:
            speech, found = last.speech, last.warnings
        else:
            found = []
            with collect_warnings(found.append):
                # Before the model: a wrong name is reported at once.
                speech = cut(Speech.load(path), *part)
            last = self._last = None  # not two at a time
        talk = self._talk(model, device, project, loading)
        if last is None or last.talk is not talk:
            last = Analysed(file, speech, found, talk, talk.analyse(speech))
            # A longer one does not keep its rows, and would keep its temporary file.
            self._last = last if speech.duration <= CACHED_SECONDS else None
        for text in last.warnings:
            warn(text)
        return talk, last.features

    def _talk(
        self, model: str, device: str, project: str, loading: Mapping[str, Any] | None = None
    ) -> Pipeline:
        """The pipeline, loaded once, with the styles of the project as they are now.

        loading: see `load`; None: the pipeline that is there will do, however it was loaded.
        """
        from dreamtalk_core.pipeline.load import load
        from dreamtalk_core.style import StyleLibrary

        if self._loaded is None or not self._loaded.does_for(model, device, loading):
            self._loaded = self._last = None  # a graphics card has room for one at a time
            settings = loading or {}
            self._loaded = Loaded(model, device, settings, load(model, device, **settings))
        talk = self._loaded.talk
        if project and not Path(project).is_dir():
            raise DreamTalkError(f"{project} is no folder that can be read.")
        talk.library = StyleLibrary.default(Path(project) if project else None)
        return talk


METHODS = tuple(name for name in vars(Methods) if not name.startswith("_"))


def _state(path: str) -> tuple[int, int] | None:
    """What tells a file from what it was before; None where there is none."""
    try:
        about = Path(path).stat()
    except (OSError, ValueError):
        return None
    return about.st_mtime_ns, about.st_size


def cut(speech: Speech, start: float, end: float) -> Speech:
    """A speech from one second to another, 0 for its end. Raises SpeechError if nothing is left."""
    from dreamtalk_core.speech.lines import cut_speech

    if start < 0 or (end and end <= start):
        raise SpeechError(
            f"A part of a speech from second {start:g} to {end:g} is none. Give a start from 0 up "
            "and an end behind it."
        )
    whole = not start and not end
    return speech if whole else cut_speech(speech, start, (end or float(speech.duration)) - start)


def heard_in(style: Style | StyleTrack, source: str) -> list[dict[str, Any]]:
    """What was heard in the voice of a source, where a style was predicted from it."""
    from dreamtalk_core.style import as_track

    parts = [part.heard for _, part in as_track(style).keys if part.heard and part.source == source]
    return [{"emotion": one.emotion, "probability": one.probability} for one in parts]


def save_motion(motion: Motion, output: str) -> Answer:
    motion.save(output)
    return {
        "output": output,
        "frames": len(motion),
        "fps": str(motion.fps),
        "duration": float(motion.duration),
    }

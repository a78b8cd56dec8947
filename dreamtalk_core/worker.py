"""DreamTalk as a child process that answers in JSON lines over stdio: `python -I -m
dreamtalk_core.worker`. Blender's extension speaks through it, and any other program may.

Every line is one JSON object in UTF-8. The program that started the worker writes requests:

    {"id": 1, "method": "hello", "params": {"protocol": 3}}
    {"method": "cancel", "params": {"id": 1}}

and reads answers; any number of the first, then one of the others, for each request that has an id:

    {"id": 1, "progress": [done, total], "what": "animate"}
    {"id": 1, "result": {...}, "warnings": ["There is a cut to another face ...", ...]}
    {"id": 1, "error": {"kind": "StyleError", "message": "There is no style ..."}}

An id is a number or a string that no request still waiting has. Requests are done one after the
other, in order. `kind` is the name of a class in `dreamtalk_core.errors`, or

    ProtocolError   a request that this worker does not understand; its id is null where it has none
    Cancelled       the request was cancelled; nothing of it is left behind
    Failure         a fault of ours: the log has the traceback

`message` says what is wrong and what to do, each of `warnings`, which may be missing, what was
guessed. Lines that are not JSON objects are to be skipped:
foreign code may print before the worker has taken hold of stdout. From then on everything that any
library prints goes to stderr, which is the log. Stdin carries nothing but requests; when it ends,
as it does when the other program dies in whatever way, the worker cancels what it does and ends.

Methods; all paths are absolute, and what stands after `=` may be left out:

    hello(protocol, idle=0)
        {"protocol", "version", "python"}. To be sent first. A Python that lacks something says so
        here, and another protocol is an error. idle: seconds without a request after which the
        worker ends by itself; 0 for never.
    styles(pictures="", project="", model="default", device="auto")
        {"styles": [STYLE, ...]}, by name. pictures: a folder for pictures of them; one that is not
        there yet is drawn, which takes a second.
    animate(speech, output, style="auto", portrait="", project="", model="default", device="auto",
            SETTING=VALUE ...)
        {"output", "frames", "fps", "duration"}. Writes the motion for a sound file to `output`,
        whose suffix says the format. See `DreamTalk.animate`. Settings are those of the tables in
        `dreamtalk_core.parameters` by name, such as "seed": 3 and "blinks": 0.5; a frame rate is a
        number or a text such as "24000/1001". portrait: a face for the style `auto`.
    track(video, output, face="largest", neutral="", fps="", device="auto")
        The same for the face in a video, calibrated. fps: the video's own.
    extract_style(performance, name, neutral="", face="largest", shelf="user", tags=[], pictures="",
                  project="", model="default", device="auto")
        STYLE, taken from the videos or motion files in the list `performance` and kept in the
        library. A shelf of `project` is that of the folder `project`.
    save_style(style, name, speech="", portrait="", shelf="user", tags=[], pictures="", project="",
               model="default", device="auto")
        STYLE, made from a text such as "happy*0.7+sad*0.3", or "auto" for a speech, and kept.
    cancel(id)
        No answer; the cancelled request answers. At once, also while another request is done.
    shutdown()
        {}, and the worker ends.

STYLE is {"name", "shelf", "tags", "intensity", "source", "picture", "problem"}: shelf is `project`,
`user` or `model`; picture the path of a PNG or ""; problem says why it cannot be used, or "".
project is a folder of the user's work, in or above which `dreamtalk_styles` may lie. model: a name
or a file, see `DreamTalk.load`.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import math
import os
import platform
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, BinaryIO

from dreamtalk_core.errors import DreamTalkError, OutOfMemoryError, StyleError, out_of_memory, shown
from dreamtalk_core.files import check_not_read
from dreamtalk_core.parameters import changed, parameters, tables
from dreamtalk_core.progress import Progress
from dreamtalk_core.temporaries import tidy
from dreamtalk_core.version import __version__
from dreamtalk_core.warned import telling, warn

if TYPE_CHECKING:
    from dreamtalk_core.motion import Motion
    from dreamtalk_core.pipeline.dreamtalk import DreamTalk
    from dreamtalk_core.speech.features import SpeechFeatures
    from dreamtalk_core.style import Style

PROTOCOL = 3
NEEDS = {
    **{name: name for name in ("av", "numba", "numpy", "platformdirs")},
    **{name: name for name in ("safetensors", "soxr", "torch")},
    "cv2": "opencv-python-headless",
}
"""Modules without which there is no speech, no motion or no picture, and their packages."""
PICTURE = 128
"""Pixels along each side of a style's picture."""

_PROGRESS_EVERY = 0.1
"""Seconds between two messages of progress, at least."""
_GRACE = 1.0
"""Seconds that work has to clean up after itself when the other side is gone."""
_GRACE_OF_SIGNALS = 8.0
"""The same where somebody is there, who waits for an answer: less than who asks will wait."""
_LONGEST = 1 << 22
"""Bytes of a line; what is longer is no request."""

Answer = dict[str, Any]


class ProtocolError(DreamTalkError):
    """A request that is not understood."""


class Cancelled(DreamTalkError):
    """The request was cancelled."""


@dataclass(frozen=True, eq=False)
class Analysed:
    """What is heard in a sound file; key: the file as it was, and the model that hears it."""

    key: tuple[object, ...]
    features: SpeechFeatures
    warnings: tuple[str, ...]


class Methods:
    """What can be asked for; each takes the parameters by name and `progress` first."""

    def __init__(self) -> None:
        self._loaded: dict[tuple[str, str], DreamTalk] = {}
        self._last: Analysed | None = None
        self.idle = 0.0

    def hello(self, progress: Progress, *, protocol: int, idle: float = 0) -> Answer:
        if protocol != PROTOCOL:
            raise ProtocolError(
                f"This is DreamTalk {__version__}, which speaks version {PROTOCOL} of the worker's "
                f"protocol, not {protocol}. Install the same DreamTalk on both sides."
            )
        lacking = [package for name, package in NEEDS.items() if find_spec(name) is None]
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
                found.append(_told(talk, talk.library.find(name, talk.model), name, pictures))
            except DreamTalkError as error:
                shelf, _ = talk.library.where(name)
                found.append({"name": name, "shelf": shelf, "problem": str(error)})
        blank = {"tags": [], "intensity": 1.0, "source": "", "picture": "", "problem": ""}
        return {"styles": [{**blank, **style} for style in found]}

    def animate(
        self,
        progress: Progress,
        *,
        speech: str,
        output: str,
        style: str = "auto",
        portrait: str = "",
        project: str = "",
        model: str = "default",
        device: str = "auto",
        **settings: Any,
    ) -> Answer:
        from dreamtalk_core.formats import check_writable

        changed(settings, *(table() for table in tables()))  # before all that takes time
        check_writable(Path(output))
        check_not_read([Path(output)], map(Path, filter(None, [speech, portrait, style])))
        talk, features = self._analysed(speech, model, device, project)
        progress(0, 1)
        motion = talk.sample_motion(
            features,
            talk.load_style(style, features, portrait or None),
            progress=progress,
            **settings,
        )
        return _kept(motion, output)

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
        return _kept(motion.resample(fps) if fps else motion, output)

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
        return _shelved(talk, replace(style, name=name, tags=tuple(tags or ())), shelf, pictures)

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

        talk, features = self._talk(model, device, project), None
        talk.library.path(name, shelf)
        if speech:
            talk, features = self._analysed(speech, model, device, project)
        progress(0, 1)
        made = talk.load_style(style, features, portrait or None)
        if isinstance(made, StyleTrack):
            raise StyleError("A style file holds one style. Leave out the @ times.")
        return _shelved(talk, replace(made, name=name, tags=tuple(tags or ())), shelf, pictures)

    def shutdown(self, progress: Progress) -> Answer:
        return {}

    def _analysed(
        self, path: str, model: str, device: str, project: str
    ) -> tuple[DreamTalk, SpeechFeatures]:
        """What is heard in a sound file, with the pipeline: once, for requests in a row."""
        from dreamtalk_core.speech.audio import Speech

        key = (path, _state(path), model, device)
        if self._last is None or self._last.key != key:
            warnings: list[str] = []
            with telling(warnings.append):
                speech = Speech.load(path)  # before the model: a wrong name is told at once
            self._last = None  # not two at a time
            features = self._talk(model, device, project).analyse(speech)
            self._last = Analysed(key, features, tuple(warnings))
        for text in self._last.warnings:
            warn(text)
        return self._talk(model, device, project), self._last.features

    def _talk(self, model: str, device: str, project: str) -> DreamTalk:
        """The pipeline, loaded once, with the styles of the project as they are now."""
        from dreamtalk_core.pipeline.dreamtalk import DreamTalk
        from dreamtalk_core.style import StyleLibrary

        if (model, device) not in self._loaded:
            self._loaded.clear()  # one at a time is what a graphics card has room for
            self._loaded[model, device] = DreamTalk.load(model, device)
        talk = self._loaded[model, device]
        if project and not Path(project).is_dir():
            raise DreamTalkError(f"{project} is no folder that can be read.")
        talk.library = StyleLibrary.default(Path(project) if project else None)
        return talk


METHODS = tuple(name for name in vars(Methods) if not name.startswith("_"))


class Worker:
    """Does requests in order. One thread listens meanwhile, so that they can be cancelled, and one
    speaks, so that nobody else ever waits for the other side to read."""

    def __init__(self, requests: BinaryIO, answers: BinaryIO) -> None:
        self._requests = requests
        self._answers = answers
        self._waiting: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
        self._said: SimpleQueue[bytes | None] = SimpleQueue()
        self._open: set[Any] = set()
        """Ids of the requests that wait or are done."""
        self._cancelled: set[Any] = set()
        self._ids = threading.Lock()
        self._alone = threading.Event()
        self._methods = Methods()
        self.status = 0
        """What the process is to end with."""

    def serve(self) -> None:
        """Answer until the requests end, `shutdown` is asked for, nothing is for too long, or `end`
        is called."""
        speaker = threading.Thread(target=self._speak, daemon=True)
        speaker.start()
        threading.Thread(target=self._listen, daemon=True).start()
        threading.Thread(target=self._watch, daemon=True).start()
        while (request := self._next()) is not None:
            self._answer(request)
            if request["method"] == "shutdown":
                break
        self._said.put(None)
        speaker.join(_GRACE)

    def end(self, status: int = 0) -> None:
        """Cancel what is done, and end. For handlers of signals, too: it starts no thread."""
        self.status = status or self.status
        self._alone.set()
        self._waiting.put(None)

    def _watch(self) -> None:
        self._alone.wait()
        time.sleep(_GRACE_OF_SIGNALS if self.status else _GRACE)
        os._exit(self.status)  # whatever hangs: nobody is there to wait for it

    def _next(self) -> dict[str, Any] | None:
        try:
            return self._waiting.get(timeout=self._methods.idle or None)
        except Empty:
            return None

    def _listen(self) -> None:
        try:
            while line := self._requests.readline(_LONGEST):
                try:
                    self._take(line)
                except Exception:  # no line may end this thread, or nothing is heard any more
                    traceback.print_exc()
        finally:
            self.end()

    def _take(self, line: bytes) -> None:
        """Put a request where it waits, or answer that it is none."""
        if len(line) == _LONGEST and not line.endswith(b"\n"):
            while (rest := self._requests.readline(_LONGEST)) and not rest.endswith(b"\n"):
                pass
            self._refuse(None, f"No request: a line of more than {_LONGEST} bytes.")
            return
        if not line.strip():
            return
        try:
            request = json.loads(line, parse_constant=_no_number)
        except (ValueError, RecursionError) as error:  # of json, and of bytes that are not UTF-8
            self._refuse(None, f"No request: {error}")
            return
        number = request.get("id") if isinstance(request, dict) else None
        if not _is_id(number):
            self._refuse(None, "No request: its id must be a number or a text of at most 100.")
            return
        if not isinstance(request, dict):
            self._refuse(None, "No request: it must be an object.")
        elif not isinstance(method := request.get("method"), str):
            self._refuse(number, f"No request: it lacks a method. There are {METHODS}.")
        elif not isinstance(params := request.setdefault("params", {}), dict):
            self._refuse(number, "No request: its params must be an object.")
        elif method == "cancel":
            self._cancel(params.get("id"))
        else:
            with self._ids:
                again = number is not None and number in self._open
                self._open.add(number)
            if again:
                self._refuse(number, "There is a request of this id already.")
            else:
                self._waiting.put(request)

    def _cancel(self, number: Any) -> None:
        """A cancel that comes too late is for nobody."""
        if not _is_id(number) or number is None:
            self._refuse(None, "cancel: its id must be that of a request.")
            return
        with self._ids:
            if number in self._open:
                self._cancelled.add(number)

    def _refuse(self, number: Any, message: str) -> None:
        self._say(number, error=_told_error(ProtocolError(message)))

    def _answer(self, request: dict[str, Any]) -> None:
        number, method = request.get("id"), request["method"]
        last = 0.0
        message: dict[str, Any]

        def progress(done: int, total: int) -> None:
            nonlocal last
            if self._alone.is_set() or number in self._cancelled:
                raise Cancelled("Cancelled.")
            now = time.monotonic()
            if now - last >= _PROGRESS_EVERY:
                last = now
                self._say(number, progress=[done, total], what=method)

        try:
            if method not in METHODS:
                raise ProtocolError(
                    f"There is no method '{shown(method, 100)}'. There are {METHODS}."
                )
            call = _bound(getattr(self._methods, method), progress, request["params"])
            progress(0, 1)
            warnings: list[str] = []
            with telling(warnings.append):
                message = {"result": call()}
            if warnings:
                message["warnings"] = warnings
        except Exception as error:
            # Whoever cancels does not want to hear of a fault that came first.
            gone = number in self._cancelled
            if not isinstance(error, DreamTalkError):
                traceback.print_exc()
            message = {"error": _told_error(Cancelled("Cancelled.") if gone else error)}
        # Before it is said: whoever has heard may use the id anew.
        with self._ids:
            self._open.discard(number)
            self._cancelled.discard(number)
        self._say(number, **message)

    def _say(self, number: Any, **message: Any) -> None:
        # The line break before it keeps whole what follows half a line of somebody else's.
        self._said.put(b"\n" + json.dumps({"id": number, **message}).encode("ascii") + b"\n")

    def _speak(self) -> None:
        try:
            while (line := self._said.get()) is not None:
                self._answers.write(line)
                if self._said.empty():
                    self._answers.flush()
            self._answers.flush()
        except OSError:
            self.end()  # nobody reads any more


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _is_id(number: object) -> bool:
    """Whether a request may have this id, or none."""
    if isinstance(number, str):
        return len(number) <= 100
    if isinstance(number, float):
        return math.isfinite(number)
    # Python's True is a number, JSON's is not.
    return number is None or (type(number) is int and abs(number) < 1 << 63)


def _told_error(error: Exception) -> Answer:
    if out_of_memory(error):
        error = OutOfMemoryError()
    if isinstance(error, DreamTalkError):
        return {"kind": type(error).__name__, "message": str(error)}
    return {"kind": "Failure", "message": shown(f"{type(error).__name__}: {error}", 1000)}


# What a parameter may be, by its annotation, and how that is called in JSON.
_KINDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "str": (lambda value: isinstance(value, str), "a text"),
    "int": (lambda value: type(value) is int, "a whole number"),
    "float": (lambda value: _is_number(value), "a number"),
    "str | int": (lambda value: isinstance(value, str) or type(value) is int, "a text or number"),
    "str | int | float": (
        lambda value: isinstance(value, str) or _is_number(value),
        "a text or a number",
    ),
    "list[str]": (lambda value: _are_texts(value), "a list of texts"),
    "list[str] | None": (lambda value: value is None or _are_texts(value), "a list of texts"),
}
_SETTINGS = {
    own.name: "str | int | float" if own.kind is Fraction else own.kind.__name__
    for table in tables()
    for own in parameters(table)
}
"""Kinds of the settings, by name."""


def _is_number(value: object) -> bool:
    """Finite: JSON itself knows no other, but 1e999 becomes one."""
    whole = type(value) is int and abs(value) < 1 << 63
    return whole or (isinstance(value, float) and math.isfinite(value))


def _is_text(text: str) -> bool:
    """No zero and no half of a pair, which JSON can write and no file's name can have."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _bound(
    method: Callable[..., Answer], progress: Progress, params: dict[str, Any]
) -> Callable[[], Answer]:
    """The call of a method. Raises ProtocolError for parameters that it does not take."""
    signature = inspect.signature(method)
    try:
        signature.bind(progress, **params)
    except TypeError as error:
        raise ProtocolError(f"{method.__name__}: {error}.") from error
    kinds = {own.name: own.annotation for own in signature.parameters.values()}
    if kinds.pop("settings", None):
        kinds |= _SETTINGS
    for name, value in params.items():
        if name not in kinds:
            near = get_close_matches(name, kinds, 1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise ProtocolError(f"{method.__name__} takes no '{shown(name)}'.{hint}")
        fits, kind = _KINDS[kinds[name]]
        if not fits(value):
            raise ProtocolError(f"{method.__name__}: {name} must be {kind}.")
        texts = value if isinstance(value, list) else [value]
        if any(isinstance(text, str) and not _is_text(text) for text in texts):
            raise ProtocolError(f"{method.__name__}: {name} has a letter that is none.")
    return lambda: method(progress, **params)


def _state(path: str) -> tuple[int, int] | None:
    """What tells a file from what it was before; None where there is none."""
    try:
        about = Path(path).stat()
    except (OSError, ValueError):
        return None
    return about.st_mtime_ns, about.st_size


def _kept(motion: Motion, output: str) -> Answer:
    motion.save(output)
    return {
        "output": output,
        "frames": len(motion),
        "fps": str(motion.fps),
        "duration": float(motion.duration),
    }


def _shelved(talk: DreamTalk, style: Style, shelf: str, pictures: str) -> Answer:
    """Keep a style in the library, with its picture, and tell of it."""
    style = replace(style, thumbnail=talk.picture_style(style))
    talk.library.save(style, shelf)
    return {**_told(talk, style, style.name, pictures), "shelf": shelf}


def _told(talk: DreamTalk, style: Style, name: str, pictures: str) -> Answer:
    return {
        "name": name,
        "shelf": talk.library.where(name)[0],
        "tags": list(style.tags),
        "intensity": style.intensity,
        "source": style.source,
        "picture": str(_picture(talk, style, Path(pictures))) if pictures else "",
        "problem": "",
    }


def _picture(talk: DreamTalk, style: Style, folder: Path) -> Path:
    """The picture of a style, drawn if it is not in the folder yet."""
    from dreamtalk_core.files import atomic_write

    what = style.thumbnail or style.code.tobytes() + style.model.encode()
    path = folder / f"{hashlib.sha256(what).hexdigest()[:16]}.png"
    if not path.is_file():
        drawn = style.thumbnail or talk.picture_style(style, PICTURE)
        with atomic_write(path) as temporary:
            temporary.write_bytes(drawn)
    return path


def _claim_stdio() -> tuple[BinaryIO, BinaryIO]:
    """Stdin and stdout for ourselves; what others print from now on goes to stderr."""
    # Copies of both: Python, when it ends, must not wait for the thread that reads sys.stdin.
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return requests, answers


def main() -> None:
    """Serve the program that started this process.

    A signal that asks for an end (SIGTERM, SIGHUP, Ctrl-C) cancels what is done, which is answered;
    the exit status is then 128 and the signal's number.
    """
    worker = Worker(*_claim_stdio())
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, _: worker.end(128 + number))
    worker.serve()
    tidy()
    sys.exit(worker.status)


if __name__ == "__main__":
    main()

"""DreamTalk as a child process that answers in JSON lines over stdio: `python -I -m
dreamtalk_core.worker`. Blender's extension speaks through it, and any other program may.

Every line is one JSON object in UTF-8. The program that started the worker writes requests:

    {"id": 1, "method": "hello", "params": {"protocol": 1}}
    {"method": "cancel", "params": {"id": 1}}

and reads answers; any number of the first, then one of the others, for each request that has an id:

    {"id": 1, "progress": [done, total], "what": "animate"}
    {"id": 1, "result": {...}}
    {"id": 1, "error": {"kind": "StyleError", "message": "There is no style ..."}}

Requests are done one after the other, in order. `kind` is the name of a class in
`dreamtalk_core.errors`, or

    ProtocolError   a request that this worker does not understand
    Cancelled       the request was cancelled; nothing of it is left behind
    Failure         a fault of ours: the log has the traceback

`message` says what is wrong and what to do. Lines that are not JSON objects are to be skipped:
foreign code may print before the worker has taken hold of stdout. From then on everything that any
library prints goes to stderr, which is the log. Stdin carries nothing but requests; when it ends,
as it does when the other program dies in whatever way, the worker cancels what it does and ends.

Methods; all paths are absolute, and what stands after `=` may be left out:

    hello(protocol)
        {"protocol", "version", "python"}. To be sent first. A Python that lacks something says so
        here, and another protocol is an error.
    styles(pictures="", project="", model="default", device="auto")
        {"styles": [STYLE, ...]}, by name. pictures: a folder for pictures of them; one that is not
        there yet is drawn, which takes a second.
    animate(speech, output, style="auto", guidance=1, fps="25", seed=0, steps=4, living={},
            controls={}, portrait="", project="", model="default", device="auto")
        {"output", "frames", "fps", "duration"}. Writes the motion for a sound file to `output`,
        whose suffix says the format. See `DreamTalk.animate`; living and controls hold fields of
        `Living` and `Controls`. portrait: a face for the style `auto`.
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
import os
import platform
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from importlib.util import find_spec
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from dreamtalk_core.errors import DreamTalkError, StyleError
from dreamtalk_core.version import __version__

if TYPE_CHECKING:
    from dreamtalk_core.motion import Motion
    from dreamtalk_core.pipeline import DreamTalk
    from dreamtalk_core.style import Style

PROTOCOL = 1
NEEDS = ("av", "numba", "numpy", "platformdirs", "safetensors", "soxr", "torch")
"""Packages without which there is no speech, no motion or no picture."""
PICTURE = 128
"""Pixels along each side of a style's picture."""

_PROGRESS_EVERY = 0.1
"""Seconds between two messages of progress, at least."""
_GRACE = 2.0
"""Seconds that work has to clean up after itself when the other side is gone."""

Progress = Callable[[int, int], None]
Answer = dict[str, Any]
_Settings = TypeVar("_Settings")


class ProtocolError(DreamTalkError):
    """A request that is not understood."""


class Cancelled(DreamTalkError):
    """The request was cancelled."""


class Methods:
    """What can be asked for; each takes the parameters by name and `progress` first."""

    def __init__(self) -> None:
        self._loaded: dict[tuple[str, str], DreamTalk] = {}

    def hello(self, progress: Progress, *, protocol: int) -> Answer:
        if protocol != PROTOCOL:
            raise ProtocolError(
                f"This is DreamTalk {__version__}, which speaks version {PROTOCOL} of the worker's "
                f"protocol, not {protocol}. Install the same DreamTalk on both sides."
            )
        lacking = [name for name in NEEDS if find_spec(name) is None]
        if lacking:
            raise DreamTalkError(
                f"{sys.executable} lacks {', '.join(lacking)}. Install what it lacks with "
                f'"{sys.executable}" -m pip install {" ".join(lacking)}, or choose another Python.'
            )
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
        guidance: float = 1.0,
        fps: str | int | float = "25",
        seed: int = 0,
        steps: int = 4,
        living: dict[str, float] | None = None,
        controls: dict[str, float] | None = None,
        portrait: str = "",
        project: str = "",
        model: str = "default",
        device: str = "auto",
    ) -> Answer:
        from dreamtalk_core.audio import Speech
        from dreamtalk_core.controls import Controls
        from dreamtalk_core.formats import check_writable
        from dreamtalk_core.living import Living

        alive, obeyed = _settings(Living, living or {}), _settings(Controls, controls or {})
        check_writable(Path(output))
        heard = Speech.load(speech)  # before the model: a wrong name is told at once
        talk = self._talk(model, device, project)
        progress(0, 1)
        motion = talk.sample_motion(
            heard,
            talk.load_style(style, heard, portrait or None),
            guidance=guidance,
            fps=fps,
            seed=seed,
            steps=steps,
            living=alive,
            controls=obeyed,
            progress=progress,
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
        from dreamtalk_core.calibration import calibrate
        from dreamtalk_core.formats import check_writable
        from dreamtalk_core.performance import read_performance
        from dreamtalk_core.tracking import track_faces

        check_writable(Path(output))
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

        talk = self._talk(model, device, project)
        talk.library.path(name, shelf)
        heard = talk.load_speech(speech) if speech else None
        progress(0, 1)
        made = talk.load_style(style, heard, portrait or None)
        if isinstance(made, StyleTrack):
            raise StyleError("A style file holds one style. Leave out the @ times.")
        return _shelved(talk, replace(made, name=name, tags=tuple(tags or ())), shelf, pictures)

    def shutdown(self, progress: Progress) -> Answer:
        return {}

    def _talk(self, model: str, device: str, project: str) -> DreamTalk:
        """The pipeline, loaded once, with the styles of the project as they are now."""
        from dreamtalk_core.pipeline import DreamTalk
        from dreamtalk_core.style import StyleLibrary

        if (model, device) not in self._loaded:
            self._loaded.clear()  # one at a time is what a graphics card has room for
            self._loaded[model, device] = DreamTalk.load(model, device)
        talk = self._loaded[model, device]
        with _working_in(project):
            talk.library = StyleLibrary.default()
        return talk


METHODS = tuple(name for name in vars(Methods) if not name.startswith("_"))


class Worker:
    """Does requests in order; a thread listens meanwhile, so that they can be cancelled."""

    def __init__(self, requests: BinaryIO, answers: BinaryIO) -> None:
        self._requests = requests
        self._answers = answers
        self._waiting: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
        self._cancelled: set[Any] = set()
        self._alone = threading.Event()
        self._methods = Methods()

    def serve(self) -> None:
        """Answer until the requests end or `shutdown` is asked for."""
        threading.Thread(target=self._listen, daemon=True).start()
        while (request := self._waiting.get()) is not None:
            self._answer(request)
            if request.get("method") == "shutdown":
                return

    def _listen(self) -> None:
        for line in self._requests:
            try:
                request = json.loads(line)
                if not isinstance(request, dict):
                    raise ValueError("not an object")
            except ValueError as error:  # of json, and of bytes that are not UTF-8
                self._say(None, error=_told_error(ProtocolError(f"No request: {error}")))
                continue
            if request.get("method") == "cancel":
                self._cancelled.add((request.get("params") or {}).get("id"))
            else:
                # A cancel that came too late for another request of this id is not for this one.
                self._cancelled.discard(request.get("id"))
                self._waiting.put(request)
        self._alone.set()
        self._waiting.put(None)
        time.sleep(_GRACE)
        os._exit(0)  # whatever hangs: nobody is there to wait for it

    def _answer(self, request: dict[str, Any]) -> None:
        number, method = request.get("id"), request.get("method")
        last = 0.0

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
                raise ProtocolError(f"There is no method {method!r}. There are {METHODS}.")
            call = _bound(getattr(self._methods, method), progress, request.get("params") or {})
            progress(0, 1)
            result = call()
        except Exception as error:
            # Whoever cancels does not want to hear of a fault that came first.
            gone = number in self._cancelled
            if not isinstance(error, DreamTalkError):
                traceback.print_exc()
            self._say(number, error=_told_error(Cancelled("Cancelled.") if gone else error))
        else:
            self._say(number, result=result)
        finally:
            self._cancelled.discard(number)

    def _say(self, number: Any, **message: Any) -> None:
        # The line break before it keeps whole what follows half a line of somebody else's.
        line = b"\n" + json.dumps({"id": number, **message}).encode("ascii") + b"\n"
        try:
            self._answers.write(line)
            self._answers.flush()
        except OSError:
            self._alone.set()  # nobody reads any more


def _told_error(error: Exception) -> Answer:
    if isinstance(error, DreamTalkError):
        return {"kind": type(error).__name__, "message": str(error)}
    return {"kind": "Failure", "message": f"{type(error).__name__}: {error}"}


def _bound(method: Callable[..., Answer], progress: Progress, params: Any) -> Callable[[], Answer]:
    """The call of a method. Raises ProtocolError for parameters that it does not have."""
    try:
        inspect.signature(method).bind(progress, **params)
    except TypeError as error:
        raise ProtocolError(f"{method.__name__}: {error}.") from error
    return lambda: method(progress, **params)


def _settings(kind: type[_Settings], values: dict[str, float]) -> _Settings:
    """`Living` or `Controls` with some of their fields set."""
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    strange = sorted(set(values) - set(known))
    if strange:
        raise ProtocolError(
            f"{kind.__name__} has no {', '.join(strange)}. It has {', '.join(known)}."
        )
    return kind(**values)


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


@contextmanager
def _working_in(folder: str) -> Iterator[None]:
    """With a folder as the working folder, for a moment: a process that stays keeps it in use."""
    before = Path.cwd()
    try:
        if folder:
            os.chdir(folder)
        yield
    except OSError as error:
        raise DreamTalkError(f"{folder} is no folder that can be read.") from error
    finally:
        os.chdir(before)


def _claim_stdio() -> tuple[BinaryIO, BinaryIO]:
    """Stdin and stdout for ourselves; what others print from now on goes to stderr."""
    # Copies of both: Python, when it ends, must not wait for the thread that reads sys.stdin.
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return requests, answers


def main() -> None:
    """Serve the program that started this process."""
    Worker(*_claim_stdio()).serve()


if __name__ == "__main__":
    main()

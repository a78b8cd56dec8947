"""What a worker does with a row: look whether it is done, make it, grade it."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dreamtalk_core.batch.compare import change
from dreamtalk_core.batch.ledger import Entry
from dreamtalk_core.batch.plan import VIDEOS, Row
from dreamtalk_core.errors import (
    DreamTalkError,
    OutOfMemoryError,
    out_of_memory,
    shown,
)
from dreamtalk_core.files import check_not_read, write_error
from dreamtalk_core.formats import READABLE
from dreamtalk_core.progress import Progress
from dreamtalk_core.version import __version__
from dreamtalk_core.warned import collect_warnings

if TYPE_CHECKING:
    from dreamtalk_core.pipeline.base import Pipeline
    from dreamtalk_core.pipeline.line import Line
    from dreamtalk_core.pipeline.load import Kind

# Torch takes a second to import: in the workers, which run this, and not where they are started.

Mode = Literal["all", "resume", "plan", "check"]
"""all: make every row. resume: those that are not done. plan: tell which these are. check: make
nothing, and grade what is there."""


@dataclass(frozen=True)
class Job:
    """What all rows have in common.

    home: the folder of the table, from which names of files are seen. folder: where outputs go.
    clobber: whether files that are there may be replaced. against: the folder of an earlier run.
    """

    home: Path
    folder: Path
    model: str
    device: str
    mode: Mode
    grade: bool
    clobber: bool = True
    against: Path | None = None


Task = tuple[Row, Entry | None]
"""A row, and its last entry in the ledger, if there is one."""


class Worker:
    """Makes rows, one after another, with one model that is loaded when it is first needed.

    Its process is in the folder `home`.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._talk: Pipeline | None = None

    def run(self, row: Row, known: Entry | None) -> Entry:
        """What became of a row. known: see `Task`.

        Whatever is wrong with the row is in the entry; raises ModelError, or DreamTalkError, where
        no row could be made.
        """
        guessed: list[str] = []
        entry: Entry = {"id": row.id, "row": row.number}
        try:
            with collect_warnings(guessed.append):
                made = self._run(row, known)
                if self._job.against is not None and made["status"] in ("done", "checked"):
                    made["change"] = change(self._job.folder, self._job.against, row.outputs)
        except _Unusable as error:
            raise error.reason from error
        except Exception as error:
            failed = {**entry, "status": "failed", "error": _told(error)}
            # What it once made may have been edited since.
            made_once = (known or {}).get("outputs")
            return {**failed, "outputs": made_once} if made_once else failed
        if guessed and "warnings" not in made:
            made["warnings"] = guessed
        return {**made, **entry}

    def answer(self, task: Task) -> Entry | DreamTalkError:
        """`run` for whoever is in another process: what it raises is an answer, too."""
        try:
            return self.run(*task)
        except DreamTalkError as error:
            return error

    def _run(self, row: Row, known: Entry | None) -> Entry:
        job = self._job
        if row.error:
            raise DreamTalkError(row.error)
        line = line_of(row, job.folder)
        if job.mode == "check":
            there = [name for name in row.outputs if (job.folder / name).is_file()]
            outputs = {name: digest(job.folder / name) for name in there}
            return {"status": "checked", "outputs": outputs, "grade": self._grade_there(line)}
        self._check(line)
        inputs = self._inputs(line)
        key = self._key(row, list(inputs.values()))
        if known is not None and "outputs" in known:
            same = known.get("key") == key
            # Of a run that was killed at this row, what it has written is not edited.
            if (same or known["status"] != "begun") and (edited := self._edited(known)):
                told = {"state": "edited", "edited": edited}
                return {**known, "status": "done", **told} if "key" in known else {**known, **told}
            if same and all((job.folder / name).is_file() for name in row.outputs):
                return {**known, "status": "done", "state": "kept"}
        if job.mode == "plan":
            return {"status": "planned"}
        return {"status": "done", "key": key, "inputs": inputs, **self._make(row, line)}

    def _make(self, row: Row, line: Line) -> Entry:
        from dreamtalk_core.pipeline.line import sample_line, write_line

        speeches = line.load_speeches()
        talk = self.talk
        for path in _written(line):
            make_folder(path.parent)
        take = sample_line(talk, self._kind(), line, speeches, _unseen)
        for _ in write_line(talk, line, take.motion, _unseen):
            pass
        made: Entry = {"outputs": {name: digest(self._job.folder / name) for name in row.outputs}}
        if self._job.grade and line.speech is not None:
            from dreamtalk_core.batch.grade import grade

            made["grade"] = grade(talk, line.speech, take)
        return made

    def _grade_there(self, line: Line) -> Entry:
        """The grade of curves that are there already, whoever made them."""
        from dreamtalk_core.batch.grade import grade
        from dreamtalk_core.motion import Motion
        from dreamtalk_core.pipeline.line import Take

        path = next((path for path in line.curves if path.suffix.lower() in READABLE), None)
        if path is None or line.speech is None:
            raise DreamTalkError(f"There are no curves to check: none of {', '.join(READABLE)}.")
        motion, (speech, _) = Motion.load(path), line.load_speeches()
        assert speech is not None
        features, talk = self.talk.analyse(speech), self.talk
        style = talk.load_style(line.style, features)
        return grade(talk, line.speech, Take(motion, features, style))

    @property
    def talk(self) -> Pipeline:
        if self._talk is None:
            from dreamtalk_core.pipeline.load import load

            try:
                self._talk = load(self._job.model, self._job.device)
            except DreamTalkError as error:
                raise _Unusable(error) from error
        return self._talk

    def _kind(self) -> Kind:
        from dreamtalk_core.pipeline.load import kind_of

        return kind_of(self._job.model)

    def _check(self, line: Line) -> None:
        """Whatever can be told before the model is there. Raises DreamTalkError."""
        from dreamtalk_core.pipeline.load import check_settings

        check_settings(self._job.model, line.settings)
        check_not_read(_written(line), _read(line))
        there = [path for path in _written(line) if not self._job.clobber and path.is_file()]
        if there:
            raise DreamTalkError(f"{shown(there[0])} is there already, and is to be kept.")

    def _inputs(self, line: Line) -> dict[str, str]:
        """Hashes of all files that a line is made from, by their names. Raises DreamTalkError."""
        return {path.as_posix(): digest(path) for path in _read(line)}

    def _key(self, row: Row, inputs: list[str]) -> str:
        what = (
            *(__version__, model_digest(self._job.model), self._job.device, row.style),
            *(row.outputs, sorted((name, str(value)) for name, value in row.settings.items())),
            (bool(row.portrait), len(row.others)),
            inputs,
        )
        return hashlib.sha256(json.dumps(what).encode()).hexdigest()

    def _edited(self, known: Entry) -> list[str]:
        """Outputs of an earlier run that somebody has changed since."""
        names = [(name, self._job.folder / name) for name in known["outputs"]]
        return [
            name
            for name, path in names
            if path.is_file() and digest(path) != known["outputs"][name]
        ]


def begin(job: Job) -> Worker:
    """A worker for this process, which is its own."""
    import torch

    warnings.simplefilter("ignore")  # those of libraries; ours are in the entries
    logging.getLogger().addHandler(logging.NullHandler())
    os.chdir(job.home)
    torch.set_num_threads(1)  # several beside one another use the cores better than threads do
    return Worker(job)


class _Unusable(Exception):
    """No row can be made."""

    def __init__(self, reason: DreamTalkError) -> None:
        super().__init__(str(reason))
        self.reason = reason


def line_of(row: Row, folder: Path) -> Line:
    """A row as the pipeline takes it."""
    from dreamtalk_core.pipeline.line import Line

    paths = [folder / name for name in row.outputs]
    videos = [path for path in paths if path.suffix.lower() in VIDEOS]
    if len(videos) > 1:
        raise DreamTalkError("A row makes one video. Take the others out of its outputs.")
    portrait = Path(row.portrait) if row.portrait else None
    drawn = videos[0] if videos and portrait and portrait.suffix.lower() not in READABLE else None
    return Line(
        Path(row.audio),
        tuple(path for path in paths if path not in videos),
        tuple(map(Path, row.others)),
        row.style,
        portrait,
        row.settings,
        videos[0] if videos and drawn is None else None,
        drawn,
    )


def digest(path: Path) -> str:
    """SHA-256 of a file's content. Raises DreamTalkError."""
    found = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                found.update(piece)
    except FileNotFoundError as error:
        raise DreamTalkError(f"There is no file {shown(path)}. Check the name.") from error
    except OSError as error:
        raise DreamTalkError(f"Cannot read {shown(path)}: {error.strerror}.") from error
    return found.hexdigest()


@lru_cache(maxsize=4)
def model_digest(model: str) -> str:
    """A hash of the weights that a model is made of, and of its style predictor."""
    from dreamtalk_core.pipeline.dreamtalk import MODELS, PREDICTOR

    path = MODELS.get(model, Path(model))
    beside = path.parent / PREDICTOR
    try:
        return " ".join(digest(one) for one in (path, beside) if one is path or beside.is_file())
    except DreamTalkError as error:
        raise _Unusable(error) from error


def _read(line: Line) -> Iterator[Path]:
    """All files that a line is made from."""
    from dreamtalk_core.style import StyleLibrary, parse_style
    from dreamtalk_core.style.style import Style

    if line.speech is not None:
        yield line.speech
    yield from line.others
    if line.portrait is not None:
        yield line.portrait
    yield from (value for value in line.settings.values() if isinstance(value, Path))
    names: list[str] = []

    def note(name: str) -> Style:
        names.append(name)
        return Style([0.0], name, "")  # type: ignore[arg-type]

    parse_style(line.style, note)
    library = StyleLibrary.default()
    for name in names:
        kept = library.where(name)[1]
        if kept is not None or Path(name).is_file():
            yield kept or Path(name)


def _written(line: Line) -> list[Path]:
    return [path for path in (*line.curves, line.preview, line.video) if path is not None]


def make_folder(folder: Path) -> None:
    """Raises WriteError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(folder, error) from error


@contextmanager
def _unseen(title: str) -> Iterator[Progress]:
    yield lambda done, total: None


def _told(error: Exception) -> str:
    """What the ledger says of a row that failed."""
    if out_of_memory(error):
        return str(OutOfMemoryError())
    if isinstance(error, DreamTalkError):
        return str(error)
    return shown(f"{type(error).__name__}: {error} (a fault of ours)")

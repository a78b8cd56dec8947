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
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dreamtalk_core.batch.by_hand import ByHand, key_with
from dreamtalk_core.batch.compare import change
from dreamtalk_core.batch.inputs import (
    Unusable,
    check_styles,
    digest,
    line_of,
    model_digest,
    read_by,
    written_by,
)
from dreamtalk_core.batch.ledger import Entry, Marks
from dreamtalk_core.batch.plan import Row
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
    keep: whether what is changed by hand is laid over what is made anew, see `by_hand`.
    """

    home: Path
    folder: Path
    model: str
    device: str
    mode: Mode
    grade: bool
    clobber: bool = True
    against: Path | None = None
    keep: bool = False


Task = tuple[Row, Entry | None]
"""A row, and its last entry in the ledger, if there is one."""


class Worker:
    """Makes rows, one after another, with one model that is loaded when it is first needed.

    Its process is in the folder `home`.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._talk: Pipeline | None = None
        self._writing = False  # whether the row's files are not what they were
        self._marks = Marks(job.folder)

    def run(self, row: Row, known: Entry | None) -> Entry:
        """What became of a row. known: see `Task`.

        Whatever is wrong with the row is in the entry; raises ModelError, or DreamTalkError, where
        no row could be made.
        """
        guessed: list[str] = []
        entry: Entry = {"id": row.id, "row": row.number}
        self._writing = False
        try:
            with collect_warnings(guessed.append):
                made = self._run(row, known)
                if self._job.against is not None and made["status"] in ("done", "checked"):
                    made["change"] = self._change(row, self._job.against)
        except Unusable as error:
            raise error.reason from error
        except Exception as error:
            failed = {**entry, "status": "failed", "error": _told(error)}
            there = self._there(row, known or {})
            return {**failed, "outputs": there} if there else failed
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
        plain, by_hand = self._key(row, list(inputs.values())), ByHand(job.folder, row.id, line)
        if known is not None and "outputs" in known:
            stays = self._as_it_is(row, known, by_hand, plain)
            if stays is not None:
                return stays
        if job.mode == "plan":
            return {"status": "planned"}
        old = next((path for path in written_by(line) if path.is_file()), None)
        if old is not None and not job.clobber:
            raise DreamTalkError(f"{shown(old)} is there already, and is to be kept.")
        return {"status": "done", "inputs": inputs, **self._make(row, by_hand, plain)}

    def _as_it_is(self, row: Row, known: Entry, by_hand: ByHand, plain: str) -> Entry | None:
        """What becomes of a row that stays as it is; None if it is to be made. What was changed
        by hand in it is then a layer beside it. plain: its key without one."""
        job, edited = self._job, self._edited(known)
        same = known.get("key") == key_with(plain, by_hand.hash()) and job.mode != "all"
        # Of a run that was killed while it wrote this row, what it has written is not edited.
        if edited and not self._marks.found(row.id, known):
            told: Entry = {"state": "edited", "edited": edited}
            if job.keep and job.clobber and not same:
                try:
                    changes = by_hand.changed(known, edited)
                except DreamTalkError as error:
                    told["why"] = str(error)
                else:
                    if job.mode != "plan":
                        by_hand.take_off(changes, edited[0])
                    return None
            return {**known, "status": "done", **told} if "key" in known else {**known, **told}
        if edited or not same or not all((job.folder / name).is_file() for name in row.outputs):
            return None
        if job.mode == "plan":
            return {**known, "status": "done", "state": "kept"}
        if job.keep:
            by_hand.remember_late(known)
        grade = self._grade_late(by_hand.line, known)
        return {**known, **grade, "status": "done", "state": "kept"}

    def _make(self, row: Row, by_hand: ByHand, plain: str) -> Entry:
        from dreamtalk_core.pipeline.line import sample_line, write_line

        line, talk = by_hand.line, self.talk
        speeches = line.load_speeches()
        for path in written_by(line):
            make_folder(path.parent)
        sampled = sample_line(talk, self._kind(), line, speeches, _unseen)
        take = by_hand.laid_over(sampled)
        made: Entry = {"key": key_with(plain, take.corrections)}
        self._marks.set(row.id, made["key"])
        self._writing = True
        for _ in write_line(talk, line, take, _unseen):
            pass
        if self._job.keep:
            by_hand.remember(sampled.motion)
        made["outputs"] = {name: digest(self._job.folder / name) for name in row.outputs}
        if take.corrections:
            made["corrections"] = take.corrections
        if self._job.grade and line.speech is not None:
            from dreamtalk_core.batch.grade import grade

            made["grade"] = grade(talk, line.speech, take)
        return made

    def _grade_late(self, line: Line, known: Entry) -> Entry:
        """The grade of a row that was made without one, as far as its files can be read."""
        readable = any(map(line.is_readable, line.curves))
        if "grade" in known or not self._job.grade or not readable:
            return {}
        return {"grade": self._grade_there(line)}

    def _change(self, row: Row, against: Path) -> Entry | None:
        """What has changed; a row that was made well does not fail for an earlier file."""
        try:
            return change(self._job.folder, against, row.outputs)
        except (DreamTalkError, OSError) as error:
            return {"unknown": str(error)}

    def _there(self, row: Row, known: Entry) -> dict[str, str]:
        """Outputs of a row that failed, as far as they are not somebody's own work."""
        outputs: dict[str, str] = known.get("outputs", {})
        # What it once made may have been edited since, unless it was being made anew.
        if not self._writing and not self._marks.found(row.id, known):
            return outputs
        names = dict.fromkeys((*outputs, *row.outputs))
        try:
            paths = {name: self._job.folder / name for name in names}
            return {name: digest(path) for name, path in paths.items() if path.is_file()}
        except DreamTalkError:
            return outputs

    def _grade_there(self, line: Line) -> Entry:
        """The grade of curves that are there already, whoever made them."""
        from dreamtalk_core.batch.grade import grade
        from dreamtalk_core.motion import Motion
        from dreamtalk_core.pipeline.line import Take

        path = next(filter(line.is_readable, line.curves), None)
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
                raise Unusable(error) from error
        return self._talk

    def _kind(self) -> Kind:
        from dreamtalk_core.pipeline.load import kind_of

        return kind_of(self._job.model)

    def _check(self, line: Line) -> None:
        """Whatever can be told before the model is there. Raises DreamTalkError."""
        from dreamtalk_core.pipeline.load import check_settings
        from dreamtalk_core.retarget.renaming import find_mapping

        check_settings(self._job.model, line.settings)
        check_not_read(written_by(line), read_by(line))
        check_styles(self._job.model, line.style)
        if line.scheme:
            find_mapping(line.scheme)

    def _inputs(self, line: Line) -> dict[str, str]:
        """Hashes of all files that a line is made from, by their names. Raises DreamTalkError."""
        return {path.as_posix(): digest(path) for path in read_by(line)}

    def _key(self, row: Row, inputs: list[str]) -> str:
        more = (row.transcript, row.scheme, bool(row.voice), row.start, row.timecode_rate)
        what = (
            *(__version__, model_digest(self._job.model), self._job.device, row.style),
            *(row.outputs, sorted((name, str(value)) for name, value in row.settings.items())),
            (bool(row.portrait), len(row.others)),
            inputs,
            *([more] if any(more) else []),  # so that a ledger of before these still counts
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

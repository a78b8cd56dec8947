"""What somebody has changed in a line by hand, as a layer that is laid over whatever is made anew.

Beside the first of a line's curves that can be read lies NAME.corrections.json, as long as there
are any: whoever deletes it has the line without them. What a run has made before they were laid
over it is kept in `.made`, so that they can be told from it; and the edited file itself, when
another takes its place, as NAME.edited.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from dreamtalk_core.batch.inputs import digest
from dreamtalk_core.batch.ledger import Entry, file_name_of
from dreamtalk_core.errors import DreamTalkError, MotionError, WriteError
from dreamtalk_core.files import atomic_write, write_error
from dreamtalk_core.formats import begins_at
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.corrections import ENDING, Corrections
from dreamtalk_core.warned import collect_warnings

if TYPE_CHECKING:
    from dreamtalk_core.pipeline.line import Line, Take

_KEPT = ".edited"


@dataclass(frozen=True)
class ByHand:
    """folder: of the batch. row: its id."""

    folder: Path
    row: str
    line: Line

    @property
    def layer(self) -> Path | None:
        """Where the line's corrections are; None if it has no curves that could have any."""
        return self._first and self._first.with_name(self._first.name + ENDING)

    @property
    def made(self) -> Path:
        """Where what was made is kept."""
        return self.folder / ".made" / f"{file_name_of(self.row)}.npz"

    def hash(self) -> str:
        """Of the corrections; empty if there are none."""
        return digest(self.layer) if self.layer and self.layer.is_file() else ""

    def laid_over(self, take: Take) -> Take:
        """A take with the line's corrections. Raises MotionError if they are damaged."""
        if not (self.layer and self.layer.is_file()):
            return take
        motion = Corrections.load(self.layer).over(take.motion)
        return replace(take, motion=motion, corrections=self.hash())

    def remember(self, motion: Motion) -> None:
        """Keep what was made, without the corrections that are in the line's files. Raises
        WriteError."""
        if self._first is None:
            return
        try:
            self.made.parent.mkdir(exist_ok=True)
        except OSError as error:
            raise write_error(self.made.parent, error) from error
        motion.save(self.made, {"of": digest(self._first)})

    def remember_late(self, known: Entry) -> None:
        """The same of a line that was made without being remembered, and lies there as it was
        made."""
        if self._first and not self.hash() and self._remembered(known) is None:
            self.remember(Motion.load(self._first))

    def changed(self, known: Entry, edited: list[str]) -> Corrections:
        """What has been changed against what was made. known: of the run that made it. edited:
        names of outputs that are not as it left them.

        Raises MotionError, which says why, where that cannot be told.
        """
        path = self.folder / edited[0]
        if len(edited) > 1:
            raise MotionError("it is not the only file of its line that was changed")
        if path not in self.line.curves or not self.line.is_readable(path):
            raise MotionError("corrections are taken from curves of ARKit's shapes alone")
        made = self._remembered(known)
        if made is None:
            raise MotionError("what was made at first was not kept (--keep-corrections)")
        try:
            # As the format has it: what it cannot hold has not been changed by anybody. What
            # was guessed in reading concerns nobody: a run that is resumed does not read it again.
            with TemporaryDirectory() as place, collect_warnings(lambda text: None):
                edit = Motion.load(path)
                copy = Path(place) / path.name
                made.save(copy, start=begins_at(path))
                return Corrections.between(Motion.load(copy), edit)
        except (WriteError, OSError) as error:
            raise MotionError(f"it cannot be compared: {error}") from error

    def take_off(self, changes: Corrections, edited: str) -> None:
        """Write corrections beside the line, and keep the edited file. Raises WriteError.

        Killed in between, the same is done again: the output is still as it was edited.
        """
        assert self.layer is not None
        path = self.folder / edited
        with atomic_write(path.with_name(path.name + _KEPT)) as temporary:
            shutil.copyfile(path, temporary)
        if changes.names:
            changes.save(self.layer)
        else:
            self.layer.unlink(missing_ok=True)

    @property
    def _first(self) -> Path | None:
        return next(filter(self.line.is_readable, self.line.curves), None)

    def _remembered(self, known: Entry) -> Motion | None:
        """What was made of a row by the run that left these files; None if that was not kept, or
        cannot be read."""
        try:
            motion, told = Motion.load_with_provenance(self.made)
        except (DreamTalkError, OSError):
            return None
        return motion if told and told.get("of") in known["outputs"].values() else None


def key_with(key: str, corrections: str) -> str:
    """The key of a row that has corrections (their hash, or nothing)."""
    if not corrections:
        return key
    return hashlib.sha256(json.dumps([key, corrections]).encode()).hexdigest()

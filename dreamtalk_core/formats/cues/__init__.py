"""Files of cues, one after the other in time: mouths to swap, phones, words. Written only.

Which format a file is written in, the ending of its name says.
"""

from __future__ import annotations

import os
from fractions import Fraction
from importlib import import_module
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Protocol

from dreamtalk_core.errors import MotionError
from dreamtalk_core.files import check_target

if TYPE_CHECKING:
    from dreamtalk_core.retarget.cues import Cue, Track


class Spoken(Protocol):
    """What is heard in a line; `speech.phones.Phones` is one."""

    @property
    def duration(self) -> Fraction: ...

    @property
    def tiers(self) -> dict[str, tuple[Cue, ...]]:
        """Name, such as phones and words -> cues, ascending, with gaps."""

    def mouths(self, drawings: str, sound: str = "") -> Track: ...


_MODULES = {
    ".tsv": "rhubarb",
    ".xml": "rhubarb",
    ".rhubarb.json": "rhubarb",
    ".dat": "moho",
    ".pgo": "papagayo",
    ".spine.json": "spine",
    ".textgrid": "textgrid",
    ".srt": "subtitles",
}
CUES: tuple[str, ...] = tuple(_MODULES)
"""Endings of names that `write_cues` takes, in lower case."""
FILM = Fraction(24)
"""Frames a second of formats that count them, where nothing else is asked for."""


def is_cues(path: PurePath) -> bool:
    """Whether a file of this name is one of cues."""
    return path.name.lower().endswith(CUES)


def check_cues(path: Path) -> None:
    """For a check before any work. Raises `MotionError` for a name with another ending,
    `DreamTalkError` where no file can be written."""
    if not is_cues(path):
        raise MotionError(f"Cannot write {path.name}: it ends in none of {', '.join(CUES)}.")
    check_target(path)


def write_cues(
    path: str | os.PathLike[str], spoken: Spoken, fps: Fraction = FILM, sound: str = ""
) -> None:
    """Write a file of cues, whole or not at all.

    fps: frames per second of formats that count frames, which they do in whole ones. sound: the
    name of the line's file, for formats that have a place for it.
    Raises `MotionError` for another ending, `DreamTalkError` if it cannot be written.
    """
    target = Path(path)
    check_cues(target)
    ending = next(ending for ending in CUES if target.name.lower().endswith(ending))
    module: Any = import_module(f"{__name__}.{_MODULES[ending]}")
    module.write(target, spoken, fps, sound)

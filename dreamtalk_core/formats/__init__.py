"""Motion files: one module per format, chosen by the suffix of the file name.

.csv   Live Link Face      reads, writes
.json  documented JSON     reads, writes
.npz   numpy archive       reads, writes
.glb   animated head       writes
"""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from dreamtalk_core.errors import MotionError
from dreamtalk_core.files import check_target
from dreamtalk_core.formats._content import Content
from dreamtalk_core.formats._limits import LARGEST_MOTION, check_file, unreadable

if TYPE_CHECKING:
    from dreamtalk_core.motion import Motion


class _Format(Protocol):
    def read(self, path: Path) -> Content: ...

    def write(self, path: Path, motion: Motion) -> None: ...


# Modules are named, not imported: GLB pulls in the head, which most callers do not need.
_MODULES = {".csv": "livelink", ".json": "json_motion", ".npz": "npz", ".glb": "glb"}
WRITABLE: tuple[str, ...] = tuple(_MODULES)
"""Suffixes that `write_motion` takes."""
READABLE: tuple[str, ...] = (".csv", ".json", ".npz")
"""Suffixes that `read_motion` takes."""


def read_motion(path: str | os.PathLike[str]) -> Content:
    """What a motion file holds, for `Motion.load`; the suffix says which format.

    Raises `MotionError` if the suffix is unknown, the file is missing, or its content is not what
    the suffix says (another format, empty, cut off, not UTF-8).
    """
    source = Path(path)
    module = _module(source, READABLE, "read")
    try:
        check_file(source, MotionError, "motion", LARGEST_MOTION)
        return module.read(source)
    except UnicodeDecodeError as error:
        raise MotionError(f"{source} is not UTF-8 text, so it is not a motion file.") from error
    except OSError as error:
        raise unreadable(source, error, MotionError) from error


def write_motion(path: str | os.PathLike[str], motion: Motion) -> None:
    """Write a motion file, whole or not at all; the suffix says which format.

    Raises `MotionError` for an unknown suffix or a motion the format cannot hold,
    `DreamTalkError` if the file cannot be written.
    """
    target = Path(path)
    check_writable(target).write(target, motion)


def check_writable(path: Path) -> _Format:
    """The format that a file name asks for; for a check before any work.

    Raises `MotionError` for an unknown suffix, `DreamTalkError` where no file can be written.
    """
    module = _module(path, WRITABLE, "write")
    check_target(path)
    return module


def _module(path: Path, suffixes: tuple[str, ...], verb: str) -> _Format:
    suffix = path.suffix.lower()
    if suffix not in suffixes:
        what = f"the suffix {path.suffix!r}" if suffix else "no suffix"
        raise MotionError(
            f"Cannot {verb} {path.name}: it has {what}. Use one of {', '.join(suffixes)}."
        )
    return cast(_Format, import_module(f"{__name__}.{_MODULES[suffix]}"))

"""The one guard for files that others made: what they are, how large, how deep, how many.

A file can lie: say that it holds a trillion numbers, unpack to a thousand times its size, nest a
list in a list without end, be a pipe that never closes. Every reader asks here before it takes
memory or time, and says what is wrong in its own error.

    limit             allows                              the largest that is known
    MOST_VALUES       numbers in a motion                 8 h at 60 fps x 55: 95 million
    MOST_CHANNELS     channels of a motion                some hundreds: a MetaHuman's
    LARGEST_ARRAYS    bytes unpacked from an .npz         those numbers as float64: 760 MB
    LARGEST_MOTION    bytes of a motion's file            those numbers as text: 1.4 GB
    LARGEST_DOCUMENT  bytes of JSON read in one piece     some MB: the document of a scene
                      (it can take 24 times the memory)
"""

from __future__ import annotations

import json
import math
import stat
import struct
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import DreamTalkError, shown

MOST_VALUES = 128_000_000
MOST_CHANNELS = 10_000
LARGEST_ARRAYS = 800_000_000
LARGEST_MOTION = 1_600_000_000
LARGEST_DOCUMENT = 48_000_000

_MOST_DIGITS = 20  # of a whole number: more than any counter needs
_MOST_MEMBERS = 1000  # of a zip file: each takes memory before anything is read
_LARGEST_DIRECTORY = 1_000_000  # bytes of its list of members
_END = struct.Struct("<4s4H2LH")  # how a zip file ends, before its comment
_END64 = b"PK\x06\x07"
_PLAIN = "biufSU"  # kinds of numpy arrays that hold numbers or text, and no objects


def check_file(
    path: Path, error: type[DreamTalkError], kind: str, largest: int | None = None
) -> int:
    """The size in bytes of a file that can be read from beginning to end.

    kind: what it should be, such as "motion". largest: bytes.
    Raises `error` if there is no such file, it is a folder, a pipe or a device, is empty or too
    large.
    """
    try:
        status = path.stat()
    except (OSError, ValueError) as problem:
        raise unreadable(path, problem, error) from problem
    if stat.S_ISDIR(status.st_mode):
        raise error(f"{path} is a folder. Give the name of a {kind} file.")
    if not stat.S_ISREG(status.st_mode):
        raise error(f"{path} is a pipe or a device, not a file. Save it as a file first.")
    if not status.st_size:
        raise error(f"{path} is empty (0 bytes). Save or copy it again.")
    if largest is not None and status.st_size > largest:
        raise error(
            f"{path} has {status.st_size / 1e6:.0f} MB; a {kind} file may have "
            f"{largest / 1e6:.0f}. Check that it is the right file, or split it."
        )
    return status.st_size


def check_count(count: int, most: int, path: Path, what: str, error: type[DreamTalkError]) -> None:
    """Raises `error` for more of something than a file of this kind can need. what: plural."""
    if count > most:
        raise error(f"{path} has {count} {what}; {most} are the most. Check the file, or split it.")


def unreadable(path: Path, problem: Exception, error: type[DreamTalkError]) -> DreamTalkError:
    """What to say of a file or folder that cannot be read; ValueError: of a name that is none."""
    why, advice = getattr(problem, "strerror", None) or problem, "Check the name and the folder."
    if isinstance(problem, (FileNotFoundError, NotADirectoryError)):
        why = "there is no such file"
    elif isinstance(problem, PermissionError):
        why, advice = "no permission", "Change its permissions, or give another."
    return error(f"Cannot read {path}: {why}. {advice}")


def files_in(folder: Path, error: type[DreamTalkError]) -> list[Path]:
    """What is in a folder. Raises `error` if it cannot be read."""
    try:
        return list(folder.iterdir())
    except (OSError, ValueError) as problem:
        raise unreadable(folder, problem, error) from problem


# --- JSON ----------------------------------------------------------------------------------------


def _whole(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"it has a number of {len(digits)} digits")
    return int(digits)


def _no_number(name: str) -> Any:
    raise ValueError(f"it has {name} where a finite number belongs")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for i, name in enumerate(names) if name in names[:i])
        raise ValueError(f'it has "{shown(twice, 40)}" twice in one place')
    return found


DECODER = json.JSONDecoder(object_pairs_hook=_members, parse_int=_whole, parse_constant=_no_number)
"""Strict JSON. Raises ValueError, or RecursionError for what is nested too deep."""


def parse_json(text: str | bytes, where: str, error: type[DreamTalkError]) -> Any:
    """A document of at most `LARGEST_DOCUMENT` bytes, read strictly: no NaN, no name twice.

    where: how a message calls it. Raises `error`.
    """
    if len(text) > LARGEST_DOCUMENT:
        raise error(f"{where} has {len(text) / 1e6:.0f} MB of JSON, far too much. Check the file.")
    try:
        decoded = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        return DECODER.decode(decoded)
    except UnicodeDecodeError as problem:
        raise error(f"{where} is not UTF-8 text, so it is not valid JSON.") from problem
    except (ValueError, RecursionError) as problem:
        raise error(not_json(where, problem)) from problem


def not_json(where: str, problem: Exception) -> str:
    """What to say of text that `DECODER` refused."""
    why = "it is nested too deep" if isinstance(problem, RecursionError) else shown(problem)
    return f"{where} is not valid JSON, or is cut off: {why}. Save it again."


def read_json(path: Path, error: type[DreamTalkError], kind: str) -> Any:
    """The document in a file. kind: what it should be. Raises `error`."""
    check_file(path, error, kind, LARGEST_DOCUMENT)
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise unreadable(path, problem, error) from problem
    return parse_json(content, str(path), error)


# --- numpy archives ------------------------------------------------------------------------------


def read_arrays(
    path: Path,
    error: type[DreamTalkError],
    names: Collection[str] | None = None,
    largest: int = LARGEST_ARRAYS,
) -> dict[str, NDArray[Any]]:
    """Arrays of numbers and text in an `.npz`, read-only; of those `names` that it has, or all.

    What the file says of sizes is checked before memory is taken. largest: bytes, unpacked.
    Raises `error` if it is no such archive, or is damaged, encrypted or too large.
    """
    check_file(path, error, "numpy archive", 2 * largest)
    try:
        with path.open("rb") as stream:
            _check_directory(stream, path.stat().st_size)
            with zipfile.ZipFile(stream) as archive:
                found = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
                if len(found) < len(archive.infolist()):
                    raise ValueError("it has a name twice")
                wanted = found.keys() if names is None else [n for n in names if n in found]
                if sum(found[name].file_size for name in wanted) > largest:
                    raise ValueError(f"unpacked it has more than {largest / 1e6:.0f} MB")
                return {name: _array(archive, found[name]) for name in wanted}
    except PermissionError as problem:
        raise unreadable(path, problem, error) from problem
    except (
        *(OSError, ValueError, EOFError, RuntimeError, TypeError, OverflowError),
        *(struct.error, zipfile.BadZipFile, zlib.error),
    ) as problem:
        raise error(
            f"{path} is not a numpy archive, or is damaged: {shown(problem)}. Save it again."
        ) from problem


def _check_directory(stream: Any, size: int) -> None:
    """Raises ValueError unless the list of a zip file's members is short: it is read at once."""
    stream.seek(max(0, size - _END.size - (1 << 16)))
    tail = stream.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size or tail[max(0, at - 20) :].startswith(_END64):
        raise ValueError("no zip file")
    _, _, _, _, count, length, _, _ = _END.unpack_from(tail, at)
    if count > _MOST_MEMBERS or length > _LARGEST_DIRECTORY:
        raise ValueError(f"it has {count} members")
    stream.seek(0)


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> NDArray[Any]:
    if info.flag_bits & 1:
        raise ValueError("it is encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError("it is packed in a way that numpy does not use")
    with archive.open(info) as stream:
        shape, fortran, kind = _header(cast(Any, stream))
        if kind.kind not in _PLAIN or not kind.itemsize or any(n < 0 for n in shape):
            raise ValueError(f"'{info.filename}' holds {kind} {shape}, not numbers or text")
        left = info.file_size - stream.tell()
        # What has no values may still say that it has many rows.
        if math.prod(shape) * kind.itemsize != left or max(shape, default=0) > info.file_size:
            raise ValueError(f"'{info.filename}' says that it is {shape}, and is of another size")
        # No more than that: of a member that says too little, all would be unpacked to be cut off.
        data = stream.read(left)
    return np.ndarray(shape, kind, data, order="F" if fortran else "C")


def _header(stream: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and type that an array says it has."""
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"its arrays are of version {version}")
    try:
        if version == (1, 0):
            return np.lib.format.read_array_header_1_0(stream)
        return np.lib.format.read_array_header_2_0(stream)
    except Exception as problem:  # it is parsed as Python, which can fail in any way
        raise ValueError(f"an array's header is none ({shown(problem, 60)})") from problem

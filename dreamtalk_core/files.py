"""Writing a file whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from unicodedata import normalize

from dreamtalk_core.errors import WriteError, shown
from dreamtalk_core.temporaries import flush, new_name, remove, replace, sweep

_DEVICE = re.compile("con|prn|aux|nul|conin\\$|conout\\$|(com|lpt)[0-9\xb9\xb2\xb3]")


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it takes the place of `path`.

    The temporary name keeps the suffix, because container libraries guess the format from it.
    On any failure (an exception or an interrupt in the body, a full disk) the temporary file is
    removed and an older file at `path` is left as it was; that of a process that was killed is
    removed by the next one that writes there. No parent folders are made.

    Raises `WriteError` for an `OSError` (missing folder, no permission, full disk); any other
    exception of the body passes through.
    """
    target = Path(path)
    _check_name(target)
    sweep(target.parent.absolute())
    temporary = new_name(target.parent, target.suffix)
    try:
        # Made here rather than by the body, so that a folder that cannot be written to is reported
        # the same way for every writer, before any work is done.
        temporary.touch(exist_ok=False)
        yield temporary
        flush(temporary)
        replace(temporary, target)
        with suppress(OSError):  # some network disks cannot; the file itself is there
            flush(target.parent)
    except OSError as error:
        raise write_error(target, error) from error
    finally:
        # After a success the name is gone and this does nothing.
        remove(temporary)


def digest_of(*paths: Path) -> str:
    """SHA-256 of what files hold, one after the other, in hexadecimal digits. Raises OSError."""
    found = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                found.update(piece)
    return found.hexdigest()


def check_target(target: Path) -> None:
    """For a check before any work: raises `WriteError` where no file can be written.

    Some bytes are really written beside it, which tells of read-only and of full disks.
    """
    _check_name(target)
    probe = new_name(target.parent)
    try:
        probe.write_bytes(bytes(4096))
    except OSError as error:
        raise write_error(target, error) from error
    finally:
        remove(probe)


def write_error(target: Path, error: OSError) -> WriteError:
    """What to say of a target that cannot be written."""
    reason = error.strerror or str(error)
    if isinstance(error, PermissionError):
        reason = "no permission, or the file is open in another program"
    elif errno.errorcode.get(error.errno or 0) in ("ENOSPC", "EDQUOT"):
        reason = f"{reason}. Make room, or choose another disk"
    elif error.errno == errno.EROFS:
        reason = f"{reason}. Choose another disk"
    return WriteError(f"Cannot write {shown(target)}: {reason}.")


def _check_name(target: Path) -> None:
    """Raises `WriteError` for a name that no file can have there."""
    name = shown(target)
    try:
        if target.is_dir():
            raise WriteError(f"Cannot write {name}: it is a folder. Give the name of a file.")
        if reason := unportable(target.name):
            raise WriteError(f"Cannot write {name}: {reason}. Give another name.")
        if not target.parent.is_dir():
            raise WriteError(
                f"Cannot write {name}: the folder {shown(target.parent)} does not exist. "
                "Make it first."
            )
        # Asks for a name that is too long as well.
        if not stat.S_ISREG(target.stat().st_mode):
            raise WriteError(f"Cannot write {name}: it is no file. Give the name of a file.")
    except FileNotFoundError:
        return
    except OSError as error:
        raise write_error(target, error) from error
    except ValueError as error:
        raise WriteError(f"Cannot write {name}: no file can have this name.") from error


def unportable(name: str) -> str:
    """Why a file or folder of this name could not be on every system; "" if it can.

    A sentence's second half, such as "Windows keeps the name con for a device".
    """
    device = name.split(".")[0].rstrip(" ").casefold()
    if _DEVICE.fullmatch(device):
        return f"Windows keeps the name {device} for a device"
    if name.endswith((".", " ")):
        return "Windows drops a dot or space at the end of a name"
    return ""


def name_key(name: str) -> str:
    """What all spellings of a name have in common: those in upper and lower case, and those with
    letters and their marks in one character or in two. Some disks tell them apart, others do not.
    """
    return normalize("NFC", normalize("NFC", name).casefold())


def check_not_read(written: Iterable[Path], read: Iterable[Path]) -> None:
    """For a check before any work: no file is written that is also read.

    Links, other spellings of a name and disks that do not tell a from A are seen through. Raises
    `WriteError`.
    """
    sources = list(read)
    for target in written:
        for source in sources:
            if _same(target, source):
                raise WriteError(
                    f"Cannot write {shown(target)}: it is read as well ({shown(source)}), and "
                    "would be lost. "
                    "Give the result another name."
                )


def _same(one: Path, other: Path) -> bool:
    """Whether two names are of one file that is there."""
    try:
        return one.is_file() and other.is_file() and one.samefile(other)
    except (OSError, ValueError):  # a name that cannot be one
        return False

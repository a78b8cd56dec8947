"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dreamtalk_core.errors import DreamTalkError

_DEVICE = re.compile("con|prn|aux|nul|conin\\$|conout\\$|(com|lpt)[0-9\xb9\xb2\xb3]")


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it takes the place of `path`.

    The temporary name keeps the suffix, because container libraries guess the format from it.
    On any failure (an exception or an interrupt in the body, a full disk) the temporary file is
    removed and an older file at `path` is left as it was. No parent folders are made.

    Raises `DreamTalkError` for an `OSError` (missing folder, no permission, full disk); any other
    exception of the body passes through.
    """
    target = Path(path)
    check_target(target)
    temporary = target.with_name(f".{_stem(target)}-{secrets.token_hex(4)}{target.suffix}")
    try:
        # Made here rather than by the body, so that a folder that cannot be written to is reported
        # the same way for every writer, before any work is done.
        temporary.touch(exist_ok=False)
        yield temporary
        os.replace(temporary, target)
    except OSError as error:
        raise DreamTalkError(f"Cannot write {target}: {_reason(error)}") from error
    finally:
        # After a success the name is gone and this does nothing.
        # If the folder itself has gone there is nothing to clean: the first error counts.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def check_target(target: Path) -> None:
    """Raises `DreamTalkError` where no file can be written; for a check before any work."""
    try:
        if target.is_dir():
            raise DreamTalkError(f"Cannot write {target}: it is a folder. Give the name of a file.")
        if reason := unportable(target.name):
            raise DreamTalkError(f"Cannot write {target}: {reason}. Give another name.")
        if not target.parent.is_dir():
            raise DreamTalkError(
                f"Cannot write {target}: the folder {target.parent} does not exist. Make it first."
            )
    except OSError as error:
        raise DreamTalkError(f"Cannot write {target}: {_reason(error)}") from error


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


def check_not_read(written: Iterable[Path], read: Iterable[Path]) -> None:
    """For a check before any work: no file is written that is also read.

    Links, other spellings of a name and disks that do not tell a from A are seen through. Raises
    `DreamTalkError`.
    """
    sources = list(read)
    for target in written:
        for source in sources:
            if _same(target, source):
                raise DreamTalkError(
                    f"Cannot write {target}: it is read as well ({source}), and would be lost. "
                    "Give the result another name."
                )


def _same(one: Path, other: Path) -> bool:
    """Whether two names are of one file that is there."""
    try:
        return one.is_file() and other.is_file() and one.samefile(other)
    except (OSError, ValueError):  # a name that cannot be one
        return False


def _stem(target: Path) -> str:
    """The start of the file's stem: the whole of it could pass the file system's name limit."""
    return target.stem.encode("utf-8", "ignore")[:64].decode("utf-8", "ignore")


def _reason(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "no permission, or the file is open in another program."
    return f"{error.strerror or error}."

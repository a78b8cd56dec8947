"""Half-made files: hidden ones whose names say whose they are, so that those of a run that was
killed are found and taken away by the next one.

A name is `.dreamtalk-HOST-PROCESS-RUN-NUMBER` and the suffix of what it will be. On a disk that
several machines share each machine clears up after itself: only the system that a process ran on
knows whether it is gone.

Many files that belong together take the place of others by a swap. Its folder, `new` with the files
in it, gets a name that one run at a time can have (`.dreamtalk-swap-KEY`); what is there goes into
its `old`; then `new` is called `placing`, and its files go where they belong. So whoever finds the
swap of a run that was killed knows the way: on from `placing`, back from `old`.
"""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import re
import secrets
import shutil
import sys
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

_NAME = re.compile(r"(?s)\.dreamtalk-([0-9a-f]{8})-(\d+)-([0-9a-f]{8})-[0-9a-f]{8}\b.*")
_RUN = secrets.token_hex(4)
"""Tells this process from an earlier one that had its number."""
_folders: set[Path] = set()
"""Where this process has begun something."""
_PATIENCE = 1.0
"""Seconds in which another program (a virus scanner, an indexer) may let go of a file."""
_SWAP = ".dreamtalk-swap-"
_SWAP_PATIENCE = 60.0
"""Seconds in which another run may finish its swap."""


def new_name(folder: Path, suffix: str = "") -> Path:
    """A new name for something half made, in the folder where it will be whole."""
    _folders.add(folder.absolute())
    return folder / f".dreamtalk-{_host()}-{os.getpid()}-{_RUN}-{secrets.token_hex(4)}{suffix}"


def is_left_over(name: str) -> bool:
    """Whether a name is that of a temporary whose process, on this machine, is gone."""
    match = _NAME.fullmatch(name)
    if match is None or match[1] != _host():
        return False
    return not _is_own(name) if int(match[2]) == os.getpid() else not _runs(int(match[2]))


def _is_own(name: str) -> bool:
    return name.startswith(f".dreamtalk-{_host()}-{os.getpid()}-{_RUN}-")


@lru_cache(maxsize=256)
def sweep(folder: Path) -> None:
    """Take away what runs that were killed have left in a folder; looked for once per process."""
    _clear(folder, is_left_over)


def tidy() -> None:
    """Take away what this process may have left, for its end: an interrupt that comes while
    something is being taken away is no reason to leave it."""
    for folder in _folders:
        _clear(folder, _is_own)


def _clear(folder: Path, is_over: Callable[[str], bool]) -> None:
    with suppress(OSError):
        for entry in sorted(folder.iterdir()):
            if is_over(entry.name):
                remove(entry)
            elif entry.name.startswith(_SWAP):
                _finish(entry, is_over)


def replace(source: Path, target: Path) -> None:
    """Put a file in the place of another, which other programs may have open for a moment.

    Raises OSError.
    """
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            os.replace(source, target)
            return
        except PermissionError:  # what Windows says of a file that is open
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def remove(path: Path) -> None:
    """Delete a temporary file or folder, if that is possible.

    What another program holds open stays, and is swept another time: it is no reason to fail.
    """
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
            return
        except PermissionError:
            if time.monotonic() > until:
                return
            time.sleep(0.05)
        except OSError:  # it is gone already, or the whole disk is
            return


def new_folder(folder: Path) -> Path:
    """A temporary folder in another, to be made and filled for `swap`; remove its parent at last.

    Raises OSError.
    """
    work = new_name(folder)
    (work / "new").mkdir(parents=True)
    (work / work.name).touch()  # whose it is, whatever the folder is called
    return work / "new"


def swap(new: Path, key: str, outdated: Callable[[], Iterable[Path]]) -> None:
    """Move the files of a `new_folder` one up, in place of those that are outdated: all, or none.

    key: what the files are together; one run at a time swaps them, the others wait. outdated: asked
    for when nobody else can change it. Whatever goes wrong, all is as it was.

    Raises OSError; TimeoutError if another run does not finish.
    """
    folder = new.parents[1]
    digest = hashlib.sha256(key.casefold().encode("utf-8", "surrogatepass")).hexdigest()
    claim = folder / f"{_SWAP}{digest[:8]}"
    _claim(new.parent, claim)
    new, old, placing = claim / "new", claim / "old", claim / "placing"
    placed: list[Path] = []
    try:
        old.mkdir()
        for file in outdated():
            replace(file, old / file.name)
        new.rename(placing)
        for file in sorted(placing.iterdir()):
            replace(file, folder / file.name)
            placed.append(folder / file.name)
        with suppress(OSError):
            flush(folder)
    except BaseException:
        for file in placed:
            remove(file)
        _move_all(old, folder)
        raise
    finally:
        _release(claim)


def _claim(work: Path, claim: Path) -> None:
    """Give a folder the name that stands for the right to swap."""
    until = time.monotonic() + _SWAP_PATIENCE
    while True:
        try:
            work.rename(claim)
            return
        except OSError as error:
            taken = error.errno in (errno.EEXIST, errno.ENOTEMPTY)  # by now it may be free again
            if not taken and not claim.is_dir():
                raise
            _finish(claim, is_left_over)
            if time.monotonic() > until:
                raise TimeoutError(
                    f"another run is writing the same files; if there is none, delete {claim}"
                ) from None
            time.sleep(0.02)


def _release(claim: Path) -> None:
    gone = new_name(claim.parent)
    with suppress(OSError):
        replace(claim, gone)  # at one stroke: nobody finds half of it
        remove(gone)


def _finish(claim: Path, is_over: Callable[[str], bool]) -> None:
    """Do or undo what a run that was ended in the middle of its swap has left."""
    with suppress(OSError):
        for owner in [path for path in claim.iterdir() if is_over(path.name)]:
            # It is ours now: another finds no such file.
            owner.rename(claim / new_name(claim.parent).name)
            halves = (claim / "placing", claim / "old")
            _move_all(next((half for half in halves if half.is_dir()), halves[0]), claim.parent)
            _release(claim)


def _move_all(source: Path, folder: Path) -> None:
    """Move all files there, as far as possible."""
    for file in sorted(source.iterdir()) if source.is_dir() else []:
        with suppress(OSError):
            replace(file, folder / file.name)


def flush(path: Path) -> None:
    """See to it that a file's content, or a folder's names, outlast a power cut. Raises OSError."""
    if path.is_dir():
        if os.name == "nt":
            return  # where a folder cannot be opened, and need not be
        flags = os.O_RDONLY
    else:
        flags = os.O_RDWR | getattr(os, "O_BINARY", 0)
    number = os.open(path, flags)
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):  # a disk that cannot
            raise
    finally:
        os.close(number)


@lru_cache(maxsize=1)
def _host() -> str:
    """Which system this is: machines of one image share a name, containers a machine."""
    space = ""
    with suppress(OSError):
        space = str(Path("/proc/self/ns/pid").stat().st_ino)
    what = f"{platform.node()}\0{uuid.getnode()}\0{space}"
    return hashlib.sha256(what.encode("utf-8", "replace")).hexdigest()[:8]


def _runs(process: int) -> bool:
    """Whether there is a process of this number, on this machine."""
    if sys.platform == "win32":
        return _runs_on_windows(process)
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's; or a number that none can have
        return True
    return True


def _runs_on_windows(process: int) -> bool:
    import ctypes

    kernel = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined]
    kernel.OpenProcess.restype = ctypes.c_void_p
    query, no_such_process, still_active = 0x1000, 87, 259
    handle = kernel.OpenProcess(query, False, process)
    if not handle:
        return bool(ctypes.get_last_error() != no_such_process)  # type: ignore[attr-defined]
    status = ctypes.c_ulong()
    known = kernel.GetExitCodeProcess(ctypes.c_void_p(handle), ctypes.byref(status))
    kernel.CloseHandle(ctypes.c_void_p(handle))
    return not known or status.value == still_active

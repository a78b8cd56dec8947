"""How a command ends: in one line that says what to do, and a status for pipelines to go by."""

from __future__ import annotations

import errno
import logging
import os
import platform
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from types import FrameType

from platformdirs import user_log_path

from dreamtalk_core.errors import (
    DreamTalkError,
    LinesFailedError,
    NoFaceError,
    OutOfMemoryError,
    WriteError,
    out_of_memory,
    shown,
)
from dreamtalk_core.temporaries import tidy
from dreamtalk_core.version import __version__

FAULT, BAD_INPUT, NO_FACE, NOT_WRITTEN, NO_MEMORY, NOT_READ = 1, 2, 3, 4, 5, 141
LINES_FAILED = 6
STATUS = """exit status:
  0    done
  1    a fault of ours; the message says where its log is
  2    an option, or something to be read, cannot be used
  3    there is no face in a picture or a video
  4    something cannot be written: no such folder, no permission, disk full, --no-clobber
  5    not enough memory
  6    some lines of a batch failed; the others are made
  130  cancelled (Ctrl-C); 143 by SIGTERM, 129 by SIGHUP, 149 by Ctrl-Break on Windows
  141  whoever read what is printed has gone
Whatever it is, no half of a file is left under its name."""

_SIGNALS = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    if hasattr(signal, name)
]
_TWICE = 1.0
"""Seconds in which another signal is the same one: it must not disturb the tidying up."""
_OF_OUTPUT = ("EPIPE", "EINVAL", "ENOSPC", "EDQUOT", "EIO")
"""What the writing of a line may fail with; all that has a file's name is told elsewhere."""
_MOST_LOGS = 20
_STATUSES: dict[type, int] = {
    NoFaceError: NO_FACE,
    WriteError: NOT_WRITTEN,
    LinesFailedError: LINES_FAILED,
}


class Stopped(KeyboardInterrupt):
    """A signal asks this process to end."""


class _Stop:
    """The signal that has come, if one has."""

    def __init__(self) -> None:
        self.signal = 0
        self._when = 0.0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        again = self.signal and time.monotonic() - self._when < _TWICE
        self.signal, self._when = number, time.monotonic()
        if not again:
            raise Stopped

    def check(self) -> None:
        """Raises Stopped if a signal has come: an exception out of nothing may get lost, as in a
        library's callback, so that the work asks from time to time."""
        if self.signal:
            raise Stopped


stop = _Stop()


def exit_status(work: Callable[[], None]) -> int:
    """Do the work of a command, and say what went wrong if something does; the exit status."""
    stop.signal = 0
    for stream in (sys.stdout, sys.stderr):
        # A name that the console cannot show is no reason to fail.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    with _signals(), _libraries_are_quiet():
        try:
            try:
                work()
            finally:
                if sys.stdout is not None:
                    sys.stdout.flush()  # here, where it can be told, and not when Python ends
        except SystemExit as end:  # of --help
            return int(end.code or 0)
        except BaseException as error:
            tidy()
            status, message = _verdict(error)
            _print_line(message)
            return status
    return 0


def warn(text: str) -> None:
    """Tell of something that was lost or guessed."""
    _print_line(f"warning: {text}")


def _verdict(error: BaseException) -> tuple[int, str]:
    """Exit status and what to say; nothing if nobody is there to hear it."""
    if stop.signal:  # also where a library has made another exception of it
        name = signal.Signals(stop.signal).name
        return 128 + stop.signal, "cancelled" if name == "SIGINT" else f"ended by {name}"
    if isinstance(error, KeyboardInterrupt):
        return 128 + signal.SIGINT, "cancelled"
    if out_of_memory(error):
        return NO_MEMORY, str(OutOfMemoryError())
    if isinstance(error, DreamTalkError):
        return _STATUSES.get(type(error), BAD_INPUT), str(error)
    if isinstance(error, OSError) and _is_of_output(error):
        if error.errno in (errno.EPIPE, errno.EINVAL):
            return NOT_READ, ""
        return NOT_WRITTEN, f"Cannot print: {error.strerror}."
    if isinstance(error, OSError) and error.filename is not None:
        return BAD_INPUT, f"Cannot use {shown(error.filename)}: {error.strerror}."
    return FAULT, f"{_named(error)}: a fault of ours. {_logged(error)}"


def _is_of_output(error: OSError) -> bool:
    """Whether it is stdout that cannot be written; Python must not try again when it ends."""
    if error.filename is not None or errno.errorcode.get(error.errno or 0) not in _OF_OUTPUT:
        return False
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return True


def _named(error: BaseException) -> str:
    return shown(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)


def _print_line(message: str) -> None:
    if message and sys.stderr is not None:
        with suppress(OSError, ValueError):
            print(f"dreamtalk: {shown(message, 1000)}", file=sys.stderr, flush=True)


def _logged(error: BaseException) -> str:
    """Write all that is needed to find a fault; how to report it."""
    report = "\n".join(
        [
            f"DreamTalk {__version__}, Python {sys.version}, {platform.platform()}",
            ", ".join(map(_version, ("av", "numba", "numpy", "safetensors", "soxr", "torch"))),
            f"arguments: {sys.argv[1:]!r}",
            "".join(traceback.format_exception(error)),
        ]
    )
    try:
        folder = user_log_path("DreamTalk", appauthor=False, ensure_exists=True)
        path = folder / f"fault-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
        path.write_text(report, encoding="utf-8", errors="backslashreplace")
        for old in sorted(folder.glob("fault-*.log"))[:-_MOST_LOGS]:
            old.unlink()
    except OSError:
        if sys.stderr is not None:
            with suppress(OSError, ValueError):
                print(report, file=sys.stderr)
        return "Please report it with what is written above."
    return f"Please report it with this log: {path}"


def _version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"no {package}"


@contextmanager
def _signals() -> Iterator[None]:
    """Signals that ask for an end raise Stopped; what is ignored, as under nohup, stays so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    watched = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in watched}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _libraries_are_quiet() -> Iterator[None]:
    """What libraries advise their callers is no business of whoever types a command."""
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    with warnings.catch_warnings():
        if not sys.warnoptions:
            warnings.simplefilter("ignore")
        silent = logging.NullHandler()  # without any, Python prints them
        logging.getLogger().addHandler(silent)
        try:
            yield
        finally:
            logging.getLogger().removeHandler(silent)

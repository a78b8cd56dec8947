"""Environments that are made when a user asks for one: by `run.py`, and by Blender's extension.

Whoever asks waits for minutes, so what is going on is told in a line; the two hundred lines of pip
go to a log. Standard library only, and for any Python: one that does not fit says so with this.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PYTORCH_CPU = "https://download.pytorch.org/whl/cpu"
"""PyTorch's own index of builds that need no graphics card."""
PIP = (
    *("-I", "-m", "pip", "--disable-pip-version-check", "--no-input"),
    *("install", "--progress-bar", "off"),
)
"""What pip is called with, behind the Python that it belongs to."""

CPU_MEGABYTES, CUDA_MEGABYTES = 510, 3000
"""What is fetched, about: PyTorch and all else that DreamTalk needs."""

_TAIL = 12
_SIZES = {"kB": 1e-3, "MB": 1.0, "GB": 1e3}
_FETCHING = re.compile(r"^ *Downloading (\S+) \(([\d.]+) (kB|MB|GB)\)", re.MULTILINE)
_NOISE = re.compile(
    r"WARNING: (Location|Retrying)|\[notice\]"
    # What pip says to whoever called it by hand, behind the packages that it found no versions for.
    r"|To fix this you could|[12]\. (loosen|remove)|ERROR: ResolutionImpossible"
)
_NAME = re.compile(r"(?:.*/)?([^/]+?)-\d[^/]*")


class InstallationError(Exception):
    """What was to be installed could not be; the message ends with the end of the log."""


@dataclass(frozen=True)
class Step:
    """A part of an installation.

    label: what is being done, for the user. commands: tried in turn until one goes well. failure:
    what to do where none does. second: the label from the second command on.
    """

    label: str
    commands: Sequence[Sequence[str]]
    failure: str
    second: str = ""


def pytorch_step(python: str, requirements: Sequence[str], *more: str) -> Step:
    """PyTorch, which comes first so that nothing else chooses its build.

    Without an NVIDIA card it is the build that does without one, a tenth of the size, from
    PyTorch's own index, or whatever pip finds where that cannot be reached.
    requirements: `torch` as pip takes it, and what goes with it. more: further options of pip.
    """
    usual = [python, *PIP, *more, *requirements]
    failure = (
        "PyTorch could not be installed. Check the connection and the space on the disk, and try "
        "again."
    )
    if not takes_cuda_for_nothing():
        return Step("Fetching PyTorch", [usual], failure)
    # One attempt: where there is no way to it, that is soon known.
    from_pytorch = [python, *PIP, "--retries", "1", "--timeout", "20", "--index-url", PYTORCH_CPU]
    return Step(
        "Fetching PyTorch for the CPU",
        [[*from_pytorch, *more, *requirements], usual],
        failure,
        f"Fetching PyTorch, most likely with CUDA and {CUDA_MEGABYTES} MB, as its makers' index of "
        "builds for the CPU did not serve",
    )


def takes_cuda_for_nothing() -> bool:
    """Whether pip's usual PyTorch is gigabytes for a graphics card that is not there.

    On Windows and macOS the usual one is for the CPU already.
    """
    return sys.platform == "linux" and shutil.which("nvidia-smi") is None


class Installation:
    """Steps, one after the other. `poll` goes on and never waits."""

    def __init__(self, steps: Sequence[Step], log: Path, environ: Mapping[str, str], **popen: Any):
        """Begin. log: a file that all output goes to; popen: further arguments for Popen.

        Raises InstallationError if the first program cannot be started.
        """
        self._log, self._environ, self._popen = log, dict(environ), popen
        self._steps = list(steps)
        self._left: list[Sequence[str]] = []
        self._label = ""
        self._process: subprocess.Popen[bytes] | None = None
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_bytes(b"")
        self._next_step()

    @property
    def message(self) -> str:
        """What is being done, for the user."""
        fetched = self._fetched()
        if not fetched:
            return self._label
        match = _NAME.fullmatch(fetched[-1][0])
        name = match[1] if match else fetched[-1][0]
        return f"{self._label}: {name} ({_total(fetched):.0f} MB so far)"

    @property
    def megabytes(self) -> float:
        """What has been fetched, by pip's own word."""
        return _total(self._fetched())

    def poll(self) -> bool:
        """Go on; whether it is finished. Raises InstallationError where a step failed."""
        if self._process is None:
            return True
        status = self._process.poll()
        if status is None:
            return False
        if status != 0 and not self._left:
            self._process = None
            raise InstallationError(f"{self._step.failure}\n{self.tail()}")
        if status != 0:
            self._label = self._step.second or self._label
            self._start(self._left.pop(0))
            return False
        if self._steps:
            self._next_step()
            return False
        self._process = None
        return True

    def cancel(self) -> None:
        """End what runs."""
        if self._process is not None:
            if self._process.poll() is None:
                self._process.kill()
            self._process.wait()
            self._process = None

    def tail(self) -> str:
        """The last lines of the log that tell something."""
        lines = [line.rstrip() for line in self._text().splitlines()]
        return "\n".join([line for line in lines if line and not _NOISE.match(line)][-_TAIL:])

    def _next_step(self) -> None:
        self._step = self._steps.pop(0)
        self._label = self._step.label
        first, *self._left = self._step.commands
        self._start(first)

    def _start(self, command: Sequence[str]) -> None:
        try:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    list(command),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=self._environ,
                    **self._popen,
                )
        except OSError as error:
            reason = error.strerror or error
            raise InstallationError(f"{command[0]} could not be started: {reason}.") from error

    def _fetched(self) -> list[tuple[str, str, str]]:
        """File, number and unit of everything that pip says it fetches."""
        return _FETCHING.findall(self._text())

    def _text(self) -> str:
        try:
            return self._log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""


def _total(fetched: Sequence[tuple[str, str, str]]) -> float:
    """Megabytes of what `Installation._fetched` lists."""
    return sum(float(size) * _SIZES[unit] for _, size, unit in fetched)

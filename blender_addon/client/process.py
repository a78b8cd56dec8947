# SPDX-License-Identifier: GPL-3.0-or-later
"""The child process that DreamTalk runs in: its Python, its streams, its end.

No threads (those who review extensions do not want them in Blender) and nothing that waits: the
process writes its answers to a file, and a file can be read at any time on any system without
waiting, which pipes allow on Windows only through its own calls. Its stdin is a pipe, and the end
of that pipe is how it learns that Blender is gone, in whatever way.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .tasks import WorkerError

_BOOT = """
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
spec = spec_from_file_location("dreamtalk_core", Path(sys.argv[1], "dreamtalk_core", "__init__.py"))
sys.modules["dreamtalk_core"] = core = module_from_spec(spec)
spec.loader.exec_module(core)
from dreamtalk_core.worker import main
main()
"""
_TAIL = 12
"""Lines of the log that an error shows."""


@dataclass(frozen=True)
class Runtime:
    """A Python and where its DreamTalk is.

    python: its program. core: the folder that holds `dreamtalk_core`; None if it is installed.
    """

    python: Path
    core: Path | None = None

    @property
    def command(self) -> list[str]:
        """What starts the worker."""
        # -I: neither variables, nor the user's packages, nor the working folder change what is run.
        start = [str(self.python), "-I", "-X", "utf8"]
        if self.core is None:
            return [*start, "-m", "dreamtalk_core.worker"]
        return [*start, "-c", _BOOT, str(self.core)]


class Process:
    """A running Python, which is sent JSON lines and answers in such."""

    def __init__(self, runtime: Runtime, folder: Path) -> None:
        """Start it. folder: for its answers and its log; made if need be.

        Raises WorkerError if it does not start; then there is no folder.
        """
        self._runtime = runtime
        self._log = folder / "worker.log"
        self._rest = b""
        answers_path = folder / "answers.jsonl"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with answers_path.open("wb") as answers, self._log.open("wb") as log:
                self.popen = subprocess.Popen(
                    runtime.command,
                    stdin=subprocess.PIPE,
                    stdout=answers,
                    stderr=log,
                    cwd=folder,
                    env=clean_environment(os.environ),
                    bufsize=0,
                    **hidden_window(),
                )
            self._answers = answers_path.open("rb")
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise WorkerError(
                f"{runtime.python} could not be started: {error.strerror or error}. Choose "
                "another Python in the preferences of DreamTalk."
            ) from error

    @property
    def ended(self) -> bool:
        return self.popen.poll() is not None

    def send(self, request: Mapping[str, Any]) -> None:
        """Write a line; one that has ended gets nothing."""
        assert self.popen.stdin is not None
        with suppress(OSError):
            self.popen.stdin.write(json.dumps(request).encode("ascii") + b"\n")

    def lines(self) -> list[bytes]:
        """Whole lines that have come since the last call."""
        if self._answers.closed:
            return []
        *lines, self._rest = (self._rest + self._answers.read()).split(b"\n")
        return lines

    def end(self) -> None:
        """End it, and let its files go."""
        if not self.ended:
            self.popen.kill()
        self.popen.wait()
        if self.popen.stdin is not None:
            self.popen.stdin.close()
        self._answers.close()

    def log_tail(self) -> str:
        """The last lines that it, or what it uses, has written to its log."""
        try:
            text = self._log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join([line for line in text.splitlines() if line.strip()][-_TAIL:])

    def exit_reason(self) -> str:
        """Why it may have ended by itself, for the user."""
        tail = self.log_tail()
        if "No module named 'dreamtalk_core" in tail or "No module named dreamtalk_core" in tail:
            return (
                f"There is no DreamTalk in {self._runtime.python}, or it is too old for this "
                "extension. Install it there, or choose another Python in the preferences."
            )
        return f"The worker ended by itself ({_exit(self.popen.returncode)}).\n{tail}".rstrip()


def _exit(status: int | None) -> str:
    return f"signal {-status}" if status is not None and status < 0 else f"exit code {status}"


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without what would lead another Python, or its PyTorch, astray."""
    return {
        name: value
        for name, value in environ.items()
        if not name.upper().startswith("PYTHON") and name != "__PYVENV_LAUNCHER__"
    }


def hidden_window() -> dict[str, Any]:
    """What keeps Windows from showing a console for a child process."""
    return {"creationflags": getattr(subprocess, "CREATE_NO_WINDOW", 0)}

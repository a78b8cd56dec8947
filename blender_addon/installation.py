# SPDX-License-Identifier: GPL-3.0-or-later
"""A Python environment with DreamTalk in it, made in the extension's own folder when the user asks
for it: Blender's Python makes it, pip fills it. Blender's own packages are not touched."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from .runtimes import STAMP, environment_python
from .worker import WorkerError, clean_environment, hidden_window

_TAIL = 8


class Installation:
    """Runs the commands one after the other; `poll` never waits. No Blender in here."""

    def __init__(self, python: Path, wheel: Path, folder: Path) -> None:
        """python: makes the environment. wheel: DreamTalk. folder: of the environment; what is
        there goes."""
        self._folder = folder
        self._version = wheel.name.split("-")[1]
        self._log = folder.with_suffix(".log")
        inside = environment_python(folder)
        pip = [str(inside), "-I", "-m", "pip", "--disable-pip-version-check", "--no-input"]
        self._commands = [
            ("Making an environment", [str(python), "-I", "-m", "venv", str(folder)]),
            ("Installing", [*pip, "install", "--progress-bar", "off", str(wheel)]),
        ]
        self._process: subprocess.Popen[bytes] | None = None
        self.message = ""
        shutil.rmtree(folder, ignore_errors=True)
        self._log.unlink(missing_ok=True)
        self._next()

    def poll(self) -> bool:
        """Go on; whether it is finished. Raises WorkerError if something went wrong."""
        if self._process is None:
            return True
        status = self._process.poll()
        lines = self._last_lines()
        self.message = f"{self._step}: {lines[-1].strip()[:80]}" if lines else self._step
        if status is None:
            return False
        if status != 0:
            self.cancel()
            raise WorkerError(
                "DreamTalk could not be installed. Check the connection and the space on the disk, "
                "or choose a Python that has DreamTalk.\n" + "\n".join(lines)
            )
        if self._commands:
            self._next()
            return False
        self._process = None
        (self._folder / STAMP).write_text(self._version, encoding="utf-8")
        self._log.unlink(missing_ok=True)
        return True

    def cancel(self) -> None:
        """End it and take away what there is of it."""
        if self._process is not None:
            if self._process.poll() is None:
                self._process.kill()
            self._process.wait()
            self._process = None
        shutil.rmtree(self._folder, ignore_errors=True)
        self._log.unlink(missing_ok=True)

    def _next(self) -> None:
        self._step, command = self._commands.pop(0)
        self.message = self._step
        try:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=clean_environment(os.environ),
                    **hidden_window(),
                )
        except OSError as error:
            raise WorkerError(
                f"{command[0]} could not be started: {error.strerror or error}."
            ) from error

    def _last_lines(self) -> list[str]:
        try:
            text = self._log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return []
        return [line for line in text.splitlines() if line.strip()][-_TAIL:]

# SPDX-License-Identifier: GPL-3.0-or-later
"""A Python environment with DreamTalk in it, made in the extension's own folder when the user asks
for it: Blender's Python makes it, pip fills it. Blender's own packages are not touched."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from dreamtalk_core.installing import PIP, InstallationError, Step, pytorch_step
from dreamtalk_core.installing import Installation as Steps

from .process import clean_environment, hidden_window
from .runtimes import STAMP, Wheel, environment_python
from .tasks import WorkerError

FAILURE = (
    "DreamTalk could not be installed. Check the connection and the space on the disk, or choose a "
    "Python that has DreamTalk."
)


class Installation:
    """Makes the environment; `poll` never waits. No Blender in here."""

    def __init__(self, python: Path, wheel: Wheel, folder: Path) -> None:
        """python: makes the environment. wheel: DreamTalk. folder: of the environment; what is
        there goes.

        Raises WorkerError if the Python cannot be started.
        """
        self._folder = folder
        self._version = wheel.path.name.split("-")[1]
        self._log = folder.with_suffix(".log")
        inside = str(environment_python(folder))
        shutil.rmtree(folder, ignore_errors=True)
        steps = [
            Step(
                "Making an environment", [[str(python), "-I", "-m", "venv", str(folder)]], FAILURE
            ),
            *(pytorch_step(inside, [needed]) for needed in wheel.torch),
            Step("Installing DreamTalk", [[inside, *PIP, str(wheel.path)]], FAILURE),
        ]
        try:
            self._steps = Steps(steps, self._log, clean_environment(os.environ), **hidden_window())
        except InstallationError as error:
            self._log.unlink(missing_ok=True)
            raise WorkerError(str(error)) from error

    @property
    def message(self) -> str:
        """What is being done, for the user."""
        return self._steps.message

    def poll(self) -> bool:
        """Go on; whether it is finished. Raises WorkerError if something went wrong."""
        try:
            finished = self._steps.poll()
        except InstallationError as error:
            self.cancel()
            raise WorkerError(str(error)) from error
        if finished and self._log.exists():
            (self._folder / STAMP).write_text(self._version, encoding="utf-8")
            self._log.unlink()
        return finished

    def cancel(self) -> None:
        """End it and take away what there is of it."""
        self._steps.cancel()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._log.unlink(missing_ok=True)

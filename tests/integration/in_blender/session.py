"""Runs one check inside Blender: `python session.py FILE CHECK JSON`."""

from __future__ import annotations

import json
import os
import runpy
import socket
import sys
import traceback
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

import bpy

HOME = "bl_ext.user_default.dreamtalk"


class Session:
    """What a check is given.

    extension: the zip. folder: for its files. worker: a Python that has DreamTalk. home: the
    package that the extension is.
    """

    def __init__(self, extension: str, folder: str, worker: str) -> None:
        self.extension, self.folder, self.worker = Path(extension), Path(folder), Path(worker)
        self.home = HOME

    def install(self) -> None:
        """Install the zip as a user does, enabled, with the worker's Python in the preferences."""
        done = bpy.ops.extensions.package_install_files(
            repo="user_default", filepath=str(self.extension), enable_on_install=True
        )
        assert done == {"FINISHED"}
        assert HOME in bpy.context.preferences.addons
        self.preferences.python = str(self.worker)

    def part(self, name: str) -> Any:
        """A module of the installed extension, such as `rigs.bones` or `dreamtalk_core.motion`."""
        return import_module(f"{HOME}.{name}")

    def free_port(self) -> int:
        """A UDP port that nothing on this machine has: checks may run beside each other."""
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    @property
    def state(self) -> Any:
        """What the extension holds while it is registered."""
        return self.part("state").state()

    @property
    def preferences(self) -> Any:
        return bpy.context.preferences.addons[HOME].preferences


def main() -> None:
    file, check, given = sys.argv[1:]
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        run = runpy.run_path(str(Path(__file__).with_name(f"{file}.py")))[check]
        run(Session(**json.loads(given)))
        status = 0
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    # Blender's module may hang when Python ends the usual way after it has rendered.
    os._exit(status)


main()

# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding a Python that has DreamTalk: in a folder that the user names, or where it usually is.

Only names of files are looked at; whether a Python is any good shows when it is started.
"""

from __future__ import annotations

import os
import re
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

from .process import Runtime

STAMP = "dreamtalk.txt"
"""In an environment that this extension has made, once it is whole: DreamTalk's version."""

_CORE = Path("dreamtalk_core", "version.py")
# Environments of `run.py`, of ComfyUI's own guide, of its desktop program and its Windows package.
_ENVIRONMENTS = (".venv-run", ".venv", "venv", "python_embeded", "")
_PROGRAMS = ("bin/python", "bin/python3", "Scripts/python.exe", "python.exe", "python", "python3")
_USUAL = (
    "ComfyUI",
    "Documents/ComfyUI",
    "comfy/ComfyUI",
    "ComfyUI_windows_portable",
    "Downloads/ComfyUI_windows_portable",
    "DreamTalk",
    "dreamtalk",
)
"""Where ComfyUI and DreamTalk tend to be, below the user's folder."""


def runtime_at(place: Path) -> Runtime | None:
    """At a path of the user's: a Python, an environment, a ComfyUI, or a folder of DreamTalk."""
    if place.is_file():
        return Runtime(place, next(_cores(place.parents[:5]), None))
    if not place.is_dir():
        return None  # what is above it has nothing to do with what is meant
    # A node pack lies two folders below its ComfyUI, whose Python may be one folder above that.
    around = [place, *place.parents[:3]]
    python = next(_pythons(around if _is_core(place) else [place, place.parent]), None)
    if python is None:
        return None
    return Runtime(python, next(_cores([place, *python.parents[:5]]), None))


def usual_runtime(own: Path) -> Runtime | None:
    """The environment that this extension has made (`own`), or one found in a usual place."""
    if (own / STAMP).is_file() and (python := next(_pythons([own]), None)) is not None:
        return Runtime(python)
    command = shutil.which("dreamtalk")
    if command is not None and (python := _beside(Path(command))) is not None:
        return Runtime(python)
    for name in _USUAL:
        found = runtime_at(Path.home() / name)
        if found is not None and found.core is not None:
            return found
    return None


def environment_python(folder: Path) -> Path:
    """The Python of a virtual environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


class Wheel:
    """DreamTalk as a wheel of ours, and its metadata."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def shipped(cls) -> Wheel | None:
        """The one that came with the extension."""
        found = next(Path(__file__).parents[1].joinpath("worker").glob("*.whl"), None)
        return None if found is None else cls(found)

    def misfit(self, python: tuple[int, int]) -> str:
        """Why it cannot be installed with Blender's Python; "" if it can."""
        oldest, newest = self.pythons
        if oldest <= python <= newest:
            return ""
        named = "{}.{}".format
        return (
            f"Blender's Python is {named(*python)}; DreamTalk needs {named(*oldest)} to "
            f"{named(*newest)}"
        )

    @property
    def torch(self) -> list[str]:
        """What it requires of PyTorch, as pip takes it."""
        return re.findall(r"(?m)^Requires-Dist: (torch\b[^;\n]*)$", self._metadata)

    @property
    def pythons(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """The oldest and the newest Python that it is for."""
        found = re.search(r"(?m)^Requires-Python: >=3\.(\d+),<3\.(\d+)$", self._metadata)
        assert found is not None, self._metadata
        return (3, int(found[1])), (3, int(found[2]) - 1)

    @cached_property
    def _metadata(self) -> str:
        with zipfile.ZipFile(self.path) as archive:
            name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
            return archive.read(name).decode("utf-8")


def _is_core(folder: Path) -> bool:
    return (folder / _CORE).is_file()


def _cores(folders: Iterable[Path]) -> Iterator[Path]:
    """Folders that hold a `dreamtalk_core`: these themselves, or node packs below them."""
    for folder in folders:
        if _is_core(folder):
            yield folder
        for host in (folder, folder / "ComfyUI"):
            yield from (pack for pack in _listed(host / "custom_nodes") if _is_core(pack))


def _pythons(folders: Iterable[Path]) -> Iterator[Path]:
    for i, folder in enumerate(folders):
        # What is above the first is an environment of it only if it is called like one:
        # `/bin/python3` belongs to no folder of `/`.
        for environment in _ENVIRONMENTS if i == 0 else filter(None, _ENVIRONMENTS):
            for program in _PROGRAMS:
                # As it is named, not where its link leads: the link is what makes an environment.
                if (python := folder / environment / program).is_file():
                    yield python


def _beside(command: Path) -> Path | None:
    """The Python of the environment that a command is installed in."""
    found = (command.with_name(name) for name in ("python", "python3", "python.exe"))
    return next((python for python in found if python.is_file()), None)


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []

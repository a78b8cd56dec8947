"""What all tests share: where things are, and that a run today is the run of yesterday."""

from __future__ import annotations

import importlib.util
import os
import platform
import random
import sys
from collections import Counter
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]

# Shared CI machines stall now and then, which says nothing about the code.
settings.register_profile("house", derandomize=True, deadline=None, max_examples=50)
settings.load_profile("house")


class RootIsAFolder:
    """The repository's root is a package for ComfyUI, which loads it by its own rules.

    pytest would import its `__init__.py` before the first test, outside ComfyUI. This is a plugin
    of its own because a conftest is not asked about the folder above it.
    """

    @pytest.hookimpl(tryfirst=True)
    def pytest_collect_directory(
        self, path: Path, parent: pytest.Collector
    ) -> pytest.Collector | None:
        return pytest.Dir.from_parent(parent, path=path) if path == ROOT else None


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What this was run on, and what could not be had: the last before pytest's own line."""
    names = ("av", "numba", "numpy", "safetensors", "scipy", "soxr", "torch", "transformers")
    found = {name: version(name) for name in names if importlib.util.find_spec(name)}
    versions = ", ".join(f"{name} {number}" for name, number in found.items())
    terminalreporter.write_line(f"ran on Python {platform.python_version()}, {versions}")
    whole = (ROOT / "tests" / "integration" / "hosts.py").is_file()
    if os.environ.get("DREAMTALK_HOSTS") == "required" and whole:
        from tests.integration import hosts

        for line in hosts.versions():
            terminalreporter.write_line(line)
        for line in hosts.held_back():
            terminalreporter.write_line(f"WARNING: {line}", yellow=True)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(RootIsAFolder())


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Whatever draws without a seed of its own draws the same in every run and any order."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - the global generator is what is meant
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(0)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often a waveform goes through the recogniser, and through the measure of pitch."""
    from dreamtalk_core.speech import prosody
    from dreamtalk_core.speech.phonetics import PhoneticEncoder

    found = Counter[str]()
    stream, pitch = PhoneticEncoder.stream, prosody.measure_pitch

    def streamed(self: PhoneticEncoder, *arguments: Any) -> Any:
        found["phonetics"] += 1
        return stream(self, *arguments)

    def measured(*arguments: Any) -> Any:
        found["pitch"] += 1
        return pitch(*arguments)

    monkeypatch.setattr(PhoneticEncoder, "stream", streamed)
    monkeypatch.setattr(prosody, "measure_pitch", measured)
    return found


@pytest.fixture(autouse=True)
def user_styles(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A style library for each test: not that of whoever runs it."""
    folder = tmp_path_factory.mktemp("styles")
    monkeypatch.setenv("DREAMTALK_STYLES", str(folder))
    return folder


@pytest.fixture
def like_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is open in this process can neither be deleted nor replaced nor moved."""
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        pytest.skip("needs /proc to know what is open")

    def is_open(path: str | os.PathLike[str]) -> bool:
        place = os.path.realpath(path)
        for descriptor in descriptors.iterdir():
            try:
                there = str(descriptor.readlink())
            except OSError:
                continue
            if there == place or there.startswith(f"{place}/"):
                return True
        return False

    def guarded(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*paths: Any, **more: Any) -> Any:
            if any(map(is_open, paths)) and "dir_fd" not in more:
                raise PermissionError(13, "It is being used by another process", str(paths[0]))
            return function(*paths, **more)

        return call

    for name in ("unlink", "remove", "replace", "rename", "rmdir"):
        monkeypatch.setattr(os, name, guarded(getattr(os, name)))
    # Python 3.10 has copies of the functions.
    for name in ("replace", "rename"):
        monkeypatch.setattr(Path, name, lambda path, to, name=name: getattr(os, name)(path, to))
    monkeypatch.setattr(Path, "unlink", _unlink)


def _unlink(path: Path, missing_ok: bool = False) -> None:
    try:
        os.unlink(path)  # noqa: PTH108 - which is what a test has replaced
    except FileNotFoundError:
        if not missing_ok:
            raise


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Material that lies beside the repository on the machine it is developed on."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("needs the development material in ../shared")
    return folder


@pytest.fixture(scope="session")
def demo_voice() -> Path:
    """The shipped recording: 13.84 s of a woman's voice, mono FLAC at 16 kHz."""
    return ROOT / "dreamtalk_core" / "assets" / "demo_voice.flac"

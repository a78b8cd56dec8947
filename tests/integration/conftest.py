"""The real hosts, as `python run.py test` sets them up."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.integration import hosts


def found(venv: Path) -> Path:
    """The Python of a host; where it is missing the test is skipped, or fails in CI."""
    python = hosts.python_of(venv)
    if python is None:
        reason = f"{venv.name} is missing: python run.py test makes it"
        # pytest.fail and pytest.skip are told apart by who asked for the hosts.
        (pytest.fail if os.environ.get("DREAMTALK_HOSTS") == "required" else pytest.skip)(reason)
    return python


@pytest.fixture(scope="session")
def comfy_python() -> Path:
    """The Python that ComfyUI is installed in."""
    return found(hosts.comfyui())


@pytest.fixture(scope="session", params=hosts.BLENDERS)
def blender_python(request: pytest.FixtureRequest) -> Path:
    """The Python that Blender's module is installed in, for each series."""
    return found(hosts.blender(request.param))

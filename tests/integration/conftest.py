"""The real hosts, as `python run.py test` sets them up."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blender_addon.make_extension import build
from tests.integration import hosts
from tests.integration.blender import Blender
from tests.integration.browser import Opened, open_frontend
from tests.integration.comfy import ROOT, Comfy, Runner


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All that is tested here needs a host."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.host)


def found(venv: Path) -> Path:
    """The Python of a host; where it is missing the test is skipped, or fails in CI."""
    python = hosts.python_of(venv)
    if python is None:
        reason = f"{venv.name} is missing: python run.py test makes it"
        # pytest.fail and pytest.skip are told apart by who asked for the hosts.
        (pytest.fail if os.environ.get("DREAMTALK_HOSTS") == "required" else pytest.skip)(reason)
    return python


COMFYUIS = {"0.3.75 oldest": hosts.comfyui, "newest": hosts.comfyui_newest}


@pytest.fixture(scope="session", params=COMFYUIS)
def comfy_python(request: pytest.FixtureRequest) -> Path:
    """The Python that ComfyUI is installed in, for each of them."""
    return found(COMFYUIS[request.param]())


@pytest.fixture(scope="session")
def comfy(comfy_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Comfy]:
    """A ComfyUI with this pack, in a folder whose name has a space and an accent."""
    base = tmp_path_factory.mktemp("comfyui") / "un hôte"
    (base / "custom_nodes").mkdir(parents=True)
    shutil.copy(Path(__file__).with_name("giving_node.py"), base / "custom_nodes")
    with Comfy.start(comfy_python, base) as running:
        yield running


@pytest.fixture(scope="session")
def kinds(comfy: Comfy) -> dict[str, Any]:
    """What the host says of our nodes, by their ids."""
    found = comfy.get("/object_info")
    return {name: about for name, about in found.items() if name.startswith("DreamTalk")}


@pytest.fixture(scope="session")
def run(comfy: Comfy, kinds: dict[str, Any]) -> Runner:
    """Runs a graph in ComfyUI."""
    return Runner(comfy, kinds)


@pytest.fixture(scope="session")
def opened(comfy: Comfy) -> dict[str, Opened]:
    """Every template as the frontend opened it, by its name."""
    with open_frontend(comfy) as frontend:
        return {path.stem: frontend.open(path) for path in sorted(ROOT.glob("workflows/*.json"))}


@pytest.fixture(scope="session", params=hosts.BLENDERS)
def blender_python(request: pytest.FixtureRequest) -> Path:
    """The Python that Blender's module is installed in, for each series."""
    return found(hosts.blender(request.param))


@pytest.fixture(scope="session")
def extension_zip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Blender's extension as `python run.py extension` builds it."""
    return build(tmp_path_factory.mktemp("extension"))


@pytest.fixture
def blender(blender_python: Path, extension_zip: Path, tmp_path: Path) -> Blender:
    """A Blender without settings, in a folder whose name has a space and an accent."""
    folder = tmp_path / "un blendeur à nous"
    folder.mkdir()
    return Blender(blender_python, extension_zip, folder)

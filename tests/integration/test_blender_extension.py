"""The extension in real Blenders: built, validated, installed, used, broken, and taken away."""

from __future__ import annotations

import ast
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from blender_addon import make_extension
from blender_addon.client.process import Runtime
from blender_addon.client.tasks import Task
from blender_addon.client.worker import Worker
from dreamtalk_core.assets import DEMO_VOICE
from dreamtalk_core.motion import Motion
from tests.integration.blender import Blender, checks
from tests.test_house import LIGHT, ROOT


def test_blenders_own_tool_finds_it_valid(blender_python: Path, extension_zip: Path) -> None:
    home = blender_python.parents[1]
    tool = next(home.rglob("bl_pkg/cli/blender_ext.py"))
    # The tags that Blender's own site allows.
    tags = next(home.rglob("_bpy_internal/extensions/tags.py"))
    command = [sys.executable, tool, "validate", extension_zip, f"--valid-tags={tags}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_carries_the_light_layer_and_nothing_heavy(extension_zip: Path) -> None:
    with zipfile.ZipFile(extension_zip) as archive:
        names = archive.namelist()
        text = {name: archive.read(name).decode() for name in names if name.endswith(".py")}
    inside = {
        name.split("/")[1].removesuffix(".py")
        for name in names
        if name.startswith("dreamtalk_core/")
    }
    assert inside - {"LICENSE", "NOTICE"} == make_extension.needed()
    assert make_extension.needed() - {"__init__"} <= LIGHT
    assert not [name for name in names if name.endswith((".so", ".pyd", ".dylib"))]
    assert not [name for name, code in text.items() if "dreamtalk_core" in absolute_imports(code)]
    assert not [name for name in names if "make_" in name or "__pycache__" in name]


def absolute_imports(code: str) -> set[str]:
    """Packages that a module imports by their own name."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").split(".")[0])
    return found


@pytest.mark.parametrize("check", checks("extension"))
def test_extension(blender: Blender, check: str) -> None:
    print(blender.run("extension", check))


def test_the_python_of_a_comfyui_will_do(comfy_python: Path, tmp_path: Path) -> None:
    """Whoever has the nodes needs nothing else for Blender."""
    worker = Worker(Runtime(comfy_python, ROOT), tmp_path / "worker")
    task = Task(1, "animate")
    worker.add(task, {"speech": str(DEMO_VOICE), "output": str(tmp_path / "line.npz")})
    until = time.monotonic() + 120
    while not task.finished:
        assert time.monotonic() < until
        worker.poll()
        time.sleep(0.05)
    worker.shut_down()
    assert task.state == "DONE", task.error
    assert len(Motion.load(tmp_path / "line.npz")) == task.result["frames"]

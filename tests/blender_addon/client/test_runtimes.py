"""Where a Python with DreamTalk is found."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from blender_addon.client.process import Runtime
from blender_addon.client.runtimes import STAMP, Wheel, runtime_at, usual_runtime
from blender_addon.make_extension import wheel
from run import NEWEST, OLDEST


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.fixture
def comfy(tmp_path: Path) -> Path:
    """A ComfyUI with an environment and this pack under the name of a git clone."""
    folder = tmp_path / "Comfy UI ü"
    touch(
        folder / "venv/bin/python",
        folder / "custom_nodes/other/nodes.py",
        folder / "custom_nodes/dream-talk/dreamtalk_core/version.py",
    )
    return folder


def test_a_comfyui_is_found_from_wherever_one_points(comfy: Path) -> None:
    python, pack = comfy / "venv/bin/python", comfy / "custom_nodes/dream-talk"
    for named in (comfy, python, comfy / "venv", pack):
        assert runtime_at(named) == Runtime(python, pack), named


def test_comfyuis_windows_package(tmp_path: Path) -> None:
    folder = tmp_path / "ComfyUI_windows_portable"
    python = folder / "python_embeded/python.exe"
    pack = folder / "ComfyUI/custom_nodes/dreamtalk"
    touch(python, pack / "dreamtalk_core/version.py")
    for named in (folder, python, folder / "ComfyUI", pack):
        assert runtime_at(named) == Runtime(python, pack), named


def test_the_environment_of_run_py(tmp_path: Path) -> None:
    touch(tmp_path / "dreamtalk_core/version.py", tmp_path / ".venv-run/Scripts/python.exe")
    expected = Runtime(tmp_path / ".venv-run/Scripts/python.exe", tmp_path)
    assert runtime_at(tmp_path) == expected
    assert runtime_at(expected.python) == expected


def test_an_environment_that_dreamtalk_is_installed_in(tmp_path: Path) -> None:
    touch(tmp_path / "env/bin/python")
    assert runtime_at(tmp_path / "env") == Runtime(tmp_path / "env/bin/python")


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_a_linked_python_is_named_by_its_link(tmp_path: Path) -> None:
    """What the link leads to knows nothing of the environment."""
    touch(tmp_path / "usr/python3", tmp_path / "env/bin/other")
    (tmp_path / "env/bin/python").symlink_to(tmp_path / "usr/python3")
    found = runtime_at(tmp_path / "env")
    assert found is not None
    assert found.python == tmp_path / "env/bin/python"


def test_the_folder_of_the_program(tmp_path: Path) -> None:
    touch(tmp_path / "env/bin/python")
    assert runtime_at(tmp_path / "env/bin") == Runtime(tmp_path / "env/bin/python")


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    assert runtime_at(tmp_path / "nowhere") is None
    # What lies beside it is something else: `/nonexistent` is no `/bin/python3`.
    touch(tmp_path / "bin/python3")
    assert runtime_at(tmp_path / "nowhere") is None
    (tmp_path / "empty").mkdir()
    assert runtime_at(tmp_path / "empty") is None


def test_usual_places(tmp_path: Path, comfy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    monkeypatch.setenv("PATH", "")
    folder = tmp_path / "own"
    assert usual_runtime(folder) is None
    (tmp_path / "home").mkdir()
    comfy.rename(tmp_path / "home" / "ComfyUI")
    found = usual_runtime(folder)
    assert found is not None
    assert found.core == tmp_path / "home/ComfyUI/custom_nodes/dream-talk"
    # A half-made environment of our own does not count, a whole one comes first.
    touch(folder / "bin/python")
    assert usual_runtime(folder) == found
    touch(folder / STAMP)
    assert usual_runtime(folder) == Runtime(folder / "bin/python")


def test_a_comfyui_without_the_nodes_is_no_find(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setenv("PATH", "")
    touch(tmp_path / "ComfyUI/venv/bin/python")
    assert usual_runtime(tmp_path / "own") is None


@pytest.mark.slow
def test_which_pythons_the_wheel_is_for(tmp_path: Path) -> None:
    ((name, content),) = wheel().items()
    path = tmp_path / Path(name).name
    path.write_bytes(content)
    (_, oldest), (_, newest) = OLDEST, NEWEST
    assert [bool(Wheel(path).misfit((3, minor))) for minor in (oldest, newest)] == [False, False]
    for minor in (oldest - 1, newest + 1):
        assert Wheel(path).misfit((3, minor)) == (
            f"Blender's Python is 3.{minor}; DreamTalk needs 3.{oldest} to 3.{newest}"
        )

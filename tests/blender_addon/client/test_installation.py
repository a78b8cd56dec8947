"""The environment that the button makes, with a small wheel in place of DreamTalk and PyTorch."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from blender_addon.client.installation import Installation
from blender_addon.client.runtimes import STAMP, Wheel, environment_python, runtime_at
from blender_addon.client.tasks import WorkerError
from blender_addon.make_extension import packed

pytestmark = pytest.mark.slow


def small_wheel(folder: Path, needs: str = "") -> Wheel:
    info = "dreamtalk-1.2.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: dreamtalk\nVersion: 1.2\n{needs}"
    files = {
        "dreamtalk_small.py": b"x = 1\n",
        f"{info}/METADATA": metadata.encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    path = folder / "dreamtalk-1.2-py3-none-any.whl"
    path.write_bytes(packed(files))
    return Wheel(path)


def finish(installation: Installation) -> None:
    until = time.monotonic() + 120
    while not installation.poll():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")


def test_it_makes_an_environment_with_the_wheel(tmp_path: Path) -> None:
    folder = tmp_path / "un environnement à moi"
    folder.mkdir()
    (folder / "half.txt").touch()
    installation = Installation(Path(sys.executable), small_wheel(tmp_path), folder)
    assert installation.message.startswith("Making")
    finish(installation)
    assert not (folder / "half.txt").exists()
    assert (folder / STAMP).read_text(encoding="utf-8") == "1.2"
    found = runtime_at(folder)
    assert found is not None
    subprocess.run([found.python, "-I", "-c", "import dreamtalk_small"], check=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [folder.name, "dreamtalk-1.2-py3-none-any.whl"]
    )


def test_pips_message_is_shown_and_nothing_stays(tmp_path: Path) -> None:
    folder = tmp_path / "env"
    wheel = small_wheel(tmp_path, "Requires-Dist: dreamtalk-needs-this-and-it-is-not-there\n")
    with pytest.raises(WorkerError, match=r"(?s)could not be installed.*it-is-not-there"):
        finish(Installation(Path(sys.executable), wheel, folder))
    assert list(tmp_path.iterdir()) == [wheel.path]


def test_it_can_be_stopped(tmp_path: Path) -> None:
    folder = tmp_path / "env"
    installation = Installation(Path(sys.executable), small_wheel(tmp_path), folder)
    while not environment_python(folder).exists():
        assert not installation.poll()
    installation.cancel()
    assert not folder.exists()
    assert installation.poll()
    assert not folder.exists()


def test_a_python_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match="could not be started"):
        Installation(tmp_path / "python", small_wheel(tmp_path), tmp_path / "env")

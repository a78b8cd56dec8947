"""What installing this pack does to a ComfyUI: it adds, and moves nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = {"llvmlite", "numba", "platformdirs", "soxr"}
"""All that may come."""
HOSTS = {
    "an old one": {"numpy": "1.26.4", "opencv-python": "4.8.0.76", "av": "14.2.0"},
    "headless": {"numpy": "2.0.2", "opencv-contrib-python-headless": "4.11.0.86", "av": "15.0.0"},
    "a new one": {"numpy": "2.4.6", "opencv-contrib-python": "4.13.0.90", "av": "18.1.0"},
}
"""What a host has, as far as it could matter."""
FLAVOURS = ("opencv-python==4.9.0.80", "opencv-contrib-python==4.11.0.86")
"""What most hosts have."""


def requirements() -> list[str]:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_it_asks_for_no_version() -> None:
    """A node manager would take it for an order to move what is there."""
    assert set(requirements()) <= OURS


@pytest.mark.parametrize("host", HOSTS)
def test_it_moves_nothing(host: str, tmp_path: Path) -> None:
    """pip's own plan for an environment that claims to hold these packages."""
    venv.create(tmp_path / "host", with_pip=False)
    python = next(path for path in (tmp_path / "host").glob("*/python*") if path.is_file())
    (packages,) = (tmp_path / "host").rglob("site-packages")
    for name, version in {**HOSTS[host], "torch": "2.6.0", "safetensors": "0.5.3"}.items():
        about = packages / f"{name.replace('-', '_')}-{version}.dist-info"
        about.mkdir()
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        (about / "METADATA").write_text(text, encoding="utf-8")
        (about / "RECORD").write_text("", encoding="utf-8")
    plan = tmp_path / "plan.json"
    command = [
        *(sys.executable, "-m", "pip", "--python", str(python), "install", "--dry-run"),
        *("--quiet", "--report", str(plan), "--requirement", str(ROOT / "requirements.txt")),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and os.environ.get("DREAMTALK_HOSTS") != "required":
        pytest.skip(f"needs a package index: {done.stderr[-200:]}")
    assert done.returncode == 0, done.stderr
    planned = json.loads(plan.read_text(encoding="utf-8"))["install"]
    assert {found["metadata"]["name"].lower() for found in planned} == OURS


def test_it_adds_opencv_where_there_is_none(tmp_path: Path) -> None:
    """As a node manager installs a pack, for real: its requirements, then its install.py.

    The newest OpenCV would bring a newer numpy.
    """
    venv.create(tmp_path / "host", with_pip=True)
    python = str(next(path for path in (tmp_path / "host").glob("*/python*") if path.is_file()))

    def call(*command: str) -> str:
        done = subprocess.run(
            [python, *command], capture_output=True, text=True, check=False, cwd=ROOT
        )
        if done.returncode and os.environ.get("DREAMTALK_HOSTS") != "required":
            pytest.skip(f"needs a package index: {done.stderr[-200:]}")
        assert done.returncode == 0, done.stderr
        return done.stdout

    def pip(*command: str) -> set[str]:
        return set(call("-I", "-m", "pip", "--disable-pip-version-check", *command).split())

    install = ("install", "--quiet", "--no-compile")
    pip(*install, "numpy<2" if sys.version_info < (3, 13) else "numpy==2.2.6")
    before = pip("freeze")
    pip(*install, "--requirement", "requirements.txt")
    assert "DreamTalk: adding opencv-python-headless" in call("install.py")
    after = pip("freeze")
    assert before <= after, "nothing is moved"
    assert {line.split("==")[0] for line in after - before} == OURS | {"opencv-python-headless"}
    for flavour in ("opencv-python-headless", *FLAVOURS):
        if flavour not in call("-I", "-m", "pip", "freeze"):
            pip("uninstall", "--quiet", "--yes", *(name for name in after if "opencv" in name))
            pip(*install, "--no-deps", flavour)
        after = pip("freeze")
        assert call("install.py") == "DreamTalk: there is an OpenCV already.\n"
        assert pip("freeze") == after
        call("-I", "-c", "import cv2; cv2.blur")


def test_what_is_missing_is_an_error() -> None:
    """Somebody who clones a pack by hand may forget its requirements."""
    code = f"import runpy; runpy.run_path({str(ROOT / '__init__.py')!r})"
    bare = [sys.executable, "-I", "-S", "-c", code]
    done = subprocess.run(bare, capture_output=True, text=True, check=False)
    assert "ImportError: DreamTalk needs cv2, numba, platformdirs, soxr." in done.stderr
    assert str(ROOT / "requirements.txt") in done.stderr
    assert str(ROOT / "install.py") in done.stderr


def test_nothing_else_is_imported(comfy_python: Path) -> None:
    """Every package that the pack needs is one that a host has, or asked for here."""
    code = "import av, cv2, numba, numpy, platformdirs, safetensors, soxr, torch, tqdm, PIL"
    subprocess.run([str(comfy_python), "-I", "-c", code], check=True)

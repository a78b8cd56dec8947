"""What ComfyUI's registry would hand out: all that runs, and nothing else."""

from __future__ import annotations

import re
import subprocess

import pytest
from PIL import Image

from tests.integration.comfy import ROOT

FOLDERS = ("dreamtalk_core", "locales", "nodes", "subgraphs", "workflows")


def listed(*arguments: str) -> set[str]:
    """Names of files, as git lists them."""
    command = ["git", "ls-files", "-z", "--cached", "--others", *arguments]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if found.returncode:
        pytest.skip("needs git and a checkout")
    return set(filter(None, found.stdout.decode("utf-8").split("\0")))


def test_comfyignore_leaves_what_runs() -> None:
    clone = listed("--exclude-standard")
    handed_out = clone - listed("--ignored", "--exclude-from=.comfyignore")
    scripts = {name for name in clone if name.rsplit("/", 1)[-1].startswith("make_")}
    needed = {name for name in clone if name.startswith(FOLDERS)} - scripts
    assert needed <= handed_out
    assert {
        "__init__.py",
        "install.py",
        "requirements.txt",
        "pyproject.toml",
        "LICENSE",
    } <= handed_out
    others = {name.split("/")[0] for name in handed_out if "/" in name}
    assert others == set(FOLDERS)


def test_the_registry_finds_what_it_shows() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    icon, banner = re.findall(r'^(?:Icon|Banner) = "REPOSITORY/raw/main/(.+)"$', text, re.MULTILINE)
    drawing = (ROOT / icon).read_text(encoding="utf-8")
    assert 'viewBox="0 0 400 400"' in drawing
    with Image.open(ROOT / banner) as picture:
        assert 21 * picture.height == 9 * picture.width
    assert {icon, banner} <= listed("--exclude-standard")

"""The documentation builds, its links and anchors lead somewhere, and it needs no network."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.integration.comfy import ROOT

LOADED = re.compile(
    r"""<(?:script|img|iframe|source|video)\b[^>]*\bsrc=["']?(?:https?:)?//"""
    r"""|<link\b[^>]*\brel=["']?(?:stylesheet|preconnect|preload)["']?[^>]*(?:https?:)?//"""
    r"""|url\(["']?(?:https?:)?//"""
)
"""What a browser would fetch from elsewhere."""


def build(folder: Path, root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Build the site of a checkout into a folder, as it is published."""
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=root,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as it is published."""
    if importlib.util.find_spec("mkdocs") is None or importlib.util.find_spec("material") is None:
        reason = "needs mkdocs-material, which python run.py test installs"
        (pytest.fail if os.environ.get("DREAMTALK_HOSTS") == "required" else pytest.skip)(reason)
    folder = tmp_path_factory.mktemp("site")
    done = build(folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_there(site: Path) -> None:
    for path in ROOT.glob("docs/*.md"):
        assert (site / path.with_suffix(".html").name).is_file()
    assert not list(site.glob("*.py"))


def test_the_first_page_is_the_readme(site: Path) -> None:
    page = (site / "index.html").read_text(encoding="utf-8")
    assert "Speech in, an expressive face out." in page
    pictures = re.findall(r'<img[^>]*src="([^"]+)"', page)
    assert pictures
    for picture in pictures:
        assert (site / unquote(picture)).is_file(), picture


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    for path in (*site.rglob("*.html"), *site.rglob("*.css")):
        found = LOADED.search(path.read_text(encoding="utf-8"))
        assert not found, f"{path.name}: {found and found[0]}"


def test_dead_links_are_errors(site: Path, tmp_path: Path) -> None:
    """In a copy of what the site is made of."""
    from docs.hooks import linked

    for name in ("mkdocs.yml", "docs/hooks.py", *linked()):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    dead = ("none.md", "../dreamtalk_core/none.py", "styles.md#none", "../benchmarks/none.jpg")
    with (tmp_path / "docs" / "limits.md").open("a", encoding="utf-8") as page:
        page.write("\n".join(f"\n[dead]({link})" for link in dead))
    done = build(tmp_path / "site", tmp_path)
    assert done.returncode != 0
    for link in dead:
        assert f"'{link}'" in done.stderr

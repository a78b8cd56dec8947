"""What the documentation names in the repository is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "dreamtalk_core"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md"))]
IN_CODE = re.compile(r"`([^`\n]+)`")
FILE = re.compile(r"[\w./]+/(?:\w+\.(?:py|tsv|json|md|jpg))?|\w+\.(?:py|tsv)")
EXAMPLES = {
    *("dreamtalk_core/formats/tsv.py", "tests/formats/test_tsv.py", "out/"),
    *("labels.tsv", "CORPUS/NAME/labels.tsv"),
}
"""Files that are to be written, and files of a corpus."""


def missing(text: str) -> list[str]:
    """The files and folders in code that are not there: in or beside the one that was named
    before, or as from the root or the core."""
    found = []
    before = ROOT
    for code in IN_CODE.findall(text):
        name = code.split(" ")[0]
        if not FILE.fullmatch(name) or name in EXAMPLES:
            continue
        places = [base / name for base in (before, before.parent, ROOT, CORE)]
        there = next((path for path in places if path.exists()), None)
        if there is None:
            found.append(name)
        else:
            before = there
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    assert not missing(page.read_text(encoding="utf-8"))


def test_what_is_missing_is_found() -> None:
    text = "`formats/npz.py`, `glb.py`, `benchmarks/speed.py --json OUT`, `render/`, `--crop 512`"
    assert not missing(text)
    assert missing("`formats/none.py` and `none/`") == ["formats/none.py", "none/"]

"""What the documentation lists is what the code says."""

from __future__ import annotations

import argparse

import pytest

from docs import make_reference

REMEDY = "run: python docs/make_reference.py"


@pytest.mark.parametrize("name", make_reference.PAGES)
def test_pages_are_those_that_the_code_makes(name: str) -> None:
    written = (make_reference.DOCS / name).read_text(encoding="utf-8")
    assert written == make_reference.page(name), REMEDY


def test_every_option_and_setting_is_there() -> None:
    page = make_reference.page("command_line.md")
    for command in ("animate", "style extract", "track", "render", "preview", "import", "train"):
        assert f"\n## {command}\n" in page
    assert "| `--max-opening X` | The widest that the jaw may open (default 1) |" in page
    assert "| `asymmetry` | 0 | -1 to 1 | Asymmetry |" in page
    assert "| `lips` | 1 | 0 up | Lips |" in page


def test_every_public_name_is_there() -> None:
    page = make_reference.page("python.md")
    assert "\n## DreamTalk\n" in page
    for method in ("animate(", "sample_motion(", "render(", "load_speech("):
        assert f"| `{method}" in page
    assert "| `channel(name)` | One curve, float32 [T]." in page


def test_arguments_are_written_as_they_are_given() -> None:
    parser = argparse.ArgumentParser(prog="it")
    parser.add_argument("motion", nargs="+")
    parser.add_argument("-o", "--output", metavar="FILE", required=True)
    parser.add_argument("--raw", action="store_true")
    parser.add_argument("--pose", choices=("mirror", "loop"))
    assert make_reference.usage(parser) == "it MOTION ... -o FILE [OPTION ...]"
    assert [make_reference.written(action) for action in parser._actions[1:]] == [
        "`MOTION ...`",
        "`-o`, `--output FILE`",
        "`--raw`",
        "`--pose mirror|loop`",
    ]


def test_a_table_keeps_its_cells() -> None:
    table = make_reference.table(("a", "b"), [("`x|y`", None)])
    assert table.splitlines() == ["| a | b |", "| --- | --- |", "| `x\\|y` |  |"]

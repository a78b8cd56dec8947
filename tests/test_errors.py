"""What others have written, as our messages quote it."""

from __future__ import annotations

import pytest

from dreamtalk_core.errors import DreamTalkError, StyleError, shown


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("take one.csv", "take one.csv"),
        ("two  spaces, é, 声\u3000, \U0001f468\u200d\U0001f469", None),
        ("\nfirst\r\n\tsecond\u2028third\x85", "first second third"),
        ("\x1b[31mred\x07\0", r"\x1b[31mred\x07\x00"),
        ("left\u202egnp.exe", r"left\u202egnp.exe"),
        ("half \ud800, byte \udcff", r"half \ud800, byte \udcff"),
        (FileNotFoundError(2, "No such\nfile"), "[Errno 2] No such file"),
        ("", ""),
    ],
)
def test_one_line_without_control_characters(text: object, line: str | None) -> None:
    assert shown(text) == (text if line is None else line)


@pytest.mark.parametrize("letter", ["x", "\x1b", "\n", "声", "x\n"])
@pytest.mark.parametrize("limit", [3, 20, 200])
def test_long_texts_keep_their_ends(letter: str, limit: int) -> None:
    line = shown("begin" + letter * 1_000_000 + "end", limit)
    assert len(line) <= limit
    assert "..." in line
    assert limit < 20 or (line.startswith("begin") and line.endswith("end"))
    assert line.isprintable()


def test_no_message_of_ours_has_two_lines() -> None:
    error = StyleError("There is no style 'a\x1b[2J\nb'." + "x" * 9000 + " Use another.")
    assert isinstance(error, DreamTalkError)
    assert str(error).isprintable()
    assert len(str(error)) <= 1000
    assert str(error).endswith("Use another.")

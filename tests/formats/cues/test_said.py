"""What is said, from texts and subtitles."""

from __future__ import annotations

from pathlib import Path

import pytest

from dreamtalk_core.errors import SpeechError
from dreamtalk_core.formats.cues.said import transcript_of, words_in

SRT = "1\n00:00:01,000 --> 00:00:02,000\n<i>Good</i> day\n\n2\n00:01:02.5 --> 00:01:03,0\nsir\n"


def test_words_of_subtitles_share_their_time() -> None:
    found = list(words_in(SRT))
    assert [word for _, word in found] == ["Good", "day", "sir"]
    assert [at for at, _ in found] == pytest.approx([1, 1 + 4 / 7, 62.5])


@pytest.mark.parametrize("ending", [".txt", ".srt", ".vtt", ".SRT"])
def test_a_file_is_read(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"Gesagtes ä{ending}"
    path.write_bytes(b"\xef\xbb\xbf" + SRT.encode())
    assert transcript_of(str(path)) == "Good day sir"


def test_a_text_is_itself() -> None:
    assert transcript_of("Good day, sir.") == "Good day, sir."
    assert transcript_of("") == ""


def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(SpeechError, match="no such file"):
        transcript_of(str(tmp_path / "none.txt"))
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpeechError, match="UTF-8"):
        transcript_of(str(path))

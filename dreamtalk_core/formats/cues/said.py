"""What is said, from a text: subtitles (SubRip, WebVTT) or plain words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from dreamtalk_core.errors import SpeechError
from dreamtalk_core.formats._limits import LARGEST_DOCUMENT, check_file, unreadable

TRANSCRIPTS = (".txt", ".srt", ".vtt")

_TIME = r"(?:(\d+):)?(\d+):(\d+)[,.](\d{1,3})"
_CUE = re.compile(rf"^\s*{_TIME}\s*-->\s*{_TIME}.*$", re.MULTILINE)
_TAG = re.compile(r"<[^>]*>|\{\\[^}]*\}")


def words_in(text: str) -> Iterator[tuple[float, str]]:
    """Second and word of everything that is said in subtitles; nothing of a text that is none.

    The words of a cue share its time by their letters.
    """
    cues = list(_CUE.finditer(text))
    ends = [*(own.start() for own in cues[1:]), len(text)]
    for cue, end in zip(cues, ends, strict=False):
        start, stop = _seconds(cue.groups()[:4]), _seconds(cue.groups()[4:])
        body = text[cue.end() : end].strip("\r\n")
        # What follows an empty line is the next cue's number.
        words = _TAG.sub("", re.split(r"\r?\n[ \t]*\r?\n", body)[0]).split()
        letters, before = sum(map(len, words)), 0
        for word in words:
            yield start + (stop - start) * before / letters, word
            before += len(word)


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, rest = parts
    return 3600 * int(hours or 0) + 60 * int(minutes or 0) + int(seconds or 0) + float(f"0.{rest}")


def read_text(path: Path) -> str:
    """The text of a transcript's file, as it is. Raises SpeechError if it is none."""
    check_file(path, SpeechError, "text", LARGEST_DOCUMENT)
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpeechError(f"{path} is not UTF-8 text. Save the transcript as UTF-8.") from error
    except OSError as error:
        raise unreadable(path, error, SpeechError) from error


def transcript_of(given: str) -> str:
    """The words of a transcript that is given itself, or as the name of a file.

    It is a name where it ends in one of `TRANSCRIPTS`. Raises SpeechError if that is no text.
    """
    path = Path(given)
    if path.suffix.lower() in TRANSCRIPTS and len(given.splitlines()) == 1:
        given = read_text(path)
    return spoken_words(given)


def spoken_words(text: str) -> str:
    """The words of subtitles, or of a text as they are."""
    return " ".join(word for _, word in words_in(text)) or text

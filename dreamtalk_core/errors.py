"""The errors that a user of this package can get.

Every message says what is wrong and what to do about it, so an entry point (node, panel, command
line) can show it as it is.
"""

from __future__ import annotations

import errno
import re
from unicodedata import category

_BREAKS = re.compile(r"\s*[\t-\r\x1c-\x1e\x85\u2028\u2029]\s*")
_JOINERS = "\u200c\u200d"  # Persian and emoji are written with them
_LONG_WORD = re.compile(r"\S{201,}")
_LONGEST = 1000  # characters of a message


def shown(text: object, limit: int = 200) -> str:
    """What others have written (a name, a piece of a file, a library's message), fit to be quoted.

    One line of at most `limit` characters; of a longer text the beginning and the end. Control
    characters, marks that turn the direction of writing and bytes that are no text are spelled out
    (`\\x1b`): whoever shows the line need not fear for their terminal.
    """
    line = _BREAKS.sub(" ", _clipped(str(text), 4 * limit)).strip()
    return _clipped("".join(map(_spelled, line)), limit)


def _clipped(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    end = (limit - 3) // 2
    return f"{text[: limit - 3 - end]}...{text[len(text) - end :]}"


def _spelled(letter: str) -> str:
    if letter.isprintable() or letter in _JOINERS or category(letter) == "Zs":
        return letter
    return letter.encode("unicode_escape").decode("ascii")


def out_of_memory(error: BaseException) -> bool:
    """Whether it is memory that was lacking, of the machine or of its graphics card."""
    if error.__cause__ is not None and out_of_memory(error.__cause__):
        return True  # a library may have taken a file for damaged
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)


class DreamTalkError(Exception):
    """Base of all errors that this package raises on purpose.

    Whatever a message quotes, it is one line without control characters, and a name in it is not
    longer than 200; other text that may be long is to be quoted with `shown`, so that the rest of
    the line keeps its place.
    """

    def __init__(self, message: object = "") -> None:
        words = _LONG_WORD.sub(lambda word: _clipped(word[0], 200), str(message))
        super().__init__(shown(words, _LONGEST))


class OutOfMemoryError(DreamTalkError):
    """There is not enough memory for what was asked for."""

    def __init__(self) -> None:
        super().__init__(
            "Not enough memory. Close other programs, or ask for less at a time: smaller pictures, "
            "a shorter recording."
        )


class WriteError(DreamTalkError):
    """A file cannot be written where it was asked for."""


class SpeechError(DreamTalkError):
    """The speech cannot be opened, decoded or used."""


class MotionError(DreamTalkError):
    """A motion, or a motion file, is not valid."""


class StyleError(DreamTalkError):
    """A style is unknown, or a style file is not valid."""


class ModelError(DreamTalkError):
    """Model weights are missing, damaged or do not fit this version."""


class BatchError(DreamTalkError):
    """A table of lines cannot be used."""


class LinesFailedError(DreamTalkError):
    """A batch is done, but for some of its lines."""


class CorpusError(DreamTalkError):
    """A training corpus does not have the documented layout."""


class RenderError(DreamTalkError):
    """A picture or a video cannot be made."""


class TrackingError(DreamTalkError):
    """A picture or a video cannot be read, or no face in it can be used."""


class NoFaceError(TrackingError):
    """A picture or a video was looked through, and there is no face in it."""


class DreamTalkWarning(UserWarning):
    """Something was guessed, and the result may be wrong; reported with Python's `warnings`."""

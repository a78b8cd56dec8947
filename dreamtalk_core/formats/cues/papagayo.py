"""Papagayo's .pgo: phrases, words and the ten mouths of Preston Blair, in whole frames from 0 up.

Text, indented by tabs: `lipsync version 1`, the sound, frames per second, frames, voices; for each
voice (here one) its name, its text, its phrases; for a phrase its text, first and last frame and
words; for a word a line of name, first and last frame and mouths; for a mouth `frame mouth`. What
is said between two pauses is a phrase. Without a transcript a phrase is one word.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from dreamtalk_core.files import atomic_write
from dreamtalk_core.retarget.cues import frames

if TYPE_CHECKING:
    from dreamtalk_core.formats.cues import Spoken

_REST = "rest"


def write(path: Path, spoken: Spoken, fps: Fraction, sound: str) -> None:
    """Write a document with one voice."""
    rate = max(1, round(fps))
    changes, end = frames(spoken.mouths("preston_blair").cues, rate)
    ends = [*(first for first, _ in changes[1:]), end]
    cues = [(first, last - 1, mouth) for (first, mouth), last in zip(changes, ends, strict=True)]
    words = [(round(word.start * rate), word.name) for word in spoken.tiers.get("words", ())]
    phrases = [list(some) for rest, some in groupby(cues, lambda cue: cue[2] == _REST) if not rest]
    body, texts = [], []
    for phrase in phrases:
        lines, text = _phrase(phrase, words)
        body += lines
        texts.append(text)
    head = ["lipsync version 1", sound, str(rate), str(end), "1"]
    voice = ["\tDreamTalk", "\t" + "|".join(texts), f"\t{len(phrases)}"]
    with atomic_write(path) as temporary:
        temporary.write_text(
            "\n".join([*head, *voice, *body]) + "\n", encoding="utf-8", newline="\n"
        )


def _phrase(
    cues: list[tuple[int, int, str]], words: list[tuple[int, str]]
) -> tuple[list[str], str]:
    """The lines of a phrase, and its text."""
    first, last = cues[0][0], cues[-1][1]
    said = [(start, name) for start, name in words if first <= start <= last]
    starts = [first, *(start for start, _ in said[1:])]
    names = ["_".join(name.split()) for _, name in said] or ["speech"]
    lines = []
    for start, stop, name in zip(starts, [*starts[1:], last + 1], names, strict=False):
        mouths = [cue for cue in cues if start <= cue[0] < stop]
        lines.append(f"\t\t\t{name} {start} {max(start, stop - 1)} {len(mouths)}")
        lines += [f"\t\t\t\t{frame} {mouth}" for frame, _, mouth in mouths]
    text = " ".join(names)
    return [f"\t\t{text}", f"\t\t{first}", f"\t\t{last}", f"\t\t{len(names)}", *lines], text

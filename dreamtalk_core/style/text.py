"""Styles as text: `angry*1.5`, `happy*0.7+surprise*0.3`, `neutral@0, angry@2.5`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

from dreamtalk_core.errors import StyleError
from dreamtalk_core.style.style import Style, StyleTrack, check_times, mix_styles


def parse_style(text: str, resolve: Callable[[str], Style]) -> Style | StyleTrack:
    """A style, or a style that changes, written as text.

        angry                           a name
        takes/rage.csv                  a file
        angry*1.5                       half as strong again
        happy*0.7+surprise*0.3          a mix; without numbers in equal shares
        neutral@0, angry*1.5@2.5        over time: neutral at the start, angry at 2.5 s

        line = key ("," key)*      key = mix ["@" seconds]
        mix = term ("+" term)*     term = name ["*" number]

    A file name that holds one of , @ + * stands in double quotes, unless it is the whole text and
    the file exists. resolve: makes a Style of a name or file name; called once for each, after all
    of the text has been understood. The number of a single term multiplies the style's intensity.

    Raises StyleError for what cannot be understood, besides what `resolve` raises.
    """
    if _is_file(text):
        return resolve(text)
    if text.count('"') % 2:
        raise _misread(text, "a double quote is not closed", '"my take, loud.csv"*1.5')
    pieces = _split(text, ",")
    keys = [_read_key(piece) for piece in pieces]
    resolve_once = cache(resolve)
    if len(keys) == 1 and keys[0][0] is None:
        return _make_mix(keys[0][1], resolve_once)
    times = []
    for piece, (time, _) in zip(pieces, keys, strict=True):
        if time is None:
            raise _misread(
                piece,
                "where several styles follow each other, each needs its time in seconds, and "
                "numbers have a decimal point, not a comma",
                "neutral@0, angry@2.5",
            )
        times.append(time)
    check_times(times)
    mixes = [_make_mix(mix, resolve_once) for _, mix in keys]
    return StyleTrack(tuple(zip(times, mixes, strict=True)))


def parse_style_keys(text: str, resolve: Callable[[str], Style]) -> Style | StyleTrack:
    """`parse_style` of keys that may also stand in lines of their own, with commas or without."""
    lines = (line.strip(", \t") for line in text.splitlines())
    return parse_style(", ".join(filter(None, lines)), resolve)


_Mix = list[tuple[str, float | None]]
"""Terms of a mix: name or file name, and its number if one was given."""

_NUMBER = re.compile(r"\d{1,9}(\.\d{0,9})?|\.\d{1,9}", re.ASCII)
_QUOTES = "a file name that holds one of , @ + * stands in double quotes"


def _read_key(text: str) -> tuple[float | None, _Mix]:
    """Time in seconds, if there is one, and what is to be mixed."""
    mix, *times = _split(text, "@")
    if len(times) > 1:
        raise _misread(text, f"there is more than one @; {_QUOTES}", "neutral@0, angry@2.5")
    time = _read_number(times[0], text, "a time in seconds", "angry@2.5") if times else None
    terms = [_read_term(term, text) for term in _split(mix, "+")]
    if len({number is None for _, number in terms}) > 1:
        raise _misread(text, "give every style of a mix a share, or none", "happy*0.7+surprise*0.3")
    return time, terms


def _read_term(text: str, around: str) -> tuple[str, float | None]:
    name, *numbers = _split(text, "*")
    if len(numbers) > 1:
        raise _misread(text, f"there is more than one *; {_QUOTES}", "angry*1.5")
    number = _read_number(numbers[0], text, "a number from 0 up", "angry*1.5") if numbers else None
    if len(name) > 1 and name[0] == name[-1] == '"' and name.count('"') == 2:
        name = name[1:-1]
    elif '"' in name:
        raise _misread(text, "double quotes stand around a whole name", '"my take, loud.csv"*1.5')
    if not name:
        raise _misread(around, "a style is missing", "neutral@0, happy+surprise@2.5")
    return name, number


def _read_number(text: str, around: str, what: str, example: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise _misread(around, f"'{text}' is not {what}; {_QUOTES}", example)
    return float(text)


def _split(text: str, mark: str) -> list[str]:
    """Parts of a text between the marks outside double quotes, without the space around them."""
    # Outside: an even number of quotes follows.
    marks = rf'{re.escape(mark)}(?=(?:[^"]*"[^"]*")*[^"]*$)'
    return [part.strip() for part in re.split(marks, text)]


def _make_mix(mix: _Mix, resolve: Callable[[str], Style]) -> Style:
    if len(mix) == 1:
        ((name, number),) = mix
        style = resolve(name)
        return style if number is None else replace(style, intensity=style.intensity * number)
    return mix_styles([(resolve(name), 1 if share is None else share) for name, share in mix])


def _misread(piece: str, why: str, example: str) -> StyleError:
    return StyleError(f"Cannot read the style '{piece}': {why}. Write it as {example}.")


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # too long for a file name, or characters that none can have
        return False

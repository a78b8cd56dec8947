"""Praat's TextGrid (long text form, UTF-8): an interval tier for phones, and one for words if they
are known. Where nothing is said, an interval has no text."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from dreamtalk_core.files import atomic_write
from dreamtalk_core.retarget.cues import Cue

if TYPE_CHECKING:
    from dreamtalk_core.formats.cues import Spoken


def write(path: Path, spoken: Spoken, fps: Fraction, sound: str) -> None:
    """Write all tiers, from 0 to the end of the sound."""
    tiers, end = spoken.tiers, _number(spoken.duration)
    lines = [
        *('File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {end}"),
        *("tiers? <exists>", f"size = {len(tiers)}", "item []:"),
    ]
    for number, (name, cues) in enumerate(tiers.items(), start=1):
        intervals = _filled(cues, spoken.duration)
        lines += [f"    item [{number}]:", '        class = "IntervalTier"']
        lines += [f'        name = "{name}"', "        xmin = 0", f"        xmax = {end}"]
        lines.append(f"        intervals: size = {len(intervals)}")
        for count, cue in enumerate(intervals, start=1):
            text = cue.name.replace('"', '""')
            lines += [f"        intervals [{count}]:", f"            xmin = {_number(cue.start)}"]
            lines += [f"            xmax = {_number(cue.end)}", f'            text = "{text}"']
    with atomic_write(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def _number(seconds: Fraction) -> str:
    return f"{float(seconds):.9f}".rstrip("0").rstrip(".")


def _filled(cues: tuple[Cue, ...], duration: Fraction) -> list[Cue]:
    """The cues with their gaps."""
    result, reached = [], Fraction(0)
    for cue in cues:
        if cue.start > reached:
            result.append(Cue(reached, cue.start, ""))
        result.append(cue)
        reached = cue.end
    if reached < duration:
        result.append(Cue(reached, duration, ""))
    return result

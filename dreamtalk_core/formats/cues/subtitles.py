"""SubRip's .srt: a number, `from --> to` and a text for each word, or for each phone where no words
are known."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from dreamtalk_core.files import atomic_write

if TYPE_CHECKING:
    from dreamtalk_core.formats.cues import Spoken


def write(path: Path, spoken: Spoken, fps: Fraction, sound: str) -> None:
    """Write an entry for each word or phone."""
    tiers = spoken.tiers
    entries = (
        f"{number}\n{_clock(cue.start)} --> {_clock(cue.end)}\n{cue.name}\n\n"
        for number, cue in enumerate(tiers.get("words") or tiers["phones"], start=1)
    )
    with atomic_write(path) as temporary:
        temporary.write_text("".join(entries), encoding="utf-8", newline="\n")


def _clock(seconds: Fraction) -> str:
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d},{thousandths:03d}"

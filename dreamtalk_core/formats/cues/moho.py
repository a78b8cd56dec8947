"""Moho's switch data, .dat, which OpenToonz reads as well: the ten mouths of Preston Blair.

The line `MohoSwitch1`, then `frame mouth` for each change, frames counted from 1; the last one,
rest, is where the sound ends.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from dreamtalk_core.files import atomic_write
from dreamtalk_core.retarget.cues import frames

if TYPE_CHECKING:
    from dreamtalk_core.formats.cues import Spoken


def write(path: Path, spoken: Spoken, fps: Fraction, sound: str) -> None:
    """Write the changes of the mouth in whole frames."""
    rate = max(1, round(fps))
    changes, end = frames(spoken.mouths("preston_blair").cues, rate)
    lines = [f"{first + 1} {mouth}\n" for first, mouth in changes]
    with atomic_write(path) as temporary:
        temporary.write_text(
            "".join(["MohoSwitch1\n", *lines, f"{end + 1} rest\n"]), encoding="utf-8", newline="\n"
        )

"""Timecode: what a clock counts in frames, such as 10:02:00:12, and which frame of a day that is.

Labels count a whole number of frames a second, the base, though the frames of NTSC's rates come a
thousandth more slowly: after an hour 01:00:00:00 lags 3.6 s behind. Drop-frame labels, written with
a ";", keep up with the clock: of every minute but the tenth the first labels are left out, two at
29.97 frames a second, four at 59.94.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from dreamtalk_core.errors import MotionError, shown
from dreamtalk_core.motion.frame_rate import parse_fps

_LABEL = re.compile(
    r"\s*(\d{1,2})[:;](\d{1,2})[:;](\d{1,2})([:;.,])(\d{1,3}(?:\.\d{1,9})?)\s*", re.ASCII
)
_DAY = 24 * 3600
DROPPING = tuple(Fraction(n * 1000, 1001) for n in (30, 60, 120))
"""Rates that drop-frame timecode is of."""


@dataclass(frozen=True)
class Timecode:
    """A frame of a day. Immutable.

    frame: how many after midnight; may lie between two. rate: frames per second, exact; anything
    that `parse_fps` takes. drop: whether labels are dropped.
    Raises MotionError for a drop-frame rate that there is none of, or a frame before midnight.
    """

    frame: Fraction
    rate: Fraction
    drop: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "frame", Fraction(self.frame))
        object.__setattr__(self, "rate", parse_fps(self.rate))
        if self.frame < 0:
            raise MotionError("A timecode cannot lie before midnight.")
        if self.drop and self.rate not in DROPPING:
            raise MotionError(
                f"There is no drop-frame timecode of {float(self.rate):g} frames per second, only "
                "of 29.97, 59.94 and 119.88. Write the timecode with ':' before its frames."
            )

    @classmethod
    def parse(cls, text: str, rate: int | float | str | Fraction) -> Timecode:
        """The frame that a label names: HH:MM:SS:FF, with thousandths FF.mmm, or HH:MM:SS;FF.

        rate: frames per second that it counts. Raises MotionError for what is no label at that
        rate.
        """
        match = _LABEL.fullmatch(text)
        if not match:
            raise MotionError(
                f"{shown(text, 40)!r} is no timecode. Write HH:MM:SS:FF, and ';' before its frames "
                "if it is drop-frame."
            )
        hours, minutes, seconds = (int(part) for part in match.group(1, 2, 3))
        frames, zero = Fraction(match.group(5)), cls(Fraction(0), parse_fps(rate), ";" in text)
        if hours > 23 or minutes > 59 or seconds > 59 or frames >= zero.base:
            raise MotionError(
                f"{text.strip()} is no timecode of {zero.base} frames per second: it must lie "
                f"between 00:00:00:00 and 23:59:59:{zero.base - 1:02d}."
            )
        passed = 60 * hours + minutes
        if zero._dropped and minutes % 10 and not seconds and frames < zero._dropped:
            raise MotionError(
                f"Drop-frame timecode leaves {text.strip()} out. Give "
                f"{hours:02d}:{minutes:02d}:00;{zero._dropped:02d}."
            )
        counted = (60 * passed + seconds) * zero.base + frames
        return cls(counted - zero._dropped * (passed - passed // 10), zero.rate, zero.drop)

    @classmethod
    def at(
        cls, seconds: int | float | Fraction, rate: int | float | str | Fraction, drop: bool = False
    ) -> Timecode:
        """That of a real time after midnight, in seconds."""
        return cls(Fraction(seconds) * parse_fps(rate), parse_fps(rate), drop)

    @property
    def base(self) -> int:
        """Frames that labels count in a second: 30 at 29.97."""
        return ceil(self.rate)

    @property
    def seconds(self) -> Fraction:
        """Real time after midnight."""
        return self.frame / self.rate

    def counted(self, rate: int | float | str | Fraction, drop: bool = False) -> Timecode:
        """The same moment, counted at another rate."""
        return Timecode.at(self.seconds, rate, drop)

    def later(self, seconds: Fraction) -> Timecode:
        """The timecode so much real time later."""
        return Timecode(self.frame + seconds * self.rate, self.rate, self.drop)

    def label(self, digits: int = 0) -> str:
        """HH:MM:SS:FF, with so many digits of a frame; after midnight it begins anew."""
        scale = 10**digits
        count, part = divmod(round(self.frame * scale), scale)
        count = self._with_dropped(count)
        seconds, frames = divmod(count, self.base)
        seconds %= _DAY
        mark = ";" if self.drop else ":"
        text = (
            f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{mark}{frames:02d}"
        )
        return f"{text}.{part:0{digits}d}" if digits else text

    def __str__(self) -> str:
        return self.label()

    @property
    def _dropped(self) -> int:
        """Labels that are left out of a minute."""
        return self.base // 15 if self.drop else 0

    def _with_dropped(self, count: int) -> int:
        """A number of frames as the number of labels up to there, those left out among them."""
        if not self.drop:
            return count
        minute = 60 * self.base - self._dropped
        tens, rest = divmod(count, 10 * minute + self._dropped)
        # The first of ten minutes has all its labels.
        minutes = 9 * tens + max(0, (rest - self._dropped) // minute)
        return count + self._dropped * minutes

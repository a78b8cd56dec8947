"""Packets that are missing from a sound file, told by its clock."""

from __future__ import annotations

_LEAST_HOLE = 0.01  # seconds by which the clock goes ahead where a packet is missing, at least,
_OF_A_FRAME = 0.6  # and as a share of a frame


class Holes:
    """Where a few packets are missing: the clock goes ahead by about one of them, and stays there.

    uneven: whether the clock goes unevenly anyway, or is a count of what was decoded.
    """

    def __init__(self, uneven: bool) -> None:
        self.places: list[float] = []
        self._uneven = uneven
        self._last = self._jump = 0.0

    def __str__(self) -> str:
        more = len(self.places) - 1
        others = f" and in {more} other places" if more else ""
        return f"a piece of the sound is missing at about {self.places[0]:.1f} s{others}"

    def before(self, gap: float, length: float, seconds: float) -> float:
        """How much silence belongs before a frame, in seconds.

        gap: by how much the file's clock is ahead of the `seconds` decoded. length: of the frame.
        """
        if self._uneven:
            return 0.0
        jump, steady = self._jump, gap - self._last
        self._jump = steady if steady > max(_LEAST_HOLE, _OF_A_FRAME * length) else 0.0
        self._last = gap
        # One frame may be late; two in a row are not.
        if jump and abs(steady) < jump / 2:
            self.places.append(seconds)
            self._last -= jump
            return jump
        return 0.0

"""How long work tells how far it is."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Called with (done, total). What it raises ends the work: that is how it is cancelled."""
Advance = Callable[[int], None]
"""Called with the frames that one pass over them has just done."""

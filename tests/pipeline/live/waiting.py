"""Waiting for what another thread does."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(done: Callable[[], object], seconds: float = 20.0) -> None:
    """Returns as soon as it is done; fails if it is not in time."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "this did not happen in time"
        time.sleep(0.01)

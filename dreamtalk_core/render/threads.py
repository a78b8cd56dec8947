"""Work on many pictures in threads, in order; kernels and encoders release the GIL."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def threads() -> int:
    """How many frames to draw at once: the cores this process may use, at most 8."""
    if hasattr(os, "sched_getaffinity"):
        return min(8, len(os.sched_getaffinity(0)))
    return min(8, os.cpu_count() or 1)


def in_order(
    work: Callable[[Item], Result], items: Iterable[Item], ahead: int | None = None
) -> Generator[Result, None, None]:
    """What `work` makes of each item, in order, at most `ahead` made before they are wanted: two
    for each thread, if nothing is said.

    Closing it, or an error, cancels what has not begun and waits for the rest.
    """
    ahead = 2 * threads() if ahead is None else ahead
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads(), thread_name_prefix="pictures") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

"""Some frames of a motion as arrays in memory, rather than as a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.progress import Progress
from dreamtalk_core.render.output.video import even
from dreamtalk_core.render.threads import threads

Size = tuple[int, ...]


def even_sizes(sizes: Sequence[Size]) -> list[Size]:
    """Sizes (height, width, ...) as video codecs take them: the next even ones."""
    return [(height + height % 2, width + width % 2, *rest) for height, width, *rest in sizes]


def draw_frames(
    draw: Callable[[int], Sequence[NDArray[Any]]],
    frames: range,
    sizes: Sequence[Size],
    progress: Progress,
) -> list[NDArray[np.float32]]:
    """What `draw` makes of each frame: float32 [frames, *size] in 0..1 for each of the sizes.

    draw: called from several threads with the number of a frame; gives an uint8 array of each size.
    An odd height or width gets its last row or column twice, see `even_sizes`.
    """
    batches = [np.empty((len(frames), *size), np.float32) for size in even_sizes(sizes)]

    def put(at: int) -> None:
        for batch, array in zip(batches, draw(frames[at]), strict=True):
            np.divide(even(array), np.float32(255), out=batch[at])

    pool = ThreadPoolExecutor(threads(), thread_name_prefix="frames")
    try:
        waiting = [pool.submit(put, at) for at in range(len(frames))]
        for done, future in enumerate(as_completed(waiting), start=1):
            future.result()
            progress(done, len(frames))
    finally:
        # Cancelled: what is being drawn is finished, what waits is not begun.
        pool.shutdown(cancel_futures=True)
    return batches

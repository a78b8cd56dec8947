"""A motion as something to look at: an MP4 of the head with its speech, or a contact sheet."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from math import ceil

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.audio import Speech
from dreamtalk_core.errors import RenderError
from dreamtalk_core.files import atomic_write
from dreamtalk_core.motion import Motion
from dreamtalk_core.png import encode_png
from dreamtalk_core.render.head import HeadRenderer
from dreamtalk_core.render.raster import threads
from dreamtalk_core.render.video import check_video_path, write_video

Progress = Callable[[int, int], None]
"""Called with (frames done, frames in all); an exception that it raises stops the work."""


def render_preview(
    motion: Motion,
    path: str | os.PathLike[str],
    audio: str | os.PathLike[str] | Speech | None = None,
    size: int = 512,
    progress: Progress | None = None,
) -> None:
    """Write an MP4 of the built-in head, size x size pixels, at the motion's rate.

    audio: the recording (or `Speech`) to hear; cut or padded to the length of the motion.
    Frames are drawn by one thread per core. Raises what `write_video` raises, and `RenderError`
    for a size that is odd or not within 64 to 4096.
    """
    check_video_path(path)
    renderer = HeadRenderer(size)
    motion = motion.to_arkit()

    def counted() -> Generator[NDArray[np.uint8], None, None]:
        for done, frame in enumerate(_frames(renderer, motion), start=1):
            yield frame
            if progress is not None:
                progress(done, len(motion))

    frames = counted()
    try:
        write_video(path, frames, motion.fps, audio, motion.duration)
    finally:
        # Stops the drawing threads now, not when the generator happens to be collected.
        frames.close()


def _frames(renderer: HeadRenderer, motion: Motion) -> Iterator[NDArray[np.uint8]]:
    """Pictures in order, drawn a few ahead in threads (the kernels release the GIL)."""
    workers = threads()
    waiting: deque[Future[NDArray[np.uint8]]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="preview") as pool:
        try:
            for weights, turn in zip(motion.weights, motion.head_rotation, strict=True):
                waiting.append(pool.submit(renderer.render, weights, turn))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def contact_sheet(
    motion: Motion,
    times: Sequence[float],
    path: str | os.PathLike[str],
    columns: int = 6,
    size: int = 320,
) -> None:
    """Write a PNG with the head at some times (seconds), row by row.

    Raises `RenderError` if there are no times or fewer than one column; `DreamTalkError` if it
    cannot be written.
    """
    if not times or columns < 1:
        raise RenderError(
            f"A contact sheet needs times and at least one column, not {len(times)} times and "
            f"{columns} columns."
        )
    renderer = HeadRenderer(size)
    motion = motion.to_arkit()
    columns = min(columns, len(times))
    rows = ceil(len(times) / columns)
    sheet = np.full((rows * size, columns * size, 3), 24, np.uint8)
    for i, time in enumerate(times):
        # The frame that is on screen at this time.
        frame = min(max(int(time * motion.fps), 0), len(motion) - 1)
        picture = renderer.render(motion.weights[frame], motion.head_rotation[frame])
        row, column = divmod(i, columns)
        sheet[row * size : (row + 1) * size, column * size : (column + 1) * size] = picture
    with atomic_write(path) as temporary:
        temporary.write_bytes(encode_png(sheet))

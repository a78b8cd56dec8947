"""A motion as something to look at: an MP4 of the head with its speech, or a contact sheet."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from math import ceil
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.audio import Speech
from dreamtalk_core.errors import RenderError
from dreamtalk_core.files import atomic_write
from dreamtalk_core.motion import Motion
from dreamtalk_core.render.head import HeadRenderer
from dreamtalk_core.render.raster import threads
from dreamtalk_core.render.video import write_video

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
    labels: Sequence[str] | None = None,
    columns: int = 6,
    size: int = 320,
) -> None:
    """Write a PNG with the head at some times (seconds), row by row, labelled.

    labels: one text per time, by default the time. Raises `RenderError` if there are no times, not
    as many labels as times, or fewer than one column; `DreamTalkError` if it cannot be written.
    """
    texts = [f"{time:.2f} s" for time in times] if labels is None else list(labels)
    if not times or columns < 1 or len(texts) != len(times):
        raise RenderError(
            f"A contact sheet needs times, a label for each and at least one column, not "
            f"{len(times)} times, {len(texts)} labels and {columns} columns."
        )
    renderer = HeadRenderer(size)
    motion = motion.to_arkit()
    columns = min(columns, len(texts))
    rows = ceil(len(texts) / columns)
    sheet = np.full((rows * size, columns * size, 3), 24, np.uint8)
    for i, (time, text) in enumerate(zip(times, texts, strict=True)):
        # The frame that is on screen at this time.
        frame = min(max(int(time * motion.fps), 0), len(motion) - 1)
        picture = renderer.render(motion.weights[frame], motion.head_rotation[frame])
        _write_label(picture, text)
        row, column = divmod(i, columns)
        sheet[row * size : (row + 1) * size, column * size : (column + 1) * size] = picture
    write_png(path, sheet)


def _write_label(picture: NDArray[np.uint8], text: str) -> None:
    scale = picture.shape[0] / 640
    place = (round(16 * scale) + 2, picture.shape[0] - round(18 * scale) - 2)
    for colour, width in (((20, 22, 26), 4), ((235, 238, 242), 1)):
        thickness = max(1, round(width * scale * 1.4))
        font = cv2.FONT_HERSHEY_SIMPLEX
        cv2.putText(picture, text, place, font, 1.1 * scale, colour, thickness, cv2.LINE_AA)


def write_png(path: str | os.PathLike[str], picture: NDArray[np.uint8]) -> None:
    """Write an RGB picture uint8 [H, W, 3] as PNG, whole or not at all."""
    done, data = cv2.imencode(".png", picture[:, :, ::-1])
    if not done:
        raise RenderError(f"The picture for {Path(path).name} cannot be encoded.")
    # Not cv2.imwrite: on Windows it cannot open names outside the system's code page.
    with atomic_write(path) as temporary:
        temporary.write_bytes(data.tobytes())

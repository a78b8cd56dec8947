"""Frames of a motion: which ones, as one IMAGE, with their sound, and the video of all of them.

A VIDEO is written to a file frame by frame and takes no memory. An IMAGE holds every frame: width x
height x 12 bytes each, 3 MB at 512 x 512, 79 MB for a second of that at 25 frames. Both have even
sizes, as codecs want them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from fractions import Fraction
from math import ceil
from typing import Any

import comfy.model_management
import numpy as np
import torch
from comfy_api.latest import io
from numpy.typing import NDArray

from dreamtalk_core.errors import RenderError
from dreamtalk_core.motion import Motion

from .host import Audio, Picture, audio_of, progress, samples
from .values import MotionType

_MEMORY_LEFT = 0.9
"""Share of the free memory that an IMAGE may take."""

MEMORY = (
    "An IMAGE holds all frames in memory: 79 MB for a second of 512 x 512 pixels at 25 frames, "
    "four times as much for 1024 x 1024. For long speech take the VIDEO of the Render node, or a "
    "range of frames."
)

EVEN = (
    "The frames. An odd width or height gets its last column or row twice: videos need even ones."
)


def motion_input() -> io.Input:
    """The motion that is drawn."""
    return MotionType.Input(
        "motion", tooltip="The motion to show, from Sample Motion for instance."
    )


def audio_input() -> io.Input:
    """Another sound than the motion's own."""
    return io.Audio.Input(
        "audio",
        optional=True,
        tooltip="The sound to hear. Not connected: the speech that the motion was made for.",
    )


def range_inputs() -> list[io.Input]:
    """Which frames are drawn."""
    return [
        io.Int.Input(
            "first",
            default=0,
            min=0,
            max=2**31 - 1,
            tooltip="The first frame to draw, from 0 up.",
        ),
        io.Int.Input(
            "count",
            default=0,
            min=0,
            max=2**31 - 1,
            tooltip=f"How many frames to draw; 0 goes to the end. {MEMORY}",
        ),
    ]


def images_outputs(*masks: io.Output) -> list[io.Output]:
    """The frames, and what is needed to make a video of them."""
    return [
        io.Image.Output("images", display_name="images", tooltip=f"{EVEN} {MEMORY}"),
        *masks,
        io.Audio.Output(
            "sound", display_name="audio", tooltip="The sound of these frames, if there is any."
        ),
        io.Float.Output("fps", display_name="fps", tooltip="Frames per second."),
    ]


def choose_frames(motion: Motion, first: int, count: int) -> range:
    """The frames that were asked for. Raises RenderError where the motion has none."""
    if first >= len(motion):
        raise RenderError(
            f"The motion has {len(motion)} frames, counted from 0: there is no frame {first}. "
            "Choose an earlier first frame."
        )
    return range(first, min(first + count, len(motion)) if count else len(motion))


def draw_images(
    draw: Callable[[int], Sequence[NDArray[Any]]],
    frames: range,
    sizes: Sequence[tuple[int, ...]],
) -> list[torch.Tensor]:
    """What `draw` makes of each frame, as float32 [frames, *size] in 0..1 for each of the sizes,
    which are made even.

    draw: called from several threads, gives for a frame an uint8 array of each size, the first of
    them a picture that is shown while the work goes on. Raises RenderError if it would not fit into
    memory.
    """
    from dreamtalk_core.render.head.raster import threads
    from dreamtalk_core.render.output.video import even

    sizes = [(height + height % 2, width + width % 2, *rest) for height, width, *rest in sizes]
    _check_memory(len(frames), sizes)
    batches = [np.empty((len(frames), *size), np.float32) for size in sizes]
    latest: list[Picture] = []

    def put(at: int) -> None:
        drawn = draw(frames[at])
        for batch, array in zip(batches, drawn, strict=True):
            np.divide(even(array), np.float32(255), out=batch[at])
        latest[:] = [drawn[0][..., :3]]

    update = progress(lambda: latest[0])
    pool = ThreadPoolExecutor(threads(), thread_name_prefix="frames")
    try:
        waiting = [pool.submit(put, at) for at in range(len(frames))]
        for done, future in enumerate(as_completed(waiting), start=1):
            future.result()
            update(done, len(frames))
    finally:
        # Cancelled: what is being drawn is finished, what waits is not begun.
        pool.shutdown(cancel_futures=True)
    return [torch.from_numpy(batch) for batch in batches]


def _check_memory(frames: int, sizes: Sequence[tuple[int, ...]]) -> None:
    """Better a message than a computer that stands still."""
    need = 4 * frames * sum(int(np.prod(size)) for size in sizes)
    free = comfy.model_management.get_free_memory(torch.device("cpu"))
    if need > _MEMORY_LEFT * free:
        fits = int(frames * _MEMORY_LEFT * free / need)
        height, width = sizes[0][:2]
        raise RenderError(
            f"{frames} frames of {width} x {height} pixels take {need / 1e9:.1f} GB of memory, and "
            f"{free / 1e9:.1f} GB are free. Set 'count' to {fits} or less, or use the VIDEO of "
            "the Render node, which is written frame by frame."
        )


def shown(draw: Callable[[int], Picture]) -> Callable[[int, int], None]:
    """The progress of a video, with the frame that was drawn last as `draw` draws it once more."""
    latest = 0
    update = progress(lambda: draw(latest))

    def moved(done: int, total: int) -> None:
        nonlocal latest
        latest = done - 1
        update(done, total)

    return moved


def cut_sound(audio: Audio | None, frames: range, fps: Fraction) -> Audio | None:
    """The sound of some frames, with silence where it is shorter than they are."""
    if audio is None:
        return None
    whole, rate = samples(audio), int(audio["sample_rate"])
    start, stop = (round(Fraction(frame, 1) / fps * rate) for frame in (frames[0], frames[-1] + 1))
    part = whole[:, start:stop]
    silence = np.zeros((len(whole), stop - start - part.shape[1]), np.float32)
    return audio_of(np.concatenate([part, silence], axis=1), rate)


def seconds_range(motion: Motion, start: float, seconds: float) -> range:
    """Frames of a part in seconds, at least one; 0 seconds go to the end."""
    first = min(int(start * motion.fps), len(motion) - 1)
    count = max(1, ceil(seconds * motion.fps)) if seconds else 0
    return choose_frames(motion, first, count)

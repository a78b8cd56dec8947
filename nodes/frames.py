"""Frames of a motion: inputs and outputs of the nodes that draw them, and how they are drawn.

A VIDEO is written to a file frame by frame and takes no memory. An IMAGE holds every frame: width x
height x 12 bytes each, 3 MB at 512 x 512, 79 MB for a second of that at 25 frames. Both have even
sizes, as codecs want them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from comfy_api.latest import io
from numpy.typing import NDArray

from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.progress import Progress

from .conversions import Picture, check_memory
from .host import free_memory, progress
from .values import MotionType

if TYPE_CHECKING:
    from dreamtalk_core.render.head.renderer import HeadRenderer

PATIENCE, SIDE = 1.0, 256
"""Of the head that is shown while a motion is sampled: seconds before it is, and its size."""

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


def draw_images(
    draw: Callable[[int], Sequence[NDArray[Any]]], frames: range, sizes: Sequence[tuple[int, ...]]
) -> list[torch.Tensor]:
    """What `draw` makes of each frame, as IMAGE or MASK, see `draw_frames`.

    The first of its arrays is a picture that is shown while the work goes on. Raises RenderError if
    it would not fit into memory.
    """
    from dreamtalk_core.render.frames import draw_frames, even_sizes

    check_memory(len(frames), even_sizes(sizes), free_memory())
    latest: list[Picture] = []

    def draw_and_show(frame: int) -> Sequence[NDArray[Any]]:
        drawn = draw(frame)
        latest[:] = [drawn[0][..., :3]]
        return drawn

    batches = draw_frames(draw_and_show, frames, sizes, progress(lambda: latest[0]))
    return [torch.from_numpy(batch) for batch in batches]


def sampled() -> tuple[Progress, Callable[[Motion], None]]:
    """The progress of sampling, with the head as it was drawn last, and what is told of that.

    Short speech is done before there is anything to be seen.
    """
    begin, latest = time.monotonic(), list[Motion]()

    def picture() -> Picture | None:
        if time.monotonic() - begin < PATIENCE:
            return None
        head = _small_head()
        if not latest or not head.done() or head.exception() is not None:
            return None
        frame = latest[0].to_arkit()
        return head.result().render(frame.weights[0], frame.head_rotation[0])

    def watch(frame: Motion) -> None:
        latest[:] = [frame]

    return progress(picture), watch


@cache
def _small_head() -> Future[HeadRenderer]:
    """Loaded beside the work, which neither waits for it nor is cancelled later for it."""

    def load() -> HeadRenderer:
        from dreamtalk_core.render.head.renderer import HeadRenderer

        head = HeadRenderer(SIDE)
        head.render(np.zeros(len(ARKIT_NAMES), np.float32))
        return head

    return ThreadPoolExecutor(1).submit(load)


def shown(draw: Callable[[int], Picture]) -> Progress:
    """The progress of a video, with the frame that was drawn last as `draw` draws it once more."""
    latest = 0
    update = progress(lambda: draw(latest))

    def report(done: int, total: int) -> None:
        nonlocal latest
        latest = done - 1
        update(done, total)

    return report

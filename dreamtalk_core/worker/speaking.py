"""What somebody says now, as a face that is sent over the network while they say it."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from dreamtalk_core.errors import WriteError, shown
from dreamtalk_core.pipeline.base import Pipeline
from dreamtalk_core.pipeline.live.outlets import open_outlet
from dreamtalk_core.pipeline.live.pacer import Pacer
from dreamtalk_core.pipeline.live.show import Show
from dreamtalk_core.pipeline.live.sources import Array, Source
from dreamtalk_core.pipeline.stream import MotionStream
from dreamtalk_core.speech.audio import SAMPLE_RATE
from dreamtalk_core.warned import warn


def speak(
    talk: Pipeline,
    style: str,
    sound: Source,
    port: int,
    check: Callable[[], None],
    settings: Mapping[str, Any],
    heard: str = "",
) -> int:
    """Send the face of a sound to a port of this computer, as Live Link Face does, until the sound
    ends; returns how many frames that were.

    check: called often; what it raises ends this, and the face goes to rest. heard: a file that
    what is heard goes into, ahead of its frames: the time of day of its first sample, a float64,
    and samples of 16 bits, mono, 16 kHz, all little-endian. Times of frames are counted from there.
    """
    # The first piece takes longest, and is nobody's to wait for.
    MotionStream(talk, style, **settings).feed(np.zeros(2 * SAMPLE_RATE, np.float32))
    stream = MotionStream(talk, style, **settings)
    with (
        closing(open_outlet(f"livelink://127.0.0.1:{port}", warn)) as outlet,
        Pacer([outlet], "DreamTalk") as pacer,
        _kept(heard, pacer.clock) as keep,
    ):
        Show(stream, sound, pacer, tell=warn, keep=keep).run(check)
    return pacer.made


@contextmanager
def _kept(heard: str, clock: float) -> Iterator[Callable[[Array], None]]:
    """What puts sound into the file, at once. Raises WriteError where it cannot be written."""
    if not heard:
        yield lambda piece: None
        return
    with ExitStack() as opened:
        try:
            # Whoever reads it reads what has been heard so far.
            file = opened.enter_context(Path(heard).open("wb", buffering=0))
            file.write(struct.pack("<d", clock))
        except OSError as error:
            raise WriteError(f"Cannot write {shown(heard)}: {error.strerror}.") from error
        yield lambda piece: _put(file, piece)


def _put(file: io.FileIO, piece: Array) -> None:
    # A disk that is full does not end the show; what is lacking at the end is silence.
    with suppress(OSError):
        file.write(np.round(np.clip(piece, -1, 1) * 32767).astype("<i2").tobytes())

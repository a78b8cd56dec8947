"""What somebody says now, as a face that is sent over the network while they say it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import TYPE_CHECKING

import numpy as np

from dreamtalk_core.live import livelink
from dreamtalk_core.live.frame import Frame
from dreamtalk_core.motion import MODEL_FPS, Motion

if TYPE_CHECKING:
    from dreamtalk_core.pipeline.stream import MotionStream
    from dreamtalk_core.speech.microphone import Sound

_LEAST = 640
"""Samples (a frame) that are worth a look."""
_STEP = 1 / MODEL_FPS
_BEHIND, _HURRY = 6, 0.9
"""Frames that may wait, and the share of a step that is left between them when it is more."""


def speak(stream: MotionStream, sound: Sound, port: int, alive: Callable[[], None]) -> int:
    """Send the face of a sound to a port of this computer, as Live Link Face does, until the sound
    ends; returns how many frames that were.

    alive: called many times a second; what it raises ends this.
    """
    frames, waiting = 0, 0
    with _Sender(port) as sender:
        pieces = []
        while (piece := sound.read()) is not None:
            alive()
            pieces.append(piece)
            waiting += len(piece)
            if waiting >= _LEAST:
                motion = stream.feed(np.concatenate(pieces))
                pieces, waiting = [], 0
                frames += sender.add(motion, frames)
        frames += sender.add(stream.finish(), frames)
        while not sender.empty:
            alive()
            time.sleep(_STEP)
    return frames


class _Sender:
    """Frames come several at a time, and are sent one by one, evenly, by a thread of its own."""

    def __init__(self, port: int) -> None:
        self._frames: SimpleQueue[Frame | None] = SimpleQueue()
        self._to = ("127.0.0.1", port)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._thread = threading.Thread(target=self._send, daemon=True)

    def __enter__(self) -> _Sender:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        while not self.empty:
            self._frames.get()
        self._frames.put(None)
        self._thread.join()
        self._socket.close()

    @property
    def empty(self) -> bool:
        return self._frames.empty()

    def add(self, motion: Motion | None, first: int) -> int:
        """Have the frames of a motion sent; the first one's number. Returns how many there are."""
        for frame in _frames(motion, first) if motion is not None else ():
            self._frames.put(frame)
        return 0 if motion is None else len(motion)

    def _send(self) -> None:
        due = 0.0
        while (frame := self._frames.get()) is not None:
            now = time.monotonic()
            if due > now:
                time.sleep(due - now)
            self._socket.sendto(livelink.encode(frame), self._to)
            step = _STEP * (_HURRY if self._frames.qsize() > _BEHIND else 1.0)
            due = max(due, now) + step


def _frames(motion: Motion, first: int) -> Iterator[Frame]:
    arkit = motion.to_arkit()
    for i, (weights, head) in enumerate(zip(arkit.weights, arkit.head_rotation, strict=True)):
        yield Frame(weights, head, (first + i + 0.5) * _STEP)

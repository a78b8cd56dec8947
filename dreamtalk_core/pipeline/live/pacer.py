"""Frames go out at the pace of the clock, however unevenly they are made."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence

from dreamtalk_core.live.frame import Frame
from dreamtalk_core.motion import MODEL_FPS, Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.pipeline.live.outlets import Outlet

_REMEMBERED = 10 * MODEL_FPS
"""Frames whose delay counts: what was slow once is forgotten after ten seconds."""


def time_of_day() -> float:
    """Seconds since midnight, here."""
    now = time.time()
    day = time.localtime(now)
    return day.tm_hour * 3600 + day.tm_min * 60 + day.tm_sec + now % 1


class Pacer:
    """Sends each frame as long after its sound as the slowest of the last ten seconds needed.

    As a context it is closed at the end: at once, where that comes by an error.
    """

    def __init__(self, outlets: Sequence[Outlet], name: str) -> None:
        self.outlets, self.name = outlets, name
        self.start = time.monotonic()
        """When the sound of frame 0 begins."""
        self.clock = time_of_day()
        """The same as a time of day, in seconds."""
        self.made = 0
        self.last: Frame | None = None
        self.delays: deque[float] = deque([0.0], _REMEMBERED)
        self.frames: deque[tuple[float, Frame]] = deque()
        self.changed = threading.Condition()
        self.over = self.now = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def __enter__(self) -> Pacer:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close(now=kind is not None)

    def put(self, motion: Motion) -> None:
        """The next frames, as soon as they are made."""
        now = time.monotonic() - self.start
        whole = motion.over(ARKIT_NAMES)
        with self.changed:
            for weights, head in zip(whole.weights, whole.head_rotation, strict=True):
                sound = (self.made + 0.5) / MODEL_FPS
                self.delays.append(now - sound)
                moment = self.clock + sound
                self.last = Frame(weights, head, moment, self.name)
                self.frames.append((sound, self.last))
                self.made += 1
            self.changed.notify_all()

    def _run(self) -> None:
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.frames or self.over)
                if not self.frames:
                    return
                sound, frame = self.frames.popleft()
                due = self.start + sound + max(0.0, *self.delays)
                self.changed.wait_for(lambda: self.now, max(0.0, due - time.monotonic()))
                if self.now:
                    return
            for outlet in self.outlets:
                outlet.send(frame)

    def close(self, now: bool = False) -> None:
        """End when all is sent, or now; then the last is a face at rest."""
        with self.changed:
            self.over, self.now = True, now
            self.changed.notify_all()
        self.thread.join()
        if self.last is not None:
            for outlet in self.outlets:
                outlet.send(Frame(time=self.last.time, name=self.name))

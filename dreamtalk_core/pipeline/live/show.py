"""The work of a live face: sound in, as it comes, and frames out."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable

import numpy as np

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.motion import MODEL_FPS, Motion
from dreamtalk_core.motion.curves import smoothstep
from dreamtalk_core.pipeline.ear import SAMPLES
from dreamtalk_core.pipeline.live.pacer import Pacer
from dreamtalk_core.pipeline.live.sources import Array, Microphone, Source
from dreamtalk_core.pipeline.stream import MotionStream, to_curves, to_motion
from dreamtalk_core.speech.audio import SAMPLE_RATE

_SILENT_AFTER = 0.3
"""Seconds without any sound until the face goes on in silence: less is a network's stutter."""
_MOST = 5 * SAMPLE_RATE
"""Samples at a time: a machine that slept does not speak for hours to catch up."""
_BEHIND = SAMPLE_RATE // 10
"""Samples by which a microphone's clock may be ahead of ours before a pause is cut."""
_QUIET = 0.003
"""Level of what is no speech."""
_EASE = MODEL_FPS // 2
"""Frames in which a face goes to rest at the end."""


class Show:
    """Feeds a stream from its sources by the clock, until its own sound ends or it is told to.

    other: what somebody else says, to whom the face listens.
    commands: lines, "style NAME" and "quit", that come while it runs. tell: how they went.
    keep: given all that is heard, in order and without a gap: its first sample is frame 0's.
    """

    def __init__(
        self,
        stream: MotionStream,
        own: Source,
        pacer: Pacer,
        other: Source | None = None,
        commands: queue.SimpleQueue[str] | None = None,
        tell: Callable[[str], None] = print,
        keep: Callable[[Array], None] = lambda own: None,
    ) -> None:
        self.stream, self.own, self.other, self.pacer = stream, own, other, pacer
        self.commands = commands or queue.SimpleQueue()
        self.tell, self.keep = tell, keep
        self.fed = 0  # samples
        self.came = time.monotonic()  # when there was sound last
        self.over = False

    def run(self, check: Callable[[], None]) -> None:
        """Until the sound ends. check: called often; what it raises ends the show."""
        while not self.over and not self.own.ended:
            check()
            self._obey()
            self._wait()
            if len(own := self._heard()):
                self._feed(own)
        last = self.stream.finish()
        if last is not None:
            self.pacer.put(last)
            self.pacer.put(_to_rest(last))

    def _wait(self) -> None:
        """Until the next frame of sound is over."""
        due = self.fed // SAMPLES * SAMPLES + SAMPLES
        rest = self.pacer.start + due / SAMPLE_RATE - time.monotonic()
        time.sleep(max(0.002, min(rest, 0.05)))

    def _heard(self) -> Array:
        """Sound that is due."""
        now = time.monotonic()
        due = min(int((now - self.pacer.start) * SAMPLE_RATE) - self.fed, _MOST)
        if due <= 0:
            return np.zeros(0, np.float32)
        own = self.own.take(due)
        if isinstance(self.own, Microphone):
            own = self._caught_up(own)
        if len(own):
            self.came = now
        elif now - self.came > _SILENT_AFTER and not self.own.ended:
            own = np.zeros(due, np.float32)
        return own

    def _caught_up(self, own: Array) -> Array:
        """Sound without the pauses for which there is no time."""
        while self.own.waiting > _BEHIND and (not len(own) or np.abs(own).max() < _QUIET):
            own = self.own.take(SAMPLES)
        return own

    def _feed(self, own: Array) -> None:
        theirs = None
        if self.other is not None:
            theirs = self.other.take(len(own))
            theirs = np.pad(theirs, (0, len(own) - len(theirs)))
        self.fed += len(own)
        self.keep(own)
        motion = self.stream.feed(own, other=theirs)
        if motion is not None:
            self.pacer.put(motion)

    def _obey(self) -> None:
        while not self.commands.empty():
            word, _, rest = self.commands.get().strip().partition(" ")
            if word == "quit":
                self.over = True
            elif word == "style" and rest.strip():
                try:
                    self.stream.style = self.stream.talk.load_style(rest.strip())
                    self.tell(f"style {rest.strip()}")
                except DreamTalkError as error:  # the face goes on in the style that it has
                    self.tell(str(error))
            elif word:
                self.tell("Lines that are understood: style NAME, quit.")


def _to_rest(motion: Motion) -> Motion:
    """Half a second from the last frame of a motion to a face at rest."""
    share = 1 - smoothstep((np.arange(_EASE) + 1) / _EASE)[:, None]
    return to_motion((to_curves(motion)[-1] * share).astype(np.float32), motion.names)

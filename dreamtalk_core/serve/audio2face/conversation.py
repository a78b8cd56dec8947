"""One clip of sound, as it comes, and the answers to it."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.motion import MODEL_FPS, Motion
from dreamtalk_core.pipeline.base import NEUTRAL, Pipeline
from dreamtalk_core.pipeline.stream import CONTEXT, MotionStream
from dreamtalk_core.serve.audio2face.asked import Moods, Wish, read_header, told, wire_name
from dreamtalk_core.serve.audio2face.wire import SUCCESS, Answer, Asked
from dreamtalk_core.speech.audio import SAMPLE_RATE
from dreamtalk_core.speech.media import to_float

_LEAST, _MOST = SAMPLE_RATE // 5, SAMPLE_RATE
"""Samples that are worked at in one go: what a message brings, if it is not less or more."""
_REMEMBERED = CONTEXT / MODEL_FPS
"""Seconds of the past in which a style still counts."""


class Conversation:
    """What one client sends, and what becomes of it. `take` is quick; `work` takes a while, and is
    for one thread at a time.

    longest: seconds that a clip may have.
    """

    def __init__(self, talk: Pipeline, longest: float) -> None:
        self._talk, self._longest = talk, longest
        self._wish: Wish | None = None
        self._ended = self.finished = False
        self._sound = bytearray()  # at the client's rate, until its frames are sent
        self._taken = 0  # samples of it that have come
        self._wave: list[npt.NDArray[np.float32]] = []  # at ours, until it is worked at
        self._waiting = 0
        self._sent = 0  # frames
        self._answers: list[bytes] = []

    def take(self, data: bytes) -> list[bytes]:
        """What is to be answered at once. Raises DreamTalkError for what cannot be used."""
        try:
            message = Asked.FromString(data)
        except Exception as error:  # the library has kinds of its own, which differ by version
            raise DreamTalkError("This is no message of Audio2Face-3D's AudioStream.") from error
        part = message.WhichOneof("part")
        if part is None or self._ended or (part == "header") != (self._wish is None):
            raise DreamTalkError(
                "Send audio_stream_header once and first, then audio_with_emotion, and "
                "end_of_audio last."
            )
        if part == "header":
            return [self._begin(message.header)]
        if part == "piece":
            self._add(message.piece)
        else:
            self.end()
        return []

    def end(self) -> None:
        """Nothing more will come. Raises DreamTalkError where nothing has."""
        if self._ended:
            return
        if not self._taken:
            raise DreamTalkError("No sound has come. Send some in audio_with_emotion.")
        self._ended = True
        self._wave.append(self._resampled(np.zeros(0, np.float32), last=True))
        self._waiting += len(self._wave[-1])

    @property
    def ready(self) -> bool:
        """Whether there is something to `work` at."""
        return not self.finished and (self._ended or self._waiting >= _LEAST)

    def work(self) -> list[bytes]:
        """Answers to the next piece of the sound. Raises DreamTalkError."""
        if self._moods.changed:
            self._stream.style = self._moods.style()
        wave = np.concatenate(self._wave)
        piece, rest = wave[:_MOST], wave[_MOST:]
        self._wave, self._waiting = [rest], len(rest)
        answers = []
        if len(piece):
            answers += self._frames(self._stream.feed(piece))
        if self._ended and not len(rest):
            self.finished = True
            answers += self._frames(self._stream.finish())
            text = f"All {self._sent} frames are sent.{told(self._ignored)}"
            answers += [
                _answer(event={"kind": 0}),
                _answer(status={"code": SUCCESS, "message": text}),
            ]
        self._moods.forget(self._sent / MODEL_FPS - _REMEMBERED)
        return answers

    @property
    def _ignored(self) -> list[str]:
        assert self._wish is not None
        return [*self._wish.ignored, *self._moods.ignored]

    def _begin(self, header: Any) -> bytes:
        import soxr

        self._wish = wish = read_header(header)
        styles = cache(self._talk.find_style)
        self._moods = Moods(wish, styles, dict(header.beginning.emotions))
        self._stream = MotionStream(self._talk, NEUTRAL, **wish.settings)
        self._resampler = soxr.ResampleStream(wish.rate, SAMPLE_RATE, 1, dtype="float32")
        sound = {"format": 0, "channels": 1, "rate": wish.rate, "bits": 16}
        names = {"shapes": [wire_name(name) for name in wish.names]}
        return _answer(header={"sound": sound, "names": names, "start": time.time()})

    def _add(self, piece: Any) -> None:
        assert self._wish is not None
        if len(piece.sound) % 2:
            raise DreamTalkError(
                f"A piece of the sound has {len(piece.sound)} bytes. Send whole samples, of 2 each."
            )
        for key in piece.keys:
            self._moods.add(key.time, dict(key.emotions))
        self._taken += len(piece.sound) // 2
        if self._taken > self._longest * self._wish.rate:
            raise DreamTalkError(
                f"The sound is longer than the {self._longest:g} seconds that one may have here. "
                "Send it in parts."
            )
        self._sound += piece.sound
        self._wave.append(self._resampled(to_float(np.frombuffer(piece.sound, "<i2"))))
        self._waiting += len(self._wave[-1])

    def _resampled(
        self, samples: npt.NDArray[np.float32], last: bool = False
    ) -> npt.NDArray[np.float32]:
        assert self._wish is not None
        if self._wish.rate == SAMPLE_RATE:
            return samples
        made: npt.NDArray[np.float32] = self._resampler.resample_chunk(samples, last=last)
        return made

    def _frames(self, motion: Motion | None) -> list[bytes]:
        """One answer for each frame, with what is said while it is seen."""
        assert self._wish is not None
        if motion is None:
            return []
        weights = self._wish.shape(motion.over(self._wish.names).weights)
        answers = []
        rate, end = self._wish.rate, self._sent + len(weights)
        for at, row in enumerate(weights.tolist(), self._sent):
            begin, until = at * rate // MODEL_FPS, (at + 1) * rate // MODEL_FPS
            last = self.finished and at == end - 1
            size = len(self._sound) if last else 2 * (until - begin)
            said = {"time": begin / rate, "sound": bytes(self._sound[:size])}
            del self._sound[:size]
            shapes = [{"time": at / MODEL_FPS, "weights": row}]
            answers.append(_answer(data={"frames": {"shapes": shapes}, "said": said}))
        self._sent = end
        return answers


def _answer(**part: Any) -> bytes:
    made: bytes = Answer(**part).SerializeToString()
    return made

"""Sound for pictures: decoded beside them, and encoded up to wherever they are."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, zip_longest

import av
import numpy as np
import soxr
from numpy.typing import NDArray

from dreamtalk_core.errors import RenderError
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech
from dreamtalk_core.speech.media import Pieces, decode_audio

# The sample rates that AAC knows.
_AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
_FRAME = 1024
"""Samples that are encoded at once: what AAC wants."""
_BLOCK = 1 << 15
"""Samples that are mixed at once."""


@dataclass(frozen=True)
class Mix:
    """Sounds that begin together, such as the tracks of a dialogue.

    Where they pass full scale together, all of it is turned down until they do not.
    """

    sources: tuple[str | os.PathLike[str] | Speech, ...]


@dataclass(frozen=True)
class Splice:
    """A sound in which a part is another one.

    speech: what is heard from `start` to `end` (seconds), cut or padded with silence.
    around: the sound file, or video, of which the rest is heard; None: silence.
    """

    speech: str | os.PathLike[str] | Speech
    start: Fraction
    end: Fraction
    around: str | os.PathLike[str] | None = None

    def pieces(self) -> Generator[tuple[NDArray[np.float32], int], None, None]:
        """Pieces as of `decode_audio`, after an empty one that has the rate and the channels of the
        better of the two sounds."""
        sources = [self.speech] if self.around is None else [self.speech, self.around]
        heads = [_head(source) for source in sources]
        channels = 2 if any(len(piece) > 1 for piece, _ in heads) else 1
        rate = max(rate for _, rate in heads)
        yield np.zeros((channels, 0), np.float32), rate
        if self.around is not None:
            yield from _between(_pieces_of(self.around), Fraction(0), self.start)
        elif self.start:
            yield np.zeros((channels, round(self.start * rate)), np.float32), rate
        yield from _between(_pieces_of(self.speech), Fraction(0), self.end - self.start)
        if self.around is not None:
            yield from _between(_pieces_of(self.around), self.end, None)


Audible = str | os.PathLike[str] | Speech | Mix | Splice
"""What can be heard in a video: a file, a speech, several together, or one in the place of a part
of another."""


class Sound:
    """The sound to put in: its rate and channels in the file, and its pieces [channels, n].

    codec: "aac", or "pcm" for samples of 24 bits, which keep any rate.
    """

    def __init__(self, audio: Audible, codec: str) -> None:
        self._source = pieces = _pieces_of(audio)
        head = next(pieces, None)
        if head is None:
            raise RenderError(f"{audio} has no sound samples to put into the video.")
        file_rate = head[1]
        self.codec = codec
        self.rate = file_rate
        if codec == "aac":
            # The next rate above, so that nothing is lost; the highest one if there is none.
            above = (rate for rate in _AAC_RATES if rate >= file_rate)
            self.rate = min(above, default=_AAC_RATES[-1])
        self.channels = 2 if len(head[0]) == 2 else 1
        self.layout = "stereo" if self.channels == 2 else "mono"
        self.pieces = _at_rate(chain([head], pieces), self.rate, self.channels)

    def close(self) -> None:
        """Let go of the file, however far it was read: it may be a temporary one."""
        self.pieces.close()
        self._source.close()


class SoundTrack:
    """The sound track of a file, encoded up to wherever the pictures are."""

    def __init__(self, container: av.container.OutputContainer, sound: Sound) -> None:
        self._sound = sound
        self._container = container
        if sound.codec == "aac":
            self._stream = container.add_stream("aac", rate=sound.rate)
            self._stream.codec_context.format = "fltp"
            self._stream.bit_rate = 96_000 * sound.channels
        else:
            self._stream = container.add_stream("pcm_s24le", rate=sound.rate)
            self._stream.codec_context.format = "s32"
        self._stream.codec_context.layout = sound.layout
        self._buffer = np.zeros((sound.channels, 0), np.float32)
        self._written = 0
        self._end = 0

    def write_until(self, seconds: Fraction) -> None:
        """Encode whole frames up to a time; the rest waits for the next call."""
        self._end = int(seconds * self._sound.rate + Fraction(1, 2))
        while self._end - self._written >= _FRAME:
            self._encode(_FRAME)

    def finish(self) -> None:
        """Encode what is left up to the last time given, and close the track."""
        if self._end > self._written:
            self._encode(self._end - self._written)
        self._container.mux(self._stream.encode(None))

    def _encode(self, count: int) -> None:
        sound = self._sound
        while self._buffer.shape[1] < count:
            piece = next(sound.pieces, None)
            if piece is None:
                # The sound is over: silence to the end.
                piece = np.zeros((sound.channels, count), np.float32)
            self._buffer = np.concatenate([self._buffer, piece], axis=1)
        samples, self._buffer = self._buffer[:, :count], self._buffer[:, count:]
        if sound.codec == "aac":
            planes = np.ascontiguousarray(samples)
            frame = av.AudioFrame.from_ndarray(planes, "fltp", sound.layout)
        else:
            # 24 bits in the upper part of 32, channels one after the other.
            whole = np.round(samples.T.astype(np.float64) * (2**23 - 1)).astype(np.int32) << 8
            frame = av.AudioFrame.from_ndarray(whole.reshape(1, -1), "s32", sound.layout)
        frame.sample_rate, frame.pts = sound.rate, self._written
        frame.time_base = Fraction(1, sound.rate)
        self._written += count
        self._container.mux(self._stream.encode(frame))


def _pieces_of(audio: Audible) -> Pieces:
    if isinstance(audio, Mix):
        return _mixed_pieces(audio)
    if isinstance(audio, Splice):
        return audio.pieces()
    return _speech_pieces(audio) if isinstance(audio, Speech) else decode_audio(audio)


def _mixed_pieces(mix: Mix) -> Pieces:
    with closing(_sums(mix)) as sums:
        peak = max((float(np.abs(piece).max()) for piece, _ in sums), default=0.0)
    with closing(_sums(mix)) as sums:
        for piece, rate in sums:
            yield piece / max(1.0, peak), rate


def _sums(mix: Mix) -> Generator[tuple[NDArray[np.float32], int], None, None]:
    """Pieces [channels, n] of sounds added up, at the highest of their rates, with that rate."""
    with ExitStack() as stack:
        sources = [stack.enter_context(closing(_pieces_of(source))) for source in mix.sources]
        begun = [(head, pieces) for pieces in sources if (head := next(pieces, None)) is not None]
        rate = max((head[1] for head, _ in begun), default=0)
        channels = 2 if any(len(head[0]) == 2 for head, _ in begun) else 1
        tracks = [
            _blocks(_at_rate(chain([head], pieces), rate, channels)) for head, pieces in begun
        ]
        for together in zip_longest(*tracks, fillvalue=np.zeros((channels, 0), np.float32)):
            total = np.zeros((channels, max(block.shape[1] for block in together)), np.float32)
            for block in together:
                total[:, : block.shape[1]] += block
            yield total, rate


def _blocks(pieces: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    """Pieces [channels, n] as blocks of `_BLOCK` samples, but for the last."""
    left: list[NDArray[np.float32]] = []
    for piece in pieces:
        left.append(piece)
        if sum(part.shape[1] for part in left) >= _BLOCK:
            joined = np.concatenate(left, axis=1)
            whole = joined.shape[1] // _BLOCK * _BLOCK
            for start in range(0, whole, _BLOCK):
                yield joined[:, start : start + _BLOCK]
            left = [joined[:, whole:]]
    if any(part.shape[1] for part in left):
        yield np.concatenate(left, axis=1)


def _head(audio: Audible) -> tuple[NDArray[np.float32], int]:
    """The first piece of a sound."""
    with closing(_pieces_of(audio)) as pieces:
        head = next(pieces, None)
    if head is None:
        raise RenderError(f"{audio} has no sound samples to put into the video.")
    return head


def _between(pieces: Pieces, start: Fraction, end: Fraction | None) -> Pieces:
    """What is heard from `start` to `end` (seconds; None: the end), padded with silence."""
    now, rate = Fraction(0), SAMPLE_RATE
    with closing(pieces):
        for samples, rate in pieces:
            count = samples.shape[1]
            first = min(max(round((start - now) * rate), 0), count)
            last = count if end is None else min(max(round((end - now) * rate), 0), count)
            if last > first:
                yield samples[:, first:last], rate
            now += Fraction(count, rate)
            if end is not None and now >= end:
                return
    if end is not None and end > max(now, start):
        yield np.zeros((1, round((end - max(now, start)) * rate)), np.float32), rate


def _speech_pieces(speech: Speech) -> Pieces:
    for start in range(0, len(speech.waveform), SAMPLE_RATE):
        yield speech.waveform[None, start : start + SAMPLE_RATE], SAMPLE_RATE


def _at_rate(
    pieces: Iterable[tuple[NDArray[np.float32], int]], rate: int, channels: int
) -> Generator[NDArray[np.float32], None, None]:
    """Pieces float32 [channels, n], all at one rate and clipped to [-1, 1]."""
    resampler: soxr.ResampleStream | None = None
    current = 0
    for samples, piece_rate in pieces:
        if len(samples) != channels:
            samples = samples.mean(axis=0, keepdims=True)
        mixed = np.broadcast_to(samples, (channels, samples.shape[1]))
        mixed = np.clip(np.nan_to_num(mixed), -1, 1)
        if piece_rate != current:
            if resampler is not None:
                yield resampler.resample_chunk(np.zeros((0, channels), np.float32), last=True).T
            current = piece_rate
            resampler = None
            if piece_rate != rate:
                resampler = soxr.ResampleStream(piece_rate, rate, channels, dtype="float32")
        if resampler is None:
            yield mixed
        else:
            yield resampler.resample_chunk(np.ascontiguousarray(mixed.T)).reshape(-1, channels).T
    if resampler is not None:
        tail = resampler.resample_chunk(np.zeros((0, channels), np.float32), last=True)
        yield tail.reshape(-1, channels).T

"""Writing an MP4: pictures as H.264, sound as AAC, through PyAV.

Frames come from any iterable and are encoded as they arrive; sound is decoded beside them. Nothing
grows with the length of the video, and the file appears under its name only when it is complete.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from math import lcm
from pathlib import Path

import av
import numpy as np
import soxr
from numpy.typing import NDArray

from dreamtalk_core.audio import SAMPLE_RATE, Speech
from dreamtalk_core.errors import RenderError
from dreamtalk_core.files import atomic_write, check_target
from dreamtalk_core.media import Pieces, decode_audio

# The sample rates that AAC knows.
_AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
_AAC_FRAME = 1024


def write_video(
    path: str | os.PathLike[str],
    frames: Iterable[NDArray[np.uint8]],
    fps: Fraction,
    audio: str | os.PathLike[str] | Speech | None = None,
    duration: Fraction | None = None,
    crf: int = 18,
) -> None:
    """Write frames uint8 [H, W, 3] (RGB, even sizes) and sound to an MP4.

    Frame i is shown from i / fps to (i + 1) / fps. The sound starts with the first frame and is cut
    or padded with silence to `duration` seconds (by default the length of the frames). A file keeps
    its own sample rate, and one or two channels (more are mixed to one); a `Speech` has 16 kHz.

    Whatever stops it, an exception of `frames` included, leaves nothing of the new file behind.
    Raises `RenderError` for another suffix or pictures that cannot be encoded, `SpeechError` for
    sound that cannot be read, `DreamTalkError` if the file cannot be written.
    """
    check_video_path(path)
    stream = iter(frames)
    try:
        first = next(stream)
    except StopIteration:
        raise RenderError("There are no frames to make a video of.") from None
    with atomic_write(path) as temporary:
        try:
            _write(temporary, first, stream, fps, audio, duration, crf)
        except av.error.FFmpegError as error:
            # A full disk is an OSError as well, which atomic_write words best.
            if isinstance(error, OSError) and not isinstance(error, ValueError):
                raise
            raise RenderError(f"The video cannot be encoded: {error}.") from error


def check_video_path(path: str | os.PathLike[str]) -> None:
    """For a check before any work.

    Raises `RenderError` unless the name is an MP4's, `DreamTalkError` where no file can be written.
    """
    file = Path(path)
    if file.suffix.lower() != ".mp4":
        what = f"the suffix {file.suffix!r}" if file.suffix else "no suffix"
        raise RenderError(f"Cannot write the video {file.name}: it has {what}. Use .mp4.")
    check_target(file)


def _write(
    temporary: Path,
    first: NDArray[np.uint8],
    rest: Iterator[NDArray[np.uint8]],
    fps: Fraction,
    audio: str | os.PathLike[str] | Speech | None,
    duration: Fraction | None,
    crf: int,
) -> None:
    height, width = _checked_size(first)
    sound = None if audio is None else _Sound(audio)
    # The clock of the file as a whole: fine enough for whole frames and whole samples alike.
    ticks = lcm(fps.numerator, 1 if sound is None else sound.rate)
    options = {"movflags": "faststart", "movie_timescale": str(min(ticks, 2**31 - 1))}
    with av.open(str(temporary), "w", format="mp4", options=options) as container:
        video = container.add_stream("libx264", rate=fps)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        # veryfast: a third of the time of the default for the same look at this size.
        video.options = {"crf": str(crf), "preset": "veryfast"}
        video.codec_context.time_base = 1 / fps
        # One thread: pictures are drawn in threads of their own beside it.
        video.codec_context.thread_count = 1
        for name, bt709 in (("color_primaries", 1), ("color_trc", 1), ("colorspace", 1)):
            setattr(video.codec_context, name, bt709)
        video.codec_context.color_range = 1  # limited, as players expect
        track = None if sound is None else _AudioTrack(container, sound)
        count = 0
        for frame in chain([first], rest):
            if frame.shape != (height, width, 3) or frame.dtype != np.uint8:
                raise RenderError(
                    f"Frame {count} is {frame.dtype} {list(frame.shape)}, but the first one is "
                    f"uint8 {[height, width, 3]}. All frames must be alike."
                )
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(
                format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG"
            )
            picture.pts, picture.time_base = count, 1 / fps
            container.mux(video.encode(picture))
            count += 1
            if track is not None:
                limit = Fraction(count) / fps
                track.write_until(limit if duration is None else min(limit, duration))
        container.mux(video.encode(None))
        if track is not None:
            track.write_until(Fraction(count) / fps if duration is None else duration)
            track.finish()


def _checked_size(frame: NDArray[np.uint8]) -> tuple[int, int]:
    if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
        raise RenderError(f"Frames must be uint8 [H, W, 3], not {frame.dtype} {list(frame.shape)}.")
    height, width = frame.shape[:2]
    if height % 2 or width % 2 or not height or not width:
        raise RenderError(f"Width and height of a video must be even, not {width} x {height}.")
    return height, width


class _Sound:
    """The sound to put in: its rate and channels in the video, and its pieces [channels, n]."""

    def __init__(self, audio: str | os.PathLike[str] | Speech) -> None:
        pieces = _speech_pieces(audio) if isinstance(audio, Speech) else decode_audio(audio)
        head = next(pieces, None)
        if head is None:
            raise RenderError(f"{audio} has no sound samples to put into the video.")
        own_rate = head[1]
        # The next rate above its own, so that nothing is lost; the highest one if there is none.
        self.rate = min((rate for rate in _AAC_RATES if rate >= own_rate), default=_AAC_RATES[-1])
        self.channels = 2 if len(head[0]) == 2 else 1
        self.layout = "stereo" if self.channels == 2 else "mono"
        self.pieces = _at_rate(chain([head], pieces), self.rate, self.channels)


class _AudioTrack:
    """The sound track, encoded up to wherever the pictures are."""

    def __init__(self, container: av.container.OutputContainer, sound: _Sound) -> None:
        self._sound = sound
        self._container = container
        self._stream = container.add_stream("aac", rate=sound.rate)
        self._stream.codec_context.layout = sound.layout
        self._stream.codec_context.format = "fltp"
        self._stream.bit_rate = 96_000 * sound.channels
        self._buffer = np.zeros((sound.channels, 0), np.float32)
        self._written = 0
        self._end = 0

    def write_until(self, seconds: Fraction) -> None:
        """Encode whole frames up to a time; the rest waits for the next call."""
        self._end = int(seconds * self._sound.rate + Fraction(1, 2))
        while self._end - self._written >= _AAC_FRAME:
            self._encode(_AAC_FRAME)

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
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), "fltp", sound.layout)
        frame.sample_rate, frame.pts = sound.rate, self._written
        frame.time_base = Fraction(1, sound.rate)
        self._written += count
        self._container.mux(self._stream.encode(frame))


def _speech_pieces(speech: Speech) -> Pieces:
    for start in range(0, len(speech.waveform), SAMPLE_RATE):
        yield speech.waveform[None, start : start + SAMPLE_RATE], SAMPLE_RATE


def _at_rate(pieces: Pieces, rate: int, channels: int) -> Iterator[NDArray[np.float32]]:
    """Pieces float32 [channels, n], all at one rate and clipped to [-1, 1]."""
    resampler: soxr.ResampleStream | None = None
    current = 0
    for samples, own_rate in pieces:
        if len(samples) != channels:
            samples = samples.mean(axis=0, keepdims=True)
        mixed = np.broadcast_to(samples, (channels, samples.shape[1]))
        mixed = np.clip(np.nan_to_num(mixed), -1, 1)
        if own_rate != current:
            if resampler is not None:
                yield resampler.resample_chunk(np.zeros((0, channels), np.float32), last=True).T
            current = own_rate
            resampler = None
            if own_rate != rate:
                resampler = soxr.ResampleStream(own_rate, rate, channels, dtype="float32")
        if resampler is None:
            yield mixed
        else:
            yield resampler.resample_chunk(np.ascontiguousarray(mixed.T)).reshape(-1, channels).T
    if resampler is not None:
        tail = resampler.resample_chunk(np.zeros((0, channels), np.float32), last=True)
        yield tail.reshape(-1, channels).T

"""Writing what has been drawn, through PyAV: MP4, ProRes, or a sequence of PNG or EXR pictures.

| name             | pictures                         | see-through | sound            |
|------------------|----------------------------------|-------------|------------------|
| `line.mp4`       | H.264, or H.265 if asked for     | no          | AAC              |
| `line.mov`       | ProRes 422 HQ; 4444 with alpha   | yes         | 24-bit PCM       |
| `line.####.png`  | 8-bit sRGB, straight alpha       | yes         | `line.wav` beside|
| `line.####.exr`  | half float, linear, premultiplied| yes         | `line.wav` beside|

Frames come from any iterable and are encoded as they arrive; sound is decoded beside them. Nothing
grows with the length of the video, and files appear under their names only when all is complete.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from math import lcm
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import RenderError
from dreamtalk_core.files import atomic_write, check_target
from dreamtalk_core.render.output.mark import add_xmp_box
from dreamtalk_core.render.output.sequence import PictureSequence, sequence_of, write_sequence
from dreamtalk_core.render.output.sound import Audio, Sound, SoundTrack
from dreamtalk_core.render.threads import threads

Frame = NDArray[Any]
"""uint8 [H, W, 3] sRGB, or [H, W, 4] with straight alpha; for EXR also float32, linear, and with
alpha premultiplied, which is written as it is, in 32 bits."""


@dataclass(frozen=True)
class _Codec:
    """How a codec is set up: its encoder in ffmpeg, the layout of its pixels, its options."""

    encoder: str
    pixels: str
    options: dict[str, str]
    tag: str | None = None


_CODECS = {
    # veryfast: a third of the time of the default for the same look at this size.
    "h264": _Codec("libx264", "yuv420p", {"crf": "18", "preset": "veryfast"}),
    # The tag is the one that Apple's players want.
    "h265": _Codec(
        "libx265",
        "yuv420p",
        {"crf": "20", "preset": "veryfast", "x265-params": "log-level=error"},
        "hvc1",
    ),
    "prores": _Codec("prores_ks", "yuv422p10le", {"profile": "hq", "vendor": "apl0"}, "apch"),
}
_PRORES_ALPHA = _Codec(
    "prores_ks", "yuva444p10le", {"profile": "4444", "vendor": "apl0", "alpha_bits": "16"}, "ap4h"
)
_CONTAINERS = {".mp4": ("h264", "h265"), ".mov": ("prores", "h264", "h265")}

CODECS = tuple(_CODECS)
"""Names for `codec`."""


def write_video(
    path: str | os.PathLike[str],
    frames: Iterable[Frame],
    fps: Fraction,
    audio: Audio | None = None,
    duration: Fraction | None = None,
    codec: str | None = None,
    mark: str | None = None,
) -> None:
    """Write frames (see `Frame`) and sound to a video or a sequence, by the name's suffix.

    Frame i is shown from i / fps to (i + 1) / fps; in a sequence it has the number i, and a run of
    `#` in the name, or `%04d`, stands for it. An older sequence of the same name is replaced.
    Codecs of MP4 and MOV hold pixels by twos: an odd size gets its last row or column twice.
    The sound starts with the first frame and is cut or padded with silence to `duration` seconds
    (by default the length of the frames). A file keeps its own sample rate where the codec has it,
    and one or two channels (more are mixed to one); a `Speech` has 16 kHz.
    codec: one of `CODECS`, for MP4 "h264" and for MOV "prores" by default.
    mark: a sentence that says that the pictures are synthetic, to be put into the file; see `mark`.

    Whatever stops it, an exception of `frames` included, leaves nothing of the new file behind.
    Raises `RenderError` for another suffix or pictures that cannot be encoded, `SpeechError` for
    sound that cannot be read, `DreamTalkError` if the file cannot be written.
    """
    sequence = check_video_path(path, codec)
    stream = iter(frames)
    try:
        first = next(stream)
    except StopIteration:
        raise RenderError("There are no frames to make a video of.") from None
    types = ("uint8", "float32") if sequence and sequence.suffix == ".exr" else ("uint8",)
    fits = first.ndim == 3 and first.shape[2] in (3, 4) and first.size
    if not fits or str(first.dtype) not in types:
        raise RenderError(
            f"Frames must be {' or '.join(types)} [H, W, 3 or 4], not {first.dtype} "
            f"{list(first.shape)}."
        )
    alike = _alike(first, stream)
    try:
        if sequence is not None:
            write_sequence(sequence, alike, fps, audio, duration, mark)
            return
        setup = _setup(path, codec, first.shape[2] == 4)
        with atomic_write(path) as temporary:
            _write(temporary, alike, first.shape, setup, fps, audio, duration, mark)
            if mark is not None:
                add_xmp_box(temporary, mark)
    except av.error.FFmpegError as error:
        # A full disk is an OSError as well, which atomic_write words best.
        if isinstance(error, OSError) and not isinstance(error, ValueError):
            raise
        raise RenderError(f"The video cannot be encoded: {error}.") from error


def check_video_path(
    path: str | os.PathLike[str], codec: str | None = None, alpha: bool = False
) -> PictureSequence | None:
    """For a check before any work; the sequence, if the name is that of one.

    alpha: whether the pictures will be see-through. Raises `RenderError` for a name whose format is
    not known or does not hold this, `DreamTalkError` where no file can be written.
    """
    file = Path(path)
    suffix = file.suffix.lower()
    sequence = sequence_of(file)
    if sequence is None and suffix not in _CONTAINERS:
        what = f"the suffix {file.suffix!r}" if file.suffix else "no suffix"
        raise RenderError(
            f"Cannot write the video {file.name}: it has {what}. Use .mp4, .mov (ProRes), or "
            "name.####.png or name.####.exr for numbered pictures."
        )
    if sequence is not None and codec is not None:
        raise RenderError(f"{file.name} is a sequence of pictures, which has no codec {codec!r}.")
    if sequence is None:
        _setup(file, codec, alpha)
    check_target(file)
    return sequence


def _setup(path: str | os.PathLike[str], codec: str | None, alpha: bool) -> _Codec:
    file = Path(path)
    choices = _CONTAINERS[file.suffix.lower()]
    name = choices[0] if codec is None else codec
    if name not in choices:
        raise RenderError(
            f"Cannot write {file.name} with the codec {name!r}. For {file.suffix} there is "
            f"{', '.join(choices)}."
        )
    if not alpha:
        return _CODECS[name]
    if name != "prores":
        raise RenderError(
            f"Cannot write {file.name}: {name} has no transparency. Use .mov (ProRes 4444), "
            "name.####.png or name.####.exr."
        )
    return _PRORES_ALPHA


def _alike(first: Frame, rest: Iterator[Frame]) -> Iterator[Frame]:
    """The frames, as long as all have the size and type of the first one."""
    for count, frame in enumerate(chain([first], rest)):
        if frame.shape != first.shape or frame.dtype != first.dtype:
            raise RenderError(
                f"Frame {count} is {frame.dtype} {list(frame.shape)}, but the first one is "
                f"{first.dtype} {list(first.shape)}. All frames must be alike."
            )
        yield frame


def even(picture: Frame) -> Frame:
    """A picture [H, W, ...] as video codecs take it: an odd size gets its last row or column twice.

    One of an even size stays as it is.
    """
    rows, columns = picture.shape[0] % 2, picture.shape[1] % 2
    if not rows and not columns:
        return picture
    more = [(0, rows), (0, columns), *[(0, 0)] * (picture.ndim - 2)]
    return np.pad(picture, more, mode="edge")


def _write(
    temporary: Path,
    frames: Iterator[Frame],
    shape: tuple[int, ...],
    setup: _Codec,
    fps: Fraction,
    audio: Audio | None,
    duration: Fraction | None,
    mark: str | None,
) -> None:
    height, width = shape[0] + shape[0] % 2, shape[1] + shape[1] % 2
    layout = "rgba" if shape[2] == 4 else "rgb24"
    mov = temporary.suffix.lower() == ".mov"
    sound = None if audio is None else Sound(audio, "pcm" if mov else "aac")
    # The clock of the file as a whole: fine enough for whole frames and whole samples alike.
    ticks = lcm(fps.numerator, 1 if sound is None else sound.rate)
    options = {"movflags": "faststart", "movie_timescale": str(min(ticks, 2**31 - 1))}
    with (
        nullcontext() if sound is None else closing(sound),
        av.open(
            str(temporary), "w", format=temporary.suffix[1:].lower(), options=options
        ) as container,
    ):
        if mark is not None:
            container.metadata["comment"] = mark
        video = cast("av.VideoStream", container.add_stream(setup.encoder, rate=fps))
        video.width, video.height, video.pix_fmt = width, height, setup.pixels
        video.options = dict(setup.options)
        if setup.tag is not None:
            video.codec_context.codec_tag = setup.tag
        video.codec_context.time_base = 1 / fps
        # One thread: pictures are drawn in threads of their own beside it. ProRes takes longer.
        video.codec_context.thread_count = threads() if setup.encoder == "prores_ks" else 1
        for name, bt709 in (("color_primaries", 1), ("color_trc", 1), ("colorspace", 1)):
            setattr(video.codec_context, name, bt709)
        video.codec_context.color_range = 1  # limited, as players expect
        track = None if sound is None else SoundTrack(container, sound)
        count = 0
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(even(frame), format=layout).reformat(
                format=setup.pixels, dst_colorspace="ITU709", dst_color_range="MPEG"
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

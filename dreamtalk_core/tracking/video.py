"""Pictures from a file: a video, an animation, a photo, or a folder of frames.

Time is as everywhere: frame i is what is on display at (i + 0.5) / fps. A video whose frames come
at uneven times, as phones make them, is put on an even grid that way. Zero is where the file's
sound begins, so that a face tracked from a video is in time with the speech loaded from it; where
that is much later than the pictures, both begin with the pictures.

Photos go the way of videos, through PyAV, though OpenCV reads one of 9 megapixels in 46 ms instead
of 64 (jpg) or .26 s instead of .59 (png; `python benchmarks/libraries.py`). It knows no exr or tga,
gives either what is transparent or the orientation, would take a gigapixel, has other colours in a
jpg's edges, and the eight orientations, sizes and refusals would stand here twice.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import MotionError, TrackingError
from dreamtalk_core.formats._limits import files_in
from dreamtalk_core.motion import parse_fps
from dreamtalk_core.speech.media import (
    COVER,
    MOST_PIXELS,
    PRE_ROLL,
    check_known,
    open_container,
    picture_offset,
    pixels,
)
from dreamtalk_core.tracking.orientation import Matrix, display_matrix, turned

Image = NDArray[np.uint8]

LONGEST_SIDE = 2160
"""Larger frames are halved until they fit: faces are found in far smaller ones."""
LONGEST_PHOTO = 4320
"""The same for photos, which portraits are made of."""

STILL_FPS = Fraction(25)
"""The rate of what has none: a photo, a folder of frames."""

_SUFFIXES = frozenset(
    [".avif", ".bmp", ".exr", ".jpeg", ".jpg", ".png", ".ppm", ".tga", ".tif", ".tiff", ".webp"]
)
_VIDEOS = frozenset([".avi", ".m4v", ".mkv", ".mov", ".mp4", ".webm"])
# ffmpeg hands out the tiles that such a photo is cut into, and would show one of them.
_PHONE_PHOTOS = frozenset({".heic", ".heif"})
_REMEDY = "Convert it to mp4 (a video) or png (a picture) if another program can open it."
_USUAL_RATES = (
    *(Fraction(rate) for rate in (10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 100, 120, 240)),
    *(Fraction(rate * 1000, 1001) for rate in (24, 30, 60, 120)),
)
# Frames whose times tell the rate of a video.
_SAMPLE = 300
# Steps of the clock, in seconds, that mean it was set anew rather than that nothing moved.
_MAX_STEP_BACK, _MAX_STEP = 1.0, 60.0
# Seconds that pictures and sound may begin apart without that being meant.
_MIN_OFFSET = 0.1
_GREY = 128
_HDR = (16, 18)
"""Transfer functions PQ and HLG, as in ITU-T H.273."""
_MOST_PIXELS_OF_VIDEO = 80_000_000  # of which several are in memory: 12K


@dataclass(frozen=True)
class Images:
    """Pictures in time. Each loop over it reads them anew, one at a time.

    A picture is uint8 [H, W, 3], RGB, upright, at most `longest` pixels long, a photo
    `LONGEST_PHOTO`; what is transparent lies over grey. Pictures of a folder may differ in size.

    files: the file, or the pictures of a folder in order. fps: frames per second.
    count: how many there will be, as far as the file says; None if it does not.
    longest: pixels that a frame of a video is long at most.
    """

    files: tuple[Path, ...]
    fps: Fraction
    count: int | None
    longest: int = LONGEST_SIDE

    def __iter__(self) -> Generator[Image, None, None]:
        """Raises `TrackingError` on arriving where a file is damaged."""
        for file in self.files:
            with _opened(file) as (container, stream):
                frames = _timed(file, container, stream)
                if _is_still(container, stream):
                    _, frame = next(frames)
                    matrix = display_matrix(frame)
                    yield _rgb(frame, stream.sample_aspect_ratio, matrix, LONGEST_PHOTO)
                else:
                    yield from _on_grid(frames, stream.sample_aspect_ratio, self.fps, self.longest)


def open_images(path: str | os.PathLike[str], fps: Fraction | None = None) -> Images:
    """The pictures of a video, an animation, a photo, or a folder: of numbered pictures, or of a
    take of Live Link Face, which is one video with what belongs to it.

    fps: the rate of a folder of pictures, 25 unless given. A video keeps its own.

    Raises `TrackingError` if it cannot be read, or has no pictures.
    """
    file = take_video(Path(path))
    if file.is_dir():
        files = tuple(sorted(filter(_is_picture, files_in(file, TrackingError)), key=_natural))
        if not files:
            raise TrackingError(f"The folder {file} has no pictures in it (png, jpg, ...).")
        return Images(files, STILL_FPS if fps is None else fps, len(files))
    with _opened(file) as (container, stream):
        if _is_still(container, stream):
            return Images((file,), STILL_FPS, 1)
        rate = _rate(container, stream)
        return Images((file,), rate, _count(container, stream, rate))


def take_video(path: Path) -> Path:
    """The one video in the folder of a take, which may have a thumbnail beside it; else the path.

    Raises `TrackingError` where several videos are in a folder, and no pictures.
    """
    if not path.is_dir():
        return path
    files = files_in(path, TrackingError)
    videos = sorted(file for file in files if file.suffix.lower() in _VIDEOS)
    if not videos or sum(map(_is_picture, files)) > 1:
        return path
    if len(videos) > 1:
        raise TrackingError(
            f"The folder {path} has {len(videos)} videos in it. Give the name of one of them, such "
            f"as {videos[0].name}."
        )
    return videos[0]


@dataclass(frozen=True)
class Details:
    """What a file has beside its pictures. sound: whether it has one. before_sound: seconds of
    pictures before that begins, which are left out. high_range: they are HDR, and read as if they
    were not. see_through: the first of them is so in part, and lies over
    grey."""

    sound: bool
    before_sound: float
    high_range: bool
    see_through: bool


def details_of(images: Images) -> Details:
    """Of a video; of a folder, those of its first picture. Raises `TrackingError`."""
    with _opened(images.files[0]) as (container, stream):
        sound = isinstance(container.streams.best("audio"), av.AudioStream)
        late = max(0.0, -_offset(container, stream))
        range_of = stream.codec_context.color_trc
        _, frame = next(_timed(images.files[0], container, stream))
        # WebM has it in a stream beside the pictures, which is not read.
        beside = stream.metadata.get("alpha_mode") == "1"
        clear = _has_alpha(frame) and pixels(frame, "rgba")[..., 3].min() < 255
        return Details(sound, late, range_of in _HDR, bool(beside or clear))


def read_image(path: str | os.PathLike[str]) -> Image:
    """A photo, or the first frame of a video, uint8 [H, W, 3] as in `Images`.

    Raises `TrackingError` if it cannot be read.
    """
    return next(iter(open_images(path)))


def _is_picture(file: Path) -> bool:
    hidden = file.name.startswith(".")
    return not hidden and file.suffix.lower() in _SUFFIXES and file.is_file()


def _natural(file: Path) -> list[tuple[int, str]]:
    """Sorts frame_9 before frame_10."""
    parts = re.findall(r"\d+|\D+", file.name.lower())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


@contextmanager
def _opened(file: Path) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
    with open_container(file, TrackingError, "video or picture", _REMEDY) as container:
        stream = container.streams.best("video")
        # A song's cover is not what somebody wants tracked.
        if not isinstance(stream, av.VideoStream) or stream.disposition & COVER:
            raise TrackingError(f"{file} has no pictures. Give a video or a photo of a face.")
        check_known(file, stream, TrackingError, _REMEDY)
        most = MOST_PIXELS if _is_still(container, stream) else _MOST_PIXELS_OF_VIDEO
        if not 0 < stream.width * stream.height <= most:
            raise TrackingError(
                f"{file} is damaged, or larger than {most // 1_000_000} megapixels. Make it "
                "smaller, or save it again."
            )
        if file.suffix.lower() in _PHONE_PHOTOS and len(container.streams.video) > 1:
            raise TrackingError(f"{file} is made of tiles. Export it as jpg or png.")
        stream.thread_type = "AUTO"
        # Every thread holds pictures: one for each core of a large machine, and 8K takes gigabytes.
        stream.codec_context.thread_count = min(4, os.cpu_count() or 1)
        yield container, stream


def _is_still(container: av.container.InputContainer, stream: av.VideoStream) -> bool:
    """A file may carry more than the photo: a preview, a map of depth or brightness."""
    return container.format.name.endswith(("_pipe", "image2")) or stream.frames == 1


def _rate(container: av.container.InputContainer, stream: av.VideoStream) -> Fraction:
    """Frames per second: what the file says if its clock agrees, else what its clock says."""
    packets = islice(container.demux(stream), _SAMPLE)
    times = sorted({packet.pts for packet in packets if packet.pts is not None})
    if len(times) < 2 or not stream.time_base:
        return STILL_FPS
    steps = np.diff(times) * float(stream.time_base)
    # Most frames keep the rate; some phones let one be late now and then.
    median = np.median(steps)
    clock = 1 / float(steps[np.abs(steps - median) < 0.3 * median].mean())
    stated = stream.average_rate or stream.guessed_rate
    if stated and abs(float(stated) / clock - 1) < 0.005:
        return _valid(Fraction(stated))
    nearest = min(_USUAL_RATES, key=lambda rate: abs(float(rate) - clock))
    if abs(float(nearest) / clock - 1) < 0.01:
        return nearest
    return _valid(Fraction(clock).limit_denominator(100))


def _valid(rate: Fraction) -> Fraction:
    try:
        return parse_fps(rate)
    except MotionError:
        return STILL_FPS


def _count(
    container: av.container.InputContainer, stream: av.VideoStream, fps: Fraction
) -> int | None:
    if stream.duration and stream.time_base:
        return max(1, round(stream.duration * stream.time_base * fps))
    if container.duration:
        return max(1, round(container.duration * fps / av.time_base))
    return None


def _timed(
    file: Path, container: av.container.InputContainer, stream: av.VideoStream
) -> Iterator[tuple[float, av.VideoFrame]]:
    """Decoded frames and when they are shown, in seconds. At least one, or `TrackingError`."""
    zero: float | None = None
    last = step = 0.0
    try:
        for frame in container.decode(stream):
            clock = last + step + (zero or 0.0) if frame.time is None else frame.time
            if zero is None:
                zero = clock - _offset(container, stream)
            elif -_MAX_STEP_BACK <= clock - zero - last <= _MAX_STEP:
                step = clock - zero - last
            else:
                zero = clock - last - step
            last = clock - zero
            if frame.is_corrupt:  # ffmpeg has painted over what it could not decode
                raise _damaged(file, last)
            yield last, frame
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise _damaged(file, last) from error
    if zero is None:
        raise _damaged(file, 0.0)


def _offset(container: av.container.InputContainer, stream: av.VideoStream) -> float:
    """Seconds from the time zero of the file's sound, see `decode_audio`, to the first picture."""
    sound = container.streams.best("audio")
    if not isinstance(sound, av.AudioStream):
        return 0.0
    offset = picture_offset(stream, sound)
    return offset if abs(offset) >= _MIN_OFFSET and offset >= -PRE_ROLL else 0.0


def _on_grid(
    frames: Iterable[tuple[float, av.VideoFrame]],
    aspect: Fraction | None,
    fps: Fraction,
    longest: int,
) -> Iterator[Image]:
    """What is on display at (i + 0.5) / fps; the last frame is shown for 1 / fps."""
    count = 0
    shown: Image | None = None
    matrix: Matrix | None = None
    time = 0.0
    for time, frame in frames:
        while shown is not None and (count + 0.5) / fps < time:
            yield shown
            count += 1
        matrix = matrix or display_matrix(frame)
        shown = _rgb(frame, aspect, matrix, longest)
    while shown is not None and (count == 0 or (count + 0.5) / fps < time + 1 / fps):
        yield shown
        count += 1


def _rgb(frame: av.VideoFrame, aspect: Fraction | None, matrix: Matrix, longest: int) -> Image:
    """A frame as the viewer should see it; aspect: width of its pixels over their height."""
    width, height = frame.width * float(aspect or 1), frame.height
    shrink = 1
    while max(width, height) / shrink > longest:
        shrink *= 2
    see_through = _has_alpha(frame)
    picture = pixels(
        frame,
        "rgba" if see_through else "rgb24",
        width=max(1, round(width / shrink)),
        height=max(1, round(height / shrink)),
        interpolation="AREA",
    )
    if see_through:
        alpha = picture[..., 3].astype(np.float32)
        colours = cv2.cvtColor(picture, cv2.COLOR_RGBA2RGB)
        picture = cv2.blendLinear(colours, np.full_like(colours, _GREY), alpha, 255 - alpha)
    return np.ascontiguousarray(turned(picture, matrix))


def _has_alpha(frame: av.VideoFrame) -> bool:
    """Whether its pixels can be see-through."""
    return frame.format.has_palette or any(part.is_alpha for part in frame.format.components)


def _damaged(file: Path, seconds: float) -> TrackingError:
    return TrackingError(
        f"{file} is damaged at about {seconds:.1f} s: it cannot be decoded there. {_REMEDY}"
    )

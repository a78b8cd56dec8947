"""Opening sound and video files, and decoding sound, the same way for whoever listens: the model
and the video that is made of it.

Damage. A recording is used whole or not at all: if any part of it cannot be decoded, or less comes
out than the file says that it holds, decoding fails and says where, because curves for half of a
line, or shifted against it, are worse than none.
The clock of a video, or of a browser's recording, may jump ahead where packets were lost: there
silence is put in, as players do, so that what follows stays in time; in a plain sound file the same
is damage. A file that merely ends early, in a format that does not say how long it should be (mp3,
aac, a browser's webm), or was cut off (wav, ogg), is taken for what it holds.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import av
import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import DreamTalkError, SpeechError
from dreamtalk_core.formats._limits import check_file, unreadable
from dreamtalk_core.speech.holes import Holes
from dreamtalk_core.speech.mp3 import counts_frames, frame_length
from dreamtalk_core.speech.ogg import last_position
from dreamtalk_core.speech.wav import widened
from dreamtalk_core.warned import warn

Pieces = Generator[tuple[NDArray[np.float32], int], None, None]
"""Sound as it arrives: samples [channels, n] with full scale 1, and their rate in Hz."""

_REMEDY = "Try to play it; convert it to wav if another program can open it."
PRE_ROLL = 1.0
"""Seconds by which sound may begin later than the pictures and still be where time begins."""
COVER = av.stream.Disposition.attached_pic
"""What marks a picture that belongs to a song rather than to a video."""
_RATES = range(1000, 1_000_001)
# Formats whose clock is a count of samples: it cannot jump unless something is missing.
_COUNTING_FORMATS = frozenset({"aac", "aiff", "flac", "mp3", "ogg", "w64", "wav"})
# Gaps in the file's clock: shorter ones are rounding, longer ones a clock that was set anew.
_MIN_GAP, _MAX_GAP = 0.1, 60.0
_FRAME = 0.02  # the same for a clock that counts samples: less than the shortest frame
_ROUNDING = 0.005  # seconds that formats which count samples may say more than they hold
_PADDING = 0.06  # seconds that other files may say more than they hold: what encoders put before
MOST_PIXELS = 200_000_000
"""Of a picture, which is in memory whole; no camera makes more."""
# Formats that hold sound and pictures themselves. Others name further files, or places in the net:
# a playlist without an end is waited for, for ever.
_FORMATS = """
aac ac3 aiff amr amrnb amrwb ape asf au avi caf dsf dts dtshd dv eac3 flac flv gxf h264 hevc iff ivf
loas m4v matroska mov mp3 mp4 mpc mpc8 mpeg mpegts mpegvideo mxf nistsphere nut obu ogg qoa rm sds
sox tak truehd tta voc w64 wav webm wsd wtv wv xwma yuv4mpegpipe
apng avif bmp_pipe cine dds_pipe dpx_pipe exr_pipe fits flic gif gif_pipe hdr_pipe ico image2
j2k_pipe jpeg_pipe jpegls_pipe jpegxl_anim jpegxl_pipe mjpeg mjpeg_2000 pam_pipe pbm_pipe pcx_pipe
pfm_pipe pgm_pipe pgmyuv_pipe phm_pipe photocd_pipe png_pipe ppm_pipe psd_pipe qoi_pipe sgi_pipe
sunrast_pipe tiff_pipe webp webp_pipe xbm_pipe xpm_pipe xwd_pipe
"""
READ_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": ",".join(_FORMATS.split()),
    "max_pixels": str(MOST_PIXELS),
    "pattern_type": "none",  # a picture called frame_%d.png is one picture
}
"""How ffmpeg opens what others made."""
_WAV_OPTIONS = READ_OPTIONS | {"max_probe_packets": "8"}
"""32 kB tell whether samples are a film's sound in disguise (DTS). Left to itself ffmpeg searches
all of a line: 16 ms, as long as the phonetic encoder takes."""
# Of colours, by ffmpeg's numbers.
_UNSPECIFIED, _FULL = 2, 2
# A title in another encoding is no damage. PyAV 19 knows that by itself, and the word no more.
_LENIENT: dict[str, Any] = (
    {} if int(av.__version__.split(".")[0]) >= 19 else {"metadata_errors": "ignore"}
)


class Moving(Protocol):
    """Pictures in time, uint8 [H, W, 3], that can be gone through more than once."""

    @property
    def fps(self) -> Fraction: ...

    @property
    def count(self) -> int | None:
        """How many there will be, if that is known."""

    def __iter__(self) -> Generator[NDArray[np.uint8], None, None]: ...


def decode_audio(path: str | os.PathLike[str]) -> Pieces:
    """The first (or default) sound track of a sound or video file, piece by piece.

    Where it begins more than `PRE_ROLL` after the pictures of its file, there is silence before it.
    The rate and the number of channels may change from piece to piece; silence has one channel. It
    also stands, with a warning, where a few packets are missing.

    Raises `SpeechError` if there is no such file, it is a folder, empty, not a sound or video
    file, has no sound track or an impossible sample rate, or, on arriving there, where it is
    damaged.
    """
    file = Path(path)
    with open_container(file, SpeechError, "sound or video", _REMEDY) as container:
        stream = container.streams.best("audio")
        if not isinstance(stream, av.AudioStream):
            raise SpeechError(f"{file} has no sound track. Give a file with speech in it.")
        check_known(file, stream, SpeechError, _REMEDY)
        seconds = 0.0  # how much has been decoded
        start: float | None = None  # what the file's clock said at zero
        counts = container.format.name in _COUNTING_FORMATS
        least = _FRAME if counts else _MIN_GAP
        filled = 0.0  # the gap that was filled last
        holes = Holes(uneven=stream.codec_context.name == "vorbis" or counts)
        headers = container.format.name == "mp3"
        suspect: float | None = None  # where the clock went ahead of what has been decoded
        if container.format.name == "ogg":
            # Vorbis counts its blocks unevenly; and of the first pages ffmpeg may leave some out.
            least, start = _MIN_GAP, 0.0
        silent = _pre_roll(container, stream)
        if silent:
            rate = stream.codec_context.sample_rate
            check_rate(rate, str(file))
            yield _silence(silent, rate), rate
        try:
            stated = _length(file, container, stream)
            for frame in _frames(container, stream, holes if headers else None):
                samples, rate = _planes(frame), int(frame.sample_rate)
                check_rate(rate, str(file))
                if frame.pts is not None and frame.time_base:
                    clock = float(frame.pts * frame.time_base)
                    start = clock if start is None else start
                    gap = clock - start - seconds
                    if gap > least and counts:
                        raise _damaged(file, seconds)
                    if suspect is None and gap > _FRAME:
                        suspect = seconds
                    missing = 0.0
                    if _MIN_GAP < gap <= _MAX_GAP:
                        missing = filled = gap
                    elif filled and abs(gap + filled) < _MIN_GAP / 2:
                        # It only went ahead and came back: nothing was lost, a time is wrong.
                        raise _damaged(file, seconds)
                    elif abs(gap) > _MIN_GAP:
                        start = clock - seconds
                    else:
                        missing = holes.before(gap, samples.shape[1] / rate, seconds)
                    if missing:
                        yield (silence := _silence(missing, rate)), rate
                        seconds += silence.shape[1] / rate
                yield to_float(samples), rate
                seconds += samples.shape[1] / rate
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise _damaged(file, seconds) from error
        lacking = 0.0 if stated is None else stated - seconds
        short = lacking > (_ROUNDING if counts else _PADDING)
        if short and not headers:  # some encoders of mp3 count what is no sound
            raise _damaged(file, seconds if suspect is None else suspect)
        if holes.places:
            warn(f"{file}: {holes}. {_REMEDY}")
        elif short:
            warn(f"{file} lacks {lacking:.2f} s of the sound that it says it has. {_REMEDY}")


def _silence(seconds: float, rate: int) -> NDArray[np.float32]:
    return np.zeros((1, round(seconds * rate)), np.float32)


def _frames(
    container: av.container.InputContainer, stream: av.AudioStream, holes: Holes | None
) -> Iterator[av.AudioFrame]:
    """Decoded frames. holes: where to note those of an mp3 that cannot be decoded."""
    swallowed: float | None = None
    for packet in container.demux(stream):
        if holes is not None and packet.size:
            if swallowed is not None:  # and not at the end, where tags may follow
                holes.places.append(swallowed)
            length = frame_length(bytes(packet)[:4])
            longer = length is not None and packet.size > length
            swallowed = float((packet.pts or 0) * (packet.time_base or 0)) if longer else None
        yield from packet.decode()


def picture_offset(pictures: av.VideoStream, sound: av.AudioStream) -> float:
    """Seconds from the beginning of the sound to that of the pictures; 0 if it is not known."""
    begin = [
        float(track.start_time * track.time_base)
        for track in (pictures, sound)
        if track.start_time is not None and track.time_base
    ]
    return begin[0] - begin[1] if len(begin) == 2 else 0.0


def _pre_roll(container: av.container.InputContainer, sound: av.AudioStream) -> float:
    """Seconds of silence before a sound that begins long after the pictures."""
    pictures = container.streams.best("video")
    if not isinstance(pictures, av.VideoStream) or pictures.disposition & COVER:
        return 0.0
    offset = picture_offset(pictures, sound)
    return -offset if offset < -PRE_ROLL else 0.0


def _length(
    file: Path, container: av.container.InputContainer, stream: av.AudioStream
) -> float | None:
    """How many seconds of sound a file says that it has; None if it does not say.

    Raises ValueError for an Ogg file whose pages do not follow one another.
    """
    tick = float(stream.time_base or 0)
    if container.format.name == "ogg":
        last = last_position(file)
        return None if last is None else last * tick
    # Of these ffmpeg may have guessed it.
    if container.format.name == "aac":
        return None
    if container.format.name == "mp3" and not counts_frames(file):
        return None
    if stream.duration and tick:
        return stream.duration * tick
    if container.duration and len(container.streams) == 1:
        return float(container.duration / av.time_base)
    return None


def check_rate(rate: int, source: str) -> None:
    """Raises `SpeechError` for a sample rate (Hz) that no sound has."""
    if rate not in _RATES:
        raise SpeechError(
            f"{source} has a sample rate of {rate} Hz; it must be {_RATES[0]} to {_RATES[-1]}."
        )


def to_float(samples: NDArray[Any]) -> NDArray[np.float32]:
    """Samples with full scale 1: floats as they are, integers by the range of their type."""
    if samples.dtype.kind == "f":
        # Anything finite in a float64 that float32 cannot hold is no sound, and becomes infinite.
        with np.errstate(over="ignore"):
            return samples.astype(np.float32, copy=False)
    info = np.iinfo(samples.dtype)
    half = (float(info.max) - float(info.min) + 1) / 2
    middle = half if samples.dtype.kind == "u" else 0.0
    # float64 on the way: float32 cannot hold a 32-bit sample.
    return ((samples.astype(np.float64) - middle) / half).astype(np.float32)


def open_container(
    file: Path, error: type[DreamTalkError], kind: str, remedy: str
) -> av.container.InputContainer:
    """A file opened by PyAV, or an error in our words.

    Raises `error` if there is no such file, it is a folder, empty, or not a `kind` file; the last
    with the `remedy`, a sentence.
    """
    check_file(file, error, kind)
    try:
        # "file:" so that a colon in a name is no protocol.
        source = widened(file) or f"file:{file.absolute()}"
        options = _WAV_OPTIONS if file.suffix.lower() == ".wav" else READ_OPTIONS
        return av.open(source, "r", options=options, **_LENIENT)
    except PermissionError as problem:
        raise unreadable(file, problem, error) from problem
    except (av.error.FFmpegError, OSError, ValueError) as problem:
        raise error(f"{file} is not a {kind} file, or is damaged. {remedy}") from problem


def check_known(
    file: Path, stream: av.VideoStream | av.AudioStream, error: type[DreamTalkError], remedy: str
) -> None:
    """Raises `error`, with the `remedy`, for a track that ffmpeg finds and cannot decode."""
    # PyAV's types do not know that there may be none.
    context: Any = stream.codec_context
    if context is None:
        raise error(f"{file} is in a format that is not understood here. {remedy}")


def pixels(frame: av.VideoFrame, layout: str, **size: Any) -> NDArray[np.uint8]:
    """A frame as uint8 [H, W, C] in the colours that it says it has; layout: "rgb24" or "rgba".

    Before version 17, PyAV takes all colours for those of BT.601 unless it is told. size: as
    `VideoFrame.reformat` takes it.
    """
    colours: dict[str, Any] = {}
    if frame.colorspace != _UNSPECIFIED:
        colours = {"src_colorspace": frame.colorspace, "dst_colorspace": frame.colorspace}
        colours |= {"src_color_range": frame.color_range, "dst_color_range": _FULL}
    return frame.to_ndarray(format=layout, **colours, **size).astype(np.uint8, copy=False)


def _damaged(file: Path, seconds: float) -> SpeechError:
    return SpeechError(
        f"{file} is damaged at about {seconds:.1f} s: it cannot be decoded there. Export it again, "
        "or repair it in an audio editor."
    )


def _planes(frame: av.AudioFrame) -> NDArray[Any]:
    """Samples [channels, n] of a frame, planar or interleaved."""
    array = frame.to_ndarray()
    if frame.format.is_planar:
        return array
    return array.reshape(-1, frame.layout.nb_channels).T

"""A video as a sequence of numbered pictures, PNG or EXR, with its sound as a WAV beside them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.files import check_target, write_error
from dreamtalk_core.formats.png import encode_png
from dreamtalk_core.render.colour import to_linear
from dreamtalk_core.render.output.exr import encode_exr
from dreamtalk_core.render.output.mark import exr_attributes, png_text
from dreamtalk_core.render.output.sound import Audio, Sound, SoundTrack
from dreamtalk_core.render.threads import in_order, threads
from dreamtalk_core.temporaries import flush, new_folder, remove, swap, sweep

_NUMBER = re.compile(r"#+|%0(\d)d")
# zlib's level: the best one takes ten times as long for a tenth less.
_PNG_LEVEL = 2


@dataclass(frozen=True)
class PictureSequence:
    """The names of a sequence: folder / (start + number + end). digits: how many at least."""

    folder: Path
    start: str
    digits: int
    end: str

    @property
    def suffix(self) -> str:
        """ ".png" or ".exr"."""
        return Path(f"x{self.end}").suffix.lower()

    @property
    def sound(self) -> Path:
        """Where the sound goes."""
        return self.folder / f"{self.start.rstrip('._- ') or 'sound'}.wav"

    def name(self, number: int) -> str:
        """The file of a frame."""
        return f"{self.start}{number:0{self.digits}d}{self.end}"

    @property
    def pattern(self) -> str:
        """Its name, with a `#` for every digit."""
        return f"{self.start}{'#' * self.digits}{self.end}"

    def frames(self) -> dict[int, Path]:
        """The frames that are there, by number."""
        pattern = re.compile(re.escape(self.start) + r"(\d+)" + re.escape(self.end))
        found = ((pattern.fullmatch(file.name), file) for file in self.folder.iterdir())
        return {int(match[1]): file for match, file in found if match and file.is_file()}


def sequence_of(path: Path) -> PictureSequence | None:
    """What `name.####.png` or `name_%04d.exr` stands for; None if it is no such name."""
    places = list(_NUMBER.finditer(path.name))
    if path.suffix.lower() not in (".png", ".exr") or not places:
        return None
    place = places[-1]
    digits = int(place[1]) if place[1] else len(place[0])
    return PictureSequence(
        path.parent, path.name[: place.start()], digits, path.name[place.end() :]
    )


def write_sequence(
    sequence: PictureSequence,
    frames: Iterator[NDArray[Any]],
    fps: Fraction,
    audio: Audio | None,
    duration: Fraction | None,
    mark: str | None,
) -> None:
    """Write frames as `write_video` takes them; all are there at the end, or none.

    Raises `WriteError` if they cannot be written.
    """
    check_target(sequence.folder / sequence.name(0))
    sweep(sequence.folder.absolute())
    try:
        # In the folder itself, so that the last step is a rename and not a copy.
        new = new_folder(sequence.folder)
        try:
            count = 0
            # Compression takes longer than drawing.
            encoded = partial(_encoded, suffix=sequence.suffix, mark=mark)
            for data in in_order(encoded, frames, threads()):
                (new / sequence.name(count)).write_bytes(data)
                count += 1
            if audio is not None:
                length = Fraction(count) / fps if duration is None else duration
                _write_sound(new / sequence.sound.name, audio, length)
            for file in new.iterdir():
                flush(file)
            swap(new, sequence.name(0), partial(_outdated, sequence, audio is not None))
        finally:
            remove(new.parent)
    except OSError as error:
        # What ffmpeg says of a picture is no trouble of the disk.
        if isinstance(error, ValueError):
            raise
        raise write_error(sequence.folder / sequence.pattern, error) from error


def _outdated(sequence: PictureSequence, sound: bool) -> list[Path]:
    """The files that are there of an older sequence of the same name."""
    frames = [file for n, file in sequence.frames().items() if file.name == sequence.name(n)]
    return [*frames, *([sequence.sound] if sound and sequence.sound.is_file() else [])]


def _encoded(frame: NDArray[Any], suffix: str, mark: str | None) -> bytes:
    if suffix == ".png":
        text = None if mark is None else png_text(mark)
        return encode_png(np.ascontiguousarray(frame), text, _PNG_LEVEL)
    attributes = None if mark is None else exr_attributes(mark)
    if frame.dtype == np.float32:
        return encode_exr(frame, half=False, attributes=attributes)
    return encode_exr(_linear(frame), attributes=attributes)


def _linear(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Linear light of sRGB pixels, multiplied by their alpha if they have one."""
    light = _srgb_curve()[frame[..., :3]]
    if frame.shape[2] == 3:
        return light
    alpha = frame[..., 3:].astype(np.float32) / 255
    return np.concatenate([light * alpha, alpha], axis=2)


@lru_cache(maxsize=1)
def _srgb_curve() -> NDArray[np.float32]:
    return to_linear(np.arange(256) / 255).astype(np.float32)


def _write_sound(path: Path, audio: Audio, duration: Fraction) -> None:
    with closing(Sound(audio, "pcm")) as sound, av.open(str(path), "w", format="wav") as container:
        track = SoundTrack(container, sound)
        track.write_until(duration)
        track.finish()

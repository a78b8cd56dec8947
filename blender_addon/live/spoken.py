# SPDX-License-Identifier: GPL-3.0-or-later
"""What was spoken while a take was recorded from the microphone: a sound in the sequencer, kept
with the take."""

from __future__ import annotations

import struct
import wave
from dataclasses import dataclass
from pathlib import Path

import bpy

from dreamtalk_core.errors import SpeechError
from dreamtalk_core.temporaries import remove

from ..animation.sound import add_sound
from ..animation.together import bind

RATE = 16000
_DAY = 86400.0
_HEAD = struct.Struct("<d")
_MOST = 4 * 3600.0
"""Seconds of one take: more is a clock that was set."""


@dataclass(eq=False)
class Spoken:
    """What the worker has heard, in its file. file: see `dreamtalk_core.worker.speaking`."""

    file: Path

    def between(self, start: float, stop: float) -> bytes:
        """Samples of 16 bits between two times of day, in seconds, as frames tell them; silence
        where nothing was heard. b"" if there is none of it."""
        try:
            with self.file.open("rb") as file:
                (clock,) = _HEAD.unpack(file.read(_HEAD.size))
                # Over midnight, and to either side of where it begins.
                begin = (start - clock + _DAY / 2) % _DAY - _DAY / 2
                length = min((stop - start) % _DAY, _MOST)
                first, count = round(begin * RATE), round(length * RATE)
                file.seek(_HEAD.size + 2 * max(first, 0))
                before = min(max(-first, 0), count)
                found = file.read(2 * (count - before))
        except (OSError, struct.error):
            return b""
        return bytes(2 * before) + found.ljust(2 * (count - before), b"\0") if found else b""

    def close(self) -> None:
        """Forget it."""
        if self.file.exists():
            remove(self.file)


def put_spoken(
    scene: bpy.types.Scene, take: bpy.types.Action, samples: bytes, first: int, alone: bool
) -> None:
    """Samples as a sound at a frame of the sequencer: a file beside the .blend, or packed into one
    that has not been saved yet. alone: it is all that the take speaks, and moves with it.

    Raises SpeechError where no file can be written.
    """
    folder = Path(bpy.data.filepath).parent if bpy.data.filepath else Path(bpy.app.tempdir)
    file = _free(folder, bpy.path.clean_name(take.name))
    try:
        with wave.open(str(file), "wb") as sound:
            sound.setparams((1, 2, RATE, 0, "NONE", ""))
            sound.writeframes(samples)
    except OSError as error:
        if file.exists():
            remove(file)
        raise SpeechError(
            f"Cannot write {file}: {error.strerror}. The take has no sound; save the .blend to a "
            "folder that can be written before the next one."
        ) from error
    strip = add_sound(scene, file, first)
    if not bpy.data.filepath:
        strip.sound.pack()
    if alone:
        bind(take, strip)


def _free(folder: Path, name: str) -> Path:
    """A file that there is not yet: what was recorded before is not written over."""
    names = (f"{name}{f' {number}' if number else ''}.wav" for number in range(100_000))
    return next(folder / own for own in names if not (folder / own).exists())

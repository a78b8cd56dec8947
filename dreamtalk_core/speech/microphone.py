"""Sound while it is made: of a microphone, or of a file as if it were spoken now."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from types import ModuleType
from typing import Protocol

import numpy as np
import soxr
from numpy.typing import NDArray

from dreamtalk_core.errors import SpeechError
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech

Array = NDArray[np.float32]

_WAIT = 0.02
"""Seconds that are waited for sound at a time."""


class Sound(Protocol):
    """What gives sound as it is made."""

    def read(self) -> Array | None:
        """What has come since the last call: float32 [N] mono at 16 kHz, maybe nothing yet; None
        when there will be no more. Waits for a moment only."""


@contextmanager
def open_sound(file: str | Path | None = None, microphone: str = "") -> Iterator[Sound]:
    """A file's sound, at the pace at which it is spoken, or else a microphone's.

    microphone: its name, or a part of it; "": the one that the system uses.
    Raises SpeechError as `Speech.load` does; where there is no such microphone, or it is gone.
    """
    if file:
        yield _File(Speech.load(file).waveform)
        return
    driver = _sounddevice()
    pieces: SimpleQueue[Array] = SimpleQueue()

    def take(data: Array, _frames: int, _time: object, _status: object) -> None:
        pieces.put(data[:, 0].copy())

    with ExitStack() as closing:
        try:
            about = driver.query_devices(microphone or None, "input")
            rate = round(about["default_samplerate"])
            stream = closing.enter_context(
                driver.InputStream(
                    samplerate=rate, device=about["index"], channels=1, dtype="float32",
                    callback=take,
                )
            )  # fmt: skip
        except (driver.PortAudioError, ValueError) as error:
            which = f"the microphone '{microphone}'" if microphone else "a microphone"
            raise SpeechError(
                f"DreamTalk cannot listen to {which}: {error}. Plug one in, choose it in the "
                "system's settings, and allow this program to use it."
            ) from error
        yield _Microphone(stream, pieces, rate)


class _File:
    def __init__(self, waveform: Array) -> None:
        self._waveform, self._given, self._begun = waveform, 0, -1.0

    def read(self) -> Array | None:
        if self._given == len(self._waveform):
            return None
        time.sleep(_WAIT)
        now = time.monotonic()
        self._begun = now if self._begun < 0 else self._begun
        due = min(round((now - self._begun) * SAMPLE_RATE), len(self._waveform))
        piece = self._waveform[self._given : due]
        self._given = due
        return piece


class _Microphone:
    def __init__(self, stream: object, pieces: SimpleQueue[Array], rate: int) -> None:
        self._stream, self._pieces = stream, pieces
        self._resampled = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")
        self._begun = False

    def read(self) -> Array | None:
        found = [np.zeros(0, np.float32)]
        try:
            found.append(self._pieces.get(timeout=_WAIT))
            while True:
                found.append(self._pieces.get_nowait())
        except Empty:
            pass
        if not getattr(self._stream, "active", True):
            raise SpeechError("The microphone is gone. Plug it in and start again.")
        if not self._begun:  # what was heard while a model was loaded is of no use any more
            self._begun, found = True, found[:1]
        piece: Array = self._resampled.resample_chunk(np.concatenate(found))
        return piece


def _sounddevice() -> ModuleType:
    try:
        import sounddevice
    except ImportError as error:
        raise SpeechError(
            "A microphone needs sounddevice, an extra of DreamTalk. Install it with "
            f'"{sys.executable}" -m pip install sounddevice.'
        ) from error
    except OSError as error:  # its library lies beside it on Windows and macOS only
        raise SpeechError(
            "A microphone needs the library PortAudio. Install libportaudio2, or what your system "
            "calls it."
        ) from error
    return sounddevice

"""Where sound comes from: a microphone, a file at the pace of a clock, stdin, or a connection.

From stdin and connections it is raw: 16 kHz, mono, signed 16 bits, little-endian, as
`ffmpeg -i ... -f s16le -ar 16000 -ac 1 -` makes it.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from dreamtalk_core.errors import DreamTalkError, shown
from dreamtalk_core.pipeline.live.address import parse_address
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech
from dreamtalk_core.speech.media import to_float

Array = npt.NDArray[np.float32]

_MOST_WAITING = 2 * SAMPLE_RATE
"""Samples that wait to be taken: whoever sends faster than they are spoken is held up."""
_PIECE = 1280  # bytes that are read at a time: one frame of motion


class Source(Protocol):
    """Sound that comes by itself, float32 mono at 16 kHz."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""

    @property
    def waiting(self) -> int:
        """How many samples have come and are not taken; of a file 0, since it never hurries."""

    def take(self, most: int) -> Array:
        """Up to so many samples, as many as have come."""

    def close(self) -> None: ...


def open_source(text: str, tell: Callable[[str], None]) -> Source:
    """The source that a text names: `mic`, `mic:NAME`, `-`, `tcp://HOST:PORT`, or a file.

    Raises DreamTalkError, or SpeechError for a file, if it cannot be used.
    """
    if text == "mic" or text.startswith("mic:"):
        return Microphone(text.partition(":")[2])
    if text == "-":
        return Pipe()
    if text.startswith("tcp://"):
        return Listening(text, tell)
    if "://" in text:
        raise DreamTalkError(f"{shown(text)}: sound comes from mic, -, tcp://HOST:PORT, or a file.")
    return Recording(Path(text))


class Recording:
    """A file, as fast as it is asked for."""

    waiting = 0

    def __init__(self, path: Path) -> None:
        self.wave, self.at = Speech.load(path).waveform, 0

    @property
    def ended(self) -> bool:
        return self.at >= len(self.wave)

    def take(self, most: int) -> Array:
        piece = self.wave[self.at : self.at + most]
        self.at += len(piece)
        return piece

    def close(self) -> None:
        pass


class _Queue:
    """Samples on their way from one thread to another."""

    def __init__(self) -> None:
        self.pieces: deque[Array] = deque()
        self.waiting = 0
        self.over = False
        self.changed = threading.Condition()

    @property
    def ended(self) -> bool:
        return self.over and not self.waiting

    def put(self, piece: Array) -> None:
        with self.changed:
            self.pieces.append(piece)
            self.waiting += len(piece)

    def put_slowly(self, piece: Array) -> None:
        """The same, but not before there is room."""
        with self.changed:
            self.changed.wait_for(lambda: self.waiting < _MOST_WAITING or self.over)
        self.put(piece)

    def take(self, most: int) -> Array:
        taken: list[Array] = []
        with self.changed:
            while self.pieces and most > 0:
                piece = self.pieces.popleft()
                if len(piece) > most:
                    self.pieces.appendleft(piece[most:])
                taken.append(piece[:most])
                most -= len(taken[-1])
                self.waiting -= len(taken[-1])
            self.changed.notify_all()
        return np.concatenate(taken) if taken else np.zeros(0, np.float32)

    def close(self) -> None:
        with self.changed:
            self.over = True
            self.changed.notify_all()


class Pipe(_Queue):
    """Raw sound on stdin."""

    def __init__(self) -> None:
        super().__init__()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with suppress(OSError, ValueError, AttributeError):  # there may be no stdin
            number = sys.stdin.fileno()
            # Not by sys.stdin: it is locked while it waits, and Python cannot end then.
            _pump(lambda most: os.read(number, most), self)
        self.close()


class Listening(_Queue):
    """Raw sound of whoever connects, one after the other."""

    def __init__(self, text: str, tell: Callable[[str], None]) -> None:
        super().__init__()
        address = parse_address(text, {"tcp": 0}, {})
        self.tell, self.name = tell, str(address)
        try:
            place = (address.host, address.port)
            family = socket.getaddrinfo(*place, type=socket.SOCK_STREAM)[0][0]
            self.server = socket.create_server(place, family=family)
        except (OSError, UnicodeError, OverflowError) as error:
            raise DreamTalkError(
                f"Cannot listen at {address}: {shown(error, 120)}. Give another port, or end the "
                "program that has it."
            ) from error
        self.server.settimeout(0.5)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        self.tell(f"{self.name} waits for sound")
        while not self.over:
            with suppress(OSError):  # nobody yet, or somebody who has gone
                connection, _ = self.server.accept()
                with connection:
                    connection.settimeout(None)
                    # Whoever has lost its network is not waited for.
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                    self.tell(f"{self.name} is connected")
                    with suppress(OSError):
                        _pump(connection.recv, self)
                    if not self.over:
                        self.tell(f"{self.name} has ended; waiting for the next")

    def close(self) -> None:
        super().close()
        self.server.close()


class Microphone(_Queue):
    """A microphone, by a piece of its name or its number; the system's own if none is given."""

    def __init__(self, device: str) -> None:
        super().__init__()
        library = _sounddevice()
        import soxr

        try:
            chosen = int(device) if device.isdigit() else device or None
            rate = int(library.query_devices(chosen, "input")["default_samplerate"])
            resampler = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="MQ")

            def heard(block: Any, *_: Any) -> None:
                piece = resampler.resample_chunk(np.ascontiguousarray(block[:, 0]))
                if self.waiting < _MOST_WAITING:
                    self.put(piece)

            self.stream = library.InputStream(
                samplerate=rate, channels=1, dtype="float32", device=chosen, latency="low",
                callback=heard,
            )  # fmt: skip
            self.stream.start()
        except (library.PortAudioError, ValueError) as error:
            raise DreamTalkError(
                f"There is no microphone {shown(device) or 'here'} ({shown(error, 120)}). "
                "'python -m sounddevice' lists those that there are."
            ) from error

    def close(self) -> None:
        super().close()
        self.stream.close()


def _sounddevice() -> Any:
    try:
        import sounddevice
    except ImportError as error:
        raise DreamTalkError(
            "A microphone needs the library sounddevice: pip install dreamtalk[live]."
        ) from error
    except OSError as error:
        raise DreamTalkError(
            "A microphone needs PortAudio, which is not installed. On Linux: apt install "
            "libportaudio2."
        ) from error
    return sounddevice


def _pump(read: Callable[[int], bytes], queue: _Queue) -> None:
    """Everything that comes into a queue, until it ends."""
    rest = b""
    while not queue.over and (data := read(_PIECE)):
        data = rest + data
        whole = len(data) & ~1
        rest = data[whole:]
        if whole:
            queue.put_slowly(to_float(np.frombuffer(data[:whole], "<i2")))

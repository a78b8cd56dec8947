# SPDX-License-Identifier: GPL-3.0-or-later
"""A port on which a face is sent, and the frames that have come.

No threads: the socket never waits, and is emptied by whoever has a timer. No Blender in this
module: tests run it without.
"""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.live import ifacialmocap, livelink, vmc
from dreamtalk_core.live.frame import Frame

LOOPBACK = "127.0.0.1"
QUIET = 1.0
"""Seconds without a packet from which on a sender is said to be silent, and another may follow."""
_BUFFER = 1 << 20
"""Bytes that the system keeps for us while Blender is busy: some seconds of frames."""
_MOST = 8192
"""Datagrams that are read in one go: a flood must not hold Blender up."""
_LONGEST = 1 << 16
_GREETING_EVERY = 1.0

Decode = Callable[[bytes], Frame | None]


@dataclass(frozen=True)
class Source:
    """What can be received. name: as its users know it. port: the usual one. decoder: makes what
    turns datagrams into frames."""

    name: str
    port: int
    decoder: Callable[[], Decode]


SOURCES: Mapping[str, Source] = {
    "LIVE_LINK": Source("Live Link Face", livelink.PORT, lambda: livelink.decode),
    "LIVE_LINK_APP": Source(
        "Live Link Face", livelink.PORT, lambda: partial(livelink.decode, order="app")
    ),
    "VMC": Source("VMC", vmc.PORT, lambda: vmc.Decoder().decode),
    "IFACIALMOCAP": Source("iFacialMocap", ifacialmocap.PORT, lambda: ifacialmocap.decode),
}
SPOKEN = Source("DreamTalk", livelink.PORT, lambda: livelink.decode)
"""What our own worker sends."""


@dataclass(frozen=True, eq=False)
class Arrival:
    """A frame, and when it came, in seconds of `time.monotonic`."""

    frame: Frame
    moment: float


class Receiver:
    """A port that is listened to until `close`.

    Frames of one sender are taken, the first that there is; another one's only when it is silent.
    sender: who that is, "" before anybody. others: how many frames others have sent. strange: how
    many datagrams were none of this source. last: when the last frame came.
    """

    def __init__(
        self,
        source: Source,
        port: int,
        host: str = LOOPBACK,
        phone: str = "",
        greeting: bytes = b"",
    ) -> None:
        """host: the address to listen at, "" for all. phone: an address that is sent the greeting
        every second while nothing comes, which iFacialMocap waits for.

        Raises DreamTalkError where the port cannot be had.
        """
        self.source = source
        self.sender, self.others, self.strange, self.last = "", 0, 0, -float("inf")
        self._decode: dict[str, Decode] = {}
        self._phone, self._greeting, self._greeted = phone.strip(), greeting, -float("inf")
        self._read = time.monotonic()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            with suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            self._socket.bind((host, port))
        except (OSError, OverflowError) as error:
            self._socket.close()
            raise _refusal(port, error) from error
        self.port: int = self._socket.getsockname()[1]

    def close(self) -> None:
        """Let the port go; a second time does nothing."""
        self._socket.close()

    @property
    def quiet(self) -> float:
        """Seconds from the last frame to when it was last looked; infinite before the first. While
        Blender is busy nobody looks, and nobody is silent."""
        return self._read - self.last

    def drain(self) -> list[Arrival]:
        """The frames that have come since the last call, oldest first; never waits."""
        before, self._read = self._read, time.monotonic()
        self._greet()
        found: list[Frame] = []
        for _ in range(_MOST):
            try:
                data, address = self._socket.recvfrom(_LONGEST)
            except BlockingIOError:
                break
            except OSError:  # Windows tells here that a greeting reached nobody
                continue
            frame = self._taken(data, address)
            if frame is not None:
                found.append(frame)
        if found:
            self.last = self._read
        # Nobody knows when they came in between: evenly.
        step = (self._read - before) / max(len(found), 1)
        return [Arrival(own, before + (i + 1) * step) for i, own in enumerate(found)]

    def _taken(self, data: bytes, address: tuple[str, int]) -> Frame | None:
        """The frame of a datagram, if it is a whole one of the sender that counts."""
        # VMC's frames are spread over datagrams: those of two programs must not mix.
        where = f"{address[0]}:{address[1]}"
        if where not in self._decode and len(self._decode) > 16:
            self._decode.clear()  # somebody who sends each from another port
        decode = self._decode.setdefault(where, self.source.decoder())
        frame = decode(data)
        if frame is None:
            self.strange += 1
            return None
        # Programs may send each frame from another port.
        sender = f"{frame.name} ({address[0]})"
        if sender != self.sender and self.sender and self.quiet < QUIET:
            self.others += 1
            return None
        self.sender = sender
        return frame

    def _greet(self) -> None:
        now = time.monotonic()
        if self._phone and self.quiet > QUIET and now - self._greeted > _GREETING_EVERY:
            self._greeted = now
            # A name is looked up here, which may wait: only addresses are taken.
            with suppress(OSError):
                self._socket.sendto(self._greeting, (self._phone, self.source.port))


def check_address(text: str) -> str:
    """An address such as 192.168.1.20, or nothing. Raises DreamTalkError for anything else."""
    address = text.strip()
    if address:
        try:
            socket.inet_aton(address)
        except OSError as error:
            raise DreamTalkError(
                f"'{address}' is no address. Write it as the app shows it, such as 192.168.1.20."
            ) from error
    return address


def _refusal(port: int, error: Exception) -> DreamTalkError:
    number = error.errno if isinstance(error, OSError) else 0
    if number in (errno.EADDRINUSE, getattr(errno, "WSAEADDRINUSE", errno.EADDRINUSE)):
        return DreamTalkError(
            f"Port {port} is in use by another program, or by another Blender. Close that, or set "
            "another port here and in what sends."
        )
    return DreamTalkError(
        f"Port {port} cannot be listened to ({error}). Set another port here and in what sends."
    )

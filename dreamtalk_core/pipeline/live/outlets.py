"""Where frames go. None of them waits for a receiver: one that is slow or gone misses frames, and
the others do not notice."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from dreamtalk_core.errors import DreamTalkError, shown
from dreamtalk_core.live import ifacialmocap, livelink, vmc, vts, ws
from dreamtalk_core.live.frame import Frame
from dreamtalk_core.pipeline.live.address import Address, parse_address

PORTS = {
    "livelink": livelink.PORT,
    "vmc": vmc.PORT,
    "ifacialmocap": ifacialmocap.PORT,
    "vts": vts.PORT,
    "ws": ws.PORT,
}
OPTIONS = {
    "livelink": ("order",),
    "vmc": ("shapes",),
    "ifacialmocap": ("version", "answer"),
    "vts": ("token",),
}
_MOST_ASKING = 16


class Outlet(Protocol):
    """Somebody who shows the face."""

    def send(self, frame: Frame) -> None:
        """Send a frame, or leave it out; returns at once and raises nothing."""

    def close(self) -> None: ...


def open_outlet(text: str, tell: Callable[[str], None], name: str = "DreamTalk") -> Outlet:
    """The outlet of an address. tell: says how it goes to whoever runs this. name: of the face, for
    those who are told it before the first frame.

    Raises DreamTalkError for one that cannot be used."""
    address = parse_address(text, PORTS, OPTIONS)
    if address.scheme == "ws":
        from dreamtalk_core.pipeline.live.sockets import Broadcast

        return Broadcast(address, tell, name)
    if address.scheme == "vts":
        from dreamtalk_core.pipeline.live.sockets import VTubeStudio

        return VTubeStudio(address, tell)
    if address.scheme == "livelink":
        order = address.choice("order", livelink.ORDERS)
        return Datagrams(address, tell, lambda frame: [livelink.encode(frame, order)])
    if address.scheme == "vmc":
        shapes = address.choice("shapes", vmc.SHAPES)
        return Datagrams(address, tell, lambda frame: vmc.encode(frame, shapes))
    return Phone(address, tell)


class Datagrams:
    """Frames over UDP."""

    def __init__(
        self,
        address: Address,
        tell: Callable[[str], None],
        encode: Callable[[Frame], list[bytes]],
    ) -> None:
        self.address, self.tell, self.encode = address, tell, encode
        self.said = ""
        self.target: Any
        try:
            family, _, _, _, self.target = socket.getaddrinfo(
                address.host, address.port, type=socket.SOCK_DGRAM
            )[0]
        except (OSError, UnicodeError) as error:
            raise DreamTalkError(
                f"There is no host {address.host} ({error}). Check the name, or give its number."
            ) from error
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        # To everybody in a network, where the address is one of those.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)

    def send(self, frame: Frame) -> None:
        for data in self.encode(frame):
            self._send(data, self.target)

    def _send(self, data: bytes, target: Any) -> None:
        try:
            self.socket.sendto(data, target)
        except BlockingIOError:  # a full buffer: the next frame may arrive
            pass
        except OSError as error:  # a network that is away: so may it, but not every time is told
            if str(error) != self.said:
                self.said = str(error)
                self.tell(f"Nothing goes to {self.address}: {shown(error, 80)}; trying again")

    def close(self) -> None:
        self.socket.close()


class Phone(Datagrams):
    """iFacialMocap, in the place of the phone: to an address, and, if that is wanted, to whoever
    greets it."""

    def __init__(self, address: Address, tell: Callable[[str], None]) -> None:
        version = int(address.choice("version", ("1", "2")))
        super().__init__(address, tell, lambda frame: [ifacialmocap.encode(frame, version)])
        self.asking: dict[Any, int] = {}
        self.answers = address.choice("answer", ("no", "yes")) == "yes"
        if self.answers:
            try:
                self.socket.bind(("", ifacialmocap.PORT))
            except OSError as error:
                self.socket.close()
                raise DreamTalkError(
                    f"Port {ifacialmocap.PORT}, where greetings arrive, is taken by another "
                    "program. Leave answer=yes out, or end that program."
                ) from error

    def send(self, frame: Frame) -> None:
        super().send(frame)
        with suppress(OSError):
            while self.answers:
                data, sender = self.socket.recvfrom(1024)
                version = ifacialmocap.greeted(data)
                if version:
                    self.asking.pop(sender, None)
                    self.asking[sender] = version
                    if len(self.asking) > _MOST_ASKING:  # nobody says goodbye
                        del self.asking[next(iter(self.asking))]
        for sender, version in self.asking.items():
            if sender != self.target:
                self._send(ifacialmocap.encode(frame, version), sender)

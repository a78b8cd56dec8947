"""Frames over web sockets: our own for any number of clients, and VTube Studio.

Each runs in a thread with a loop of its own, and takes the newest frame that there is.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from platformdirs import user_data_path

from dreamtalk_core.errors import DreamTalkError, shown
from dreamtalk_core.files import atomic_write
from dreamtalk_core.live import vts, ws
from dreamtalk_core.live.frame import Frame
from dreamtalk_core.pipeline.live.address import Address

MOST_CLIENTS = 200
_AGAIN = 2.0
"""Seconds between attempts to connect."""
_BEHIND = 1 << 16
"""Bytes that may wait for a client: those of about four seconds. More, and it misses frames."""
_END = 1.0
"""Seconds that the end of a connection may take."""


def websockets() -> Any:
    """The library. Raises DreamTalkError without it."""
    try:
        import websockets.asyncio.client
        import websockets.asyncio.server
    except ImportError as error:
        raise DreamTalkError(
            "Web sockets need the library websockets: pip install dreamtalk[live]."
        ) from error
    return websockets


class _Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def do(self, work: Coroutine[Any, Any, Any], seconds: float | None = None) -> Any:
        """What a coroutine gives, waited for."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(seconds)

    def end(self, last: Coroutine[Any, Any, Any]) -> None:
        """Do the last thing, and leave nothing running; whoever is gone is not waited for."""

        async def finish() -> None:
            with suppress(Exception):
                await asyncio.wait_for(last, _END)
            rest = asyncio.all_tasks() - {asyncio.current_task()}
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)

        with suppress(Exception):
            self.do(finish(), 3 * _END)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(_END)
        if not self.loop.is_running():
            self.loop.close()


class Broadcast:
    """Our own messages, to everybody who connects to an address."""

    def __init__(self, address: Address, tell: Callable[[str], None], name: str) -> None:
        library = websockets()
        self.hello = ws.hello(name)
        self.clients: set[Any] = set()
        self.loop = _Loop()

        async def serve() -> Any:
            return await library.asyncio.server.serve(
                self._client,
                address.host,
                address.port,
                max_size=1 << 16,
                compression=None,
                close_timeout=_END / 2,
            )

        try:
            self.server = self.loop.do(serve())
        except (OSError, UnicodeError) as error:
            self.loop.end(asyncio.sleep(0))
            raise DreamTalkError(
                f"Cannot listen at {address}: {shown(error, 120)}. Give another port, or end the "
                "program that has it."
            ) from error
        tell(f"{address} is open")

    async def _client(self, client: Any) -> None:
        if len(self.clients) >= MOST_CLIENTS:
            await client.close(1013, "too many clients")
            return
        await client.send(self.hello)
        self.clients.add(client)
        try:
            async for _ in client:  # whatever clients say is for nobody
                pass
        finally:
            self.clients.discard(client)

    def send(self, frame: Frame) -> None:
        self.loop.loop.call_soon_threadsafe(self._send, ws.encode(frame))

    def _send(self, message: str) -> None:
        from websockets.asyncio.server import broadcast

        broadcast(
            [one for one in self.clients if one.transport.get_write_buffer_size() < _BEHIND],
            message,
        )

    def close(self) -> None:
        async def end() -> None:
            self.server.close()
            await self.server.wait_closed()

        self.loop.end(end())


class VTubeStudio:
    """The parameters of a model in VTube Studio; connects again whenever the program comes back."""

    def __init__(self, address: Address, tell: Callable[[str], None]) -> None:
        self.library, self.address, self.tell = websockets(), address, tell
        self.frame: Frame | None = None  # the newest, until it is sent
        self.connected = False
        self.said = ""
        self.loop = _Loop()
        self.new = asyncio.Event()
        self.task = asyncio.run_coroutine_threadsafe(self._connections(), self.loop.loop)

    def send(self, frame: Frame) -> None:
        self.frame = frame
        self.loop.loop.call_soon_threadsafe(self.new.set)

    def close(self) -> None:
        self.loop.end(self._last())

    async def _last(self) -> None:
        """The face at rest is sent, too."""
        while self.connected and self.frame is not None:
            await asyncio.sleep(0.01)

    async def _connections(self) -> None:
        problems = (OSError, TimeoutError, asyncio.TimeoutError, ValueError)
        while True:
            try:
                url = f"ws://{str(self.address).partition('://')[2]}"
                async with self.library.asyncio.client.connect(
                    url, max_size=1 << 20, proxy=None, compression=None
                ) as connection:
                    await self._log_in(connection)
                    custom = await self._create(connection)
                    self._tell(f"{self.address} is connected")
                    self.connected = True
                    await self._frames(connection, custom)
            except (*problems, self.library.exceptions.WebSocketException) as error:
                self._tell(f"{self.address} is not connected ({shown(error, 80)}); trying again")
            except DreamTalkError as error:
                self._tell(f"{self.address}: {error}")
            self.connected = False
            await asyncio.sleep(_AGAIN)

    def _tell(self, text: str) -> None:
        if text != self.said:  # not every two seconds
            self.tell(text)
        self.said = text

    async def _ask(self, connection: Any, message: str) -> vts.Answer:
        await connection.send(message)
        while True:
            answer = vts.decode(await connection.recv())
            if answer is not None and not answer.kind.endswith("Event"):
                return answer

    async def _log_in(self, connection: Any) -> None:
        token = self.address.options.get("token") or _saved_token()
        for _ in range(2):
            if not token:
                self._tell(f"{self.address}: allow DreamTalk in VTube Studio's window")
                answer = await self._ask(connection, vts.ask_token())
                token = str(answer.data.get("authenticationToken", ""))
                if not token:
                    raise DreamTalkError(_complaint(answer))
                _save_token(token)
            answer = await self._ask(connection, vts.log_in(token))
            if answer.data.get("authenticated") is True:
                return
            token = ""  # it was taken back: ask anew
        raise DreamTalkError(_complaint(answer))

    async def _create(self, connection: Any) -> bool:
        """Whether there are parameters of our own."""
        for name in vts.CUSTOM:
            answer = await self._ask(connection, vts.create(name))
            if answer.kind == "APIError":
                self._tell(f"{self.address}: only its own parameters move: {_complaint(answer)}")
                return False
        return True

    async def _frames(self, connection: Any, custom: bool) -> None:
        number = 0
        while True:
            await self.new.wait()
            self.new.clear()
            frame, self.frame = self.frame, None
            if frame is not None:
                number += 1
                answer = await self._ask(connection, vts.encode(frame, number, custom))
                if answer.kind == "APIError":
                    self._tell(f"{self.address}: {_complaint(answer)}")


def _complaint(answer: vts.Answer) -> str:
    return f"VTube Studio says: {shown(answer.data.get('message', answer.kind))}"


def _token_file() -> Path:
    return user_data_path("DreamTalk", appauthor=False) / "vtube-studio.token"


def _saved_token() -> str:
    try:
        return _token_file().read_text(encoding="ascii").strip()[:256]
    except (OSError, ValueError):
        return ""


def _save_token(token: str) -> None:
    with suppress(OSError, ValueError, DreamTalkError):  # then its user is asked again next time
        _token_file().parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(_token_file()) as temporary:
            temporary.touch(0o600)
            temporary.write_text(token, encoding="ascii")

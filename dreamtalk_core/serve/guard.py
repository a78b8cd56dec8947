"""Who may ask: looked at before anything else of a request is."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import anyio
from starlette.exceptions import HTTPException

Message = MutableMapping[str, Any]
App = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]
_MOST = 1 << 16
"""Bytes of a request that is no file: far more than one needs."""
Refuse = Callable[[int, str, str], App]
"""Makes the answer of a status, a kind of error and a message."""


class Guard:
    """An ASGI application in front of another.

    token: what callers of `guarded` paths have to know; None: nothing. local: whether only this
    machine is served. Then a request has to name it as its host: a page of somebody else's that has
    its own name lead here (DNS rebinding) does not. And whoever lets a browser ask has to be this
    server's own page.
    """

    def __init__(
        self,
        app: App,
        token: str | None,
        local: bool,
        guarded: Callable[[str], bool],
        refuse: Refuse,
    ) -> None:
        self._app, self._local, self._guarded, self._refuse = app, local, guarded, refuse
        self._token = None if token is None else token.encode()

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        app = self._app if scope["type"] != "http" else self._verdict(scope) or self._app
        await app(scope, receive, send)

    def _verdict(self, scope: Message) -> App | None:
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        if self._local and not is_local(_host_of("//" + host)):
            return self._refuse(
                421, "HostError", "This server is for its own machine. Ask it at 127.0.0.1."
            )
        origin = headers.get(b"origin", b"").decode("latin-1")
        if origin and _place_of(origin) != host:
            return self._refuse(403, "OriginError", "Pages of other servers may not ask this one.")
        given = headers.get(b"authorization", b"").removeprefix(b"Bearer ")
        if self._token is None or not self._guarded(scope["path"]):
            return None
        if hmac.compare_digest(given, self._token):
            return None
        return self._refuse(401, "TokenError", "Send 'Authorization: Bearer TOKEN'.")


class ShortBodies:
    """An ASGI application in front of another, for requests that are read into memory whole.

    files: paths whose bodies are longer; they are measured where they are read. seconds: in which
    any other has to arrive.
    """

    def __init__(self, app: App, files: Collection[str], seconds: float) -> None:
        self._app, self._files, self._seconds = app, files, seconds

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] in self._files:
            await self._app(scope, receive, send)
            return
        room, more = _MOST, True
        until = anyio.current_time() + self._seconds

        async def measured() -> Message:
            nonlocal room, more
            if not more:
                return dict(await receive())  # whether the caller is still there
            try:
                with anyio.fail_after(until - anyio.current_time()):
                    message: Message = await receive()
            except TimeoutError as error:
                raise HTTPException(
                    408, f"The request took longer than {self._seconds:g} seconds to arrive"
                ) from error
            more, room = message.get("more_body", False), room - len(message.get("body", b""))
            if room < 0:
                raise HTTPException(413, f"Such a request has no more than {_MOST} bytes")
            return message

        await self._app(scope, measured, send)


def is_local(host: str) -> bool:
    """Whether a name or an address is this machine's own, for itself alone."""
    if host.casefold() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _place_of(url: str) -> str | None:
    """Host and port of a URL, if it is one."""
    try:
        return urlsplit(url).netloc
    except ValueError:
        return None

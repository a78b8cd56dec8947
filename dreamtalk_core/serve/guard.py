"""Who may ask: looked at before anything else of a request is."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

Message = MutableMapping[str, Any]
App = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]
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

"""Serving: a socket, a server, and an end that leaves nothing."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from secrets import token_urlsafe
from tempfile import TemporaryDirectory

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.serve.limits import Limits
from dreamtalk_core.serve.studio import Studio, check_extra

_GRACE = 3
"""Seconds in which open answers may end."""


def serve(
    studio: Callable[[], Studio],
    host: str,
    port: int,
    limits: Limits,
    *,
    token: str | None = None,
    page: bool = False,
    grpc: int | None = None,
    ready: Callable[[str], None] = print,
) -> None:
    """Serve until a signal asks for an end.

    studio: called once the port is ours. port: 0 for any that is free. token: that callers must
    know; one is made where callers of other machines are served and none is given. grpc: the port
    of the door for clients of Audio2Face-3D, if there is to be one. ready: told of the address, and
    the token behind a #, once it can be asked; then of that of the door.
    Raises DreamTalkError where something is not installed, or the port cannot be had.
    """
    check_extra("fastapi", "serve")
    check_extra("uvicorn", "serve")
    if grpc is not None:
        check_extra("grpc", "grpc")
        check_extra("google.protobuf", "grpc")
    import uvicorn

    from dreamtalk_core.serve.app import make_app
    from dreamtalk_core.serve.connections import LIMIT, PATIENCE, Connection
    from dreamtalk_core.serve.guard import is_local

    local = is_local(host)
    secret = token or (None if local else token_urlsafe(24))
    with (
        _listening(host, port) as sock,
        TemporaryDirectory(prefix="dreamtalk-serve-", ignore_cleanup_errors=True) as folder,
        ExitStack() as doors,
    ):
        made = studio()
        app = make_app(made, Path(folder), limits, token=secret, local=local, page=page)
        config = uvicorn.Config(
            app,
            log_level="warning",
            timeout_graceful_shutdown=_GRACE,
            timeout_keep_alive=round(PATIENCE),
            limit_concurrency=LIMIT,
            http=Connection,
            server_header=False,
        )
        number = sock.getsockname()[1]
        name = f"[{host}]" if ":" in host else host
        ready(f"http://{name}:{number}/" + (f"#{secret}" if secret else ""))
        if grpc is not None:
            from dreamtalk_core.serve.audio2face.door import open_door

            found = doors.enter_context(open_door(made.talk, host, grpc, limits, secret))
            ready(f"http://{name}:{found} for clients of Audio2Face-3D")
        sys.stdout.flush()
        uvicorn.Server(config).run(sockets=[sock])


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises DreamTalkError."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError, UnicodeError) as error:
        raise DreamTalkError(
            f"Cannot listen at {host}, port {port}: {getattr(error, 'strerror', None) or error}. "
            "Give another --host or --port."
        ) from error

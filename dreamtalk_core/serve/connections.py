"""Connections: nobody holds so many, or for so long, that others are not heard."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from dreamtalk_core.serve.limits import Limits
from dreamtalk_core.serve.schema import Problem, Refused


def protocol_of(limits: Limits) -> type[asyncio.Protocol]:
    """uvicorn's protocol, for its `http`, with limits that it does not know: the `connections` and
    `head` of `limits`; and whoever does not read an answer for `upload` seconds is not waited for.
    """

    class Connection(AutoHTTPProtocol):
        _head: asyncio.TimerHandle | None = None
        _unread: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            own = sum(one.client[:1] == self.client[:1] for one in self.connections if one.client)
            if own > limits.connections // 2 or len(self.connections) > limits.connections:
                self.connections.discard(self)  # it is not to count until it is gone
                self._refuse(
                    HTTPStatus.SERVICE_UNAVAILABLE,
                    "BusyError",
                    "Too many connections are open. Close some, or try again in a while.",
                )
            else:
                self._wait()

        def data_received(self, data: bytes) -> None:
            if not self.transport.is_closing():
                super().data_received(data)
                self._wait()

        def pause_writing(self) -> None:
            super().pause_writing()
            self._unread = self.loop.call_later(limits.upload, self.transport.abort)

        def resume_writing(self) -> None:
            super().resume_writing()
            _stop(self._unread)

        def connection_lost(self, exc: Exception | None) -> None:
            _stop(self._head)
            _stop(self._unread)
            super().connection_lost(exc)

        def _wait(self) -> None:
            """From the first byte, or the connection, until a request is known but for its body."""
            if self.cycle is not None and not self.cycle.response_complete:
                _stop(self._head)
                self._head = None
            elif self._head is None and self.timeout_keep_alive_task is None:
                self._head = self.loop.call_later(
                    limits.head,
                    self._refuse,
                    HTTPStatus.REQUEST_TIMEOUT,
                    "TooSlowError",
                    f"The request took longer than {limits.head:g} seconds to arrive.",
                )

        def _refuse(self, status: HTTPStatus, kind: str, message: str) -> None:
            body = Refused(error=Problem(kind=kind, message=message)).model_dump_json().encode()
            lines = (
                f"HTTP/1.1 {status.value} {status.phrase}",
                "Content-Type: application/json",
                f"Content-Length: {len(body)}",
                "Connection: close",
            )
            self.transport.write("\r\n".join((*lines, "", "")).encode() + body)
            self.transport.close()

    return Connection


def _stop(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()

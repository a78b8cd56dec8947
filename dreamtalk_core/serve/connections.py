"""Connections to callers: those that ask nothing, or do not take their answer, hold no place."""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

LIMIT = 200
"""Connections at once; of more, callers are told 503."""
PATIENCE = 30.0
"""Seconds in which a request, and the next one, and the reading of an answer have to go on."""


class Connection(H11Protocol):
    """A connection that is ended where its caller keeps it waiting: for a request that has begun or
    was never begun (uvicorn itself waits for these without end), or with an answer that is not
    read. Where there are too many, that one of those who ask nothing gives way that is oldest.
    """

    _waiting: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self._waiting = self._timer()
        if len(self.connections) >= LIMIT:
            others = (own for own in self.connections if own is not self)
            idle = [own for own in others if isinstance(own, Connection) and own._idle is not None]
            if idle:
                oldest = min(idle, key=lambda own: own._idle or 0.0)
                self.connections.discard(oldest)
                oldest.transport.abort()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._waiting = _stop(self._waiting)
        elif self._waiting is None:
            self._waiting = self._timer()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self._timer()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._unread = _stop(self._unread)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._waiting, self._unread = _stop(self._waiting), _stop(self._unread)

    @property
    def _idle(self) -> float | None:
        """If nothing is asked, when it will be ended for that."""
        timer = self._waiting or self.timeout_keep_alive_task
        return None if timer is None else timer.when()

    def _timer(self) -> asyncio.TimerHandle:
        return self.loop.call_later(PATIENCE, self.transport.abort)


def _stop(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    if timer is not None:
        timer.cancel()
    return None

"""The worker itself: takes requests, does them in order, says what comes of them."""

from __future__ import annotations

import json
import os
import threading
import time
import traceback
from queue import Empty, SimpleQueue
from typing import Any, BinaryIO

from dreamtalk_core.errors import DreamTalkError, shown
from dreamtalk_core.warned import collect_warnings
from dreamtalk_core.worker.methods import METHODS, Methods
from dreamtalk_core.worker.protocol import (
    Cancelled,
    ProtocolError,
    bound,
    error_message,
    is_id,
    no_number,
)

_PROGRESS_EVERY = 0.1
"""Seconds between two messages of progress, at least."""
_GRACE = 1.0
"""Seconds that work has to clean up after itself when the other side is gone."""
_SIGNAL_GRACE = 8.0
"""The same where somebody is there, who waits for an answer: less than who asks will wait."""
_LONGEST = 1 << 22
"""Bytes of a line; what is longer is no request."""


class Worker:
    """Does requests in order. One thread listens meanwhile, so that they can be cancelled, and one
    speaks, so that nobody else ever waits for the other side to read."""

    def __init__(self, requests: BinaryIO, answers: BinaryIO) -> None:
        self._requests = requests
        self._answers = answers
        self._waiting: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
        self._outgoing: SimpleQueue[bytes | None] = SimpleQueue()
        self._open: set[Any] = set()
        """Ids of the requests that wait or are done."""
        self._cancelled: set[Any] = set()
        self._ids = threading.Lock()
        self._alone = threading.Event()
        self._methods = Methods()
        self.status = 0
        """What the process is to end with."""

    def serve(self) -> None:
        """Answer until the requests end, `shutdown` is asked for, nothing is for too long, or `end`
        is called."""
        speaker = threading.Thread(target=self._speak, daemon=True)
        speaker.start()
        threading.Thread(target=self._listen, daemon=True).start()
        threading.Thread(target=self._watch, daemon=True).start()
        while (request := self._next()) is not None:
            self._answer(request)
            if request["method"] == "shutdown":
                break
        self._outgoing.put(None)
        speaker.join(_GRACE)

    def end(self, status: int = 0) -> None:
        """Cancel what is done, and end. For handlers of signals, too: it starts no thread."""
        self.status = status or self.status
        self._alone.set()
        self._waiting.put(None)

    def _watch(self) -> None:
        self._alone.wait()
        time.sleep(_SIGNAL_GRACE if self.status else _GRACE)
        os._exit(self.status)  # whatever hangs: nobody is there to wait for it

    def _next(self) -> dict[str, Any] | None:
        try:
            return self._waiting.get(timeout=self._methods.idle or None)
        except Empty:
            return None

    def _listen(self) -> None:
        try:
            while line := self._requests.readline(_LONGEST):
                try:
                    self._enqueue(line)
                except Exception:  # no line may end this thread, or no request is read any more
                    traceback.print_exc()
        finally:
            self.end()

    def _enqueue(self, line: bytes) -> None:
        """Put a request where it waits, or answer that it is none."""
        if len(line) == _LONGEST and not line.endswith(b"\n"):
            while (rest := self._requests.readline(_LONGEST)) and not rest.endswith(b"\n"):
                pass
            self._refuse(None, f"No request: a line of more than {_LONGEST} bytes.")
            return
        if not line.strip():
            return
        try:
            request = json.loads(line, parse_constant=no_number)
        except (ValueError, RecursionError) as error:  # of json, and of bytes that are not UTF-8
            self._refuse(None, f"No request: {error}")
            return
        number = request.get("id") if isinstance(request, dict) else None
        if not is_id(number):
            self._refuse(None, "No request: its id must be a number or a text of at most 100.")
            return
        if not isinstance(request, dict):
            self._refuse(None, "No request: it must be an object.")
        elif not isinstance(method := request.get("method"), str):
            self._refuse(number, f"No request: it lacks a method. There are {METHODS}.")
        elif not isinstance(params := request.setdefault("params", {}), dict):
            self._refuse(number, "No request: its params must be an object.")
        elif method == "cancel":
            self._cancel(params.get("id"))
        else:
            with self._ids:
                again = number is not None and number in self._open
                self._open.add(number)
            if again:
                self._refuse(number, "There is a request of this id already.")
            else:
                self._waiting.put(request)

    def _cancel(self, number: Any) -> None:
        """A cancel that comes too late is for nobody."""
        if not is_id(number) or number is None:
            self._refuse(None, "cancel: its id must be that of a request.")
            return
        with self._ids:
            if number in self._open:
                self._cancelled.add(number)

    def _refuse(self, number: Any, message: str) -> None:
        self._send(number, error=error_message(ProtocolError(message)))

    def _answer(self, request: dict[str, Any]) -> None:
        number, method = request.get("id"), request["method"]
        last = 0.0
        message: dict[str, Any]

        def progress(done: int, total: int) -> None:
            nonlocal last
            if self._alone.is_set() or number in self._cancelled:
                raise Cancelled("Cancelled.")
            moment = time.monotonic()
            if moment - last >= _PROGRESS_EVERY:
                last = moment
                self._send(number, progress=[done, total], what=method)

        try:
            if method not in METHODS:
                raise ProtocolError(
                    f"There is no method '{shown(method, 100)}'. There are {METHODS}."
                )
            call = bound(getattr(self._methods, method), progress, request["params"])
            progress(0, 1)
            warnings: list[str] = []
            with collect_warnings(warnings.append):
                message = {"result": call()}
            if warnings:
                message["warnings"] = warnings
        except Exception as error:
            # Whoever cancels does not want to know of a fault that came first.
            gone = number in self._cancelled
            if not isinstance(error, DreamTalkError):
                traceback.print_exc()
            message = {"error": error_message(Cancelled("Cancelled.") if gone else error)}
        # Before it is sent: whoever has the answer may use the id anew.
        with self._ids:
            self._open.discard(number)
            self._cancelled.discard(number)
        self._send(number, **message)

    def _send(self, number: Any, **message: Any) -> None:
        # The line break before it keeps whole what follows half a line of somebody else's.
        self._outgoing.put(b"\n" + json.dumps({"id": number, **message}).encode("ascii") + b"\n")

    def _speak(self) -> None:
        try:
            while (line := self._outgoing.get()) is not None:
                self._answers.write(line)
                if self._outgoing.empty():
                    self._answers.flush()
            self._answers.flush()
        except OSError:
            self.end()  # nobody reads any more

"""The gRPC server: any number of clients, one thread that works."""

from __future__ import annotations

import asyncio
import hmac
import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc

from dreamtalk_core.errors import DreamTalkError, OutOfMemoryError, out_of_memory, shown
from dreamtalk_core.pipeline.base import NEUTRAL, Pipeline
from dreamtalk_core.pipeline.stream import MotionStream
from dreamtalk_core.serve.audio2face.conversation import Conversation
from dreamtalk_core.serve.audio2face.wire import METHOD
from dreamtalk_core.serve.limits import Limits
from dreamtalk_core.speech.audio import SAMPLE_RATE

_GRACE = 3.0
_OPTIONS = (
    # Else two servers would share a port, and nobody would be told.
    ("grpc.so_reuseport", 0),
    # Whoever has lost its network is not waited for.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.max_send_message_length", -1),
)
_SERVING = b"\x08\x01"  # grpc.health.v1.HealthCheckResponse: status 1


class Door:
    """Answers clients. limits: `queue` clients at once, each with a sound of `speech` seconds, who
    may be silent, or not listen, for `upload` seconds, and take `work` seconds more than the sound.
    token: that they must know."""

    def __init__(self, talk: Pipeline, limits: Limits, token: str | None) -> None:
        self._talk, self._limits = talk, limits
        self._token = None if token is None else token.encode()
        self._worker = ThreadPoolExecutor(1, "dreamtalk grpc")
        self._clients = 0

    def close(self) -> None:
        """End the thread, after what it is at."""
        self._worker.shutdown(cancel_futures=True)

    def handlers(self) -> tuple[Any, ...]:
        """What is answered, for a server of `grpc.aio`. Messages are bytes: what is none of theirs
        is ours to refuse."""
        service, method = METHOD
        talk = grpc.stream_stream_rpc_method_handler(self.process)
        health = grpc.unary_unary_rpc_method_handler(self.health)
        return (
            grpc.method_handlers_generic_handler(service, {method: talk}),
            grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": health}),
        )

    async def health(self, request: bytes, context: Any) -> bytes:
        """That the server is there. Needs no token."""
        return _SERVING

    async def process(self, requests: Any, context: Any) -> None:
        """One clip of sound, and its curves while it comes."""
        if self._token is not None and not self._knows(context):
            await context.abort(
                grpc.StatusCode.UNAUTHENTICATED, "Send 'authorization: Bearer TOKEN'."
            )
        if self._clients >= self._limits.queue:
            await context.abort(
                grpc.StatusCode.RESOURCE_EXHAUSTED, "The queue is full. Try again in a while."
            )
        self._clients += 1
        longest = self._limits.speech + self._limits.work
        try:
            await asyncio.wait_for(self._talk_with(context), longest)
        except (DreamTalkError, TimeoutError, asyncio.TimeoutError) as error:
            await context.abort(*_refusal(error))
        except Exception as error:
            if out_of_memory(error):
                await context.abort(*_refusal(OutOfMemoryError()))
            traceback.print_exc()
            await context.abort(
                grpc.StatusCode.INTERNAL, "A fault of ours. The log of the server has more."
            )
        finally:
            self._clients -= 1

    async def _talk_with(self, context: Any) -> None:
        conversation = Conversation(self._talk, self._limits.speech)
        loop, idle = asyncio.get_running_loop(), self._limits.upload
        while not conversation.finished:
            data = await asyncio.wait_for(context.read(), idle)
            if data is grpc.aio.EOF:
                conversation.end()
                answers = []
            else:
                answers = conversation.take(data)
            while True:
                for answer in answers:
                    await asyncio.wait_for(context.write(answer), idle)
                if not conversation.ready:
                    break
                # Whoever goes is not waited for; the others wait for no more than a piece.
                answers = await loop.run_in_executor(self._worker, conversation.work)

    def _knows(self, context: Any) -> bool:
        for name, value in context.invocation_metadata() or ():
            if name == "authorization" and self._token is not None:
                given = value.encode() if isinstance(value, str) else value
                return hmac.compare_digest(given.removeprefix(b"Bearer "), self._token)
        return False


def _refusal(error: BaseException) -> tuple[Any, str]:
    """Status and sentence of an error that the client can do something about."""
    if isinstance(error, OutOfMemoryError):
        return grpc.StatusCode.RESOURCE_EXHAUSTED, shown(error, 1000)
    if isinstance(error, DreamTalkError):
        return grpc.StatusCode.INVALID_ARGUMENT, shown(error, 1000)
    return (
        grpc.StatusCode.DEADLINE_EXCEEDED,
        "Nothing came, or nothing was taken, for too long. Send the sound again.",
    )


@contextmanager
def open_door(
    talk: Pipeline, host: str, port: int, limits: Limits, token: str | None
) -> Iterator[int]:
    """A server in a thread of its own, until the block ends; its port.

    port: 0 for any that is free. Raises DreamTalkError where it cannot be had, or the model is none
    that can speak live.
    """
    # The first piece takes longest, and is nobody's to wait for.
    MotionStream(talk, NEUTRAL).feed([0.0] * 2 * SAMPLE_RATE)
    door = Door(talk, limits, token)
    started: Future[tuple[int, Any]] = Future()
    thread = threading.Thread(
        target=lambda: asyncio.run(_serve(door, host, port, started)), name="dreamtalk door"
    )
    thread.start()
    try:
        number, stop = started.result()
        try:
            yield number
        finally:
            stop()
    finally:
        thread.join()
        door.close()


async def _serve(door: Door, host: str, port: int, started: Future[tuple[int, Any]]) -> None:
    """Serve until it is stopped. started: is told of the port, and how to stop."""
    loop, end = asyncio.get_running_loop(), asyncio.Event()
    name = f"[{host}]" if ":" in host else host
    try:
        server = grpc.aio.server(options=_OPTIONS)
        server.add_generic_rpc_handlers(door.handlers())
        number = server.add_insecure_port(f"{name}:{port}")
        if not number:
            raise RuntimeError("it is taken")
        await server.start()
    except Exception as error:
        started.set_exception(
            DreamTalkError(
                f"Cannot listen at {host}, port {port}: {shown(error, 120)}. Give another --host "
                "or --grpc PORT."
            )
        )
        return
    started.set_result((number, lambda: loop.call_soon_threadsafe(end.set)))
    await end.wait()
    await server.stop(_GRACE)

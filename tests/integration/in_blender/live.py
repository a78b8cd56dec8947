"""Checks of what is received over the network: followed, recorded, punched in, and let go."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import numpy as np

ROOT = Path(__file__).parents[3]
RATE, LATENCY = 60, 0.05


def _face(session: Any) -> Any:
    """The sample head in an empty scene; returns its mesh object."""
    session.install()
    for thing in list(bpy.data.objects):
        bpy.data.objects.remove(thing)
    assert bpy.ops.dreamtalk.add_head() == {"FINISHED"}
    return bpy.context.object


def _free_port() -> int:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start(session: Any, source: str = "LIVE_LINK") -> Any:
    settings = bpy.context.scene.dreamtalk_live
    settings.source, settings.port = source, _free_port()
    assert bpy.ops.dreamtalk.start_live() == {"FINISHED"}
    return session.state.live


@contextmanager
def _sender(session: Any, live: Any, count: int, source: str = "LIVE_LINK") -> Any:
    """Another process that sends so many frames, 60 a second; it is there when one has come."""
    command = [session.worker, "-m", "tests.integration.face_sender"]
    command = [*map(str, command), source, str(live.receiver.port), str(count), str(RATE)]
    with subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE
    ) as process:
        yield process
        process.kill()


def _until(session: Any, good: Callable[[], bool], patience: float = 60) -> None:
    """Let the timer of what is live fire, which it does not in Blender's module, until it is so."""
    live, until = session.state.live, time.monotonic() + patience
    while not good():
        assert time.monotonic() < until
        assert live.timer() is not None, live.problem
        time.sleep(1 / 120)


def _frame(session: Any, moment: float | None = None, face: bool = True, **shapes: float) -> bytes:
    """A datagram of Live Link Face."""
    live = session.part("dreamtalk_core.live.livelink")
    frame = session.part("dreamtalk_core.live.frame").Frame
    index = session.part("dreamtalk_core.motion.arkit").INDEX
    weights = np.zeros(len(index), np.float32)
    for name, value in shapes.items():
        weights[index[name]] = value
    return bytes(live.encode(frame(weights, time=moment or time.monotonic(), face=face)))


def _send(session: Any, *datagrams: bytes) -> None:
    """Send datagrams to what is live, and have it take them."""
    live = session.state.live
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sender:
        for data in datagrams:
            sender.sendto(data, ("127.0.0.1", live.receiver.port))
    before, strange = live.count, live.receiver.strange
    _until(session, lambda: live.count + live.receiver.strange > before + strange)


def _seen(face: Any, name: str) -> float:
    """Evaluated value of a shape key."""
    graph = bpy.context.evaluated_depsgraph_get()
    return float(face.evaluated_get(graph).data.shape_keys.key_blocks[name].value)


def _keys(session: Any, take: Any, owner: Any, name: str) -> tuple[Any, Any]:
    """Frames and values of a shape key's curve in a take."""
    actions = session.part("animation.actions")
    path = f'key_blocks["{name}"].value'
    (curve,) = [own for own in actions.channels(take, owner) if own.data_path == path]
    return actions.read_keys(curve)


def _refused(action: Callable[[], Any], *words: str) -> None:
    actions = len(bpy.data.actions)
    try:
        action()
    except RuntimeError as error:
        text = str(error)
    else:
        raise AssertionError("it went through")
    assert all(word in text for word in words), text
    assert len(bpy.data.actions) == actions


# --- followed and recorded ----------------------------------------------------------------------


def live_link(session: Any) -> None:
    """600 frames, 60 a second."""
    _followed(session, "LIVE_LINK", 600)


def live_link_in_the_apps_order(session: Any) -> None:
    _followed(session, "LIVE_LINK_APP", 60)


def vmc(session: Any) -> None:
    _followed(session, "VMC", 300)


def ifacialmocap(session: Any) -> None:
    _followed(session, "IFACIALMOCAP", 300)


def _followed(session: Any, source: str, count: int) -> None:
    """Frames of another process are on the face within 50 ms, and all are recorded: each with its
    values, and at the moment that its sender says."""
    face = _face(session)
    keys, sys.path[:] = face.data.shape_keys, [str(ROOT), *sys.path]
    live, waited = _start(session, source), []
    with _sender(session, live, count, source) as process:
        _until(session, lambda: live.count > 0)
        live.kept = [*live.recent]
        recorder = session.part("live.takes").Recording
        live.kept, first = None, live.recent[0]
        recording = recorder(live, bpy.context)
        recording.arrivals.append(first)

        def all_there() -> bool:
            newest = live.newest
            if newest is not None and (not waited or newest is not waited[-1][0]):
                waited.append((newest, time.monotonic()))
                share = newest.frame.weights[session.part(
                    "dreamtalk_core.motion.arkit").INDEX["jawOpen"]]
                assert abs(_seen(face, "jawOpen") - share) < 1e-6
            return live.count >= count

        _until(session, all_there)
        moments = np.array(json.loads(process.communicate()[0]))
    sent = [shown - (own.frame.time or own.moment) for own, shown in waited]
    assert np.median(sent) < LATENCY, np.median(sent)
    recording.end()
    take, frames = recording.apply()
    assert frames == count, "no frame is lost"
    at, values = _keys(session, take, keys, "jawOpen")
    lead = len(at) - count  # a whole frame before the first
    assert lead in (0, 1)
    assert np.allclose(values[lead:], [(i % 100) / 100 for i in range(count)], atol=1e-6)
    _, side = _keys(session, take, keys, "mouthLeft")
    assert np.allclose(side[lead:], [(i * 7 % 100) / 100 for i in range(count)], atol=1e-6)
    apart = np.abs((at[lead:] - at[lead]) / 24 - (moments - moments[0]))
    exact = source != "IFACIALMOCAP"  # which tells no time
    assert apart.max() < 2e-3 if exact else np.median(apart) < LATENCY, apart.max()
    head = bpy.data.objects[face.parent.name]
    assert session.part("animation.actions").channels(take, head), "the head turns, too"
    print(
        f"{source}: {count} frames, none lost; on the face after {1e3 * np.median(sent):.1f} ms "
        f"(95 %: {1e3 * np.quantile(sent, 0.95):.1f}, worst: {1e3 * max(sent):.1f}); "
        f"keys within {1e3 * apart.max():.2f} ms of their times"
    )
    bpy.ops.dreamtalk.stop_live()
    assert _seen(face, "jawOpen") == 0

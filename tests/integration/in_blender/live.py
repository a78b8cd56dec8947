"""Checks of what is received over the network: followed, recorded, punched in, and let go."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import time
import wave
from collections.abc import Callable
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from asking import refusal, sample_head

VOICE = Path(__file__).parents[3] / "dreamtalk_core" / "assets" / "demo_voice.flac"
ROOT = Path(__file__).parents[3]
RATE = 60


def _start(session: Any, source: str = "LIVE_LINK") -> Any:
    settings = bpy.context.scene.dreamtalk_live
    settings.source, settings.port = source, session.free_port()
    assert bpy.ops.dreamtalk.start_live() == {"FINISHED"}
    return session.state.live


@contextmanager
def _sender(session: Any, live: Any, count: int, source: str = "LIVE_LINK") -> Any:
    """Another process that sends so many frames, 60 a second, as far as they are taken; gives what
    is to be called when one more has been."""
    command = [session.worker, "-m", "tests.integration.face_sender"]
    command = [*map(str, command), source, str(live.receiver.port), str(count), str(RATE)]
    given = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, env=given, **pipes) as process:
        told = 0

        def tell() -> None:
            nonlocal told
            with suppress(OSError):  # it has sent all
                process.stdin.write(b"\n" * (live.count - told))
                process.stdin.flush()
            told = live.count

        process.tell = tell
        yield process
        process.kill()


def _until(session: Any, good: Callable[[], bool], patience: float = 120) -> None:
    """Let the timer of what is live fire, which it does not in Blender's module, until it is so."""
    live, until = session.state.live, time.monotonic() + patience
    while not good():
        assert time.monotonic() < until
        time.sleep(1 / 120)
        assert live.timer() is not None, live.problem


def _frame(session: Any, moment: float | None = None, face: bool = True, **shapes: float) -> bytes:
    """A datagram of Live Link Face."""
    live = session.part("dreamtalk_core.live.livelink")
    frame = session.part("dreamtalk_core.live.frame").Frame
    index = session.part("dreamtalk_core.motion.arkit").INDEX
    weights = np.zeros(len(index), np.float32)
    for name, value in shapes.items():
        weights[index[name]] = value
    moment = time.monotonic() if moment is None else moment
    return bytes(live.encode(frame(weights, time=moment, face=face)))


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


def _of(session: Any, arrival: Any, name: str) -> float:
    """A shape of a frame."""
    index = session.part("dreamtalk_core.motion.arkit").INDEX
    return float(arrival.frame.weights[index[name]])


def _keys(session: Any, take: Any, owner: Any, name: str) -> tuple[Any, Any]:
    """Frames and values of a shape key's curve in a take."""
    actions = session.part("animation.actions")
    path = f'key_blocks["{name}"].value'
    (curve,) = [own for own in actions.channels(take, owner) if own.data_path == path]
    return actions.read_keys(curve)


def _refused(action: Callable[[], Any], *words: str) -> None:
    actions = len(bpy.data.actions)
    text = refusal(action)
    assert all(word in text for word in words), text
    assert len(bpy.data.actions) == actions


# --- followed and recorded ----------------------------------------------------------------------


def live_link(session: Any) -> None:
    _followed(session, "LIVE_LINK", 200)


def live_link_in_the_apps_order(session: Any) -> None:
    _followed(session, "LIVE_LINK_APP", 60)


def vmc(session: Any) -> None:
    _followed(session, "VMC", 200)


def ifacialmocap(session: Any) -> None:
    _followed(session, "IFACIALMOCAP", 200)


def _followed(session: Any, source: str, count: int) -> None:
    """Frames of another process are on the face, and all are recorded: each with its values, and at
    the moment that its sender says. How soon, `benchmarks/blender_live.py` judges."""
    face = sample_head(session)
    keys = face.data.shape_keys
    live = _start(session, source)
    waited: list[tuple[Any, float]] = []
    numbers: list[int] = []
    with _sender(session, live, count, source) as process:
        recording = session.part("live.takes").Recording(live, bpy.context)

        def all_there() -> bool:
            shown = time.monotonic()
            process.tell()
            if live.newest is not None and (not waited or live.newest is not waited[-1][0]):
                waited.append((live.newest, shown))
                jaw, lid = (_of(session, live.newest, name) for name in ("jawOpen", "eyeBlinkLeft"))
                if len(waited) % 10 == 0:  # to look takes longer than to follow
                    assert abs(_seen(face, "jawOpen") - jaw) < 1e-6
                numbers.append(round(100 * jaw) + 100 * round(100 * lid))
            return bool(live.count >= count)

        _until(session, all_there)
        times, moments = np.array(json.loads(process.communicate()[0])).T
    sent = [shown - moments[i] for i, (_, shown) in zip(numbers, waited, strict=True)]
    recording.end()
    take, frames = recording.apply()
    assert frames == count, "no frame is lost"
    at, values = _keys(session, take, keys, "jawOpen")
    lead = len(at) - count  # a whole frame before the first
    assert lead in (0, 1)
    assert np.allclose(values[lead:], [(i % 100) / 100 for i in range(count)], atol=1e-6)
    _, side = _keys(session, take, keys, "mouthLeft")
    assert np.allclose(side[lead:], [(i * 7 % 100) / 100 for i in range(count)], atol=1e-6)
    if source == "IFACIALMOCAP":  # which tells no time: a frame is where it came
        _, times = session.part("live.recording").in_time(recording.arrivals)
    apart = np.abs((at[lead:] - at[lead]) / 24 - (times - times[0]))
    assert apart.max() < 1e-3, apart.max()
    head = bpy.data.objects[face.parent.name]
    assert session.part("animation.actions").channels(take, head), "the head turns, too"
    print(
        f"{source}: {count} frames, none lost; on the face after {1e3 * np.median(sent):.1f} ms "
        f"(95 %: {1e3 * np.quantile(sent, 0.95):.1f}, worst: {1e3 * max(sent):.1f}); "
        f"keys within {1e3 * apart.max():.2f} ms of their times"
    )
    bpy.ops.dreamtalk.stop_live()
    assert _seen(face, "jawOpen") == 0


def punched_in(session: Any) -> None:
    """Frames of the range go into the chosen take, at its strip's place; the rest keeps its keys,
    bit for bit, and nothing jumps at the ends."""
    face, scene = sample_head(session), bpy.context.scene
    keys, settings = face.data.shape_keys, scene.dreamtalk
    names = session.part("dreamtalk_core.motion.arkit").ARKIT_NAMES
    motion = session.part("dreamtalk_core.motion").Motion(
        names, np.full((120, len(names)), 0.2, np.float32), 24
    )
    objects = session.part("rigs.characters").objects_of(bpy.context)
    take = session.part("animation.putting").put_take(scene, objects, [motion], "line", 1)
    for owner in (keys, face.parent):
        for strip in session.part("animation.actions").strips(owner):
            if strip.action == take:
                strip.frame_end, strip.frame_start = 140, 21
    assert session.part("animation.moving").shift_of(take) == 20
    before = _keys(session, take, keys, "jawOpen")

    live = _start(session)
    scene.dreamtalk_live.punch, scene.dreamtalk_live.lead = True, 0.25
    settings.range_start, settings.range_stop, settings.range_blend = 200, 210, 4
    _refused(bpy.ops.dreamtalk.record, "not within the take")
    settings.range_start, settings.range_stop = 50, 80
    recording = session.part("live.takes").Recording(live, bpy.context)
    assert (recording.first, recording.stop, recording.plays) == (44, 80, True)
    for i in range(100):  # 1.67 s, 40 frames
        _send(session, _frame(session, i / 60, jawOpen=0.8))
    # As if it had been played: they came evenly.
    for i, own in enumerate(recording.arrivals):
        object.__setattr__(own, "moment", recording.started + i / 60)
    recording.end()
    again, frames = recording.apply()
    assert again == take
    assert len(session.part("animation.takes").takes_on(objects)) == 1
    at, values = _keys(session, take, keys, "jawOpen")
    outside = (at < 30) | (at > 60)  # as its keys are numbered
    kept = (before[0] < 30) | (before[0] > 60)
    assert np.array_equal(at[outside], before[0][kept])
    assert np.array_equal(values[outside], before[1][kept])
    inside = ~outside
    assert inside.sum() == frames, "60 a second, not 24"
    assert abs(frames - 30 * 60 / 24) <= 1
    middle = (at > 35) & (at < 55)
    assert np.allclose(values[middle], 0.8)
    assert np.abs(np.diff(values)).max() < 0.2, "it goes over slowly"
    bpy.ops.dreamtalk.stop_live()
    scene.frame_set(65)
    assert abs(_seen(face, "jawOpen") - 0.8) < 1e-3
    scene.frame_set(100)
    assert abs(_seen(face, "jawOpen") - 0.2) < 1e-3


def recorded_by_the_operator(session: Any) -> None:
    """For so many seconds, where there is no window; what cannot show is refused before."""
    face = sample_head(session)
    _refused(lambda: bpy.ops.dreamtalk.record(seconds=1), "Start Live")
    live = _start(session)
    _refused(bpy.ops.dreamtalk.record, "seconds")
    data = face.data.shape_keys.animation_data_create()
    data.nla_tracks.new()
    data.use_nla = False
    _refused(lambda: bpy.ops.dreamtalk.record(seconds=1), "NLA")
    data.use_nla = True
    data.nla_tracks.remove(data.nla_tracks[0])
    _refused(lambda: bpy.ops.dreamtalk.record(seconds=0.3), "No face came")
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sender:
        for i in range(50):  # they wait where they arrive
            data = _frame(session, i / RATE, jawOpen=i / 50)
            sender.sendto(data, ("127.0.0.1", live.receiver.port))
    assert bpy.ops.dreamtalk.record(seconds=0.3) == {"FINISHED"}
    take = bpy.context.scene.dreamtalk.take
    _, jaw = _keys(session, take, face.data.shape_keys, "jawOpen")
    assert np.allclose(jaw[-50:], np.arange(50) / 50, atol=1e-6)
    _kept_where_no_take_can_be(session, live, face)
    assert session.state.recording is None
    assert live.kept is None


def _kept_where_no_take_can_be(session: Any, live: Any, face: Any) -> None:
    """What was acted waits until the take can be made."""
    module = session.part("live.takes")
    recording = session.state.recording = module.Recording(live, bpy.context)
    _send(session, *[_frame(session, i / RATE, jawOpen=0.5) for i in range(10)])
    recording.end()
    scene = bpy.context.scene
    scene.render.fps = 30
    _refused(bpy.ops.dreamtalk.stop_recording, "frame rate")
    assert session.state.recording is recording
    scene.render.fps = 24
    assert bpy.ops.dreamtalk.stop_recording() == {"FINISHED"}
    assert session.state.recording is None
    _, jaw = _keys(session, scene.dreamtalk.take, face.data.shape_keys, "jawOpen")
    assert np.allclose(jaw, 0.5)


def _kept_with_its_sound(session: Any, take: Any, recording: Any) -> None:
    """What was spoken lies below the take, packed as nothing has been saved: each frame at the
    sound that it was made of."""
    (strip,) = bpy.context.scene.sequence_editor.strips
    assert strip.dreamtalk_take == take
    assert strip.sound.packed_file is not None
    actions = session.part("animation.actions")
    assert strip.frame_start == actions.frame_span(take)[0]
    with wave.open(io.BytesIO(strip.sound.packed_file.data)) as file:
        assert file.getparams()[:3] == (1, 2, 16000)
        kept = np.frombuffer(file.readframes(10**7), "<i2") / 32767
    # How loud it is while the mouth opens and shuts, as the whole of the sound has it.
    arrivals = [own for own in recording.arrivals if own.frame.face]
    seconds = arrivals[-1].frame.time - arrivals[0].frame.time
    assert abs(len(kept) / 16000 - seconds) < 0.4
    loud = np.array([np.abs(kept[at : at + 640]).mean() for at in range(0, len(kept) - 640, 640)])
    jaw = np.array([_of(session, own, "jawOpen") for own in arrivals])[: len(loud)]
    number = min(len(loud), len(jaw))
    best = [np.corrcoef(np.roll(loud, lag)[12 : number - 12], jaw[12 : number - 12])[0, 1]
            for lag in range(-8, 9)]  # fmt: skip
    assert abs(int(np.argmax(best)) - 8) <= 3, best


def spoken_now(session: Any) -> None:
    """A sound as if it were spoken now: the worker's face is on the character, the recording is
    what the whole of the sound gives, and nothing else keeps the worker waiting."""
    face, scene = sample_head(session), bpy.context.scene
    settings, motions = scene.dreamtalk_live, session.part("dreamtalk_core.motion")
    settings.source, settings.sound = "SPEAK", str(session.folder / "none.wav")
    _refused(bpy.ops.dreamtalk.start_live, "no file")
    settings.sound = str(VOICE)
    scene.dreamtalk.style_from, scene.dreamtalk.style = "NAMED", "happy"
    scene.dreamtalk.blinks = 0.0
    assert bpy.ops.dreamtalk.start_live() == {"FINISHED"}
    live = session.state.live
    recording = session.part("live.takes").Recording(live, bpy.context)
    opened = []

    def enough() -> bool:
        opened.append(_seen(face, "jawOpen"))
        return len(recording.arrivals) >= 150

    _until(session, enough, 240)
    assert live.receiver.sender == "DreamTalk (127.0.0.1)"
    assert np.ptp(opened) > 0.15, "it speaks"
    scene.dreamtalk.sound = str(VOICE)
    _refused(bpy.ops.dreamtalk.animate, "DreamTalk is listening", "Stop Live")
    recording.end()
    take, frames = recording.apply()
    assert frames >= 150
    _kept_with_its_sound(session, take, recording)
    task, heard = live.task, live.spoken.file
    assert heard.exists()
    assert bpy.ops.dreamtalk.stop_live() == {"FINISHED"}
    assert not heard.exists()
    assert task.state == "CANCELLED"
    # Each frame tells which of the 25 a second it is.
    arrivals = [own for own in recording.arrivals if own.frame.face]
    told = np.array([own.frame.time for own in arrivals])
    number = np.round(25 * (told - told[0])).astype(int)
    assert np.abs(25 * (told - told[0]) - number).max() < 0.1
    assert (np.diff(number) > 0).all()
    jaw = np.array([_of(session, own, "jawOpen") for own in arrivals])
    _, keyed = _keys(session, take, face.data.shape_keys, "jawOpen")
    assert np.allclose(keyed[-len(jaw) :], jaw, atol=1e-5)
    output, service = session.folder / "whole.npz", session.state.service
    service.wait(
        service.request("animate", output=str(output), speech=str(VOICE), style="happy", blinks=0.0)
    )
    whole = motions.Motion.load(output).resample(25).channel("jawOpen")
    inside = number < len(whole)
    assert np.corrcoef(jaw[inside], whole[number[inside]])[0, 1] > 0.9


# --- what it is told ----------------------------------------------------------------------------


def rest(session: Any) -> None:
    """What the actor shows at rest is taken off, also of what is recorded, and can be put back."""
    face, scene = sample_head(session), bpy.context.scene
    live = _start(session)
    _refused(bpy.ops.dreamtalk.take_rest, "No face comes")
    _send(session, *[_frame(session, i / 60, eyeBlinkLeft=0.3) for i in range(30)])
    assert abs(_seen(face, "eyeBlinkLeft") - 0.3) < 1e-5
    assert bpy.ops.dreamtalk.take_rest() == {"FINISHED"}
    _send(session, _frame(session, 1.0, eyeBlinkLeft=0.3, jawOpen=0.5))
    assert abs(_seen(face, "eyeBlinkLeft")) < 1e-3
    assert abs(_seen(face, "jawOpen") - 0.5) < 1e-3
    bpy.ops.dreamtalk.stop_live()
    live = _start(session)  # it is stored with the scene
    recording = session.part("live.takes").Recording(live, bpy.context)
    _send(session, *[_frame(session, i / 60, eyeBlinkLeft=0.7) for i in range(10)])
    take, _ = recording.apply()
    recording.end()
    _, values = _keys(session, take, face.data.shape_keys, "eyeBlinkLeft")
    assert np.allclose(values, 0.4, atol=1e-3)
    assert bpy.ops.dreamtalk.take_rest(forget=True) == {"FINISHED"}
    assert (scene.dreamtalk_live.rest, live.rest) == ("", None)


def silent(session: Any) -> None:
    """A source that falls silent is named; the face holds, then it goes to rest, and on again."""
    face, module = sample_head(session), session.part("live.session")
    live = _start(session)
    assert "Waiting for Live Link Face" in live.sentence()
    _send(session, b"no face at all")
    assert "not Live Link Face" in live.sentence()
    _send(session, _frame(session, jawOpen=0.8))
    assert "frames a second" in live.sentence()
    live.receiver.last -= 1.2  # as if that had passed
    object.__setattr__(live.newest, "moment", live.newest.moment - 1.2)
    module.HOLD = 600
    live.timer()
    assert "Nothing has come for " in live.sentence(), live.sentence()
    assert live.icon == "ERROR"
    assert abs(_seen(face, "jawOpen") - 0.8) < 1e-5, "it holds"
    module.HOLD = 0.5
    live.timer()
    assert abs(_seen(face, "jawOpen")) < 1e-5
    module.HOLD = 600
    _send(session, _frame(session, face=False))
    assert live.sentence() == "The sender sees no face."
    _send(session, _frame(session, jawOpen=0.4))
    assert abs(_seen(face, "jawOpen") - 0.4) < 1e-5


def a_port_in_use(session: Any) -> None:
    """A sentence, and nothing is left of it."""
    face, settings = sample_head(session), bpy.context.scene.dreamtalk_live
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as other:
        other.bind(("127.0.0.1", 0))
        settings.port = other.getsockname()[1]
        _refused(bpy.ops.dreamtalk.start_live, f"Port {settings.port} is in use", "another port")
        assert session.state.live is None
        assert _seen(face, "jawOpen") == 0
    assert bpy.ops.dreamtalk.start_live() == {"FINISHED"}
    settings.source, settings.phone = "IFACIALMOCAP", "my phone"
    assert settings.port == 49983, "the usual one of the source"
    _refused(bpy.ops.dreamtalk.start_live, "'my phone' is no address")


# --- let go -------------------------------------------------------------------------------------


def over_a_take(session: Any) -> None:
    """What is live is seen over a take, in whatever frame; stopped, the take is seen again."""
    face, scene = sample_head(session), bpy.context.scene
    names = session.part("dreamtalk_core.motion.arkit").ARKIT_NAMES
    ramp = np.repeat(np.linspace(0, 1, 25, dtype=np.float32)[:, None], len(names), axis=1)
    motion = session.part("dreamtalk_core.motion").Motion(names, ramp, 24)
    objects = session.part("rigs.characters").objects_of(bpy.context)
    session.part("animation.putting").put_take(scene, objects, [motion], "line", 1)
    scene.frame_set(13)
    assert abs(_seen(face, "jawOpen") - 0.5) < 1e-3
    _start(session)
    _send(session, _frame(session, jawOpen=0.9))
    for frame in (13, 7, 20):
        scene.frame_set(frame)
        assert abs(_seen(face, "jawOpen") - 0.9) < 1e-5, frame
    path = str(session.folder / "kept.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.dreamtalk.stop_live()
    assert abs(_seen(face, "jawOpen") - 19 / 24) < 1e-3


def let_go(session: Any) -> None:
    """Stop, another file, another scene, a character that goes, and the end of the extension: each
    leaves no timer, no handler and no port."""
    face = sample_head(session)
    handlers = bpy.app.handlers
    lists = ("frame_change_post", "undo_post", "redo_post", "save_pre", "load_pre")

    def counts() -> list[int]:
        return [len(getattr(handlers, name)) for name in lists]

    before = counts()

    def gone(live: Any) -> None:
        assert not live.running
        assert not bpy.app.timers.is_registered(live.timer)
        assert live.timer() is None
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as again:
            again.bind(("127.0.0.1", live.receiver.port))

    def posed() -> Any:
        live = _start(session)
        _send(session, _frame(session, jawOpen=0.9))
        return live

    live = posed()
    for handler in handlers.undo_post:  # Blender's module cannot undo
        handler(bpy.context.scene, None)
    _send(session, _frame(session, jawOpen=0.6))
    assert abs(_seen(face, "jawOpen") - 0.6) < 1e-5
    assert bpy.ops.dreamtalk.stop_live() == {"FINISHED"}
    gone(live)
    assert counts() == before
    assert _seen(face, "jawOpen") == 0

    live = posed()
    second = _start(session)
    gone(live)
    recording = session.part("live.takes").Recording(second, bpy.context)
    other = bpy.data.scenes.new("other")
    bpy.context.window.scene = other
    _send(session, _frame(session, jawOpen=0.7))
    take, _ = recording.apply()
    assert bpy.data.scenes["Scene"].dreamtalk.take == take, "the scene that it began in"
    assert other.dreamtalk.take is None
    recording.end()
    bpy.context.window.scene = bpy.data.scenes["Scene"]
    bpy.ops.dreamtalk.stop_live()
    gone(second)

    live = posed()
    path = str(session.folder / "face.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    gone(live)
    assert counts() == before
    face = bpy.data.objects[next(own.name for own in bpy.data.objects if own.type == "MESH")]
    bpy.context.view_layer.objects.active = face

    live = posed()
    bpy.data.objects.remove(face)
    live.timer()
    _ended(session, live)
    gone(live)
    assert "deleted" in live.problem, live.problem
    assert counts() == before

    assert bpy.ops.dreamtalk.add_head() == {"FINISHED"}
    face, live = bpy.context.object, posed()
    bpy.ops.preferences.addon_disable(module=session.home)
    gone_timer = live.timer
    assert not bpy.app.timers.is_registered(gone_timer)
    assert not live.running
    assert _seen(face, "jawOpen") == 0


def _ended(session: Any, live: Any) -> None:
    """Send what cannot be shown any more, until it is noticed."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sender:
        until = time.monotonic() + 10
        while live.running:
            assert time.monotonic() < until
            sender.sendto(_frame(session), ("127.0.0.1", live.receiver.port))
            live.timer()
            time.sleep(0.01)


def spoken_sound(session: Any) -> None:
    """Sound between two times of day, over midnight too; as a file beside the .blend, which
    replaces none."""
    session.install()
    spoken = session.part("live.spoken")
    heard = spoken.Spoken(session.folder / "heard.pcm")
    assert heard.between(1, 2) == b"", "nothing has been heard"
    samples = np.arange(32000, dtype="<i2")
    heard.file.write_bytes(np.float64(86399.5).tobytes() + samples.tobytes())
    for start, stop, first in ((86399.75, 0.25, 4000), (0.0, 0.5, 8000), (86399.5, 86400.0, 0)):
        assert heard.between(start, stop) == samples[first : first + 8000].tobytes()
    early = np.frombuffer(heard.between(86399.25, 86399.75), "<i2")
    assert not early[:4000].any(), "silence before it began"
    assert np.array_equal(early[4000:], samples[:4000])
    late = np.frombuffer(heard.between(1.0, 2.0), "<i2")
    assert np.array_equal(late[:8000], samples[24000:]), "and after it ended"
    assert len(late) == 16000
    assert not late[8000:].any()
    heard.close()
    assert not heard.file.exists()

    scene = bpy.context.scene
    bpy.ops.wm.save_as_mainfile(filepath=str(session.folder / "szene 1.blend"))
    take = bpy.data.actions.new("Anna live")
    for number, frame in enumerate((10, 200)):
        spoken.put_spoken(scene, take, late.tobytes(), frame, number == 0)
    files = sorted(path.name for path in session.folder.glob("*.wav"))
    assert len(files) == 2, files
    strips = sorted(scene.sequence_editor.strips, key=lambda own: own.frame_start)
    assert [own.frame_start for own in strips] == [10, 200]
    assert [own.dreamtalk_take for own in strips] == [take, None]
    assert not any(own.sound.packed_file for own in strips)

"""The worker from outside, as a program that starts it sees it."""

from __future__ import annotations

import inspect
import json
import signal
import socket
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

import numpy as np
import pytest

from dreamtalk_core.assets import DEMO_PORTRAIT, DEMO_VOICE
from dreamtalk_core.formats.png import encode_png
from dreamtalk_core.live.livelink import decode
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import INDEX
from dreamtalk_core.speech.audio import Speech
from dreamtalk_core.tracking.video import read_image
from dreamtalk_core.version import __version__
from dreamtalk_core.worker.methods import METHODS, Methods
from dreamtalk_core.worker.protocol import KINDS, PROTOCOL, error_message, settings_kinds

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 120


class Client:
    """Requests in, messages out; every line but noise is kept."""

    def __init__(self, *command: str) -> None:
        self.process = subprocess.Popen(
            command or [sys.executable, "-m", "dreamtalk_core.worker"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.lines: SimpleQueue[bytes] = SimpleQueue()
        Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)

    def write(self, line: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def send(self, method: str, number: int | None = None, /, **params: Any) -> None:
        request = {"method": method, "params": params}
        self.write(json.dumps(request if number is None else {"id": number, **request}).encode())

    def receive(self, number: int | float | str | None) -> dict[str, Any]:
        """The next message about a request."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                line = self.lines.get(timeout=1)
            except Empty:
                assert self.process.poll() is None, "the worker has ended"
                continue
            if line.strip() and (message := json.loads(line))["id"] == number:
                return dict(message)
        raise TimeoutError

    def answer_of_any(self) -> dict[str, Any]:
        """The next answer to any request."""
        while True:
            line = self.lines.get(timeout=PATIENCE)
            if line.strip() and "progress" not in (message := json.loads(line)):
                return dict(message)

    def answer(self, number: int | float | str | None) -> dict[str, Any]:
        while "progress" in (message := self.receive(number)):
            pass
        return message

    def ask(self, method: str, number: int = 1, /, **params: Any) -> dict[str, Any]:
        self.send(method, number, **params)
        return self.answer(number)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()


@pytest.fixture(scope="module")
def worker() -> Iterator[Client]:
    client = Client()
    yield client
    client.end()


@pytest.fixture
def fresh_worker() -> Iterator[Client]:
    """For those who end it."""
    client = Client()
    yield client
    client.end()


def test_it_shakes_hands(worker: Client) -> None:
    answer = worker.ask("hello", protocol=PROTOCOL)["result"]
    assert answer["protocol"] == PROTOCOL
    assert answer["version"] == __version__


def test_another_protocol_is_refused(worker: Client) -> None:
    error = worker.ask("hello", protocol=PROTOCOL + 1)["error"]
    assert error["kind"] == "ProtocolError"
    assert "same DreamTalk on both sides" in error["message"]


def test_a_python_without_torch_says_so() -> None:
    code = (
        "import importlib.util as u, sys; find = u.find_spec; "
        "u.find_spec = lambda name, *rest: None if name == 'torch' else find(name, *rest); "
        "sys.path.insert(0, '.'); from dreamtalk_core.worker import main; main()"
    )
    client = Client(sys.executable, "-I", "-c", code)
    try:
        assert "lacks torch" in client.ask("hello", protocol=PROTOCOL)["error"]["message"]
    finally:
        client.end()


def test_a_bare_python_says_so() -> None:
    code = (
        "import sys; sys.modules['numpy'] = None; "
        "sys.path.insert(0, '.'); from dreamtalk_core.worker import main; main()"
    )
    client = Client(sys.executable, "-I", "-c", code)
    try:
        message = client.ask("hello", protocol=PROTOCOL)["error"]["message"]
        assert "numpy" in message
        assert "Install" in message
    finally:
        client.end()


@pytest.mark.slow
def test_it_animates_as_the_pipeline_does(worker: Client, tmp_path: Path) -> None:
    from dreamtalk_core.parameters import Controls
    from dreamtalk_core.pipeline.dreamtalk import DreamTalk

    output = tmp_path / "Zeile ä b.npz"
    worker.send(
        "animate",
        7,
        speech=str(DEMO_VOICE),
        output=str(output),
        style="happy",
        fps="24000/1001",
        seed=3,
        lips=1.2,
        device="cpu",
    )
    assert "progress" in worker.receive(7)
    answer = worker.answer(7)["result"]
    expected = DreamTalk.load(device="cpu").animate(
        DEMO_VOICE, "happy", fps="24000/1001", seed=3, controls=Controls(lips=1.2)
    )
    assert Motion.load(output) == expected
    assert answer == {
        "output": str(output),
        "frames": len(expected),
        "fps": "24000/1001",
        "duration": float(expected.duration),
        "heard": [],
    }


def test_it_animates_a_part(worker: Client, tmp_path: Path) -> None:
    from dreamtalk_core.pipeline.dreamtalk import DreamTalk
    from dreamtalk_core.speech.audio import Speech
    from dreamtalk_core.speech.lines import cut_speech

    output, given = tmp_path / "part.npz", {"style": "happy", "device": "cpu"}
    sound = {"speech": str(DEMO_VOICE), "output": str(output)}
    worker.send("animate", 7, **sound, **given, start=2.0, end=4.0)
    assert worker.answer(7)["result"]["frames"] == 50
    part = cut_speech(Speech.load(DEMO_VOICE), 2.0, 2.0)
    assert Motion.load(output) == DreamTalk.load(device="cpu").animate(part, "happy")
    for start, end, word in ((4.0, 2.0, "an end behind it"), (99.0, 0.0, "Nothing is left")):
        worker.send("animate", 8, **sound, **given, start=start, end=end)
        assert word in worker.answer(8)["error"]["message"]


@pytest.mark.slow
def test_it_sends_the_face_of_what_is_spoken_now(worker: Client, tmp_path: Path) -> None:
    """25 frames a second, evenly, until the sound ends; or until it is cancelled."""
    short = tmp_path / "short.wav"
    with wave.open(str(short), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        said = Speech.load(DEMO_VOICE).waveform[:32000]
        file.writeframes(np.round(said * 32767).astype("<i2").tobytes())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as port:
        port.bind(("127.0.0.1", 0))
        port.settimeout(PATIENCE)
        number = port.getsockname()[1]
        worker.send("speak", 1, port=number, sound=str(short), style="happy")
        frames, moments = [], []
        while len(frames) < 50:
            frames.append(decode(port.recv(1 << 16)))
            moments.append(time.monotonic())
        assert worker.answer(1)["result"]["frames"] >= 50
        times = np.array([own.time for own in frames if own])
        assert np.abs(np.diff(times) % 86400 - 1 / 25).max() < 1e-3
        jaws = [own.weights[INDEX["jawOpen"]] for own in frames if own]
        assert np.ptp(jaws) > 0.1
        assert np.median(np.diff(moments)) > 0.02, "not several at a time"
        while decode(port.recv(1 << 16)).weights.any():  # it goes to rest
            pass
        worker.send("speak", 2, port=number, sound=str(DEMO_VOICE))
        port.recv(1 << 16)
        worker.send("cancel", id=2)
        assert worker.answer(2)["error"]["kind"] == "Cancelled"
    assert "no such file" in worker.ask("speak", 3, port=number, sound="x.wav")["error"]["message"]


@pytest.mark.slow
def test_it_listens(worker: Client, tmp_path: Path) -> None:
    from dreamtalk_core.pipeline.dreamtalk import DreamTalk

    output, voice = tmp_path / "listener.npz", str(DEMO_VOICE)
    asked = {"others": [voice], "output": str(output), "toward": 20, "steps": 1, "device": "cpu"}
    assert worker.ask("animate", **asked)["result"]["heard"] == []
    talk = DreamTalk.load(device="cpu")
    assert Motion.load(output) == talk.listen(talk.load_speech(voice), toward=20.0, steps=1)


@pytest.mark.parametrize(
    ("params", "kind", "words"),
    [
        ({"speech": ""}, "DreamTalkError", "others to listen to"),
        ({"speech": "nowhere.wav"}, "SpeechError", "nowhere.wav"),
        ({"others": ["nowhere.wav"]}, "SpeechError", "nowhere.wav"),
        ({"listening": -1}, "DreamTalkError", "listening"),
        ({"style": "hapy"}, "StyleError", "Did you mean happy"),
        ({"fps": "fast"}, "MotionError", "frame rate"),
        ({"output": "line.mp3"}, "MotionError", ".npz"),
        ({"winks": 1}, "ProtocolError", "blinks"),
        ({"lips": -1}, "DreamTalkError", "lips"),
        ({"loudness": 1}, "ProtocolError", "loudness"),
        ({"project": "nowhere"}, "DreamTalkError", "nowhere"),
    ],
)
def test_mistakes_are_reported(
    worker: Client, tmp_path: Path, params: dict[str, Any], kind: str, words: str
) -> None:
    good = {"speech": str(DEMO_VOICE), "output": str(tmp_path / "line.npz")}
    error = worker.ask("animate", **{**good, **params})["error"]
    assert error["kind"] == kind
    assert words in error["message"]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "line",
    [
        *(b"{", b"[1]", b"\xff\xfe", b'"hello"', b"null", b"NaN", b"[" * 100_000),
        *(b'{"id": [1], "method": "hello"}', b'{"id": {}}', b'{"id": true}', b'{"id": NaN}'),
        *(b'{"id": 1e999}', b'{"id": ' + b"9" * 5000 + b"}", b'{"a": "' + b"x" * (5 << 20) + b'"}'),
        b'{"method": "cancel", "params": {"id": [1]}}',
        b'{"method": "cancel"}',
    ],
    ids=lambda line: repr(line[:40]),
)
def test_nonsense_is_answered_and_survived(worker: Client, line: bytes) -> None:
    worker.write(line)
    assert worker.answer(None)["error"]["kind"] == "ProtocolError"
    assert "result" in worker.ask("hello", protocol=PROTOCOL)


@pytest.mark.parametrize(
    "rest",
    [
        {},
        {"method": 1},
        {"method": ["hello"]},
        {"method": "hello", "params": [1]},
        {"method": "hello", "params": "protocol"},
        {"method": "cancel", "params": [7]},
        {"method": "hello", "params": {"protocol": "1"}},
        {"method": "hello", "params": {"protocol": True}},
    ],
    ids=str,
)
@pytest.mark.parametrize("number", [7, "seven", 7.5])
def test_what_is_wrong_with_a_request_is_reported_by_its_id(
    worker: Client, number: Any, rest: dict[str, Any]
) -> None:
    worker.write(json.dumps({"id": number, **rest}).encode())
    assert worker.answer(number)["error"]["kind"] == "ProtocolError"
    assert "result" in worker.ask("hello", protocol=PROTOCOL)


@pytest.mark.parametrize(
    ("method", "name", "value"),
    [
        ("animate", "speech", 1),
        ("animate", "output", None),
        ("animate", "style", ["happy"]),
        ("animate", "others", "line.wav"),
        ("animate", "guidance_scale", "strong"),
        ("animate", "fps", [25]),
        ("animate", "seed", 1.5),
        ("animate", "steps", True),
        ("animate", "blinks", [1]),
        ("animate", "lips", "much"),
        ("animate", "portrait", 3),
        ("animate", "device", 0),
        ("track", "face", [0]),
        ("extract_style", "performance", "one.mp4"),
        ("extract_style", "tags", [1]),
        ("styles", "project", "a\0b"),
        ("animate", "output", "\ud800.npz"),
        ("extract_style", "tags", ["\udfff"]),
    ],
)
def test_a_setting_of_the_wrong_type_is_reported_by_its_name(
    worker: Client, tmp_path: Path, method: str, name: str, value: Any
) -> None:
    good: dict[str, dict[str, Any]] = {
        "animate": {"speech": str(DEMO_VOICE), "output": str(tmp_path / "line.npz")},
        "track": {"video": "v.mp4", "output": str(tmp_path / "line.npz")},
        "extract_style": {"performance": ["a.csv"], "name": "A"},
        "styles": {},
    }
    error = worker.ask(method, **{**good[method], name: value})["error"]
    assert error["kind"] == "ProtocolError"
    assert f"{method}: {name} " in error["message"]


def test_every_parameter_has_a_kind() -> None:
    """Those that are checked by their annotations."""
    for name in METHODS:
        for parameter in list(inspect.signature(getattr(Methods, name)).parameters.values())[2:]:
            if parameter.kind is not parameter.VAR_KEYWORD:
                assert parameter.annotation in KINDS, f"{name}: {parameter}"
    assert set(settings_kinds().values()) <= set(KINDS)


def test_an_id_in_use_is_refused(worker: Client, tmp_path: Path) -> None:
    output = str(tmp_path / "line.npz")
    worker.send("animate", 21, speech=str(DEMO_VOICE), output=output, style="happy")
    worker.send("hello", 21, protocol=PROTOCOL)
    answers = [worker.answer(21), worker.answer(21)]
    assert {tuple(answer) for answer in answers} == {("id", "error"), ("id", "result")}


@pytest.mark.slow
def test_it_ends_when_nobody_asks_for_long_enough(fresh_worker: Client) -> None:
    assert "result" in fresh_worker.ask("hello", protocol=PROTOCOL, idle=0.5)
    assert fresh_worker.process.wait(timeout=10) == 0


def test_it_does_not_leave_its_working_folder(worker: Client, tmp_path: Path) -> None:
    """Else a relative path of one request would mean another place in the next."""
    worker.ask("styles", project=str(tmp_path))
    error = worker.ask("animate", speech="nowhere.wav", output="line.npz")["error"]
    assert str(tmp_path) not in error["message"]


@pytest.mark.slow
def test_floods_are_answered_and_it_ends_at_their_end(fresh_worker: Client) -> None:
    """Nobody reads while lines are written: that must not keep it from hearing of their end."""
    lines = [
        json.dumps({"id": number, "method": "hello", "params": {"protocol": PROTOCOL}}).encode()
        if number % 2
        else b'{"id": %d, "method": "hello", "params": %d}' % (number, number)
        for number in range(20_000)
    ]
    assert fresh_worker.process.stdin is not None
    fresh_worker.process.stdin.write(b"\n".join(lines) + b"\n")
    fresh_worker.process.stdin.flush()
    answered = {fresh_worker.answer_of_any()["id"] for _ in lines}
    assert answered == set(range(20_000))
    fresh_worker.process.stdin.close()
    fresh_worker.process.wait(timeout=3)


@pytest.mark.slow
def test_it_ends_though_nobody_reads() -> None:
    command = [sys.executable, "-m", "dreamtalk_core.worker"]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdin is not None
        process.stdin.write(b"nonsense\n" * 20_000)
        process.stdin.close()
        assert process.wait(timeout=10) == 0


def test_an_unknown_method_is_reported(worker: Client) -> None:
    assert "animate" in worker.ask("dance")["error"]["message"]
    assert "_talk" not in METHODS


def test_a_fault_of_ours_is_logged() -> None:
    code = (
        "import dreamtalk_core.worker as w\nfrom dreamtalk_core.worker.methods import Methods\n"
        "Methods._talk = lambda *_: 1 / 0\nw.main()"
    )
    client = Client(sys.executable, "-c", code)
    try:
        error = client.ask("styles")["error"]
        assert error["kind"] == "Failure"
        client.ask("shutdown", 2)
        _, log = client.process.communicate(timeout=PATIENCE)
        assert b"Traceback" in log
    finally:
        client.end()


def test_work_is_cancelled_and_leaves_nothing(worker: Client, tmp_path: Path) -> None:
    output = tmp_path / "line.npz"
    for number in (11, 12):
        worker.send("animate", number, speech=str(DEMO_VOICE), output=str(output), style="happy")
    assert "progress" in worker.receive(11)
    worker.send("cancel", id=11)
    worker.send("cancel", id=12)
    assert worker.answer(11)["error"]["kind"] == "Cancelled"
    assert worker.answer(12)["error"]["kind"] == "Cancelled"
    assert not list(tmp_path.iterdir())
    assert "result" in worker.ask("hello", protocol=PROTOCOL)


def test_a_late_cancel_does_not_end_the_next_of_its_number(worker: Client) -> None:
    assert "result" in worker.ask("hello", 5, protocol=PROTOCOL)
    worker.send("cancel", id=5)
    assert "result" in worker.ask("hello", 5, protocol=PROTOCOL)


@pytest.mark.slow
def test_it_ends_with_those_who_listen(fresh_worker: Client, tmp_path: Path) -> None:
    fresh_worker.send("animate", 1, speech=str(DEMO_VOICE), output=str(tmp_path / "line.npz"))
    fresh_worker.receive(1)
    assert fresh_worker.process.stdin is not None
    fresh_worker.process.stdin.close()
    fresh_worker.process.wait(timeout=10)
    assert not list(tmp_path.iterdir())


def test_shutdown_ends_it(fresh_worker: Client) -> None:
    assert fresh_worker.ask("shutdown")["result"] == {}
    assert fresh_worker.process.wait(timeout=10) == 0


def test_what_libraries_print_goes_to_the_log() -> None:
    code = (
        "import os, sys; sys.path.insert(0, '.'); from dreamtalk_core.worker import main, server; "
        "told = server.Methods.hello; "
        "server.Methods.hello = lambda *a, **k: (print('noise'), os.write(1, b'low noise'), "
        "told(*a, **k))[-1]; server.bound = lambda m, p, k: lambda: m(p, **k); main()"
    )
    client = Client(sys.executable, "-I", "-c", code)
    try:
        assert client.ask("hello", protocol=PROTOCOL)["result"]["version"] == __version__
        client.ask("shutdown", 2)
        _, log = client.process.communicate(timeout=PATIENCE)
        assert b"noise" in log
        assert b"low noise" in log
    finally:
        client.end()


@pytest.mark.slow
def test_styles_have_pictures_that_are_drawn_once(worker: Client, tmp_path: Path) -> None:
    found = worker.ask("styles", pictures=str(tmp_path))["result"]["styles"]
    happy = next(style for style in found if style["name"] == "happy")
    picture = Path(happy["picture"])
    assert happy["shelf"] == "model"
    assert picture.read_bytes().startswith(b"\x89PNG")
    before = picture.stat().st_mtime_ns
    assert worker.ask("styles", pictures=str(tmp_path))["result"]["styles"] == found
    assert picture.stat().st_mtime_ns == before


@pytest.mark.slow
def test_styles_are_saved_in_the_project(worker: Client, tmp_path: Path) -> None:
    where = {"project": str(tmp_path), "shelf": "project"}
    saved = worker.ask("save_style", style="happy*0.7+sad*0.3", name="wistful", **where)["result"]
    assert (saved["name"], saved["shelf"]) == ("wistful", "project")
    assert (tmp_path / "dreamtalk_styles" / "wistful.safetensors").is_file()
    names = {
        style["name"] for style in worker.ask("styles", project=str(tmp_path))["result"]["styles"]
    }
    assert "wistful" in names
    others = {style["name"] for style in worker.ask("styles")["result"]["styles"]}
    assert "wistful" not in others


def test_a_style_that_changes_is_not_one_to_keep(worker: Client, tmp_path: Path) -> None:
    error = worker.ask(
        "save_style", style="happy@0, sad@2", name="both", project=str(tmp_path), shelf="project"
    )["error"]
    assert "one style" in error["message"]


@pytest.mark.slow
def test_a_performance_gives_a_style(worker: Client, tmp_path: Path) -> None:
    take = tmp_path / "take.npz"
    worker.ask("animate", speech=str(DEMO_VOICE), output=str(take), style="angry")
    saved = worker.ask(
        "extract_style",
        performance=[str(take)],
        name="hers",
        tags=["loud"],
        project=str(tmp_path),
        shelf="project",
        pictures=str(tmp_path),
    )["result"]
    assert saved["tags"] == ["loud"]
    assert Path(saved["picture"]).is_file()
    error = worker.ask("extract_style", performance=[str(take)], name="a/b")["error"]
    assert error["kind"] == "StyleError"


@pytest.mark.slow
def test_what_is_doubtful_is_reported_with_the_result(worker: Client, tmp_path: Path) -> None:
    small = tmp_path / "small.png"
    small.write_bytes(encode_png(np.ascontiguousarray(read_image(DEMO_PORTRAIT)[::5, ::5])))
    take = str(tmp_path / "take.npz")
    answer = worker.ask("animate", speech=str(DEMO_VOICE), output=take, portrait=str(small))
    assert answer["result"]["frames"]
    (warning,) = answer["warnings"]
    assert "pixels" in warning


posix = pytest.mark.skipif(sys.platform == "win32", reason="needs signals of POSIX")


@pytest.mark.slow
@posix
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_cancels_and_ends_it(name: str, fresh_worker: Client, tmp_path: Path) -> None:
    output = tmp_path / "line.npz"
    fresh_worker.send("animate", 1, speech=str(DEMO_VOICE), output=str(output), steps=200)
    while not fresh_worker.receive(1)["progress"][0]:  # until then it loads what it needs
        pass
    number = getattr(signal, name)
    fresh_worker.process.send_signal(number)
    assert fresh_worker.answer(1)["error"]["kind"] == "Cancelled"
    assert fresh_worker.process.wait(PATIENCE) == 128 + number
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_end_of_its_input_cancels_what_it_does(fresh_worker: Client, tmp_path: Path) -> None:
    output = tmp_path / "line.npz"
    fresh_worker.send("animate", 1, speech=str(DEMO_VOICE), output=str(output), steps=200)
    while not fresh_worker.receive(1)["progress"][0]:  # until then it loads what it needs
        pass
    assert fresh_worker.process.stdin is not None
    fresh_worker.process.stdin.close()
    assert fresh_worker.process.wait(PATIENCE) == 0
    assert list(tmp_path.iterdir()) == []


def test_lack_of_memory_is_reported_as_such() -> None:
    answer = error_message(MemoryError())
    assert answer["kind"] == "OutOfMemoryError"
    assert "Not enough memory" in answer["message"]
    long = error_message(ValueError("a\nb\x1b" + "x" * 5000))
    assert long["kind"] == "Failure"
    assert long["message"].isprintable()
    assert len(long["message"]) <= 1000

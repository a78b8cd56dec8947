"""`dreamtalk live` from end to end, over the loopback."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from dreamtalk_core import Motion
from dreamtalk_core.assets import DEMO_VOICE
from dreamtalk_core.cli import main
from dreamtalk_core.live import ifacialmocap, livelink, vmc
from dreamtalk_core.live.frame import Frame
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.pipeline import stream
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech
from dreamtalk_core.speech.sound import write_wav
from tests.conftest import ROOT
from tests.pipeline.live.test_sockets import free_port
from tests.pipeline.live.waiting import until

pytestmark = pytest.mark.slow

DECODERS = {
    "livelink": livelink.decode,
    "vmc": vmc.Decoder().decode,
    "ifacialmocap": ifacialmocap.decode,
}
PRECISION = {"livelink": 1e-7, "vmc": 1e-7, "ifacialmocap": 0.005 + 1e-6}


class Receiver:
    """Collects what is sent to a port."""

    def __init__(self, scheme: str) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = f"{scheme}://127.0.0.1:{self.socket.getsockname()[1]}"
        self.frames: list[Frame] = []
        self.decode = DECODERS[scheme]
        threading.Thread(target=self._receive, daemon=True).start()

    def _receive(self) -> None:
        while True:
            frame = self.decode(self.socket.recv(1 << 16))
            if frame is not None:
                self.frames.append(frame)


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[Motion]:
    """All that a stream gives, beside whoever uses it."""
    found: list[Motion] = []

    class Recorded(stream.MotionStream):
        def _advance(self, known: int, settled: int) -> Motion | None:
            motion = super()._advance(known, settled)
            if motion is not None:
                found.append(motion)
            return motion

    monkeypatch.setattr(stream, "MotionStream", Recorded)
    return found


@pytest.fixture
def line(tmp_path: Path) -> Path:
    path = tmp_path / "a line.wav"
    write_wav(path, Speech.load(DEMO_VOICE).waveform[None, : 3 * SAMPLE_RATE], SAMPLE_RATE)
    return path


def test_what_arrives_is_what_the_stream_gives(given: list[Motion], line: Path) -> None:
    receivers = {scheme: Receiver(scheme) for scheme in DECODERS}
    targets = [word for one in receivers.values() for word in ("--to", one.address)]
    assert main(["live", "--from", str(line), *targets, "--style", "happy"]) == 0
    until(lambda: all(len(one.frames) == 75 + 12 + 1 for one in receivers.values()))
    # The first is of what was heard to be warm, before the show.
    motions = [motion.over(ARKIT_NAMES) for motion in given[1:]]
    weights = np.concatenate([motion.weights for motion in motions])
    heads = np.concatenate([motion.head_rotation for motion in motions])
    assert len(weights) == 75
    assert weights[:, ARKIT_NAMES.index("jawOpen")].max() > 0.1
    for scheme, receiver in receivers.items():
        frames = receiver.frames
        got = np.array([frame.weights for frame in frames[:75]])
        assert np.abs(got - weights).max() <= PRECISION[scheme], scheme
        turned = np.array([frame.head for frame in frames[:75]])
        assert np.abs(turned - heads).max() < 1e-3, scheme
        assert not frames[-1].weights.any()
        assert not frames[-1].head.any()


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise there")
def test_ctrl_c_ends_clean_with_a_client_that_never_reads() -> None:
    port, web = free_port(), free_port()
    command = [
        sys.executable,
        "-m",
        "dreamtalk_core.cli",
        "live",
        "--from",
        f"tcp://127.0.0.1:{port}",
    ]
    process = subprocess.Popen(
        [*command, "--to", f"ws://127.0.0.1:{web}"],
        cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # In the background of a shell it is ignored, and so it is by whoever is started there.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    try:
        assert process.stderr is not None
        lines = [process.stderr.readline() for _ in range(3)]
        assert any("Ctrl-C ends" in line for line in lines), lines
        with socket.create_connection(("127.0.0.1", web)) as slow:
            slow.sendall(
                b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            )
            assert slow.recv(12) == b"HTTP/1.1 101"
            process.send_signal(signal.SIGINT)
            _, rest = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert rest == "dreamtalk: cancelled\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--from", "mic", "--to", "vmc://127.0.0.1", "--look-ahead", "-5"], "0 to 1000"),
        (["--from", "-", "--other", "-", "--to", "vmc://127.0.0.1"], "Only one"),
        (["--from", "x.wav", "--to", "vmc"], "no address"),
        (["--from", "x.wav", "--to", "vmc://127.0.0.1", "--fps", "30"], "25 frames"),
        (["--from", str(DEMO_VOICE), "--to", "vmc://127.0.0.1", "--style", "auto"], "auto"),
    ],
)
def test_what_is_wrong_is_said(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["live", *arguments]) == 2
    assert says in capsys.readouterr().err

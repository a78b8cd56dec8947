"""A live face for ten minutes: `python benchmarks/live.py [--seconds 600] [--clients 50]`.

`dreamtalk live` speaks the demo voice over and over, to Live Link Face, to a VMC receiver that is
not there, and to clients of a web socket, one of which never reads and one of which vanishes. Told
of every minute: how long after its sound a frame's packet arrived (that of the middle of a frame,
by the frame's own time code), how evenly they came, and what memory was taken.
Needs pip install dreamtalk[live].
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from dreamtalk_core.assets import DEMO_VOICE  # noqa: E402
from dreamtalk_core.live import livelink  # noqa: E402
from dreamtalk_core.motion import MODEL_FPS  # noqa: E402
from dreamtalk_core.pipeline.live.pacer import time_of_day  # noqa: E402
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech  # noqa: E402
from dreamtalk_core.speech.sound import write_wav  # noqa: E402

Row = tuple[float, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--clients", type=int, default=50)
    options = parser.parse_args()
    if options.clients < 3:
        parser.error("--clients: three or more, one of which never reads, and one vanishes")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "voice.wav"
        voice = Speech.load(DEMO_VOICE).waveform
        write_wav(path, np.resize(voice, options.seconds * SAMPLE_RATE)[None], SAMPLE_RATE)
        measure(path, options.seconds, options.clients)


def measure(path: Path, seconds: int, clients: int) -> None:
    receiver, port = bound()
    rows: list[Row] = []
    threading.Thread(target=receive, args=(receiver, rows), daemon=True).start()
    web = free_port()
    nobody = free_port()
    command = [
        sys.executable, "-m", "dreamtalk_core.cli", "live", "--from", str(path),
        "--to", f"livelink://127.0.0.1:{port}", "--to", f"vmc://127.0.0.1:{nobody}",
        "--to", f"ws://127.0.0.1:{web}",
    ]  # fmt: skip
    counts = [0] * clients
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL) as process:
        memory: list[Row] = []
        threading.Thread(target=watch, args=(process, memory), daemon=True).start()
        threading.Thread(target=lambda: asyncio.run(visit(web, counts)), daemon=True).start()
        process.wait()
    time.sleep(0.5)
    table(rows, memory, seconds)
    whole = np.array(counts[2:])
    print(f"\nclients {clients}: each had {whole.min()} to {whole.max()} of {len(rows)} frames,")
    print(f"but for one that never reads, and one that vanished after {counts[1]}")


def bound() -> tuple[socket.socket, int]:
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", 0))
    return receiver, receiver.getsockname()[1]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def receive(receiver: socket.socket, rows: list[Row]) -> None:
    while True:
        data = receiver.recv(4096)
        now, frame = time_of_day(), livelink.decode(data)
        assert frame is not None
        assert frame.time is not None
        rows.append((now, frame.time))


def watch(process: subprocess.Popen[bytes], memory: list[Row]) -> None:
    """Memory of a process in MB, on Linux, without the pages of files, such as the long sound's."""
    status = Path(f"/proc/{process.pid}/status")
    while process.poll() is None and status.exists():
        lines = status.read_text().splitlines()
        size = next((line for line in lines if line.startswith("RssAnon")), "")
        if size:
            memory.append((time_of_day(), int(size.split()[1]) / 1024))
        time.sleep(1)


async def visit(port: int, counts: list[int]) -> None:
    """Clients of the web socket: the first never reads, the second vanishes after five seconds."""
    from websockets.asyncio.client import connect
    from websockets.exceptions import ConnectionClosed

    async def one(i: int) -> None:
        for _ in range(600):
            try:
                client = await connect(f"ws://127.0.0.1:{port}", proxy=None, max_queue=4)
                break
            except OSError:
                await asyncio.sleep(0.1)
        if i == 0:
            await asyncio.sleep(1e6)
        try:
            async for _ in client:
                counts[i] += 1
                if i == 1 and counts[1] > 5 * MODEL_FPS:
                    client.transport.abort()
        except ConnectionClosed as error:
            if i != 1:
                print(f"client {i} was lost: {error}")

    await asyncio.gather(*(one(i) for i in range(len(counts))))


def table(rows: list[Row], memory: list[Row], seconds: int) -> None:
    arrived, sounded = np.array(rows[:-1]).T  # the last is a face at rest, at once
    late = 1000 * (arrived - sounded)
    gaps = 1000 * np.diff(arrived, prepend=arrived[0] - 1 / MODEL_FPS)
    wanted = seconds * MODEL_FPS + MODEL_FPS // 2
    print(f"\n{len(late)} frames of {wanted} (with half a second to rest)")
    print("minute  late ms: median  95 %  worst  gap ms: 1 %  99 %  memory MB")
    sizes = np.array(memory or [(0.0, np.nan)])
    for minute in range(int(np.ceil(seconds / 60))):
        at = (sounded - sounded[0]) // 60 == minute
        here = (sizes[:, 0] - arrived[0]) // 60 == minute
        size = sizes[here, 1].max() if here.any() else np.nan
        middle, most, worst = np.percentile(late[at], [50, 95, 100])
        low, high = np.percentile(gaps[at], [1, 99])
        print(
            f"{minute + 1:6}{middle:17.0f}{most:6.0f}{worst:7.0f}{low:13.0f}{high:6.0f}{size:11.0f}"
        )


if __name__ == "__main__":
    main()

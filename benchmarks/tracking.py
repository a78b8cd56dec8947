"""How fast faces are tracked: `python benchmarks/tracking.py [--seconds 20]`.

Makes a 720p video of the built-in head, talking and turning, and prints frames per second with and
without decoding, memory, and the time to the first face in a new process.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from queue import Queue

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from dreamtalk_core.motion.arkit import INDEX  # noqa: E402
from dreamtalk_core.render.head.renderer import HeadRenderer  # noqa: E402

WIDTH, HEIGHT, FPS = 1280, 720, 25

FIRST_FACE = """
import sys, time
start = time.perf_counter()
import torch
torch_there = time.perf_counter()
import av
from dreamtalk_core.tracking.tracker import FaceTracker
tracker = FaceTracker.load()
loaded = time.perf_counter()
with av.open(sys.argv[1]) as file:
    image = next(file.decode(video=0)).to_ndarray(format="rgb24")
assert tracker.find(image)
found = time.perf_counter()
print(f"{torch_there - start:.2f} s to import torch, then {loaded - torch_there:.2f} s to load and "
      f"{found - loaded:.2f} s to the first face")
"""


def make_video(path: Path, seconds: float) -> None:
    """A head in front of grey, 720p, H.264."""
    import av

    renderer = HeadRenderer(512)
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=FPS, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for i in range(round(seconds * FPS)):
            t = i / FPS
            row = np.zeros(52)
            row[INDEX["jawOpen"]] = 0.25 + 0.25 * np.sin(21 * t)
            row[INDEX["mouthSmileLeft"]] = 0.3 + 0.3 * np.sin(t)
            turn = (5 * np.sin(2 * t), 15 * np.sin(0.9 * t), 5 * np.sin(1.3 * t))
            picture = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
            left = round(384 + 200 * np.sin(0.5 * t))
            picture[100:612, left : left + 512] = renderer.render(row, turn)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            file.mux(stream.encode(frame))
        file.mux(stream.encode())


def decoded(path: Path) -> Iterator[np.ndarray]:
    import av

    with av.open(str(path)) as file:
        for frame in file.decode(video=0):
            yield frame.to_ndarray(format="rgb24")


def ahead(frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Frames that a second thread reads ahead."""
    queue: Queue[np.ndarray | None] = Queue(4)

    def read() -> None:
        for frame in frames:
            queue.put(frame)
        queue.put(None)

    threading.Thread(target=read, daemon=True).start()
    while (frame := queue.get()) is not None:
        yield frame


def megabytes() -> str:
    """The most memory that this process has had."""
    if os.name != "posix":
        return "?"
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return f"{peak / 2 ** (10 if sys.platform == 'linux' else 20):.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "head.mp4"
        make_video(video, arguments.seconds)
        code = [sys.executable, "-c", FIRST_FACE, str(video)]
        for _ in range(2):  # the first may wait for the disk
            done = subprocess.run(code, cwd=ROOT, capture_output=True, text=True, check=True)
        print(done.stdout.strip())

        import torch

        from dreamtalk_core.tracking.tracker import FaceTracker

        print(f"{WIDTH} x {HEIGHT}, torch {torch.__version__}, {torch.get_num_threads()} threads")
        tracker = FaceTracker.load()
        lost = sum(face is None for face in tracker.follow(decoded(video)))
        peak = megabytes()
        for name, source in (
            ("tracking alone", iter(list(islice(decoded(video), 4 * FPS)))),
            ("with decoding", decoded(video)),
            ("with decoding in a second thread", ahead(decoded(video))),
        ):
            start, busy = time.perf_counter(), time.process_time()
            count = sum(1 for _ in tracker.follow(source))
            took, busy = time.perf_counter() - start, time.process_time() - busy
            print(
                f"{name}: {count / took:.1f} frames/s "
                f"({1000 * took / count:.1f} ms, {1000 * busy / count:.1f} ms of processor time)"
            )
        print(f"{lost} frames without a face; {peak} MB at most while following the video")


if __name__ == "__main__":
    main()

"""How fast the head preview is drawn and encoded: `python benchmarks/preview.py [--seconds 10]`.

Prints frames per second of a job at 512 x 512 with H.264 and AAC, and the processor
time per frame, which depends less on what else the machine is doing. With --cold, also the time to
the first picture in a new process without compiled kernels (numba's cache in an empty folder).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from dreamtalk_core.motion import Motion  # noqa: E402
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX  # noqa: E402
from dreamtalk_core.render.head.pictures import HeadPictures  # noqa: E402
from dreamtalk_core.render.head.renderer import HeadRenderer  # noqa: E402
from dreamtalk_core.render.job import render  # noqa: E402
from dreamtalk_core.render.threads import threads  # noqa: E402
from dreamtalk_core.speech.audio import Speech  # noqa: E402

FIRST_PICTURE = """
import time
start = time.perf_counter()
import numpy as np
from dreamtalk_core.render.head.renderer import HeadRenderer
imported = time.perf_counter()
HeadRenderer(512).render(np.zeros(52, np.float32))
drawn = time.perf_counter()
print(f"{imported - start:.2f} s to import, {drawn - imported:.2f} s to the first picture")
"""


def talking(seconds: float) -> Motion:
    """A head that talks, blinks, smiles, looks and turns: every part of the picture moves."""
    fps = Fraction(25)
    t = np.arange(round(seconds * 25)) / 25
    weights = np.zeros((len(t), len(ARKIT_NAMES)))
    for name, values in (
        ("jawOpen", 0.25 + 0.2 * np.sin(21 * t)),
        ("mouthFunnel", 0.2 + 0.2 * np.sin(9 * t)),
        ("mouthSmileLeft", 0.3 + 0.3 * np.sin(t)),
        ("mouthSmileRight", 0.3 + 0.3 * np.sin(t)),
        ("browInnerUp", 0.3 + 0.3 * np.sin(1.7 * t)),
        ("eyeBlinkLeft", np.clip(8 * np.sin(2 * t) - 7, 0, 1)),
        ("eyeBlinkRight", np.clip(8 * np.sin(2 * t) - 7, 0, 1)),
        ("eyeLookOutLeft", np.clip(np.sin(1.1 * t), 0, 1)),
        ("eyeLookInRight", np.clip(np.sin(1.1 * t), 0, 1)),
    ):
        weights[:, INDEX[name]] = values
    turn = np.stack([4 * np.sin(1.3 * t), 14 * np.sin(0.8 * t), 3 * np.sin(t)], axis=1)
    return Motion(ARKIT_NAMES, weights, fps, turn)


def measured(label: str, frames: int, work: Callable[[], object]) -> None:
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    print(
        f"{label}: {frames / wall:6.1f} frames/s, "
        f"{1000 * cpu / frames:5.1f} ms of processor time per frame"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--cold", action="store_true")
    options = parser.parse_args()
    if options.cold:
        with tempfile.TemporaryDirectory() as cache:
            for state in ("no cache", "cached"):
                print(f"{state}: ", end="", flush=True)
                env = {**os.environ, "NUMBA_CACHE_DIR": cache}
                subprocess.run([sys.executable, "-c", FIRST_PICTURE], env=env, cwd=ROOT, check=True)
    motion = talking(options.seconds)
    rng = np.random.default_rng(0)
    noise = rng.uniform(-0.3, 0.3, round(16000 * options.seconds)).astype(np.float32)
    speech = Speech(noise, "noise")
    renderer = HeadRenderer(options.size)
    renderer.render(motion.weights[0])

    def draw() -> None:
        for weights, turn in zip(motion.weights, motion.head_rotation, strict=True):
            renderer.render(weights, turn)

    print(f"{options.size} x {options.size}, {len(motion)} frames, {threads()} drawing threads")
    measured("drawing, one thread  ", len(motion), draw)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "preview.mp4"
        measured(
            "preview with encoding",
            len(motion),
            lambda: render(HeadPictures(motion, options.size), path, speech),
        )
        print(f"file: {path.stat().st_size / 1e3 / options.seconds:.0f} kB/s")


if __name__ == "__main__":
    main()

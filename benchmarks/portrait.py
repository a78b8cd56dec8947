"""Speed and memory of the portrait renderer, encoding included.

    python benchmarks/portrait.py [PORTRAIT] [--seconds 4] [--sizes 512 1080]

A face, cropped to so many pixels, is moved by speech-like curves with all of the head, mouth and
eyes in motion at once, which is the slowest case.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from dreamtalk_core.assets import DEMO_PORTRAIT  # noqa: E402
from dreamtalk_core.motion import Motion  # noqa: E402
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX  # noqa: E402
from dreamtalk_core.render.job import render  # noqa: E402
from dreamtalk_core.render.portrait.pictures import PortraitPictures  # noqa: E402
from dreamtalk_core.render.portrait.renderer import PortraitRenderer  # noqa: E402
from dreamtalk_core.tracking.portrait import read_portrait  # noqa: E402


def curves(count: int) -> Motion:
    t = np.arange(count) / 25
    weights = np.zeros((count, 52), np.float32)
    names = ("jawOpen", "mouthSmileLeft", "mouthPucker", "eyeBlinkLeft", "eyeLookInLeft")
    for k, name in enumerate((*names, "eyeBlinkRight", "browInnerUp")):
        weights[:, INDEX[name]] = 0.3 + 0.3 * np.sin(t * (7 + k))
    turns = np.stack([5 * np.sin(t * 3), 8 * np.sin(t * 2), 3 * np.cos(t)], 1)
    return Motion(ARKIT_NAMES, weights, 25, turns)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("portrait", type=Path, nargs="?", default=DEMO_PORTRAIT)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 1080])
    arguments = parser.parse_args()
    motion = curves(round(25 * arguments.seconds))
    for size in arguments.sizes:
        found = read_portrait(arguments.portrait, crop=size)
        face = found.face
        begin = time.perf_counter()
        renderer = PortraitRenderer(found.image, face.landmarks, face.matrix, face.weights)
        renderer.render(motion.weights[0], motion.head_rotation[0])
        ready = time.perf_counter() - begin
        begin, cpu = time.perf_counter(), time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            render(PortraitPictures(renderer, motion), Path(folder) / "out.mp4")
        wall = time.perf_counter() - begin
        cpu = time.process_time() - cpu
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{size} x {size}: {len(motion) / wall:.1f} frames/s, "
            f"{1000 * cpu / len(motion):.1f} ms of CPU per frame, "
            f"ready after {ready:.2f} s, {memory:.0f} MB"
        )


if __name__ == "__main__":
    main()

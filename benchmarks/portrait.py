"""Speed and memory of the portrait renderer, encoding included.

    python benchmarks/portrait.py PORTRAIT [--seconds 4] [--sizes 512 1080]

A portrait is scaled until its shorter side has so many pixels, and moved by speech-like curves with
all of the head, mouth and eyes in motion at once, which is the slowest case.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import numpy as np

from dreamtalk_core.arkit import INDEX
from dreamtalk_core.render.portrait import PortraitRenderer
from dreamtalk_core.render.video import write_video
from dreamtalk_core.tracking.crop import Region, crop
from dreamtalk_core.tracking.portrait import read_portrait


def curves(count: int) -> tuple[np.ndarray, np.ndarray]:
    t = np.arange(count) / 25
    weights = np.zeros((count, 52), np.float32)
    names = ("jawOpen", "mouthSmileLeft", "mouthPucker", "eyeBlinkLeft", "eyeLookInLeft")
    for k, name in enumerate((*names, "eyeBlinkRight", "browInnerUp")):
        weights[:, INDEX[name]] = 0.3 + 0.3 * np.sin(t * (7 + k))
    turns = np.stack([5 * np.sin(t * 3), 8 * np.sin(t * 2), 3 * np.cos(t)], 1)
    return weights, turns


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("portrait", type=Path)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 1080])
    arguments = parser.parse_args()
    portrait = read_portrait(arguments.portrait)
    weights, turns = curves(round(25 * arguments.seconds))
    for size in arguments.sizes:
        height, width = portrait.image.shape[:2]
        side = min(height, width)
        view = Region(width / 2, side / 2, side, side)
        image = crop(portrait.image, view, size, black_border=False)
        face = portrait.face
        landmarks = (face.landmarks - [(width - side) / 2, 0, 0]) * (size / side)
        begin = time.perf_counter()
        renderer = PortraitRenderer(image, landmarks, face.matrix, face.weights)
        renderer.render(weights[0], turns[0])
        ready = time.perf_counter() - begin
        begin, cpu = time.perf_counter(), time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            write_video(Path(folder) / "out.mp4", renderer.frames(weights, turns), Fraction(25))
        wall = time.perf_counter() - begin
        cpu = time.process_time() - cpu
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{size} x {size}: {len(weights) / wall:.1f} frames/s, "
            f"{1000 * cpu / len(weights):.1f} ms of CPU per frame, "
            f"ready after {ready:.2f} s, {memory:.0f} MB"
        )


if __name__ == "__main__":
    main()

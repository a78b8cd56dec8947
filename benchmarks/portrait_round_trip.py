"""Does a portrait do what it is told? Motion is drawn on portraits and tracked in the pictures.

    python benchmarks/portrait_round_trip.py SPEECH PORTRAIT [PORTRAIT ...] [--every 2]

For each portrait: correlation of the tracked curve with the driving one, in the speech and, in the
second row, of each shape by itself as it rises in six steps; of the gap between the
lips that is tracked with the one that the curves ask for; how far the chin sinks as the jaw opens,
in shares of how far the lips part; and degrees by which turns of up to 20 degrees are missed. The
first row is the built-in head, drawn in full 3D: what the tracker makes of a face that moves
exactly as told.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.motion.arkit import INDEX
from dreamtalk_core.pipeline.dreamtalk import DreamTalk
from dreamtalk_core.render.head.renderer import HeadRenderer
from dreamtalk_core.render.portrait.renderer import PortraitRenderer
from dreamtalk_core.render.portrait.template import load_template
from dreamtalk_core.tracking.portrait import read_portrait
from dreamtalk_core.tracking.tracker import Face, FaceTracker

SHAPES = ("jawOpen", "eyeBlinkLeft", "mouthSmileLeft", "mouthPucker", "mouthFunnel")
TURNS = [(0, 20, 0), (0, -20, 0), (0, 10, 0), (10, 0, 0), (-10, 0, 0), (0, 0, 20), (0, 0, -20)]
UPPER, LOWER, CHIN = 13, 14, 152
"""Landmarks."""
Draw = Callable[[NDArray[np.float32], NDArray[np.float64]], NDArray[np.uint8]]


def report(name: str, draw: Draw, curves: NDArray[np.float32], tracker: FaceTracker) -> None:
    still = np.zeros(3)
    (rest, *_) = tracker.find(draw(np.zeros(52, np.float32), still))
    faces = [tracker.find(draw(weights, still))[0] for weights in curves]
    seen = np.stack([face.weights for face in faces])
    cells = []
    for shape in SHAPES:
        given, read = curves[:, INDEX[shape]], seen[:, INDEX[shape]]
        # A curve that hardly moves says nothing.
        quiet = given.std() < 0.02
        cells.append("  -  " if quiet else f"{np.corrcoef(given, read)[0, 1]:5.2f}")
    gaps = np.array([face.landmarks[LOWER, 1] - face.landmarks[UPPER, 1] for face in faces])
    cells.append(f"{np.corrcoef(gap_asked_for(curves), gaps)[0, 1]:5.2f}")
    cells.append(f"{chin_share(draw, rest, tracker):5.2f}")
    missed = np.zeros(3)
    for turn in TURNS:
        (face, *_) = tracker.find(draw(np.zeros(52, np.float32), np.array(turn, float)))
        off = np.abs(face.head_rotation - rest.head_rotation - turn)
        missed = np.maximum(missed, off * (np.array(turn) != 0))
    print(f"{name:16}", *cells, "  missed", *(f"{value:4.1f}" for value in missed), flush=True)
    alone = (f"{risen(draw, shape, tracker):5.2f}" for shape in SHAPES)
    print(f"{'  by itself':16}", *alone, flush=True)


def risen(draw: Draw, shape: str, tracker: FaceTracker) -> float:
    """Correlation of a shape, on both sides if it has two, with what is tracked as it rises."""
    steps = np.linspace(0, 1, 6)
    both = [shape, shape.replace("Left", "Right")]
    seen = []
    for step in steps:
        weights = np.zeros(52, np.float32)
        weights[[INDEX[name] for name in both]] = step
        seen.append(tracker.find(draw(weights, np.zeros(3)))[0].weights[INDEX[shape]])
    return float(np.corrcoef(steps, seen)[0, 1])


def gap_asked_for(curves: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far the built-in head's lips part [T], mm, for curves [T, 52]."""
    rise = load_template().deltas[:, UPPER, 1] - load_template().deltas[:, LOWER, 1]
    gap: NDArray[np.float32] = np.maximum(curves @ rise, 0)
    return gap


def chin_share(draw: Draw, rest: Face, tracker: FaceTracker) -> float:
    """How far the chin sinks at jawOpen 1, in shares of how far the lips part."""
    weights = np.zeros(52, np.float32)
    weights[INDEX["jawOpen"]] = 1
    (face, *_) = tracker.find(draw(weights, np.zeros(3)))
    moved = (face.landmarks - rest.landmarks)[:, 1]
    return float(moved[CHIN] / (moved[LOWER] - moved[UPPER]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("speech", type=Path)
    parser.add_argument("portraits", type=Path, nargs="+")
    parser.add_argument("--every", type=int, default=2, help="take every n-th frame")
    arguments = parser.parse_args()
    motion = DreamTalk.load().animate(arguments.speech, seed=1)
    curves = np.asarray(motion.weights, np.float32)[:: arguments.every, :52]
    tracker = FaceTracker.load()
    print(f"{'':16}", *(shape[:5] for shape in SHAPES), "  gap  chin   degrees: pitch yaw roll")
    head = HeadRenderer(512)
    report("built-in head", head.render, curves, tracker)
    for path in arguments.portraits:
        portrait = read_portrait(path, tracker=tracker)
        face = portrait.face
        renderer = PortraitRenderer(portrait.image, face.landmarks, face.matrix, face.weights)
        report(path.stem, renderer.render, curves, tracker)


if __name__ == "__main__":
    main()

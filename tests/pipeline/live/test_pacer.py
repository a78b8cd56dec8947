from __future__ import annotations

import time

import numpy as np

from dreamtalk_core.live.frame import Frame
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.pipeline.live.pacer import Pacer


class Recorder:
    def __init__(self) -> None:
        self.frames: list[tuple[float, Frame]] = []

    def send(self, frame: Frame) -> None:
        self.frames.append((time.monotonic(), frame))

    def close(self) -> None:
        pass


def motion(count: int, at: int = 0) -> Motion:
    weights = np.zeros((count, 52), np.float32)
    weights[:, 17] = (at + np.arange(count)) % 100 / 100
    return Motion(ARKIT_NAMES, weights, 25)


def test_frames_that_are_made_in_heaps_go_out_evenly_and_in_order() -> None:
    recorder = Recorder()
    pacer = Pacer([recorder], "face")
    for at in range(0, 30, 5):
        rest = pacer.start + (at + 5) / 25 + 0.1 - time.monotonic()
        time.sleep(max(0, rest))
        pacer.put(motion(5, at))
    pacer.close()
    frames = [frame for _, frame in recorder.frames]
    assert [round(100 * float(frame.weights[17])) for frame in frames] == [*range(30), 0]
    gaps = np.diff([moment for moment, _ in recorder.frames[:-1]])
    assert np.median(np.abs(gaps - 0.04)) < 0.015
    steps = np.diff([frame.time for frame in frames[:-1]])
    assert np.allclose(steps, 0.04)


def test_an_end_that_cannot_wait_leaves_a_face_at_rest() -> None:
    recorder = Recorder()
    pacer = Pacer([recorder], "face")
    pacer.put(motion(500, 1))
    pacer.delays.append(600)  # on a machine that was busy, frames are due long after
    start = time.monotonic()
    pacer.close(now=True)
    assert time.monotonic() - start < 60
    assert len(recorder.frames) < 100
    assert not recorder.frames[-1][1].weights.any()

"""Shapes that the network never fires: seen on the drawn head where they are derived, absent from
a face that only speaks or turns."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from dreamtalk_core.motion.arkit import INDEX, MIRROR
from dreamtalk_core.render.head.renderer import HeadRenderer
from dreamtalk_core.tracking.derive import derive, measure
from dreamtalk_core.tracking.tracker import Face, FaceTracker

JAW = [INDEX["jawLeft"], INDEX["jawRight"]]
DERIVED = [*JAW, INDEX["noseSneerLeft"], INDEX["noseSneerRight"]]

Read = Callable[..., Face]


@pytest.fixture(scope="module")
def read() -> Read:
    """A face of the drawn head, as tracked."""
    renderer, tracker = HeadRenderer(192), FaceTracker.load()

    def face(yaw: float = 0.0, **weights: float) -> Face:
        row = np.zeros(len(INDEX))
        for name, value in weights.items():
            row[INDEX[name]] = value
        return tracker.find(renderer.render(row, (0, yaw, 0)))[0]

    return face


def derived(faces: list[Face]) -> NDArray[np.float64]:
    return derive(
        np.array([face.weights for face in faces], np.float64),
        np.array([face.head_rotation for face in faces], np.float64),
        np.array([measure(face) for face in faces]),
    )


def test_a_jaw_that_goes_aside(read: Read) -> None:
    rest = [read() for _ in range(9)]
    left = derived([*rest, read(jawLeft=0.6), read(jawLeft=1)])
    right = derived([*rest, read(jawRight=0.6), read(jawRight=1)])
    assert (left[:9][:, JAW] == 0).all()
    assert left[10, JAW[0]] > 0.5
    assert left[10, JAW[0]] > left[9, JAW[0]] > 0.05
    assert right[10, JAW[1]] > 0.5
    assert right[10, JAW[1]] > right[9, JAW[1]] > 0.05
    assert (left[:, JAW[1]] == 0).all()
    assert (right[:, JAW[0]] == 0).all()


def test_speech_and_turns_are_no_such_move(read: Read) -> None:
    faces = [read(yaw=yaw) for yaw in (-10, -5, 0, 5, 10)]
    faces += [read(jawOpen=0.5), read(mouthPucker=0.7), read(mouthLeft=0.5), read(browDownLeft=1)]
    assert derived(faces)[:, DERIVED].max() < 0.15


def test_cheeks_rise_with_a_smile_that_reaches_the_eyes() -> None:
    rows = np.zeros((4, len(INDEX)))
    rows[1:, INDEX["mouthSmileLeft"]] = [0.6, 0.0, 0.6]
    rows[1:, INDEX["eyeSquintLeft"]] = [0.0, 0.6, 0.6]
    cheeks = derive(rows, np.zeros((4, 3)), np.zeros((4, 3)))[:, INDEX["cheekSquintLeft"]]
    assert cheeks[:3].tolist() == [0, 0, 0]
    assert cheeks[3] == pytest.approx(0.444)


def test_wings_of_the_nose_that_rise() -> None:
    draw = np.random.default_rng(0)
    measures = draw.normal(0, 0.3, (100, 3))
    measures[50:60, 0] += 4
    weights = derive(np.zeros((100, len(INDEX))), draw.normal(0, 3, (100, 3)), measures)
    sneer = weights[:, INDEX["noseSneerLeft"]]
    assert sneer[50:60].mean() == pytest.approx(0.75, abs=0.1)
    assert np.delete(sneer, np.arange(50, 60)).max() < 0.05
    assert weights[:, INDEX["noseSneerRight"]].max() < 0.05


def test_what_goes_along_with_the_head_is_taken_off() -> None:
    draw = np.random.default_rng(0)
    head = draw.normal(0, 8, (200, 3))
    measures = head @ draw.normal(0, 0.3, (3, 3)) + draw.normal(0, 0.2, (200, 3))
    assert np.abs(measures).max() > 5
    weights = derive(np.zeros((200, len(INDEX))), head, measures)
    assert weights[:, DERIVED].max() < 0.05


def test_a_mirrored_face_gives_mirrored_shapes() -> None:
    """And a photo, which has nothing to be compared with, only what needs no comparison."""
    draw = np.random.default_rng(0)
    weights, measures = draw.uniform(0, 1, (50, len(INDEX))), draw.normal(0, 3, (50, 3))
    weights[:, INDEX["jawOpen"]] = 0
    head = np.zeros((50, 3))
    result = derive(weights, head, measures)
    mirrored = derive(weights[:, MIRROR], head, measures[:, [1, 0, 2]] * [1, 1, -1])
    np.testing.assert_allclose(mirrored, result[:, MIRROR], atol=1e-12)
    photo = derive(weights[:1], head[:1], measures[:1])
    assert (photo[0, DERIVED] == 0).all()

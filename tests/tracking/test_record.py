"""Where a face is through a video: shots, and landmarks without jitter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.tracking.record import FaceRecord, record_face
from dreamtalk_core.tracking.tracker import Face, FaceTracker

RATE = 25.0
POINTS = np.random.default_rng(1).uniform(40, 140, (478, 3))


def face(x: float = 0.0, jitter: NDArray[Any] | None = None) -> Face:
    points = POINTS + np.array([x, 0, 0]) + (0 if jitter is None else jitter)
    return Face(
        points.astype(np.float32),
        np.full(52, 0.25, np.float32),
        np.eye(4, dtype=np.float32),
        1.0,
    )


def image(value: int = 100) -> NDArray[np.uint8]:
    return np.full((96, 96, 3), value, np.uint8)


class Faces(FaceTracker):
    """Sees what it is told to see."""

    def __init__(self, faces: list[Face | None]) -> None:
        self._faces = faces

    def follow(self, images: Iterable[Any], choice: str | int = "largest") -> Iterator[Face | None]:
        for _, found in zip(images, self._faces, strict=True):
            yield found


def recorded(faces: list[Face | None], images: list[NDArray[np.uint8]] | None = None) -> FaceRecord:
    return record_face(images or [image()] * len(faces), RATE, Faces(faces))


def test_what_is_seen_is_kept() -> None:
    found = recorded([face(), None, face(2)])
    assert found.shots.tolist() == [0, -1, 0]
    assert (found.weights[[0, 2]] == 0.25).all()
    assert np.allclose(found.matrix(2), np.eye(4))
    assert found.size[0] == pytest.approx(np.linalg.norm(POINTS[10] - POINTS[152]), rel=1e-5)
    steady = list(found.steady())
    assert steady[1] is None
    assert np.allclose(steady[2], POINTS + np.array([2, 0, 0]), atol=1e-4)


@pytest.mark.parametrize("seen", [True, False])
def test_a_cut_is_another_shot(seen: bool) -> None:
    """By the picture, or by a face that is elsewhere in the next frame."""
    images = [image(100)] * 3 + [image(160 if seen else 100)] * 3
    found = recorded([face()] * 3 + [face(0 if seen else 90)] * 3, images)
    assert found.shots.tolist() == [0, 0, 0, 1, 1, 1]


def test_jitter_goes_and_movement_stays() -> None:
    chance = np.random.default_rng(0)
    count = 300  # more than are made steady at once
    places = 30 * np.sin(np.arange(count) / 20)
    found = recorded([face(x, chance.normal(0, 0.3, (478, 3))) for x in places])
    steady = np.stack([points for points in found.steady() if points is not None])
    assert len(steady) == count
    truth = POINTS + places[:, None, None] * [1, 0, 0]
    assert np.abs(steady - truth).mean() < 0.6 * 0.24  # of normal noise: .8 deviations
    assert np.abs((steady - truth).mean((1, 2))).max() < 0.1
    for frame in (0, 150, 299):
        assert np.abs(found.steady_at(frame) - steady[frame]).max() < 0.5


def test_who_looks_on_sees_each_face() -> None:
    seen: list[tuple[int, int]] = []
    faces = [face(), None, face()]
    record_face(
        [image()] * 3, RATE, Faces(faces), look=lambda frame, shot, *_: seen.append((frame, shot))
    )
    assert seen == [(0, 0), (2, 0)]


def test_an_error_of_the_video_comes_through() -> None:
    def damaged() -> Iterator[NDArray[np.uint8]]:
        yield image()
        raise DreamTalkError("damaged")

    with pytest.raises(DreamTalkError, match="damaged"):
        record_face(damaged(), RATE, Faces([face(), face()]))


def test_who_is_elsewhere_after_a_gap_is_in_another_shot() -> None:
    assert recorded([face(), None, face(300), face(301)]).shots.tolist() == [0, -1, 1, 1]

"""A face that its picture shows turned aside: what it hides does not turn up beside it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dreamtalk_core.render.head.renderer import HeadRenderer
from dreamtalk_core.render.portrait.renderer import PortraitRenderer
from dreamtalk_core.render.portrait.surroundings import held_back, ring_around
from dreamtalk_core.tracking.tracker import FaceTracker

pytestmark = pytest.mark.slow

Array = NDArray[np.float64]

ASIDE = 36.0
"""Degrees; the tracker takes it for 29."""


@pytest.fixture(scope="module")
def tracker() -> FaceTracker:
    return FaceTracker.load()


def portrait(tracker: FaceTracker, yaw: float) -> PortraitRenderer:
    photo = HeadRenderer(256).render(np.zeros(52), (0, yaw, 0))
    face = tracker.find(photo)[0]
    return PortraitRenderer(photo, face.landmarks, face.matrix, face.weights)


@pytest.fixture(scope="module", params=[-ASIDE, ASIDE])
def aside(tracker: FaceTracker, request: pytest.FixtureRequest) -> PortraitRenderer:
    return portrait(tracker, request.param)


def rings(renderer: PortraitRenderer) -> tuple[Array, Array]:
    """The edge of the face [1, B, 3] with the rings [R, B, 3] around it, seen as in the picture,
    and how far out each vertex is [1 + R, B]."""
    rig = renderer.rig
    template = rig.template
    edge = template.refine(held_back(rig).astype(np.float32))[template.boundary].astype(float)
    ring = ring_around(rig, edge, True)
    space = np.concatenate([edge[None], ring.rest.reshape(-1, *edge.shape)]) @ rig.turn.T
    way = (space[-1] - space[0])[:, :2]
    out = ((space - space[0])[..., :2] * way).sum(-1) / np.linalg.norm(way, axis=-1)
    return space, out


def test_nothing_around_a_face_lies_behind_what_is_further_inside(
    aside: PortraitRenderer,
) -> None:
    _, out = rings(aside)
    assert np.diff(out, axis=0).min() > -1e-3


def test_the_far_edge_of_a_face_lies_on_its_outline(aside: PortraitRenderer) -> None:
    rig = aside.rig
    side = np.sign(rig.angles[1])
    before, after = (points @ rig.turn.T for points in (rig.rest, held_back(rig)))
    pulled = side * (after - before)[:, 0]
    assert pulled.min() > -1e-6
    assert pulled.max() > 0.005 * rig.size
    assert (side * after[:, 0]).max() == pytest.approx((side * before[:, 0]).max())
    np.testing.assert_allclose(after[:, 1], before[:, 1])


def test_a_face_from_the_front_is_left_alone(tracker: FaceTracker) -> None:
    rig = portrait(tracker, 0).rig
    before, after = (points @ rig.turn.T for points in (rig.rest, held_back(rig)))
    np.testing.assert_allclose(after[:, :2], before[:, :2], atol=1e-6)


def areas(points: Array, triangles: NDArray[np.int32]) -> Array:
    a, b, c = (points[triangles[:, k], :2].astype(float) for k in range(3))
    result: Array = ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]) / 2
    return result


def test_what_the_picture_hides_is_not_seen_when_a_face_turns_to_the_front(
    aside: PortraitRenderer,
) -> None:
    rotation = aside.rig.rotation([0, -np.sign(aside.rig.angles[1]) * 12, 0])
    turned, _, _ = aside._posed(np.zeros(52), rotation)
    before, after = (areas(points, aside._triangles) for points in (aside._source, turned))
    # Seen from behind, triangles count with a positive area (y points down).
    shown = -after[(before > 0) & (after < 0)].sum() / aside.rig.size**2
    assert shown < 0.005, "0.02 as the tracker sees the far side"

"""The lower half of a face, drawn anew: on a canonical face, without networks."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from dreamtalk_core.motion.arkit import INDEX
from dreamtalk_core.motion.rotation import rotation_matrix, similarity
from dreamtalk_core.motion.tongue import FACE_NAMES
from dreamtalk_core.render.dub.lower_face import load_lower_face, pinched
from dreamtalk_core.render.dub.pictures import DubPictures, Mouth
from dreamtalk_core.render.dub.references import References, teeth_area
from dreamtalk_core.render.dub.renderer import DubRenderer, Reference
from dreamtalk_core.render.portrait.template import LOWER_LIP, MOUTH_LOOP, UPPER_LIP
from dreamtalk_core.tracking.tracker import Face
from tests.faces import weights

Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]

SIDE = 200
REST = np.zeros(len(INDEX))


def face_at(x: float = 100.0, y: float = 100.0, scale: float = 0.9, roll: float = 0.0) -> Array:
    """Landmarks [478, 3] of the built-in head in a picture, as the tracker gives them."""
    points = load_lower_face().template.rest.astype(float) @ rotation_matrix([0, 0, roll]).T
    return points * scale * [1, -1, -1] + [x, y, 0]


def matrix_of(roll: float = 0.0) -> Array:
    matrix = np.eye(4)
    matrix[:3, :3] = rotation_matrix([0, 0, roll])
    matrix[2, 3] = -60
    return matrix


def skin() -> Bytes:
    """A picture with something to see everywhere."""
    y, x = np.mgrid[:SIDE, :SIDE]
    waves = 130 + 40 * np.sin(x / 7) + 40 * np.cos(y / 9)
    return np.stack([waves, 0.8 * waves, 0.7 * waves], -1).astype(np.uint8)


@pytest.fixture(scope="module")
def renderer() -> DubRenderer:
    return DubRenderer(Reference(skin(), face_at(), matrix_of(), REST))


def gap(points: Array) -> float:
    return float(points[LOWER_LIP[-1][4], 1] - points[UPPER_LIP[-1][4], 1])


def test_only_the_lower_face_follows() -> None:
    mesh = load_lower_face()
    eyes, brows, lips, chin, ears = [33, 159, 263], [70, 300], [13, 14, 61, 291], [152], [127, 356]
    assert (mesh.share[[*eyes, *brows, *ears, 4]] == 0).all()
    assert (mesh.share[[*lips, *chin]] > 0.99).all()
    assert mesh.share.min() >= 0
    assert mesh.share.max() <= 1


def test_the_mesh_faces_the_viewer_and_has_no_hole() -> None:
    mesh = load_lower_face()
    vertices = mesh.vertices(face_at())
    a, b, c = (vertices[mesh.triangles[:, k], :2] for k in range(3))
    area = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    assert (area <= 1e-6).mean() > 0.98
    count = len(mesh.template.row_end)
    inside = mesh.triangles[(mesh.triangles < count).all(1)]
    edges = np.sort(np.concatenate([inside[:, [0, 1]], inside[:, [1, 2]], inside[:, [2, 0]]]), 1)
    lips = np.isin(edges, mesh.template.mouth_loop).all(1)
    found, uses = np.unique(edges[lips], axis=0, return_counts=True)
    steps = np.sort(
        np.stack([mesh.template.mouth_loop, np.roll(mesh.template.mouth_loop, -1)], 1), 1
    )
    around = (found[:, None] == steps[None]).all(2).any(1)
    assert (uses[around] == 2).all()


def test_what_does_not_follow_stands_still_to_the_bit() -> None:
    mesh = load_lower_face()
    vertices = mesh.vertices(face_at())
    shift = np.zeros((478, 2))
    shift[:, 1] = 9 * mesh.share
    moved = mesh.moved(vertices, shift)
    above = vertices[:, 1] < face_at()[197, 1]
    assert (moved[above] == vertices[above]).all()
    assert np.abs(moved - vertices)[:, 1].max() == pytest.approx(9, abs=0.1)


def test_pinched_lips_are_within_the_lips() -> None:
    points = face_at()
    inner = pinched(points, 0.5)
    for rows in (UPPER_LIP, LOWER_LIP):
        edge, row = list(rows[-1]), list(rows[-2])
        assert np.allclose(inner[edge], (points[edge] + points[row]) / 2)
    assert (pinched(points, 0) == points).all()


@pytest.mark.parametrize("roll", [0.0, 12.0])
def test_a_face_at_rest_stays_where_it_is(renderer: DubRenderer, roll: float) -> None:
    points = face_at(x=110, scale=0.8, roll=roll)
    goal = renderer.goal(points - [0.5, 0.5, 0], weights(FACE_NAMES))
    assert np.abs(goal - (points - [0.5, 0.5, 0])[:, :2]).max() < 0.3


def test_the_lips_part_as_far_as_they_are_told(renderer: DubRenderer) -> None:
    points = face_at() - [0.5, 0.5, 0]
    gaps = [
        gap(renderer.goal(points, weights(FACE_NAMES, jawOpen=jaw))) for jaw in (0, 0.2, 0.4, 0.8)
    ]
    assert (np.diff(gaps) > 1).all()
    closed = renderer.goal(points, weights(FACE_NAMES, jawOpen=0.3, mouthClose=0.3))
    assert gap(closed) < 0.3 * gap(renderer.goal(points, weights(FACE_NAMES, jawOpen=0.3)))


def test_the_old_mouth_does_not_matter(renderer: DubRenderer) -> None:
    """Whatever the lips do in a frame, the new ones go where they go in any other."""
    points = face_at() - [0.5, 0.5, 0]
    opened = points.copy()
    opened[list(LOWER_LIP[-1]), 1] += 15
    new = weights(FACE_NAMES, jawOpen=0.3, mouthPucker=0.4)
    assert np.allclose(renderer.goal(points, new), renderer.goal(opened, new), atol=1e-6)


def test_an_expression_is_not_put_on_twice() -> None:
    worn = REST.copy()
    worn[INDEX["mouthSmileLeft"]] = worn[INDEX["mouthSmileRight"]] = 0.6
    smiling = DubRenderer(Reference(skin(), face_at(), matrix_of(), worn))
    points = face_at() - [0.5, 0.5, 0]
    goal = smiling.goal(points, weights(FACE_NAMES, mouthSmileLeft=0.6, mouthSmileRight=0.6))
    assert np.abs(goal - points[:, :2]).max() < 0.3


def test_above_the_mouth_a_frame_is_as_it_was(renderer: DubRenderer) -> None:
    image, points = skin(), face_at()
    drawn = renderer.render(image, points, weights(FACE_NAMES, jawOpen=0.7), 1.0)
    changed = (drawn != image).any(2)
    rows, columns = np.nonzero(changed)
    assert rows.min() > points[197, 1]
    assert changed.mean() > 0.03
    size = np.linalg.norm(points[10] - points[152])
    assert rows.max() < points[152, 1] + 0.6 * size
    assert columns.min() > points[:, 0].min() - 0.35 * size
    assert columns.max() < points[:, 0].max() + 0.35 * size


def test_no_amount_is_the_frame_itself(renderer: DubRenderer) -> None:
    image = skin()
    assert renderer.render(image, face_at(), weights(FACE_NAMES, jawOpen=1), 0.0) is image


def test_little_more_is_a_little_different(renderer: DubRenderer) -> None:
    """No edge of a box anywhere: an opening that is hardly larger changes hardly anything."""
    image, points = skin(), face_at()
    one = renderer.render(image, points, weights(FACE_NAMES, jawOpen=0.4), 1.0).astype(int)
    other = renderer.render(image, points, weights(FACE_NAMES, jawOpen=0.405), 1.0).astype(int)
    assert np.percentile(np.abs(one - other), 99.5) <= 4


def test_the_inside_is_dark_where_the_skin_is() -> None:
    """Light on a frame falls into the mouth as well."""
    image, points = skin(), face_at()
    renderer = DubRenderer(Reference(image, points, matrix_of(), REST))
    means = []
    for gain in (1.0, 0.5):
        drawn = renderer.render(
            (image * gain).astype(np.uint8), points, weights(FACE_NAMES, jawOpen=0.8), 1.0
        )
        goal = renderer.goal(points - [0.5, 0.5, 0], weights(FACE_NAMES, jawOpen=0.8))
        x, y = goal[list(MOUTH_LOOP)].mean(0).round().astype(int)
        means.append(drawn[y - 2 : y + 3, x - 3 : x + 4].mean())
    assert means[1] == pytest.approx(means[0] / 2, rel=0.15)


def test_references_are_closed_lips_and_teeth() -> None:
    found = References()
    image, points = skin(), face_at()
    opened = points.copy()
    opened[list(LOWER_LIP[-1]), 1] += 14
    loop = opened[list(MOUTH_LOOP), :2]
    low, high = loop.min(0).astype(int), loop.max(0).astype(int)
    upper, lower = image.copy(), image.copy()
    middle = round(float(loop[:, 1].mean()))
    upper[low[1] : middle - 2, low[0] : high[0]] = 200
    lower[middle + 2 : high[1], low[0] : high[0]] = 200
    frames = [(lower, opened), (image, points), (upper, opened)]
    for number, (picture, landmarks) in enumerate(frames):
        face = Face(landmarks.astype(np.float32), REST.astype(np.float32), matrix_of(), 1.0)
        found.look(number, 0, picture, face)
    assert found.rest[0].frame == 1
    teeth = found.teeth(0)
    assert teeth is not None
    assert teeth.frame == 2
    assert found.teeth(1) is None
    left, top = teeth.corner
    height, width = teeth.image.shape[:2]
    assert (teeth.image == upper[top : top + height, left : left + width]).all()
    assert teeth_area(lower, opened) < 0 < teeth_area(upper, opened)


class Video:
    """Frames that are all alike."""

    fps, count = Fraction(25), 5

    def __iter__(self):
        for _ in range(5):
            yield skin()


def test_pictures_without_a_mouth_are_the_frames(renderer: DubRenderer) -> None:
    mouth = Mouth(renderer, face_at(), weights(FACE_NAMES, jawOpen=0.5), 1.0, 0)
    pictures = DubPictures(Video(), lambda: iter([None, mouth, None]))
    frames = list(pictures.frames(exact=False))
    same = [bool((frame == skin()).all()) for frame in frames]
    assert same == [True, False, True, True, True]


def test_similarity_brings_points_onto_points() -> None:
    points = np.random.default_rng(0).normal(size=(20, 3))
    turn = rotation_matrix([10, -20, 30])
    goal = 1.7 * points @ turn.T + [3, -1, 2]
    found = similarity(points, goal, np.ones(20))
    assert np.allclose(points @ found[:3, :3].T + found[:3, 3], goal)

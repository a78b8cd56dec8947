"""Control pictures, by what can be measured in them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dreamtalk_core.errors import RenderError
from dreamtalk_core.render.control.drawing import FLAT, SURFACE
from dreamtalk_core.render.control.faces import PARTS, HeadControls, PortraitControls
from dreamtalk_core.render.head.renderer import HeadRenderer
from dreamtalk_core.render.head.shading import SKIN
from dreamtalk_core.render.output.video import write_video
from dreamtalk_core.render.portrait.renderer import PortraitRenderer
from dreamtalk_core.render.portrait.template import load_template
from tests.faces import weights

SIZE = 256


@pytest.fixture(scope="module")
def head() -> HeadControls:
    return HeadControls(HeadRenderer(SIZE))


def landmarks(**shapes: float) -> NDArray[np.float32]:
    """The built-in head's, as a tracker would see them in a picture of 200 x 240."""
    template = load_template()
    points = template.rest + np.tensordot(weights(**shapes), template.deltas, 1)
    return (points * [1, -1, -1] + [100, 120, 0]).astype(np.float32)


@pytest.fixture(scope="module")
def face() -> PortraitControls:
    """A face, seen straight on, in front of a person's shape on a wall."""
    image = np.full((240, 200, 3), 210, np.uint8)
    cv2.ellipse(image, (100, 105), (66, 92), 0, 0, 360, (60, 40, 25), -1)
    cv2.ellipse(image, (100, 120), (54, 72), 0, 0, 360, (200, 150, 120), -1)
    cv2.ellipse(image, (100, 250), (95, 60), 0, 0, 360, (60, 60, 120), -1)
    # Without eyes and a mouth a network sees nobody.
    points = landmarks()[:, :2]
    for eye in ([33, 133, 145, 159], [362, 263, 374, 386]):
        x, y = points[eye].mean(0).astype(int).tolist()
        cv2.ellipse(image, (x, y), (9, 5), 0, 0, 360, (245, 245, 245), -1)
        cv2.circle(image, (x, y), 4, (60, 40, 30), -1)
        cv2.ellipse(image, (x, y - 13), (13, 3), 0, 0, 360, (70, 45, 30), -1)
    for feature, size, colour in (
        ([13, 14], (17, 6), (180, 70, 70)),
        ([4], (8, 5), (170, 120, 95)),
    ):
        x, y = points[feature].mean(0).astype(int).tolist()
        cv2.ellipse(image, (x, y), size, 0, 0, 360, colour, -1)
    return PortraitControls(PortraitRenderer(image, landmarks(), np.eye(4), np.zeros(52)))


@pytest.mark.parametrize("kind", [*FLAT, *SURFACE, "edges"])
def test_pictures(head: HeadControls, face: PortraitControls, kind: str) -> None:
    for picture in (head.draw(kind, weights()), face.draw(kind, weights())):
        assert picture.dtype == np.uint8
        assert picture.shape in ((SIZE, SIZE, 3), (240, 200, 3))
        background = (128, 128, 255) if kind == "normals" else (0, 0, 0)
        np.testing.assert_array_equal(picture[2, 2], background)
        assert (picture != background).any(axis=2).mean() > 0.001
        if kind in ("mesh", "mouth", "depth", "dots", "expression", "edges"):
            assert (picture == picture[..., :1]).all()


def test_an_unknown_kind(head: HeadControls, face: PortraitControls) -> None:
    with pytest.raises(RenderError, match="mesh, landmarks, mouth, depth, normals"):
        head.draw("canny", weights())
    with pytest.raises(RenderError, match="no control picture 'canny'"):
        face.draw("canny", weights())
    with pytest.raises(RenderError, match="no face is drawn"):
        face.draw("face", weights())


def test_landmarks_lie_on_the_head(head: HeadControls) -> None:
    """Seen from any side, what the landmarks of the outline enclose is the head's skin."""
    for rotation, view in (((0, 0, 0), (0, 0)), ((5, 20, 3), (0, 0)), ((0, 0, 0), (15, -25))):
        surface = head.renderer.surface(weights(), rotation, view)
        owner = surface.owner
        x, y = (
            (2 * head.landmarks(weights(), rotation, view)[[4, 10, 152, 50, 280], :2]).astype(int).T
        )
        material = head.renderer.head.material[owner[y, x]]
        assert (owner[y, x] >= 0).all()
        assert (material == SKIN).all()


def test_the_mouth_mask_follows_the_mouth(head: HeadControls, face: PortraitControls) -> None:
    def area(**shapes: float) -> tuple[float, float]:
        one = head.draw("mouth", weights(**shapes))
        other = face.draw("mouth", weights(**shapes))
        return float((one > 127).mean()), float((other > 127).mean())

    closed, opened, pursed = area(), area(jawOpen=0.6), area(mouthPucker=1.0)
    assert all(b > 1.5 * a > 0 for a, b in zip(closed, opened, strict=True))
    assert all(b < a for a, b in zip(closed, pursed, strict=True))


def test_landmark_colours_differ_by_side(head: HeadControls) -> None:
    picture = head.draw("landmarks", weights()).astype(int)
    red, _, blue = np.moveaxis(picture, 2, 0)
    # The character's right eye is yellow and on the left of the picture, the left one is cyan.
    right, left = (red > 120) & (blue < 60), (blue > 120) & (red < 60)
    assert np.nonzero(right)[1].max() < SIZE / 2 < np.nonzero(left)[1].min()


def test_a_blink_shuts_the_drawn_eye(head: HeadControls) -> None:
    def height(**shapes: float) -> float:
        points = head.landmarks(weights(**shapes), (0, 0, 0), (0, 0))
        return float(points[145, 1] - points[159, 1])

    assert height(eyeBlinkRight=1.0) < 0.2 * height()


def test_depth(head: HeadControls, face: PortraitControls) -> None:
    picture = head.draw("depth", weights())[..., 0].astype(int)
    nose = head.landmarks(weights(), (0, 0, 0), (0, 0))[4].astype(int)
    assert picture[nose[1], nose[0]] >= picture.max() - 3
    assert 0 < picture[-20, SIZE // 2] < picture[nose[1], nose[0]] - 60, "the neck lies behind"
    depth = face.draw("depth", weights())[..., 0].astype(int)
    tip = landmarks()[4].round().astype(int)
    assert depth[tip[1], tip[0]] >= depth.max() - 2
    # Shoulders lie behind the face, and behind them there is nothing.
    assert 0 < depth[-5, 100] < depth[tip[1], tip[0]] - 60
    assert not depth[:100, :20].any()
    # Between parted lips it is deeper than on them.
    parted = face.landmarks(weights(jawOpen=0.6), (0, 0, 0))
    opened = face.draw("depth", weights(jawOpen=0.6))[..., 0].astype(int)
    middle = ((parted[13] + parted[14]) / 2).round().astype(int)
    lip = parted[0].round().astype(int)
    assert 0 < opened[middle[1], middle[0]] < opened[lip[1], lip[0]] - 15


def test_depth_does_not_flicker(head: HeadControls) -> None:
    """The chest is as deep whatever the mouth does (a jaw wide open pulls at the skin)."""
    rest = head.draw("depth", weights())
    speaking = head.draw("depth", weights(jawOpen=1.0))
    assert np.abs(rest[-8:].astype(int) - speaking[-8:]).max() <= 1


def test_normals(head: HeadControls, face: PortraitControls) -> None:
    for exact in (head.measure("normals", weights()), face.measure("normals", weights())):
        length = np.linalg.norm(exact, axis=2)
        assert length.max() < 1.001
        seen = length > 0.99
        x, y, z = np.moveaxis(exact, 2, 0)
        columns = np.nonzero(seen)[1]
        middle = columns.mean()
        left, right = seen.copy(), seen.copy()
        left[:, int(middle) - 20 :] = False
        right[:, : int(middle) + 20] = False
        assert x[left].mean() < -0.1
        assert x[right].mean() > 0.1
        assert z[seen].mean() > 0.4
        rows = np.nonzero(seen.any(axis=1))[0]
        assert y[rows[0] : rows[0] + 20][seen[rows[0] : rows[0] + 20]].mean() > 0.1
    # As a picture: red is to the left.
    picture = face.draw("normals", weights()).astype(int)
    assert picture[140, 50, 0] > 128 > picture[140, 150, 0]


def test_numbers_go_into_an_exr(tmp_path: Path, head: HeadControls) -> None:
    depth = head.measure("depth", weights())
    assert depth.dtype == np.float32
    assert len(np.unique(depth)) > 256
    write_video(tmp_path / "depth.##.exr", [depth], Fraction(25))
    assert (tmp_path / "depth.00.exr").stat().st_size > 1000


@pytest.mark.parametrize("kind", [*FLAT, *SURFACE, "edges"])
def test_what_lies_outside_the_picture_is_left_out(kind: str) -> None:
    image = np.full((100, 80, 3), 90, np.uint8)
    points = landmarks() - np.array([60, 90, 0], np.float32)
    controls = PortraitControls(PortraitRenderer(image, points, np.eye(4), np.zeros(52)))
    picture = controls.draw(kind, weights())
    assert picture.shape == (100, 80, 3)
    assert picture.std() > 0


def test_a_portrait_is_drawn_where_its_face_is(face: PortraitControls) -> None:
    at_rest = face.landmarks(weights(), (0, 0, 0))
    np.testing.assert_allclose(at_rest[:, :2], landmarks()[:, :2], atol=0.5)
    # The mouth opens, and the head turns to the character's left, our right.
    opened = face.draw("mouth", weights(jawOpen=0.6))
    assert (opened > 127).mean() > 1.25 * (face.draw("mouth", weights()) > 127).mean()
    turned = face.landmarks(weights(), (0, 15, 0))
    assert turned[4, 0] > at_rest[4, 0] + 5


def test_masks_lie_in_one_another(head: HeadControls, face: PortraitControls) -> None:
    for one in (head, face):
        mouth, whole, person = (one.mask(part, weights(jawOpen=0.3)) for part in PARTS)
        assert 0 < mouth.sum() < whole.sum() <= person.sum() + 1
        assert mouth.min() >= 0
        assert person.max() <= 1
        assert (whole[mouth > 0.9] > 0.5).mean() > 0.98
        assert (person[whole > 0.9] > 0.5).mean() > 0.98


def test_the_person_is_found_with_hair_and_shoulders(face: PortraitControls) -> None:
    """The built-in head does not reach as far as what was painted, which the network sees."""
    found = face.mask("person", weights()) > 0.5
    painted = np.zeros(found.shape, np.uint8)
    cv2.ellipse(painted, (100, 105), (66, 92), 0, 0, 360, 1, -1)
    cv2.ellipse(painted, (100, 250), (95, 60), 0, 0, 360, 1, -1)
    both, either = (found & (painted > 0)).sum(), (found | (painted > 0)).sum()
    assert both / either > 0.88
    assert found[20:30, 80:120].all(), "hair above the built-in head"


def test_hair_turns_with_the_head_and_shoulders_stay(face: PortraitControls) -> None:
    straight, turned = (face.mask("person", weights(), (0, at, 0)) for at in (0, 25))
    assert np.abs(turned - straight)[10:120].mean() > 4 * np.abs(turned - straight)[-15:].mean()
    middle = [(row * np.arange(200)).sum() / row.sum() for row in (turned[20:60], straight[20:60])]
    assert middle[0] > middle[1] + 2


def test_edges_are_thin_lines_where_a_face_has_them(
    head: HeadControls, face: PortraitControls
) -> None:
    for one in (head, face):
        lines = one.draw("edges", weights(jawOpen=0.4))[..., 0]
        assert 0.01 < (lines > 127).mean() < 0.08
        mouth = one.mask("mouth", weights(jawOpen=0.4)) > 0.5
        edge = cv2.morphologyEx(mouth.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3)))
        assert (cv2.dilate(lines, np.ones((3, 3)))[edge > 0] > 90).mean() > 0.95
        end = one.mask("person", weights(jawOpen=0.4)) > 0.5
        edge = cv2.morphologyEx(end.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3)))
        assert (lines[edge > 0] > 90).mean() > 0.95

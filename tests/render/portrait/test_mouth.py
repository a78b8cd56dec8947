"""Teeth, the colours of a mouth, and how it opens."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dreamtalk_core.motion.arkit import INDEX
from dreamtalk_core.motion.rotation import rotation_matrix
from dreamtalk_core.motion.tongue import FACE_NAMES
from dreamtalk_core.render.head.renderer import HeadRenderer
from dreamtalk_core.render.portrait.renderer import PortraitRenderer
from dreamtalk_core.render.portrait.skin import _blur, _lab, _Palette, look
from dreamtalk_core.render.portrait.teeth import BEYOND, LOWER, REACH, UPPER, curve, seen, sheet
from dreamtalk_core.render.portrait.template import load_template
from dreamtalk_core.tracking.tracker import FaceTracker
from tests.faces import weights

Array = NDArray[np.float64]

ENAMEL, GUMS = np.array([0.7, 0.6, 0.5]), np.array([0.4, 0.2, 0.2])
PER_MM = 4.0


@pytest.mark.parametrize(("arch", "way"), [(UPPER, 1), (LOWER, -1)])
@pytest.mark.parametrize("turn", [(0, 0, 0), (10, 20, 8), (-12, -25, 0)])
def test_a_tooth_is_found_where_it_is_seen(arch: object, way: int, turn: tuple[float, ...]) -> None:
    points, along = curve(arch)  # type: ignore[arg-type]
    mm = 3.0
    rotation = rotation_matrix(turn)
    local = np.zeros((len(points), 3))
    local[:, [0, 2]] = points * mm

    def project(place: Array) -> Array:
        return place @ rotation.T * [1, -1, 1] + [200, 150, 0]

    up = way * mm * np.array([rotation[0, 1], -rotation[1, 1]])
    axes, table = seen(project(local), along, up)
    for k in np.flatnonzero(np.abs(along) < 18)[::12]:
        x, y, _ = project(local[k] + [0, way * mm * 4.0, 0])
        step, height = axes @ [x, y, 1]
        row = [np.interp(step, np.arange(len(table)), column) for column in table.T]
        assert row[0] == pytest.approx(along[k], abs=0.1)
        assert height - row[1] == pytest.approx(4.0, abs=0.05)
        depth = project(local[k])[2]
        assert row[2] == pytest.approx(depth, abs=0.5)


def test_crowns_have_soft_gaps_between_them_and_gums_above() -> None:
    picture = sheet(UPPER, PER_MM, ENAMEL, GUMS)
    light = picture[..., :3].mean(2)

    def at(along: float, above: float) -> tuple[int, int]:
        return round((above + BEYOND) * PER_MM), round((along + REACH) * PER_MM)

    crown, gap = light[at(4.3, 5)], light[at(0, 5)]
    assert 0.35 * crown < gap < 0.8 * crown
    assert picture[at(4.3, -1.5)][3] == 0
    assert picture[at(4.3, 3)][3] == 1
    red, green, _, _ = picture[at(4.3, 14)]
    assert red / green == pytest.approx(2, rel=0.1)
    # What hangs between two teeth is gum nearer to their edges than in their middles.
    assert picture[at(0, 9)][0] / picture[at(0, 9)][1] > 1.5
    assert picture[at(4.3, 9)][0] / picture[at(4.3, 9)][1] < 1.4


def test_a_picture_of_one_pigment_keeps_to_it() -> None:
    rng = np.random.default_rng(3)
    grey = cv2.GaussianBlur(rng.uniform(0, 255, (96, 96)).astype(np.float32), (0, 0), 2)
    sepia = np.clip(grey[..., None] * [1.1, 0.8, 0.5], 0, 255).astype(np.uint8)
    red = np.array([0.5, 0.1, 0.1])
    drawn = _Palette(sepia).of(red)
    like = _lab(np.array([1.1, 0.8, 0.5]) ** 2.2 * 0.2)
    tinted = _lab(drawn)
    assert np.arctan2(*tinted[:0:-1]) == pytest.approx(np.arctan2(*like[:0:-1]), abs=0.15)
    many = rng.uniform(0, 255, (96, 96, 3)).astype(np.uint8)
    np.testing.assert_allclose(_Palette(many).of(red), red, atol=0.01)


@pytest.mark.parametrize("softness", [0.8, 1.5, 2.5])
def test_the_softness_of_a_picture_is_seen(softness: float) -> None:
    rng = np.random.default_rng(1)
    blocks = rng.integers(0, 2, (10, 10)).repeat(20, 0).repeat(20, 1) * 180.0 + 30
    picture = cv2.GaussianBlur(blocks, (0, 0), softness).astype(np.uint8)
    assert _blur(np.repeat(picture[..., None], 3, 2)) == pytest.approx(softness, rel=0.3)


@pytest.fixture(scope="module")
def renderer() -> PortraitRenderer:
    photo = HeadRenderer(256).render(weights(mouthClose=0.1))  # its lips are apart at rest
    (face,) = FaceTracker.load().find(photo)
    return PortraitRenderer(photo, face.landmarks, face.matrix, face.weights)


@pytest.mark.slow
@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_picture_without_contrast_has_a_mouth_too(renderer: PortraitRenderer, value: int) -> None:
    seen = look(np.full_like(renderer.image, value), renderer.rig)
    for colour in (seen.teeth, seen.gums, seen.tongue, seen.seam, seen.deep):
        assert np.isfinite(colour).all()
        assert (colour >= 0).all()
        assert np.ptp(colour) < 0.02, "grey"
    assert seen.blur > 0
    assert np.abs(seen.grain).max() < 1e-3


def opening(renderer: PortraitRenderer, w: NDArray[np.float32]) -> tuple[slice, slice]:
    """The middle third of it."""
    loop = renderer.vertices(w)[load_template().mouth_loop]
    (left, top), (right, bottom) = loop[:, :2].min(0), loop[:, :2].max(0)
    third = (right - left) / 3
    return slice(int(top), int(bottom) + 1), slice(int(left + third), int(right - third))


@pytest.mark.slow
def test_a_slit_of_teeth_fades_before_the_lips_meet(renderer: PortraitRenderer) -> None:
    def line(jaw: float) -> float:
        """The brightest that is seen between the lips."""
        w = weights(jawOpen=jaw, mouthUpperUpLeft=jaw, mouthUpperUpRight=jaw)
        loop = renderer.vertices(w)[load_template().mouth_loop]
        (x, top), (_, bottom) = loop[20, :2], loop[60, :2]
        rows = slice(int(top) + 1, max(int(bottom), int(top) + 2))
        middle = renderer.render(w)[rows, int(x) - 3 : int(x) + 4].astype(float).mean(2)
        return float(middle.mean(1).max())

    brightness = [line(jaw) for jaw in (0.01, 0.03, 0.08, 0.2)]
    assert brightness == sorted(brightness)
    assert brightness[0] < 0.6 * brightness[-1]


@pytest.mark.slow
def test_upper_teeth_stay_and_lower_ones_go_with_the_jaw(renderer: PortraitRenderer) -> None:
    def edges(jaw: float) -> tuple[int, int]:
        w = weights(
            jawOpen=jaw,
            mouthLowerDownLeft=1,
            mouthLowerDownRight=1,
            mouthUpperUpLeft=1,
            mouthUpperUpRight=1,
        )
        rows, columns = opening(renderer, w)
        column = renderer.render(w)[rows, columns].astype(float)[..., 1].mean(1)
        bright = np.flatnonzero(column > (column.min() + column.max()) / 2)
        dark = int(column.argmin())
        return rows.start + int(bright[bright < dark].max()), rows.start + int(
            bright[bright > dark].min()
        )

    less, more = edges(0.5), edges(0.75)
    assert abs(less[0] - more[0]) <= 1
    assert more[1] > less[1] + 3


@pytest.mark.parametrize("turn", [(0, 0, 0), (5, 15, 0)])
def test_teeth_are_where_the_lips_and_the_jaw_are(
    renderer: PortraitRenderer, turn: tuple[float, ...]
) -> None:
    """A few mm of the upper ones are seen, and hardly any of the lower ones."""
    rig, mouth = renderer.rig, renderer._mouth
    rotation = rig.rotation(turn)
    depths = rig.rest @ rig.turn[2], rig.rest @ rotation[2]
    rounded = {"mouthFunnel": 0.5, "mouthPucker": 0.5}
    for shapes in ({"jawOpen": 0.2}, {"jawOpen": 0.6}, {"jawOpen": 0.35, **rounded}):
        posed = rig.pose(weights(**shapes))
        lips = rig.place(posed, rotation, *depths)[[13, 14], 1]
        upper, lower = (
            rig.place(local + moved, rotation, local @ rig.turn[2], local @ rotation[2])[
                len(local) // 2, 1
            ]
            for (local, _, _), moved in zip(mouth._arches, (0, mouth._jaw(posed)), strict=True)
        )
        assert 0.5 < (upper - lips[0]) / mouth._mm < 5.5
        assert (lips[1] - lower) / mouth._mm < 3


@pytest.mark.slow
def test_a_tongue_shows_where_it_goes_out(renderer: PortraitRenderer) -> None:
    def redness(out: float) -> float:
        w = np.zeros(len(FACE_NAMES), np.float32)
        w[:52] = weights(jawOpen=0.15, mouthLowerDownLeft=0.2, mouthLowerDownRight=0.2)
        w[INDEX["tongueOut"]] = out
        red, green, _ = renderer.render(w)[opening(renderer, w[:52])].reshape(-1, 3).mean(0)
        return float(red / green)

    assert redness(0.35) > 1.1 * redness(0)


@pytest.mark.slow
def test_a_small_movement_is_a_small_change(renderer: PortraitRenderer) -> None:
    """No flicker: nothing of the inside jumps when the lips move by a fraction of a pixel."""
    for jaw in (0.05, 0.1, 0.2, 0.4):
        before, after = (
            renderer.render(weights(jawOpen=jaw + d)).astype(float) for d in (0.0, 0.002)
        )
        rows, columns = opening(renderer, weights(jawOpen=jaw))
        assert np.abs(after - before)[rows, columns].max() < 30
        assert np.abs(after - before)[rows, columns].mean() < 4

"""The head renderer, by what can be measured in its pictures."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from dreamtalk_core.errors import RenderError
from dreamtalk_core.render.head.renderer import HeadRenderer
from dreamtalk_core.render.head.shading import EYE, MOUTH, TEETH, TONGUE
from tests.faces import weights

Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def renderer() -> HeadRenderer:
    return HeadRenderer(384)


def both(name: str, value: float = 1.0) -> dict[str, float]:
    return {f"{name}Left": value, f"{name}Right": value}


def seen(renderer: HeadRenderer, *kinds: int, **shapes: float) -> NDArray[np.bool_]:
    """Samples on which a material is visible."""
    renderer.render(weights(**shapes))
    owner = renderer._scratch().owner
    return np.isin(np.where(owner >= 0, renderer.head.material[owner], -1), kinds)


def centroid_x(mask: NDArray[np.bool_]) -> float:
    return float(np.nonzero(mask)[1].mean())


def pupils(picture: Picture) -> NDArray[np.bool_]:
    """Very dark pixels around the eyes."""
    size = len(picture)
    region = np.zeros(picture.shape[:2], bool)
    region[int(0.42 * size) : int(0.50 * size), int(0.33 * size) : int(0.67 * size)] = True
    return (picture.max(axis=2) < 48) & region


def test_picture(renderer: HeadRenderer) -> None:
    picture = renderer.render(weights())
    assert picture.shape == (384, 384, 3)
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture, renderer.render(weights()))
    # Head in the middle, backdrop in the corners: calm, dark, without a hue of its own.
    assert picture[:40, :40].max() < 70
    face = picture[150:300, 140:250].astype(float)
    assert 100 < face.mean() < 200
    assert face[..., 0].mean() > face[..., 1].mean() > face[..., 2].mean()
    # Nothing burnt out but the glints in the eyes.
    assert (picture.min(axis=2) > 250).mean() < 0.001


def test_the_neutral_mouth_is_shut(renderer: HeadRenderer) -> None:
    assert seen(renderer, MOUTH, TEETH, TONGUE).sum() < 20


def test_the_open_mouth_shows_teeth_tongue_and_a_dark_cavity(renderer: HeadRenderer) -> None:
    shown = {kind: seen(renderer, kind, jawOpen=0.7).sum() for kind in (MOUTH, TEETH, TONGUE)}
    assert min(shown.values()) > 300
    picture = renderer.render(weights(jawOpen=0.7)).max(axis=2)
    cavity = seen(renderer, MOUTH, jawOpen=0.7)[::2, ::2]
    teeth = seen(renderer, TEETH, jawOpen=0.7)[::2, ::2]
    assert picture[cavity].mean() < 0.6 * picture[teeth].mean()


@pytest.mark.parametrize("jaw", [0.2, 0.5])
def test_a_funnel_is_round(renderer: HeadRenderer, jaw: float) -> None:
    inside = seen(renderer, MOUTH, TEETH, TONGUE, mouthFunnel=1, jawOpen=jaw)
    rows, columns = np.nonzero(inside)
    # Of the box around it an ellipse fills pi/4, a rhombus half.
    filled = inside.sum() / (np.ptp(rows) * np.ptp(columns))
    assert 0.7 < filled < 0.88


def test_what_is_further_behind_the_lips_is_darker(renderer: HeadRenderer) -> None:
    def teeth(**shapes: float) -> float:
        picture = renderer.render(weights(jawOpen=0.3, **shapes)).max(axis=2)
        return float(picture[seen(renderer, TEETH, jawOpen=0.3, **shapes)[::2, ::2]].mean())

    smiling = teeth(**both("mouthSmile", 0.6), **both("mouthUpperUp", 0.4))
    assert teeth(mouthFunnel=0.8) < 0.9 * smiling


def test_mouth_close_keeps_the_lips_together(renderer: HeadRenderer) -> None:
    for amount in (0.3, 0.6, 1.0):
        shown = seen(renderer, MOUTH, TEETH, TONGUE, jawOpen=amount, mouthClose=amount)
        assert shown.sum() < 40


def test_blink_covers_the_eyes(renderer: HeadRenderer) -> None:
    assert seen(renderer, EYE).sum() > 1500
    for gaze in ({}, both("eyeLookDown"), both("eyeLookUp", 0.5), both("eyeSquint", 0.6)):
        assert seen(renderer, EYE, **both("eyeBlink"), **gaze).sum() == 0


def test_half_a_blink_and_wide_eyes(renderer: HeadRenderer) -> None:
    open_eye = seen(renderer, EYE).sum()
    assert seen(renderer, EYE, **both("eyeBlink", 0.5)).sum() < 0.7 * open_eye
    assert seen(renderer, EYE, **both("eyeWide")).sum() > 1.15 * open_eye


def test_pupils_follow_the_gaze(renderer: HeadRenderer) -> None:
    straight = centroid_x(pupils(renderer.render(weights())))
    to_left = renderer.render(weights(eyeLookOutLeft=0.8, eyeLookInRight=0.8))
    to_right = renderer.render(weights(eyeLookInLeft=0.8, eyeLookOutRight=0.8))
    # The character's left is on the right of the picture.
    assert centroid_x(pupils(to_left)) > straight + 2
    assert centroid_x(pupils(to_right)) < straight - 2


def test_head_rotation_follows_the_convention(renderer: HeadRenderer) -> None:
    def eyes(rotation: tuple[float, float, float]) -> NDArray[np.float64]:
        renderer.render(weights(), rotation)
        owner = renderer._scratch().owner
        rows, columns = np.nonzero((owner >= 0) & (renderer.head.material[owner] == EYE))
        return np.array([columns.mean(), rows.mean()])

    straight = eyes((0, 0, 0))
    assert eyes((0, 15, 0))[0] > straight[0] + 10, "yaw: to the character's left, our right"
    assert eyes((12, 0, 0))[1] > straight[1] + 10, "pitch: down"
    # Roll raises the left ear: the head tips to the character's right, our left.
    assert eyes((0, 0, 12))[0] < straight[0] - 3


def test_the_chest_stays_when_the_head_turns(renderer: HeadRenderer) -> None:
    straight = renderer.render(weights()).astype(int)
    turned = renderer.render(weights(), (0, 25, 0)).astype(int)
    change = np.abs(straight - turned).mean(axis=(1, 2))
    assert change[150:250].mean() > 10
    # The shoulder on the lit side; on the other one the shadow of the chin moves.
    assert np.abs(straight - turned)[-8:, 200:].mean() < 2


@pytest.mark.slow
def test_threads_draw_the_same_pictures(renderer: HeadRenderer) -> None:
    rows = [weights(jawOpen=i / 8) for i in range(8)]
    alone = [renderer.render(row) for row in rows]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(renderer.render, rows))
    np.testing.assert_array_equal(alone, together)


@pytest.mark.parametrize("size", [0, 63, 101, 5000])
def test_sizes_that_cannot_be_drawn(size: int) -> None:
    with pytest.raises(RenderError, match="even and 64 to 4096"):
        HeadRenderer(size)


def test_another_size_shows_the_same_picture(renderer: HeadRenderer) -> None:
    small = HeadRenderer(96).render(weights())
    large = renderer.render(weights()).reshape(96, 4, 96, 4, 3).mean(axis=(1, 3))
    assert np.abs(small - large).mean() < 4


@pytest.mark.slow
def test_the_camera_goes_round() -> None:
    renderer = HeadRenderer(128, background=None)
    front, left = renderer.render(weights()), renderer.render(weights(), view=(0.0, 90.0))
    behind, above = (
        renderer.render(weights(), view=(0, 180)),
        renderer.render(weights(), view=(50, 0)),
    )
    # In profile the nose points to the left of the picture.
    face = slice(40, 75)
    outline = left[..., 3] > 127
    first = np.argmax(outline[face], axis=1)
    last = outline.shape[1] - np.argmax(outline[face, ::-1], axis=1)
    assert first.std() > last.std()
    assert centroid_x(left[..., 3] > 127) != pytest.approx(centroid_x(front[..., 3] > 127), abs=0.5)

    # Hair is dark: all there is to see from behind, and more of it from above.
    def dark(picture: Picture) -> float:
        shown = picture[:70][picture[:70, :, 3] == 255]
        return float((shown[:, :3].max(axis=1) < 90).mean())

    assert dark(behind) > dark(above) > dark(front) + 0.2
    assert renderer.render(weights(), view=(0, 360)) == pytest.approx(front, abs=2)


def test_background_and_transparency() -> None:
    opaque = HeadRenderer(128, background=(10, 200, 30)).render(weights())
    np.testing.assert_array_equal(opaque[0, 0], (10, 200, 30))
    see_through = HeadRenderer(128, background=None).render(weights())
    assert see_through.shape == (128, 128, 4)
    alpha = see_through[..., 3:].astype(float) / 255
    assert (alpha[0] == 0).all()
    assert {0, 255} < set(np.unique(see_through[..., 3])) <= {0, 63, 127, 191, 255}
    # Put over the colour, it is the opaque picture.
    over = see_through[..., :3] * alpha + np.array([10, 200, 30]) * (1 - alpha)
    assert np.abs(over - opaque).max() <= 3


def test_zoom() -> None:
    near = HeadRenderer(128, background=None, zoom=1.5).render(weights())[..., 3]
    far = HeadRenderer(128, background=None, zoom=0.5).render(weights())[..., 3]
    usual = HeadRenderer(128, background=None).render(weights())[..., 3]
    assert near.mean() > 1.2 * usual.mean() > 2.4 * far.mean()
    with pytest.raises(RenderError, match=r"zoom must be 0\.25 to 8"):
        HeadRenderer(128, zoom=0)

"""A portrait in two layers."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from dreamtalk_core.assets import DEMO_PORTRAIT
from dreamtalk_core.render.portrait import layers
from dreamtalk_core.render.portrait.layers import Layers, split
from dreamtalk_core.render.portrait.renderer import PortraitRenderer
from dreamtalk_core.tracking.portrait import Portrait, read_portrait

Image = NDArray[np.uint8]
STILL = np.zeros(52)
TURNS = [(0, 20, 0), (0, -20, 0), (0, 60, 0), (-12, 0, 0), (12, 10, 0), (0, 0, 15), (-9, -15, -9)]

pytestmark = pytest.mark.slow


@cache
def portrait() -> Portrait:
    return read_portrait(DEMO_PORTRAIT, crop=256)


def drawn(image: Image | None = None) -> PortraitRenderer:
    found = portrait()
    image = found.image if image is None else image
    return PortraitRenderer(image, found.face.landmarks, found.face.matrix, found.face.weights)


@cache
def renderer() -> PortraitRenderer:
    return drawn()


@cache
def parts() -> Layers:
    found = split(portrait().image, renderer().rig)
    assert found is not None
    return found


def inner(picture: Image) -> Image:
    margin = parts().margin
    return picture[margin:-margin, margin:-margin]


def test_the_person_is_told_from_the_background() -> None:
    share = (inner(parts().person).astype(float) - 1) / 254
    left, top, right, bottom = (round(at) for at in portrait().face.box)
    assert share[top:bottom, (left + right) // 2].min() > 0.99
    assert share[: bottom - top, :20].max() <= 0
    assert share[-10:].mean() > 0.95, "shoulders"


def test_the_background_is_the_picture_where_nobody_is() -> None:
    free = inner(parts().person) == 0
    assert free.mean() > 0.2
    np.testing.assert_array_equal(inner(parts().background)[free], portrait().image[free])
    np.testing.assert_array_equal(inner(parts().image), portrait().image)


def test_a_plain_background_goes_on_behind_the_person() -> None:
    """Its colours and its grain, and nothing of the person."""
    grain = np.random.default_rng(1).normal(0, 3, (256, 256, 1))
    plain = np.clip(np.array([60.0, 120, 200]) + grain, 0, 255).astype(np.uint8)
    share = inner(parts().person)[..., None] > 0
    found = split(np.where(share, portrait().image, plain), renderer().rig)
    assert found is not None
    behind = found.background[found.margin : -found.margin, found.margin : -found.margin]
    hidden = behind[share[..., 0]].astype(float)
    assert np.abs(np.median(hidden, 0) - [60, 120, 200]).max() < 3
    assert np.percentile(np.abs(hidden - [60, 120, 200]).max(-1), 95) < 12
    assert hidden.std() < 1.5 * plain[~share[..., 0]].std()


@pytest.mark.parametrize("turn", TURNS)
def test_the_background_stays(turn: tuple[float, float, float]) -> None:
    """Where the head neither was nor comes to, the picture is the same to the bit at any turn, up
    to its edges."""
    picture = portrait().image
    frame = renderer().render(STILL, turn)
    assert (frame != picture).mean() > 0.1
    changed = (frame != picture).any(-1)
    left, _, right, bottom = portrait().face.box
    reach = round(0.5 * (right - left))
    assert not changed[:, : max(0, round(left) - reach - 20)].any()
    assert not changed[: round(bottom), [0, -1]].any()
    assert np.abs(frame[-1].astype(int) - picture[-1]).mean() < 1


def test_nothing_moves_at_rest_and_little_next_to_it() -> None:
    picture = portrait().image
    np.testing.assert_array_equal(renderer().render(STILL, (0, 0, 0)), picture)
    near = renderer().render(STILL, (0.02, 0.02, 0.02)).astype(float)
    assert np.abs(near - picture).max() < 16
    assert ((near - picture) ** 2).mean() < 1


def test_what_is_told_beyond_is_eased() -> None:
    far, further = (renderer().render(STILL, (0, yaw, 0)).astype(int) for yaw in (60, 90))
    assert np.abs(far - further).mean() < 0.05


def test_outlines_bring_no_background_along() -> None:
    """In front of another background the head is the same, and so is what is beside it."""
    share = np.clip((inner(parts().person)[..., None].astype(float) - 1) / 254, 0, 1)
    other = np.full((256, 256, 3), 128.0)
    picture = portrait().image + (1 - share) * (other - inner(parts().background))
    moved = drawn(np.clip(np.rint(picture), 0, 255).astype(np.uint8))
    frame = moved.render(STILL, (0, -18, 0)).astype(int)
    top, right = round(portrait().face.box[1]), round(portrait().face.box[2])
    beside = frame[top : top + 60, right + 16 : right + 30]
    assert np.abs(beside - 128).max() < 24


def test_a_head_that_is_cut_off_goes_on_round() -> None:
    matte = np.zeros((50, 100), np.float32)
    matte[:, 30:70] = 1
    beyond = layers._beyond(matte, 20, 80)
    above = beyond[:20, 20:-20].sum(0)
    assert above[50] == pytest.approx(20**2 / 80, abs=1)
    assert above[31] < 1
    assert not above[:30].any()
    np.testing.assert_array_equal(beyond[:20], beyond[:20, ::-1])
    assert not beyond[20:-20, :20].any()


def test_without_a_person_it_is_drawn_as_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "_seen", lambda picture, margin: np.zeros(picture.shape[:2], "f4"))
    whole = drawn()
    assert split(portrait().image, whole.rig) is None
    np.testing.assert_array_equal(whole.render(STILL), portrait().image)
    frame = whole.render(STILL, (0, 10, 0))
    assert (frame != portrait().image).mean() > 0.1

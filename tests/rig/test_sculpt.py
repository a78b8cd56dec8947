"""What is made of the base mesh's face targets, measured on the head that is shipped."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dreamtalk_core.motion.arkit import INDEX
from dreamtalk_core.rig.head import MATERIALS, Head, load_head


@pytest.fixture(scope="module")
def head() -> Head:
    return load_head()


def posed(head: Head, **shapes: float) -> NDArray[np.float32]:
    w = np.zeros(52, np.float32)
    for name, value in shapes.items():
        w[INDEX[name]] = value
    return head.pose(w)


def around(head: Head, *place: float) -> NDArray[np.int64]:
    """The eight skin vertices that are nearest to a place, mm."""
    skin = np.unique(head.triangles[head.material == MATERIALS.index("skin")])
    gaps = np.linalg.norm(head.vertices[skin] - np.array(place, np.float32), axis=1)
    return skin[np.argsort(gaps)[:8]]


def test_a_funnel_brings_both_lips_forward(head: Head) -> None:
    moved = posed(head, mouthFunnel=1) - head.vertices
    for height in (-21.0, -31.0):
        assert moved[around(head, 0, height, 102), 2].mean() > 6


@pytest.mark.parametrize("sign", [1, -1])
def test_a_smile_fills_the_cheek(head: Head, sign: int) -> None:
    side = "Left" if sign > 0 else "Right"
    moved = posed(head, **{f"mouthSmile{side}": 1}) - head.vertices
    cheek = moved[around(head, sign * 38, 2, 81)].mean(axis=0)
    assert cheek[1] > 4
    assert cheek[2] > 1
    # The lower lid comes up a little, the upper one stays.
    assert 0.2 < moved[around(head, sign * 28.4, 31.5, 83), 1].mean() < 2
    assert np.abs(moved[around(head, sign * 28.4, 44, 80)]).max() < 0.2


def test_lips_that_roll_in_show_less_red(head: Head) -> None:
    def red(name: str, border: float) -> float:
        after = posed(head, **{name: 1})[around(head, 0, border, 101), 1].mean()
        return abs(float(after) + 26)

    assert red("mouthRollLower", -34) < 4
    assert red("mouthRollUpper", -18) < 5


def test_lashes_stay_on_the_lids_and_tip_down_with_them(head: Head) -> None:
    lash = head.triangles[head.material == MATERIALS.index("lash")]
    blades = lash.reshape(-1, 3, 3)
    roots, tips = blades[:, 0, 0], blades[:, 2, 2]
    skin = np.unique(head.triangles[head.material == MATERIALS.index("skin")])
    skin = skin[head.vertices[skin, 2] > 60]
    shut = posed(head, eyeBlinkLeft=1, eyeBlinkRight=1)
    for vertices in (head.vertices, shut):
        gaps = np.linalg.norm(vertices[roots][:, None] - vertices[skin], axis=2).min(axis=1)
        assert gaps.max() < 3
    upper = shut[roots, 1] < head.vertices[roots, 1] - 2
    assert 95 < upper.sum() <= 104
    assert (shut[tips, 1] < shut[roots, 1])[upper].all()

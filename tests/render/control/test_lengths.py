"""Numbers of frames and sizes, against the rules of the models."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamtalk_core.errors import RenderError
from dreamtalk_core.render.control.lengths import FAMILIES, fit, told


@given(st.sampled_from(sorted(FAMILIES)), st.integers(1, 3000), st.integers(8, 4096))
def test_every_rule(family: str, frames: int, side: int) -> None:
    rule, done = FAMILIES[family], fit(family, frames, side, 2 * side)
    assert done.count >= frames
    assert (done.count - 1) % rule.group == 0
    assert done.height % rule.step == done.width % rule.step == 0
    assert abs(done.height - side) <= max(rule.step / 2, rule.step - side)
    if done.pieces == 1:
        assert done.count - frames < rule.group
        assert done.count <= rule.piece
    # Pieces cover all of it, each sharing what it should.
    parts = [fit(family, frames, side, side, piece) for piece in range(1, done.pieces + 1)]
    assert parts[0].first == 0
    assert parts[-1].first + parts[-1].length == done.count
    assert parts[-1].first + rule.overlap < frames or done.pieces == 1
    for one, other in pairwise(parts):
        assert one.first + one.length - other.first == rule.overlap
        assert one.length == rule.piece


@pytest.mark.parametrize(
    ("family", "frames", "count", "pieces"),
    [
        ("Wan VACE, Fun", 80, 81, 1),
        ("Wan VACE, Fun", 82, 157, 2),
        ("Wan Animate", 77, 77, 1),
        ("Wan Animate", 150, 221, 3),
        ("Wan SCAIL", 158, 233, 3),
        ("InfiniteTalk", 100, 153, 2),
        ("Wan S2V", 77, 77, 1),
        ("Wan S2V", 158, 237, 3),
        ("LTX", 90, 97, 1),
        ("LTX", 1, 1, 1),
    ],
)
def test_some_numbers(family: str, frames: int, count: int, pieces: int) -> None:
    done = fit(family, frames, 512, 512)
    assert (done.count, done.pieces) == (count, pieces)


def test_it_says_what_it_did() -> None:
    text = told("Wan SCAIL", 150, 500, 512, fit("Wan SCAIL", 150, 500, 512, 2))
    assert text == (
        "Wan SCAIL: 150 frames became 157 (4n+1), the last one 7 times more; 512 x 500 became "
        "512 x 512. That is 2 pieces of 81, 5 of them shared; here are 81 from frame 76 on."
    )
    text = told("Wan S2V", 100, 64, 64, fit("Wan S2V", 100, 64, 64, 2))
    assert text.endswith("That is 2 pieces of 77, one every 80; here are 77 from frame 80 on.")
    assert told("LTX", 9, 64, 64, fit("LTX", 9, 64, 64)) == "LTX: 9 frames became 9 (8n+1)."


def test_what_cannot_be_fitted() -> None:
    with pytest.raises(RenderError, match="2 pieces of Wan Animate, and there is no piece 3"):
        fit("Wan Animate", 100, 64, 64, 3)
    with pytest.raises(RenderError, match="no family 'Sora'"):
        fit("Sora", 100, 64, 64)
    with pytest.raises(RenderError, match="no frames"):
        fit("LTX", 0, 64, 64)

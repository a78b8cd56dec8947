"""Drawings that are held: no run is too short, and no better choice is left out."""

from __future__ import annotations

from itertools import groupby, product

import numpy as np
import pytest

from dreamtalk_core.retarget.steps import in_steps


def runs(shown: np.ndarray) -> list[int]:
    return [len(list(run)) for _, run in groupby(shown.tolist())]


@pytest.mark.parametrize("price", [0.0, 0.4])
@pytest.mark.parametrize("least", [1, 2, 3, 5])
def test_no_run_is_shorter_and_none_is_better(least: int, price: float) -> None:
    random = np.random.default_rng(least)
    for shares in random.random((5, 2, 9)):
        shown = in_steps(shares, least, price)
        assert min(runs(shown)) >= least
        ways = (np.array(way) for way in product(range(2), repeat=9))
        allowed = [way for way in ways if min(runs(way)) >= least]
        worth, *others = (
            shares[way, np.arange(9)].sum() - price * (len(runs(way)) - 1)
            for way in (shown, *allowed)
        )
        assert worth == pytest.approx(max(others))


def test_without_a_hold_the_strongest_is_shown() -> None:
    shares = np.random.default_rng(0).random((5, 40))
    assert (in_steps(shares, 1) == shares.argmax(0)).all()
    assert (in_steps(shares, 0) == shares.argmax(0)).all()


def test_few_frames_are_one_run() -> None:
    assert in_steps([[0, 1, 0], [1, 0, 1]], 12).tolist() == [1, 1, 1]
    assert in_steps([[1.0], [2.0]], 3).tolist() == [1]


def test_a_long_line_is_quick() -> None:
    shares = np.random.default_rng(0).random((9, 20_000))
    assert min(runs(in_steps(shares, 3))) >= 3

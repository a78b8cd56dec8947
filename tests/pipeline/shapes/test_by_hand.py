"""Landmarks that are corrected by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dreamtalk_core.errors import TrackingError
from dreamtalk_core.pipeline.shapes.by_hand import (
    LANDMARKS,
    NEEDED,
    corrected,
    named,
    read_landmarks,
    save_landmarks,
)
from dreamtalk_core.render.portrait.template import load_template


def test_what_is_moved_is_there_and_its_neighbours_go_along() -> None:
    points = load_template().rest.astype(float)
    goal = points[LANDMARKS["mouth_left"]] + [4, 0, 0]
    result = corrected(points, {"mouth_left": goal.tolist()})
    assert np.abs(result[LANDMARKS["mouth_left"]] - goal).max() < 1e-3
    assert result[308, 0] - points[308, 0] > 2, "the corner's inner edge"
    still = [number for name, number in LANDMARKS.items() if name != "mouth_left"]
    assert np.abs(result[still] - points[still]).max() < 1e-3


def test_all_of_them_place_a_face_that_was_not_found() -> None:
    rest = load_template().rest.astype(float)
    places = {name: 0.01 * place + 7 for name, place in named(rest).items()}
    result = corrected(None, {name: place.tolist() for name, place in places.items()})
    assert np.abs(result - (0.01 * rest + 7)).max() < 1e-3


def test_a_handful_places_a_face_that_was_not_found() -> None:
    rest = load_template().rest.astype(float)
    wide = rest * [1.2, 1, 1]
    places = {name: wide[LANDMARKS[name]].tolist() for name in NEEDED}
    result = corrected(None, places)
    assert np.abs(result[[LANDMARKS[name] for name in NEEDED]] - list(places.values())).max() < 0.01
    assert np.abs(result[:468] - wide[:468]).max() < 12


def test_nothing_by_hand_changes_nothing() -> None:
    points = load_template().rest.astype(float)
    assert np.array_equal(corrected(points, {}), points)


@pytest.mark.parametrize(
    ("found", "by_hand", "message"),
    [
        (True, {"moth_left": [0, 0, 0]}, "no landmark 'moth_left'"),
        (True, {"chin": [0, 0]}, "three numbers"),
        (True, {"chin": [0, 0, float("nan")]}, "three numbers"),
        (True, {"chin": "here"}, "three numbers"),
        (False, {"chin": [0, 0, 0]}, "Missing: eye_outer_right"),
    ],
)
def test_what_is_wrong_is_said(found: bool, by_hand: dict[str, list[float]], message: str) -> None:
    points = load_template().rest.astype(float) if found else None
    with pytest.raises(TrackingError, match=message):
        corrected(points, by_hand)


def test_a_file_keeps_them(tmp_path: Path) -> None:
    places = named(load_template().rest.astype(float))
    save_landmarks(tmp_path / "places.json", places)
    back = read_landmarks(tmp_path / "places.json")
    assert all(np.allclose(back[name], place, atol=1e-5) for name, place in places.items())
    (tmp_path / "places.json").write_text("[]", encoding="utf-8")
    with pytest.raises(TrackingError, match="no landmarks"):
        read_landmarks(tmp_path / "places.json")

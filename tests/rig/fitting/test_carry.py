"""Shapes that are carried to another face are what its own would be, lips and lids included."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from benchmarks.shapes import another_head, scanned
from dreamtalk_core.errors import DreamTalkWarning
from dreamtalk_core.motion.arkit import INDEX
from dreamtalk_core.motion.tongue import FACE_NAMES
from dreamtalk_core.render.portrait.template import load_template
from dreamtalk_core.rig.fitting.carry import Wearer, carried
from dreamtalk_core.rig.fitting.warp import Warp
from dreamtalk_core.rig.head import MATERIALS, Head, load_head

pytestmark = pytest.mark.slow


@cache
def landmarks_of_another() -> np.ndarray:
    """A millimetre off."""
    head, rest = another_head(), load_template().rest.astype(float)
    own = load_head().vertices.astype(float)
    near = np.linspace(0, len(own) - 1, 900).astype(int)
    bend = Warp(own[near], head.vertices[near] - own[near], 0)
    return bend(rest) + np.random.default_rng(0).normal(0, 0.6, rest.shape)


@cache
def made() -> tuple[Head, np.ndarray]:
    """Another head, and what it got."""
    head, rest = another_head(), load_template().rest.astype(float)
    landmarks = landmarks_of_another()
    kinds = np.zeros(len(head.vertices), np.int64)
    for kind in range(len(MATERIALS)):
        kinds[head.triangles[head.material == kind]] = kind
    triangles = head.triangles.astype(np.int64)
    return head, carried(Wearer(head.vertices.astype(float), triangles, landmarks, kinds), rest)


def test_there_are_other_triangles() -> None:
    head = made()[0]
    assert len(head.triangles) < 0.87 * len(load_head().triangles)


@pytest.mark.parametrize("name", ["jawOpen", "mouthSmileLeft", "mouthPucker", "browInnerUp"])
def test_a_shape_is_near_its_own(name: str) -> None:
    head, moved = made()
    skin = np.unique(head.triangles[head.material == 0])
    ours, own = moved[FACE_NAMES.index(name)][skin], head.deltas[INDEX[name]][skin]
    error, size = (np.sqrt((value**2).sum(axis=1).mean()) for value in (ours - own, own))
    assert error < 0.3 * size


def test_lips_close_again() -> None:
    head, moved = made()
    lips = head.lip_columns
    both = moved[INDEX["jawOpen"]] + moved[INDEX["mouthClose"]]

    def gap(deltas: np.ndarray) -> float:
        y = (head.vertices + deltas)[lips][..., 1]
        return float(np.maximum(y[:, 0].min(axis=-1) - y[:, 1].max(axis=-1), 0).mean())

    assert gap(moved[INDEX["jawOpen"]]) > 10, "one lip does not drag the other along"
    assert gap(both) < 0.5


def test_teeth_tongue_and_eyes_move() -> None:
    head, moved = made()
    parts = {
        name: np.unique(head.triangles[head.material == MATERIALS.index(name)])
        for name in MATERIALS
    }
    jaw = moved[INDEX["jawOpen"]][parts["teeth"], 1]
    assert jaw.min() < -6, "the lower teeth go down"
    assert jaw.max() > -0.1, "the upper ones stay"
    assert np.abs(moved[FACE_NAMES.index("tongueOut")][parts["tongue"]]).max() > 10
    assert np.abs(moved[INDEX["eyeLookUpLeft"]][parts["eye"]]).max() > 2
    assert not moved[INDEX["mouthSmileLeft"]][parts["eye"]].any()


def test_a_scan_moves_though_lips_and_eyes_are_one_with_its_skin() -> None:
    """And where its eyes are shut, lids do not go through one another."""
    head, rest = scanned(another_head()), load_template().rest.astype(float)
    landmarks = landmarks_of_another().copy()
    landmarks[386] = landmarks[374]  # the left eye, shut
    triangles, none = head.triangles.astype(np.int64), np.zeros(len(head.vertices), np.int64)
    with pytest.warns(DreamTalkWarning) as said:
        moved = carried(Wearer(head.vertices.astype(float), triangles, landmarks, none), rest)
    texts = [str(one.message) for one in said]
    for text in ("The lips are one skin", "are shut in the mesh (left eye)", "No eyeball"):
        assert any(text in one for one in texts), text
    assert 0 < np.abs(moved[INDEX["eyeBlinkLeft"]]).max() < 0.3
    assert np.abs(moved[INDEX["eyeBlinkRight"]]).max() > 4
    for name in ("jawOpen", "mouthSmileLeft", "browInnerUp"):
        ours, own = moved[INDEX[name]], head.deltas[INDEX[name]]
        error, size = (np.sqrt((value**2).sum(axis=1).mean()) for value in (ours - own, own))
        assert error < 0.35 * size, name

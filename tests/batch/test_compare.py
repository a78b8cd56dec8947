"""What has changed against an earlier run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dreamtalk_core.batch.compare import change
from dreamtalk_core.batch.grade import Thresholds
from dreamtalk_core.batch.page import page
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX


def test_the_largest_difference_is_named(tmp_path: Path) -> None:
    now, then = tmp_path / "now", tmp_path / "then"
    now.mkdir()
    then.mkdir()
    weights = np.full((50, len(ARKIT_NAMES)), 0.25, np.float32)

    def save(folder: Path, fps: int = 25) -> None:
        Motion(ARKIT_NAMES, weights, fps).save(folder / "a.npz")

    save(now)
    assert change(now, then, ["a.mp4", "a.npz"]) == {"new": True}
    save(then)
    assert change(now, then, ["a.mp4", "a.npz"]) is None
    assert change(now, then, ["a.mp4"]) is None
    weights[20, INDEX["jawOpen"]] += 0.5
    weights[30, INDEX["mouthPucker"]] -= 0.25
    save(now)
    found = change(now, then, ["a.npz"])
    assert found == {"most": 0.5, "channel": "jawOpen", "at": 0.82, "mean": 0.0075}
    weights = np.concatenate([weights, weights[:5]])
    save(now)
    longer = change(now, then, ["a.npz"])
    assert longer is not None
    assert longer["seconds"] == pytest.approx(0.2)
    assert longer["most"] == 0.5


def test_a_head_that_turns_otherwise_is_a_change(tmp_path: Path) -> None:
    weights = np.zeros((10, len(ARKIT_NAMES)), np.float32)
    for name, angle in (("now", 179.0), ("then", -176.0)):
        (tmp_path / name).mkdir()
        head = np.zeros((10, 3), np.float32)
        head[4, 1] = angle
        Motion(ARKIT_NAMES, weights, 25, head).save(tmp_path / name / "a.npz")
    found = change(tmp_path / "now", tmp_path / "then", ["a.npz"])
    assert found is not None
    assert (found["most"], found["head"]) == (0.0, 5.0)
    entry = {"id": "one", "row": 1, "status": "done", "change": found}
    assert "<td>5.0\N{DEGREE SIGN}</td>" in page(tmp_path, [entry], Thresholds())

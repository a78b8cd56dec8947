"""What has changed against an earlier run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dreamtalk_core.batch.compare import change
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

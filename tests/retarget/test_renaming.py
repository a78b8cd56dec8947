from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from dreamtalk_core.errors import MotionError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.retarget import Mapping, Row, write_preset
from dreamtalk_core.retarget.renaming import renamed


def make() -> Motion:
    draw = np.random.default_rng(0)
    return Motion(ARKIT_NAMES, draw.random((5, 52), np.float32), Fraction(25))


def test_names_of_a_scheme() -> None:
    motion = renamed(make(), "livelink")
    assert "JawOpen" in motion.names
    np.testing.assert_allclose(motion.channel("JawOpen"), make().channel("jawOpen"), atol=1e-6)


def test_names_of_a_mapping_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    write_preset(path, Mapping((Row("jawOpen", "Kiefer", 0.5),), "mine"))
    motion = renamed(make(), str(path))
    assert motion.names == ("Kiefer",)
    np.testing.assert_allclose(motion.channel("Kiefer"), make().channel("jawOpen") / 2, atol=1e-6)


def test_what_is_no_scheme() -> None:
    with pytest.raises(MotionError, match=r"no scheme or mapping file nobody.*arkit"):
        renamed(make(), "nobody")
    with pytest.raises(MotionError, match="no ARKit shapes"):
        renamed(Motion(("x",), np.zeros((2, 1), np.float32), Fraction(25)), "arkit")

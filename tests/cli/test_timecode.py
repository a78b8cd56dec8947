from __future__ import annotations

from pathlib import Path

import numpy as np

from dreamtalk_core.cli import main
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.timecode import Timecode


def test_curves_keep_their_timecode(tmp_path: Path) -> None:
    take, copy = tmp_path / "take.csv", tmp_path / "copy.csv"
    motion = Motion(("jawOpen",), np.zeros((60, 1)), 25)  # type: ignore[arg-type]
    motion.save(take, start=Timecode.parse("10:00:00:12", 25))
    assert main(["convert", str(take), str(copy), "--start", "source"]) == 0
    assert take.read_bytes() == copy.read_bytes()
    assert main(["convert", str(take), str(copy), "--timecode-rate", "30"]) == 0
    assert "\n00:00:00:01.200," in copy.read_text(encoding="utf-8")

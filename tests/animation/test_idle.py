"""What moves in silence."""

from __future__ import annotations

import numpy as np

from dreamtalk_core.animation.behaviour import enliven
from dreamtalk_core.motion.arkit import REGIONS
from dreamtalk_core.parameters import Behaviour
from tests.animation.speaker import NO, still


def test_nothing_is_frozen_in_silence() -> None:
    silent = (np.full(1500, -60.0), np.full(1500, np.nan))
    motion = enliven(still(1500), *silent, 0, Behaviour(**{**NO, "idle": 1.0}))
    for region in ("eyelids", "brows", "cheeks_nose", "mouth"):
        moves = [motion.channel(name).std() for name in REGIONS[region]]
        assert max(moves) > 0.003, region
    assert motion.weights.max() < 0.1
    head = motion.head_rotation
    assert (head.std(0) > 0.2).all()
    assert (head.std(0) < 1.2).all()
    # Fifteen breaths a minute are a line in the spectrum of the pitch, a little smeared.
    power = np.abs(np.fft.rfft(head[:, 0] - head[:, 0].mean())) ** 2
    assert 11 <= int(power[8:].argmax()) + 8 <= 19

"""Faces to send."""

from __future__ import annotations

import numpy as np

from dreamtalk_core.live.frame import Frame
from dreamtalk_core.motion.arkit import ARKIT_NAMES


def face(seed: int = 0, time: float | None = 3723.5, **settings: object) -> Frame:
    """A face whose every weight and angle is another."""
    rng = np.random.default_rng(seed)
    weights = rng.permutation(np.linspace(0.01, 0.99, len(ARKIT_NAMES))).astype(np.float32)
    head = np.array([-12.5, 21.25, 6.75], np.float32)
    return Frame(weights, head, time, **settings)  # type: ignore[arg-type]

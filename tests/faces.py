"""Faces that tests pose."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.motion.arkit import ARKIT_NAMES


def weights(names: Sequence[str] = ARKIT_NAMES, /, **shapes: float) -> NDArray[np.float32]:
    """Weights [C] of channels of these names, 0 but for the shapes."""
    result = np.zeros(len(names), np.float32)
    for name, value in shapes.items():
        result[names.index(name)] = value
    return result

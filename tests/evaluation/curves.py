"""Curves for tests of figures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.motion.arkit import INDEX

Curve = NDArray[np.float64]


def weights(**channels: Curve) -> Curve:
    length = len(next(iter(channels.values())))
    curves = np.zeros((length, 52))
    for name, curve in channels.items():
        curves[:, INDEX[name]] = curve
    return curves


def speech_like(length: int = 200, seed: int = 0) -> Curve:
    """A smooth random curve between 0 and 1."""
    noise = np.random.default_rng(seed).normal(size=length + 40)
    curve = np.convolve(noise, np.hanning(9), mode="same")[20:-20]
    scaled: Curve = (curve - curve.min()) / (curve.max() - curve.min())
    return scaled

"""Vocal effort: loud, tense speech opens the mouth further, and soft, tired speech less.

What is recorded for training is calm. So that a model learns to hear effort, recordings are made
louder and softer as a voice is (higher and brighter, or lower, duller and breathier), and their
lips move more or less in proportion. Loud speech opens the jaw by half more and upwards (Schulman
1989, JASA 85; Huber & Chandrasekaran 2006, JSLHR 49); its pitch rises by some 5 semitones and its
spectrum falls less steeply (Traunmueller & Eriksson 2000, JASA 107; Lienard & Di Benedetto 1999,
JASA 106).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from dreamtalk_core.motion.arkit import INDEX
from dreamtalk_core.training.emotional_speech import EmotionalVoice, make_emotional
from dreamtalk_core.training.synthetic_styles import PARTING

Array = npt.NDArray[np.float32]

OPENING = tuple(INDEX[name] for name in (*PARTING, "mouthClose"))
"""Columns of the shapes that effort widens."""

WIDEST = math.log(1.7)
"""Logarithm of the factor on them at full effort; at none, it is as much less."""


def with_effort(waveform: Array, rng: np.random.Generator) -> tuple[Array, float]:
    """A recording [N] at 16 kHz said with another effort, and the factor on its lips' opening.

    Moments stay where they are.
    """
    effort = float(rng.uniform(-1, 1))
    loud, soft = max(effort, 0.0), max(-effort, 0.0)
    voice = EmotionalVoice(
        pitch=8 * loud - 3 * soft + rng.normal(0, 1.5),
        range=math.exp(0.3 * effort + rng.normal(0, 0.15)),
        brightness=4 * effort + rng.normal(0, 1),
        dynamics=math.exp(0.15 * effort + rng.normal(0, 0.1)),
        roughness=0.15 * loud * rng.random(),
        breath=0.08 * soft * rng.random(),
    )
    return make_emotional(waveform, voice, rng), math.exp(WIDEST * effort)


def opened(values: Array, factor: float) -> Array:
    """Channel values [T, C] whose mouth opens `factor` times as far."""
    wider = values.copy()
    wider[:, OPENING] = np.minimum(factor * wider[:, OPENING], 1.0)
    return wider

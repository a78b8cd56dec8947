"""Phones as the phonetic encoder finds them in a recording."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray


def phone_posteriors(
    waveform: NDArray[np.float32],
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """What the phonetic encoder hears: log-posteriors [T, phones] at 50 frames/s, and the phones.

    waveform: [N] at 16 kHz, a clip of seconds, not hours; any level: it is brought to that of
    ordinary speech first.
    """
    import torch

    from dreamtalk_core.models.devices import inference

    encoder = _encoder()
    speech = np.asarray(waveform, np.float32)
    level = max(float(np.sqrt(np.mean(np.square(speech)))), 1e-6)
    speech = np.clip(speech * (0.07 / level), -1.0, 1.0)
    with inference():
        _, posteriors = encoder(torch.from_numpy(speech)[None])
    return posteriors[0].numpy(), encoder.phones


@cache
def _encoder() -> Any:
    from dreamtalk_core.speech.phonetics import PhoneticEncoder

    return PhoneticEncoder.load()

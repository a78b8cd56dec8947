"""Speech as a generative video model wants to hear it.

Models that hear a voice together with all else that sounds (LTX-2 and others) have learnt from
films. A voice out of a synthesiser, with digital silence between its words, is none of that to
them: the picture stands still. With a faint hiss beneath they move. And they want sound as long as
the video, which may go on after the last word.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import SpeechError
from dreamtalk_core.speech.sound import Samples, cut_sound

LOWEST = 20.0
"""Hz from which up the noise sounds."""
_BLOCK = 1.5
"""Seconds of noise that are drawn at a time."""


def prepare_sound(
    samples: Samples, sample_rate: int, *, noise: float = -40.0, tail: float = 0.5, seed: int = 0
) -> tuple[Samples, Samples]:
    """Samples [channels, N] with pink noise and a longer end; and the same without the noise.

    noise: its level, dB (RMS) of full scale, the same in every channel, so that it is the same when
    they are mixed. tail: seconds that are added. The model gets the first; the second, as long, is
    for the video that it makes. Raises SpeechError for a tail below 0,
    and noise that is no level, or above full scale.
    """
    if not 0 <= tail < np.inf:
        raise SpeechError(f"tail is {tail}. Give seconds from 0 up.")
    if not noise <= 0:
        raise SpeechError(f"noise is {noise}. Give a level in decibels, 0 at most.")
    longer = cut_sound(samples, sample_rate, 0, samples.shape[-1] / sample_rate + tail)
    hiss = pink_noise(longer.shape[-1], sample_rate, seed)
    return longer + np.float32(10 ** (noise / 20)) * hiss, longer


def pink_noise(count: int, sample_rate: int, seed: int = 0) -> NDArray[np.float32]:
    """Noise [count] of unit power whose power falls with the frequency, 3 dB in each octave.

    Drawn in blocks that overlap by half, in windows whose squares add up to 1: neither its level
    nor what it takes in memory depends on the length. The same seed is the same noise.
    """
    half = int(_BLOCK * sample_rate / 2)
    frequencies = np.fft.rfftfreq(2 * half, 1 / sample_rate)
    shape = np.where(frequencies >= LOWEST, 1 / np.sqrt(np.maximum(frequencies, LOWEST)), 0.0)
    shape /= np.sqrt(2 * np.square(shape).sum()) / (2 * half)
    window = np.sin(np.pi * (np.arange(2 * half) + 0.5) / (2 * half))
    draw = np.random.default_rng(seed)
    # Half a block more at either end: there two of them lie over each other as well.
    noise = np.zeros((-(-count // half) + 2) * half, np.float32)
    for start in range(0, len(noise) - half, half):
        phases = draw.uniform(0, 2 * np.pi, len(shape))
        block = np.fft.irfft(shape * np.exp(1j * phases), 2 * half)
        noise[start : start + 2 * half] += window * block
    return noise[half : half + count]

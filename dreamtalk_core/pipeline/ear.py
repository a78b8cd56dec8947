"""`Ear`: somebody else who is heard in a stream, while they speak."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dreamtalk_core.animation.noise import BEGINNING, UInt64, heard
from dreamtalk_core.motion import MODEL_FPS
from dreamtalk_core.speech.audio import SAMPLE_RATE
from dreamtalk_core.speech.prosody import FLOOR_DB, Prosody, frame_power, measure_prosody
from dreamtalk_core.speech.vocal import hear_beside_words

Array = npt.NDArray[np.float32]

EARSHOT = 750
"""Frames (30 s) that tell how loud and how high somebody usually speaks."""
SAMPLES = SAMPLE_RATE // MODEL_FPS
SILENCE = np.array([FLOOR_DB, np.nan, 0, 0, 0], np.float32)
"""What is heard of nobody, see `as_heard`."""


class Ear:
    """What has been heard of somebody in the last 30 s of a stream."""

    def __init__(self, first: int) -> None:
        """first: frame of the stream from which on they are heard."""
        self._first, self._wave = first, np.zeros(0, np.float32)
        self._begun = first  # frame of their first sound, or the next one, if there is none yet
        self._levels = np.zeros(0, np.float32)  # power of the frames from there on, at most 2 s

    def take(self, samples: Array) -> None:
        """Hear more of them: [N] mono at 16 kHz."""
        counted = len(self._wave) // SAMPLES
        self._wave = np.concatenate([self._wave, samples])
        power = frame_power(self._wave[counted * SAMPLES :])
        if not len(self._levels):
            silent = int(np.argmax(power > 0)) if power.any() else len(power)
            self._begun, power = self._begun + silent, power[silent:]
        self._levels = np.concatenate([self._levels, power])[:BEGINNING]

    def heard(self, start: int, stop: int) -> Array:
        """[stop - start, 5] of frames of the stream up to the last, see `as_heard`."""
        wave = self._wave[: (stop - self._first) * SAMPLES]
        prosody = measure_prosody(wave)
        found = as_heard(prosody, hear_beside_words(wave, prosody))[start - self._first :]
        if (old := stop - EARSHOT - self._first) > 0:
            self._wave, self._first = self._wave[old * SAMPLES :], self._first + old
        return found

    def voice(self, start: int, stop: int) -> UInt64:
        """[stop - start] the number of their voice as far as it is known in each frame, and from
        two seconds of sound on as `number_voice` has it."""
        if not len(self._levels):
            return np.zeros(stop - start, np.uint64)
        numbers, place = heard(self._levels), np.arange(start, stop) - self._begun
        result: UInt64 = np.where(place < 0, np.uint64(0), numbers[place.clip(0, len(numbers) - 1)])
        return result


def as_heard(prosody: Prosody, beside_words: Array) -> Array:
    """[T, 5]: loudness and pitch, see `Prosody`, and breaths, laughs and sighs."""
    parts = (prosody.loudness, prosody.pitch, beside_words)
    return np.column_stack(parts).astype(np.float32)

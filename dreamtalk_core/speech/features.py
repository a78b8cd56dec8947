"""`SpeechFeatures`: the analysis of a speech, each part made once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dreamtalk_core.motion import MODEL_FPS
from dreamtalk_core.motion.frame_rate import frame_count
from dreamtalk_core.progress import Advance
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech
from dreamtalk_core.speech.phonetics import FRAME_RATE, PhoneticEncoder
from dreamtalk_core.speech.prosody import Prosody, measure_prosody, number_voice
from dreamtalk_core.speech.vocal import hear_beside_words

CACHED_SECONDS = 30  # two windows
"""Of a longer speech phonetic rows are not kept, so that memory does not grow with it."""


class SpeechFeatures:
    """Phonetic rows, loudness and pitch of a speech: measured when first asked for, and kept.

    Handed to style, sampler and lips alike. Of a speech longer than `CACHED_SECONDS` only the rows
    of its `beginning` are kept, of which is asked how it is spoken; the others pass through.
    """

    def __init__(
        self, speech: Speech, phonetics: PhoneticEncoder, frames: int | None = None
    ) -> None:
        """frames: how many to hear of, at 25 fps, if not as many as the speech lasts."""
        self.speech = speech
        self.frames = frame_count(speech.duration, MODEL_FPS) if frames is None else frames
        self._samples = None if frames is None else frames * SAMPLE_RATE // MODEL_FPS
        self._phonetics = phonetics
        self._heard = speech.waveform
        self._rows: Tensor | None = None

    @cached_property
    def prosody(self) -> Prosody:
        """Loudness and pitch."""
        return measure_prosody(self.speech.waveform[: self._samples])

    @cached_property
    def beside_words(self) -> npt.NDArray[np.float32]:
        """Breaths, laughs and sighs, see `hear_beside_words`."""
        return hear_beside_words(self.speech.waveform[: self._samples], self.prosody)

    @cached_property
    def voice(self) -> int:
        """A number for the voice, by which chance goes, see `animation.noise`."""
        return number_voice(self.speech.waveform)

    @property
    def beginning(self) -> SpeechFeatures:
        """Features of the first `CACHED_SECONDS`: these here, if there is no more."""
        whole = len(self.speech.waveform[: self._samples]) <= CACHED_SECONDS * SAMPLE_RATE
        return self if whole else self._cut

    @cached_property
    def _cut(self) -> SpeechFeatures:
        waveform = self.speech.waveform[: CACHED_SECONDS * SAMPLE_RATE]
        cut = SpeechFeatures(Speech(waveform, self.speech.source), self._phonetics)
        cut._heard = self.speech.waveform  # so that its rows are the first ones of these here
        return cut

    def rows(self, advance: Advance = lambda _: None) -> Iterator[Tensor]:
        """Phonetic feature rows float16 [t, F], in order: together 2 frames + 1."""
        if self.beginning is not self:
            (rows,) = self._cut.rows(advance)
            known = CACHED_SECONDS * FRAME_RATE
            yield rows[:known]
            yield from encode_speech(self._phonetics, self._heard, self.frames, advance, known)
        elif self._rows is None:
            pieces = encode_speech(self._phonetics, self._heard, self.frames, advance)
            self._rows = torch.cat(list(pieces))
            yield self._rows
        else:
            advance(self.frames)
            yield self._rows


def encode_speech(
    phonetics: PhoneticEncoder,
    waveform: npt.NDArray[np.float32],
    frames: int,
    advance: Advance,
    known: int = 0,
) -> Iterator[Tensor]:
    """Feature rows float16 [t, F] of speech [N] at 16 kHz, in order: those of 2 frames + 1 that
    follow the `known` ones."""
    left, done = 2 * frames + 1 - known, known // 2
    rows = torch.empty(0)
    for piece in phonetics.stream(waveform, known, 2 * frames):
        rows = piece[:left].half()
        left -= len(rows)
        reached = min(done + len(piece) // 2, frames)
        advance(reached - done)
        done = reached
        yield rows
    advance(frames - done)
    if left:
        yield rows[-1:].expand(left, -1)

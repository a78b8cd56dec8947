"""Sync of speech and lips, measured with the lip expert."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch

from dreamtalk_core.errors import MotionError
from dreamtalk_core.models.lip_expert import DEFAULT_EXPERT, LipExpert, Sync
from dreamtalk_core.motion import Motion
from dreamtalk_core.speech.audio import Speech
from dreamtalk_core.speech.features import encode_speech
from dreamtalk_core.speech.phonetics import PhoneticEncoder

MIN_FRAMES = 40


def measure_sync(speech: Speech, motion: Motion) -> Sync:
    """By how many frames (at 25 fps) the lips of a motion are late for a speech, up to 15.

    Raises MotionError for less than 1.6 s of motion.
    """
    own = motion.to_arkit().resample(25)
    if len(own) < MIN_FRAMES:
        raise MotionError(
            f"The motion lasts {float(motion.duration):.2f} s; sync needs at least "
            f"{MIN_FRAMES / 25:g} s."
        )
    expert, phonetics = _networks()
    rows = torch.cat(list(encode_speech(phonetics, speech.waveform, len(own), lambda _: None)))
    head = own.head_rotation - own.head_rotation.mean(0)
    return expert.sync(rows, torch.from_numpy(np.concatenate([own.weights, head], 1)))


@lru_cache(maxsize=1)
def _networks() -> tuple[LipExpert, PhoneticEncoder]:
    return LipExpert.load(DEFAULT_EXPERT), PhoneticEncoder.load()

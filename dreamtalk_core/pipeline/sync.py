"""Sync of speech and lips, measured with the lip expert."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch

from dreamtalk_core.errors import MotionError
from dreamtalk_core.models.lip_expert import DEFAULT_EXPERT, LipExpert, Sync
from dreamtalk_core.motion import MODEL_FPS, Motion
from dreamtalk_core.speech.audio import Speech
from dreamtalk_core.speech.features import SpeechFeatures
from dreamtalk_core.speech.phonetics import PhoneticEncoder

MIN_FRAMES = 40


def measure_sync(speech: Speech | SpeechFeatures, motion: Motion) -> Sync:
    """By how many frames (at 25 fps) the lips of a motion are late for a speech, up to 15.

    speech: or its features, see `DreamTalk.analyse`.

    Raises MotionError for less than 1.6 s of motion.
    """
    resampled = motion.to_arkit().resample(MODEL_FPS)
    if len(resampled) < MIN_FRAMES:
        raise MotionError(
            f"The motion lasts {float(motion.duration):.2f} s; sync needs at least "
            f"{MIN_FRAMES / MODEL_FPS:g} s."
        )
    expert, phonetics = _networks()
    if isinstance(speech, Speech):
        speech = SpeechFeatures(speech, phonetics, len(resampled))
    rows = torch.cat(list(speech.rows())).cpu()[: 2 * len(resampled) + 1]
    if lacking := 2 * len(resampled) + 1 - len(rows):  # a motion that goes on after its speech
        rows = torch.cat([rows, rows[-1:].expand(lacking, -1)])
    head = resampled.head_rotation - resampled.head_rotation.mean(0)
    return expert.sync(rows, torch.from_numpy(np.concatenate([resampled.weights, head], 1)))


@lru_cache(maxsize=1)
def _networks() -> tuple[LipExpert, PhoneticEncoder]:
    return LipExpert.load(DEFAULT_EXPERT), PhoneticEncoder.load()

"""A speech, a face at rest, and what the tests of behaviour make of them."""

from __future__ import annotations

from functools import cache

import numpy as np

from dreamtalk_core.animation.behaviour import enliven
from dreamtalk_core.animation.noise import UInt64, heard
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX, REGIONS
from dreamtalk_core.parameters import Behaviour

LIPS = [INDEX[name] for name in (*REGIONS["jaw"], *REGIONS["mouth"], *REGIONS["tongue"])]
SMILES = [INDEX["mouthSmileLeft"], INDEX["mouthSmileRight"]]
NO = {"blinks": 0.0, "gaze": 0.0, "gestures": 0.0, "idle": 0.0}


def speech(seconds: float = 60.0) -> tuple[np.ndarray, np.ndarray]:
    """Loudness and pitch of somebody who speaks for 2.6 s and pauses for 0.6 s, over and over."""
    time = (np.arange(round(seconds * 25)) + 0.5) / 25
    place = time % 3.2
    accent = np.exp(-0.5 * ((time % 0.8 - 0.4) / 0.08) ** 2)
    loudness = -14 + 5 * np.sin(2 * np.pi * 4.5 * time) + 9 * accent
    pitch = 2 - place + 4 * accent
    silent = place < 0.6
    return np.where(silent, -60.0, loudness), np.where(silent, np.nan, pitch)


def said(loudness: np.ndarray) -> UInt64:
    """What has been heard of somebody who is still speaking."""
    return heard(np.maximum(loudness + 60, 0))


def still(frames: int, **weights: float) -> Motion:
    values = np.zeros((frames, 52), np.float32)
    for name, weight in weights.items():
        values[:, INDEX[name]] = weight
    return Motion(ARKIT_NAMES, values, 25)


@cache
def minute(seed: int = 0) -> Motion:
    loudness, pitch = speech()
    return enliven(still(len(loudness)), loudness, pitch, seed)


def only(part: str, motion: Motion, seed: int = 0, strength: float = 1.0) -> Motion:
    loudness, pitch = speech(len(motion) / 25)
    return enliven(motion, loudness, pitch, seed, Behaviour(**{**NO, part: strength}))


def blinks(motion: Motion) -> list[slice]:
    """Stretches in which the lids are more than half shut."""
    shut = motion.channel("eyeBlinkLeft") > 0.5
    edges = np.flatnonzero(np.diff(shut.astype(int), prepend=0, append=0))
    return [slice(a, b) for a, b in edges.reshape(-1, 2)]

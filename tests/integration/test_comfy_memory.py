"""Long speech in a real ComfyUI takes no more memory than short speech."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from dreamtalk_core.assets import DEMO_VOICE
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech
from tests.integration.comfy import Comfy, Graph, Runner, node, write_wav

pytestmark = [
    pytest.mark.skipif(
        not sys.platform.startswith("linux"), reason="only Linux tells the peak of another process"
    ),
    pytest.mark.parametrize("comfy_python", ["0.3.75 oldest"], indirect=True),
]

SHORT, LONG = 4, 40
"""Seconds. 40 s are 1000 frames: were they held as bytes, as a video's are, they took 190 MB."""
SIDE = 256
ALLOWANCE = 100
"""MB by which long speech may exceed short: its sound, and what the allocator keeps."""


def portrait_of(speech: str, prefix: str) -> Graph:
    return {
        "speech": node("DreamTalkLoadSpeech", file=speech),
        "motion": node("DreamTalkSampleMotion", speech=["speech", 0]),
        "curves": node("DreamTalkSaveMotion", motion=["motion", 0], filename_prefix=prefix),
        "video": node("DreamTalkRenderPortrait", motion=["motion", 0], crop=SIDE),
        "save": node(
            "SaveVideo", video=["video", 0], filename_prefix=prefix, format="auto", codec="auto"
        ),
    }


def test_a_video_is_written_frame_by_frame(comfy: Comfy, run: Runner, tmp_path: Path) -> None:
    voice = Speech.load(DEMO_VOICE).waveform
    peaks = []
    for seconds in (SHORT, LONG):
        sound = np.resize(voice, (1, seconds * SAMPLE_RATE))
        path = write_wav(tmp_path / f"{seconds} s.wav", sound, SAMPLE_RATE)
        with comfy.peak() as peak:
            run(**portrait_of(comfy.add_input(path), f"memory/{seconds}"))
            peaks.append(peak())
    assert peaks[1] - peaks[0] < ALLOWANCE

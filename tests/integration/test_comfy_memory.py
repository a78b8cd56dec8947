"""Long speech, and long video, in a real ComfyUI takes no more memory than short speech."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from dreamtalk_core.assets import DEMO_VOICE
from dreamtalk_core.motion import Motion
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech
from tests.integration.comfy import Comfy, Graph, Runner, loop_video, node, write_wav

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


def test_a_video_is_tracked_frame_by_frame(comfy: Comfy, run: Runner, tmp_path: Path) -> None:
    """Were its pictures held, the longer one would take 110 MB more."""
    voice = Speech.load(DEMO_VOICE).waveform[None, : 2 * SAMPLE_RATE]
    name = comfy.add_input(write_wav(tmp_path / "voice.wav", voice, SAMPLE_RATE))
    (clip,) = run(**portrait_of(name, "memory/clip")).files["save"]
    peaks = []
    for times in (1, 12):
        video = loop_video(clip, tmp_path / f"{times}.mp4", times)
        with comfy.peak() as peak:
            done = run(
                video=node("LoadVideo", file=comfy.add_input(video)),
                motion=node("DreamTalkTrackMotion", video=["video", 0]),
                save=node("DreamTalkSaveMotion", motion=["motion", 0], format="npz"),
            )
            peaks.append(peak())
        assert abs(len(Motion.load(done.files["save"][0])) - times * 50) <= times
    assert peaks[1] - peaks[0] < ALLOWANCE / 2


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

"""Our control pictures in the nodes that they are for, and our new node in a graph."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np

from dreamtalk_core.tracking.video import read_image
from tests.integration.comfy import ROOT, Runner, node


def test_wan_animate_and_vace_get_what_they_expect(comfy_python: Path) -> None:
    script = Path(__file__).with_name("control_nodes.py")
    command = [str(comfy_python), "-I", str(script), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["length"] == 9
    assert told["face"] == told["pose"] == 0


def test_frames_are_fitted(run: Runner) -> None:
    done = run(
        speech=node("DreamTalkLoadSpeech", duration=0.4),
        motion=node("DreamTalkSampleMotion", speech=["speech", 0]),
        controls=node(
            "DreamTalkRenderControlImages", motion=["motion", 0], control="dots", size=250
        ),
        fitted=node(
            "DreamTalkFitFrames", images=["controls", 0], mask=["controls", 1], model="Wan SCAIL"
        ),
        save=node("SaveImage", images=["fitted", 0], filename_prefix="fitted"),
        cover=node("MaskToImage", mask=["fitted", 1]),
        masks=node("SaveImage", images=["cover", 0], filename_prefix="mask"),
    )
    assert len(done.files["save"]) == len(done.files["masks"]) == 13
    frames = [read_image(file) for file in done.files["save"]]
    assert {frame.shape for frame in frames} == {(256, 256, 3)}
    np.testing.assert_array_equal(frames[-1], frames[9])
    assert frames[0].max() > 200

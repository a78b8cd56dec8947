"""Our control pictures in the nodes that they are for, and our new node in a graph."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from dreamtalk_core.render.control.drawing import KINDS
from dreamtalk_core.render.control.faces import PARTS
from dreamtalk_core.render.control.lengths import FAMILIES
from dreamtalk_core.render.control.pictures import INSIDE
from dreamtalk_core.tracking.video import read_image
from tests.integration.comfy import ROOT, Runner, inputs_of, node


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


def choices(about: dict[str, Any], name: str) -> set[str]:
    kind, options = inputs_of(about)[name]
    return set(kind if isinstance(kind, list) else options["options"])


def test_nodes_offer_what_the_core_knows(kinds: dict[str, Any]) -> None:
    about = kinds["DreamTalkRenderControlImages"]
    assert choices(about, "control") == set(KINDS)
    assert choices(about, "masked") == set(PARTS)
    assert choices(about, "inside") == set(INSIDE)
    assert choices(kinds["DreamTalkFitFrames"], "model") == set(FAMILIES)
    # Graphs that were saved before hold their values in this order.
    assert about["input_order"]["required"][1:6] == ["control", "masked", "first", "count", "face"]
    assert about["output_name"] == [
        *("images", "mask", "audio", "fps", "keypoints", "face_landmarks")
    ]

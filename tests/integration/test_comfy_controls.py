"""Our control pictures in the nodes that they are for, and our new node in a graph."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dreamtalk_core.render.control.drawing import KINDS
from dreamtalk_core.render.control.faces import PARTS
from dreamtalk_core.render.control.lengths import FAMILIES
from dreamtalk_core.render.control.pictures import IDENTITIES, INSIDE
from dreamtalk_core.speech.sound import read_sound
from dreamtalk_core.tracking.video import read_image
from tests.integration.comfy import ROOT, Failed, Graph, Runner, inputs_of, node

SOUNDS = ("sound", "first", "second")


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


def two_people() -> Graph:
    """The demo portrait and its mirror image in one picture, and a motion for each."""
    graph: Graph = {
        "one": node("DreamTalkLoadPortrait"),
        "other": node("ImageFlip", image=["one", 0], flip_method="y-axis: horizontally"),
        "both": node(
            "ImageStitch",
            image1=["one", 0],
            image2=["other", 0],
            direction="right",
            match_image_size=True,
            spacing_width=0,
            spacing_color="white",
        ),
    }
    for number, seconds in ((1, 0.4), (2, 0.8)):
        graph[f"speech_{number}"] = node("DreamTalkLoadSpeech", start=2 * number, duration=seconds)
        graph[f"motion_{number}"] = node(
            "DreamTalkSampleMotion", speech=[f"speech_{number}", 0], seed=number
        )
    return graph


def test_several_people_in_one_picture(run: Runner) -> None:
    people = {"motion": ["motion_1", 0], "motion_2": ["motion_2", 0], "portrait": ["both", 0]}
    done = run(
        **two_people(),
        who=node("DreamTalkRenderControlImages", **people, control="person"),
        save=node("SaveImage", images=["who", 0], filename_prefix="who"),
        sound=node("SaveAudio", audio=["who", 2], filename_prefix="both"),
        first=node("SaveAudio", audio=["speech_1", 1], filename_prefix="first"),
        second=node("SaveAudio", audio=["speech_2", 1], filename_prefix="second"),
        right=node(
            "DreamTalkRenderControlImages", **people, control="dots", masked="face", face=2, count=1
        ),
        mask=node("MaskToImage", mask=["right", 1]),
        cover=node("SaveImage", images=["mask", 0], filename_prefix="right"),
    )
    assert len(done.files["save"]) == 20, "as many as the longest motion"
    picture = read_image(done.files["save"][0])
    assert picture.shape == (768, 1536, 3)
    for number, colour in enumerate(IDENTITIES[:2]):
        own = (picture[:, 768 * number : 768 * (number + 1)] == colour).all(-1)
        assert 0.3 < own.mean() < 0.8
    cover = read_image(done.files["cover"][0])[..., 0] > 127
    assert not cover[:, :768].any()
    assert 0.1 < cover[:, 768:].mean() < 0.4
    heard, first, second = (read_sound(done.files[name][0])[0][0] for name in SOUNDS)
    whole = second.copy()
    whole[: len(first)] += first
    # Where they are too loud together, all of it is turned down.
    whole /= max(1, float(np.abs(whole).max()))
    np.testing.assert_allclose(heard, whole, atol=2e-3)


def test_one_face_cannot_be_two(run: Runner) -> None:
    people = {"motion": ["motion_1", 0], "motion_2": ["motion_2", 0]}
    graph = {
        **two_people(),
        "drawn": node("DreamTalkRenderControlImages", **people),
        "save": node("SaveImage", images=["drawn", 0], filename_prefix="no"),
    }
    with pytest.raises(Failed) as error:
        run(**graph)
    assert error.value.message.strip().endswith("connect it to 'portrait'.")


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

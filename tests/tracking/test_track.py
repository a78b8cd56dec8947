"""From faces, some of them missing, to clean curves without holes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dreamtalk_core.errors import TrackingError
from dreamtalk_core.formats.png import encode_png
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.render.head.renderer import HeadRenderer
from dreamtalk_core.render.output.video import write_video
from dreamtalk_core.tracking import Tracked, track_faces
from dreamtalk_core.tracking.track import EASE, MAX_GAP, denoise
from dreamtalk_core.tracking.tracker import Face, FaceTracker

JAW, BLINK = INDEX["jawOpen"], INDEX["eyeBlinkLeft"]
FPS = 25


def face(weights: Any, yaw: float = 0.0, x: float = 100.0) -> Face:
    """A face of 60 pixels whose middle is at `x`."""
    draw = np.random.default_rng(0)
    landmarks = draw.uniform(-1, 1, (478, 3)).astype(np.float32)
    landmarks[:2] = [[-1, -1, 0], [1, 1, 0]]
    angle = np.radians(yaw)
    matrix = np.eye(4, dtype=np.float32)
    matrix[[0, 0, 2, 2], [0, 2, 0, 2]] = np.cos(angle), np.sin(angle), -np.sin(angle), np.cos(angle)
    landmarks = landmarks * 30 + np.float32([x, 100, 0])
    return Face(landmarks, np.asarray(weights, np.float32), matrix, 0.9)


class Scripted:
    """A tracker that sees what it is told."""

    def __init__(self, faces: list[Face | None]) -> None:
        self.faces = faces

    def follow(self, images: Iterable[Any], choice: str | int) -> Iterator[Face | None]:
        for _, seen in zip(images, self.faces, strict=True):
            yield seen


def track(tmp_path: Path, faces: list[Face | None], **options: Any) -> Tracked:
    for i in range(len(faces)):
        (tmp_path / f"{i}.png").write_bytes(encode_png(np.zeros((8, 8, 3), np.uint8)))
    return track_faces(tmp_path, tracker=Scripted(faces), **options)  # type: ignore[arg-type]


def speaking(count: int) -> np.ndarray:
    """Weights [T, 52] of a jaw that opens and closes twice a second."""
    weights = np.zeros((count, len(ARKIT_NAMES)), np.float32)
    weights[:, JAW] = 0.3 - 0.3 * np.cos(np.arange(count) * 2 * np.pi * 2 / FPS)
    return weights


def test_every_frame_as_it_was(tmp_path: Path) -> None:
    weights = speaking(20)
    reported: list[tuple[int, int]] = []
    faces = [face(w, yaw=i) for i, w in enumerate(weights)]
    tracked = track(tmp_path, faces, smoothing=0, progress=lambda *at: reported.append(at))
    assert tracked.motion.names == ARKIT_NAMES
    assert tracked.motion.fps == FPS
    np.testing.assert_array_equal(tracked.motion.channel("jawOpen"), weights[:, JAW])
    turned = tracked.motion.head_rotation
    np.testing.assert_allclose(turned, [[0, i, 0] for i in range(20)], atol=1e-4)
    np.testing.assert_allclose(tracked.confidence, 0.9)
    assert tracked.lost == ()
    assert tracked.source == str(tmp_path)
    assert reported == [(i + 1, 20) for i in range(20)]


def test_the_rate_of_a_folder(tmp_path: Path) -> None:
    rate = Fraction(24000, 1001)
    assert track(tmp_path, [face(speaking(1)[0])], fps=rate).motion.fps == rate


def test_one_frame(tmp_path: Path) -> None:
    tracked = track(tmp_path, [face(speaking(8)[7])])
    np.testing.assert_array_equal(tracked.motion.channel("jawOpen"), speaking(8)[7:, JAW])


def test_no_face_anywhere(tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match="no face"):
        track(tmp_path, [None] * 3)


@pytest.mark.slow
def test_a_short_gap_is_bridged(tmp_path: Path) -> None:
    weights = np.zeros((30, 52), np.float32)
    weights[20:, JAW] = 0.8
    faces: list[Face | None] = [face(w, yaw=w[JAW] * 10) for w in weights]
    gap = slice(20 - round(MAX_GAP * FPS), 20)
    faces[gap] = [None] * (gap.stop - gap.start)
    tracked = track(tmp_path, faces)
    jaw = tracked.motion.channel("jawOpen")
    assert tracked.lost == ()
    assert (tracked.confidence[gap] == 0).all()
    assert (tracked.confidence[:10] > 0).all()
    assert (np.diff(jaw[9:21]) > 0).all(), "from the one side to the other"
    assert np.diff(jaw).max() < 0.8 / 5, "without a jump"
    np.testing.assert_allclose(tracked.motion.head_rotation[:, 1], jaw * 10, atol=1e-3)


@pytest.mark.slow
def test_a_long_gap_comes_to_rest_and_is_reported(tmp_path: Path) -> None:
    weights = np.full((80, 52), 0.05, np.float32)
    weights[20:30, JAW] = weights[60:65, JAW] = 0.8
    faces: list[Face | None] = [face(w, yaw=10 * (i >= 60)) for i, w in enumerate(weights)]
    faces[30:60] = [None] * 30
    tracked = track(tmp_path, faces)
    jaw = tracked.motion.channel("jawOpen")
    assert tracked.lost == ((30 / FPS, 60 / FPS),)
    away = round(EASE * FPS) + 1
    np.testing.assert_allclose(jaw[30 + away : 60 - away], 0.05, atol=1e-3)
    assert np.diff(jaw[29:61]).max() < 0.25
    assert np.diff(jaw[29:61]).min() > -0.25
    yaw = tracked.motion.head_rotation[29:61, 1]
    assert (np.diff(yaw) >= 0).all()
    assert (yaw[0], yaw[-1]) == pytest.approx((0, 10), abs=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("late", [False, True])
def test_what_is_found_is_kept(tmp_path: Path, late: bool) -> None:
    """A face that leaves half way, or that comes half way."""
    weights = speaking(60)
    faces: list[Face | None] = [face(w) for w in weights]
    seen, gone = (slice(30, 60), slice(0, 30)) if late else (slice(0, 30), slice(30, 60))
    faces[gone] = [None] * 30
    tracked = track(tmp_path, faces, smoothing=0)
    jaw = tracked.motion.channel("jawOpen")
    np.testing.assert_array_equal(jaw[seen], weights[seen, JAW])
    assert tracked.lost == ((gone.start / FPS, gone.stop / FPS),)
    assert jaw[gone].mean() < 0.1
    assert np.abs(np.diff(jaw)).max() < 0.2


@pytest.mark.slow
def test_a_cut_is_no_movement(tmp_path: Path) -> None:
    weights = np.zeros((40, 52), np.float32)
    weights[:, JAW] = np.random.default_rng(0).uniform(0.3, 0.33, 40)
    for moved in (0, 200):
        faces = [face(w, x=100 + moved * (i >= 20)) for i, w in enumerate(weights)]
        folder = tmp_path / str(moved)
        folder.mkdir()
        jaw = track(folder, faces, smoothing=2).motion.channel("jawOpen")
        smoothed = denoise(weights[:20].astype(np.float64), FPS, 2, 0.01)[:, JAW]
        assert np.allclose(jaw[:20], smoothed, atol=1e-6) == bool(moved)


def test_denoise_takes_jitter_and_leaves_the_rest() -> None:
    draw = np.random.default_rng(0)
    time = np.arange(400) / FPS
    clean = np.stack([0.4 + 0.2 * np.sin(time), np.full(400, 0.1), np.full(400, 0.5)], 1)
    blinks = np.arange(30, 400, 50)
    clean[blinks, 1], clean[blinks - 1, 1], clean[blinks + 1, 1] = 0.9, 0.4, 0.5
    clean[200:, 2] = 0.1
    noisy = clean + draw.normal(0, 0.01, clean.shape)
    smooth = denoise(noisy, FPS)
    before, after = (np.sqrt(((x - clean) ** 2).mean(0)) for x in (noisy, smooth))
    assert (after < [0.65 * before[0], np.inf, 0.65 * before[2]]).all()
    np.testing.assert_allclose(smooth[blinks, 1], noisy[blinks, 1], atol=0.01)
    # A closure from one frame to the next stays one.
    np.testing.assert_allclose(smooth[[199, 200], 2], [0.5, 0.1], atol=0.02)


def test_closures_of_quick_speech_stay() -> None:
    """A jaw that never rests has no jitter that could be told from its movement."""
    jaw = 0.3 + 0.25 * np.sin(np.arange(200)[:, None] * 2 * np.pi * 4 / FPS)
    assert np.abs(denoise(jaw, FPS, most=0.01) - jaw).max() < 0.02
    assert np.abs(denoise(jaw, FPS) - jaw).max() > 0.05


def test_denoise_has_no_delay_and_no_overshoot() -> None:
    values = np.random.default_rng(1).uniform(0, 1, (50, 3))
    smooth = denoise(values, FPS)
    np.testing.assert_allclose(denoise(values[::-1], FPS)[::-1], smooth, atol=1e-12)
    assert (smooth >= values.min(0)).all()
    assert (smooth <= values.max(0)).all()
    still = np.full((10, 2), 0.3)
    np.testing.assert_allclose(denoise(still, FPS), still)
    for count in (1, 2, 3):
        assert denoise(values[:count], 60.0).shape == (count, 3)


@pytest.fixture(scope="module")
def tracker() -> FaceTracker:
    return FaceTracker.load()


@pytest.mark.slow
def test_a_head_that_speaks_and_leaves(tmp_path: Path, tracker: FaceTracker) -> None:
    """The whole way: a video of the drawn head, which is away for the last second."""
    renderer = HeadRenderer(192)
    weights = speaking(15)
    pictures = [renderer.render(w, (0, 10, 0)) for w in weights]
    pictures += [np.full_like(pictures[0], 90)] * 25
    path = tmp_path / "head.mp4"
    write_video(path, pictures, Fraction(FPS))
    tracked = track_faces(path, tracker=tracker)
    assert tracked.motion.fps == FPS
    assert len(tracked.motion) == 40
    jaw = tracked.motion.channel("jawOpen")[:15]
    assert np.corrcoef(jaw, weights[:, JAW])[0, 1] > 0.95
    assert tracked.motion.head_rotation[:15, 1].mean() == pytest.approx(10, abs=4)
    assert tracked.lost == ((15 / 25, 40 / 25),)
    assert (tracked.confidence[:15] > 0.5).all()
    assert (tracked.confidence[15:] == 0).all()


def test_a_picture_without_a_face(tmp_path: Path, tracker: FaceTracker) -> None:
    draw = np.random.default_rng(0)
    path = tmp_path / "leaves.png"
    path.write_bytes(encode_png(draw.integers(0, 256, (120, 160, 3), np.uint8)))
    with pytest.raises(TrackingError, match="no face"):
        track_faces(path, tracker=tracker)


def test_a_photo(shared: Path, tracker: FaceTracker) -> None:
    tracked = track_faces(shared / "media" / "portraits" / "f30.png", tracker=tracker)
    assert len(tracked.motion) == 1
    assert tracked.confidence[0] > 0.9
    assert tracked.lost == ()

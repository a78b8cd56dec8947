"""The portrait renderer, on a picture of the built-in head."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from dreamtalk_core.assets import DEMO_PORTRAIT
from dreamtalk_core.errors import RenderError
from dreamtalk_core.motion.arkit import INDEX
from dreamtalk_core.render.head.renderer import HeadRenderer
from dreamtalk_core.render.portrait.renderer import PortraitRenderer
from dreamtalk_core.render.portrait.template import EYE_LOOPS, LOWER_LIP, UPPER_LIP, load_template
from dreamtalk_core.render.portrait.warp import EMPTY, coverage, fill_map
from dreamtalk_core.tracking.portrait import read_portrait
from dreamtalk_core.tracking.tracker import Face, FaceTracker
from dreamtalk_core.tracking.video import read_image
from tests.faces import weights

pytestmark = pytest.mark.slow

Image = NDArray[np.uint8]
Array = NDArray[np.float64]

SIZE = 256


SPEAKING = {
    "a": weights(jawOpen=0.6, mouthLowerDownLeft=0.3, mouthLowerDownRight=0.3),
    "o": weights(jawOpen=0.3, mouthFunnel=0.6, mouthPucker=0.3),
    "m": weights(jawOpen=0.1, mouthClose=0.1, mouthPressLeft=0.5, mouthPressRight=0.5),
    "smile": weights(mouthSmileLeft=0.9, mouthSmileRight=0.9),
    "brows": weights(browInnerUp=0.9, browOuterUpLeft=0.9, browOuterUpRight=0.9),
    "blink": weights(eyeBlinkLeft=1, eyeBlinkRight=1),
}


@pytest.fixture(scope="module")
def tracker() -> FaceTracker:
    return FaceTracker.load()


@pytest.fixture(scope="module")
def photo() -> Image:
    return HeadRenderer(SIZE).render(np.zeros(52))


@pytest.fixture(scope="module")
def face(photo: Image, tracker: FaceTracker) -> Face:
    return tracker.find(photo)[0]


@pytest.fixture(scope="module")
def renderer(photo: Image, face: Face) -> PortraitRenderer:
    return PortraitRenderer(photo, face.landmarks, face.matrix, face.weights)


def box(points: Array, margin: int = 2) -> tuple[slice, slice]:
    low, high = points[:, :2].min(0) - margin, points[:, :2].max(0) + margin
    return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))


def luminance(image: Image) -> Array:
    return image.astype(float) @ [0.299, 0.587, 0.114]


def flipped(points: NDArray[np.float32], triangles: NDArray[np.int32]) -> NDArray[np.bool_]:
    a, b, c = (points[triangles[:, k], :2].astype(float) for k in range(3))
    area = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    return area > 1e-3


def test_rest_is_the_photo(renderer: PortraitRenderer, photo: Image) -> None:
    assert (renderer.render(np.zeros(52)) == photo).all()


def test_next_to_rest_is_next_to_the_photo(renderer: PortraitRenderer, photo: Image) -> None:
    still = renderer.render(weights(jawOpen=0.004, eyeLookUpLeft=0.004), (0.02, 0.02, 0))
    error = ((still.astype(float) - photo) ** 2).mean()
    assert 10 * np.log10(255**2 / error) > 40


@pytest.mark.parametrize("name", SPEAKING)
def test_speech_leaves_everything_around_the_face_alone(
    renderer: PortraitRenderer, photo: Image, face: Face, name: str
) -> None:
    frame = renderer.render(SPEAKING[name])
    points = face.landmarks.astype(float)
    rows, columns = box(points, round(0.2 * face.size))
    outside = np.ones(photo.shape[:2], bool)
    outside[rows.start : rows.stop + round(0.4 * face.size), columns] = False
    assert (frame[outside] == photo[outside]).all()
    assert (frame != photo).any()


def test_turning_leaves_the_far_background_alone(renderer: PortraitRenderer, photo: Image) -> None:
    frame = renderer.render(np.zeros(52), (5, 15, 5))
    assert (frame != photo).any()
    edge = np.abs(frame[-1].astype(int) - photo[-1])
    assert edge.mean() < 0.2, "the shoulders are held where the frame cuts them"


def test_an_open_mouth_shows_teeth_above_a_dark_cavity(
    renderer: PortraitRenderer, face: Face
) -> None:
    frame = renderer.render(SPEAKING["a"])
    loop = renderer.vertices(SPEAKING["a"])[load_template().mouth_loop].astype(float)
    middle = round(float(loop[:, 0].mean()))
    top, bottom = loop[:, 1].min(), loop[:, 1].max()
    column = luminance(frame)[int(top) : int(bottom) + 1, middle - 2 : middle + 3].mean(1)
    upper = column[: len(column) // 2].max()
    assert upper > 100, "upper teeth"
    assert column.min() < 70, "cavity"


def test_lips_and_lids_meet_and_never_cross(renderer: PortraitRenderer) -> None:
    rig = renderer.rig
    closed = rig.pose(SPEAKING["blink"])
    for loop in EYE_LOOPS:
        height = rig.rest[list(loop[1:8]), 1] - rig.rest[list(loop[:8:-1]), 1]
        gap = closed[list(loop[1:8]), 1] - closed[list(loop[:8:-1]), 1]
        assert (gap <= 0.01 * height).all()
        assert (gap >= -0.2 * height).all()
    rng = np.random.default_rng(1)
    for _ in range(50):
        points = rig.pose(rng.uniform(0, 1, 52) * (rng.uniform(0, 1, 52) < 0.3))
        gap = points[list(UPPER_LIP[-1]), 1] - points[list(LOWER_LIP[-1]), 1]
        # Lips that are apart at rest go a little over each other.
        assert gap.min() > -7e-3 * rig.size


def test_the_chin_sinks_with_the_jaw(renderer: PortraitRenderer) -> None:
    rig = renderer.rig
    depth = (rig.rest @ rig.turn.T)[:, 2]
    rest = rig.place(rig.rest, rig.turn, depth)
    moved = rig.place(rig.pose(weights(jawOpen=1)), rig.turn, depth, depth) - rest
    share = moved[152, 1] / (moved[14, 1] - moved[13, 1])
    given = rig.template.deltas[INDEX["jawOpen"], :, 1]
    assert share == pytest.approx(given[152] / (given[14] - given[13]), rel=0.2)


def test_the_collar_stays_when_the_jaw_drops(renderer: PortraitRenderer, photo: Image) -> None:
    chin = round(float(renderer.vertices(np.zeros(52))[:, 1].max()))
    below = chin + round(0.2 * renderer.rig.size)
    frame = renderer.render(weights(jawOpen=0.6))
    assert (frame[below:] == photo[below:]).all()
    assert (frame[chin : chin + 4] != photo[chin : chin + 4]).any()


def test_an_o_is_round(renderer: PortraitRenderer) -> None:
    def fullness(w: NDArray[np.float32]) -> float:
        loop = renderer.vertices(w)[load_template().mouth_loop, :2].astype(float)
        x, y = loop.T
        area = abs((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()) / 2
        return float(area / np.ptp(x) / np.ptp(y))

    # A rhombus fills half of its box, an ellipse 0.785.
    assert 0.65 < fullness(weights(jawOpen=0.5, mouthFunnel=0.7)) < 0.8
    box = np.ptp(renderer.vertices(weights(mouthPucker=1))[load_template().mouth_loop, 0])
    rest = np.ptp(renderer.vertices(weights())[load_template().mouth_loop, 0])
    assert 0.55 < box / rest < 0.75


def test_a_smile_lifts_cheeks_and_lower_lids(renderer: PortraitRenderer) -> None:
    rise = (renderer.rig.pose(SPEAKING["smile"]) - renderer.rig.rest)[:, 1] / renderer.rig.size
    corner, cheek, lid = rise[291], rise[280], rise[374]
    assert corner > cheek > lid > 0.004
    # Between the corners of the mouth the upper lip rises less the nearer it is to the middle.
    assert (np.diff(rise[list(UPPER_LIP[-1][4:])]) > 0).all()


def test_lids_meet_in_a_dark_line(renderer: PortraitRenderer) -> None:
    w = weights(eyeBlinkLeft=1, eyeBlinkRight=1)
    frame = luminance(renderer.render(w))
    for loop in load_template().eye_loops:
        x, y = renderer.vertices(w)[loop[16], :2].round().astype(int)
        assert frame[y - 1 : y + 2, x].min() < frame[y + 4, x] - 15


def test_closed_lids_hide_the_iris(renderer: PortraitRenderer, photo: Image, face: Face) -> None:
    window = box(face.landmarks[468:473].astype(float), 0)
    shut = luminance(renderer.render(SPEAKING["blink"])[window])
    assert shut.mean() > luminance(photo[window]).mean() + 15


def test_a_blink_leaves_the_mouth_to_the_pixel(tracker: FaceTracker) -> None:
    found = read_portrait(read_image(DEMO_PORTRAIT), crop=256, tracker=tracker)
    drawn = PortraitRenderer(
        found.image, found.face.landmarks, found.face.matrix, found.face.weights
    )
    mouth = box(found.face.landmarks[[61, 291, 0, 17]])
    image = drawn.render(weights(eyeBlinkLeft=0.5))
    np.testing.assert_array_equal(image[mouth], found.image[mouth])
    assert (image != found.image).any()


@pytest.mark.parametrize("x", [-20, 185])
def test_an_eye_may_lie_beyond_the_edge(photo: Image, face: Face, x: int) -> None:
    moved = face.landmarks + np.array([x - face.landmarks[33, 0], 0, 0], np.float32)
    matrix = face.matrix.copy()
    drawn = PortraitRenderer(photo[:, :200], moved, matrix, face.weights)
    assert drawn.render(weights(eyeBlinkLeft=1.0, eyeBlinkRight=1.0)).shape == (SIZE, 200, 3)


def test_gaze_moves_the_iris_and_not_the_lids(
    renderer: PortraitRenderer, photo: Image, face: Face
) -> None:
    def middle(image: Image) -> float:
        window = box(face.landmarks[[33, 133, 159, 145]].astype(float), 0)
        dark = np.maximum(120 - luminance(image[window]), 0)
        return float((dark.sum(0) * np.arange(dark.shape[1])).sum() / dark.sum())

    # The right eye, on the left of the picture: outwards is to the left.
    out = middle(renderer.render(weights(eyeLookOutRight=0.8)))
    inwards = middle(renderer.render(weights(eyeLookInRight=0.8)))
    assert out < middle(photo) - 0.5
    assert inwards > middle(photo) + 0.5


def test_nothing_is_folded(renderer: PortraitRenderer) -> None:
    rest = flipped(renderer.vertices(np.zeros(52)), renderer.triangles)
    points = renderer.vertices(np.zeros(52))
    template = load_template()
    # What lies between the lips is squeezed when they press together, and is then not seen.
    rows, columns = box(points[template.mouth_loop].astype(float), 1)
    middle = points[renderer.triangles, :2].mean(1)
    mouth = (middle[:, 0] > columns.start) & (middle[:, 0] < columns.stop)
    mouth &= (middle[:, 1] > rows.start) & (middle[:, 1] < rows.stop)
    for name in ("a", "o", "smile", "brows"):
        folded = flipped(renderer.vertices(SPEAKING[name]), renderer.triangles) & ~rest & ~mouth
        assert folded.mean() < 0.003, name


@pytest.mark.parametrize("turn", [(0, 0, 0), (0, 20, 0), (0, -20, 0), (15, 0, 0), (-15, 10, 10)])
def test_nothing_has_a_hole(renderer: PortraitRenderer, turn: tuple[float, ...]) -> None:
    for name in ("a", "smile", "blink"):
        points = renderer.vertices(SPEAKING[name], turn)
        depth = np.full((SIZE, SIZE), EMPTY, np.float32)
        come = np.zeros((SIZE, SIZE, 2), np.float32)
        still = np.zeros(len(points), bool)
        fill_map(points, points[:, :2], still, renderer.triangles, depth, come)
        inside = np.zeros((SIZE, SIZE), np.float32)
        loop = points[load_template().boundary[::-1], :2]
        coverage(np.ascontiguousarray(loop), 0, 0, inside)
        if inside.max() == 0:
            coverage(np.ascontiguousarray(loop[::-1]), 0, 0, inside)
        assert inside.sum() > 8000
        assert (depth[inside > 0.99] > EMPTY).mean() > 0.9995


def test_a_turn_is_seen_by_the_tracker(
    renderer: PortraitRenderer, face: Face, tracker: FaceTracker
) -> None:
    # Of a nod the tracker sees two thirds, on the built-in head itself as well (9.2 of 15 degrees).
    for axis, tolerance in ((0, 6), (1, 2.5), (2, 2)):
        turn = np.zeros(3)
        turn[axis] = 15
        (seen,) = tracker.find(renderer.render(np.zeros(52), turn))
        assert abs((seen.head_rotation - face.head_rotation)[axis] - 15) < tolerance


def test_the_tracker_sees_what_was_drawn(
    renderer: PortraitRenderer, face: Face, tracker: FaceTracker
) -> None:
    for name, shape, rise in (
        ("a", "jawOpen", 0.3),
        ("smile", "mouthSmileLeft", 0.3),
        ("blink", "eyeBlinkLeft", 0.3),
        ("brows", "browInnerUp", 0.1),
    ):
        (seen,) = tracker.find(renderer.render(SPEAKING[name]))
        assert seen.weights[INDEX[shape]] > face.weights[INDEX[shape]] + rise, shape


def test_frames_in_threads_are_those_of_render(renderer: PortraitRenderer) -> None:
    curves = np.stack(list(SPEAKING.values()))
    turns = np.linspace([-5, -10, 0], [5, 10, 5], len(curves))
    with ThreadPoolExecutor(3) as pool:
        drawn = list(pool.map(renderer.render, curves, turns))
    for frame, w, turn in zip(drawn, curves, turns, strict=True):
        assert (frame == renderer.render(w, turn)).all()


def test_an_open_mouth_at_rest_closes_for_m(tracker: FaceTracker) -> None:
    photo = HeadRenderer(SIZE).render(weights(jawOpen=0.3))
    (face,) = tracker.find(photo)
    renderer = PortraitRenderer(photo, face.landmarks, face.matrix, face.weights)
    assert renderer.rig.parted
    assert (renderer.render(np.zeros(52)) == photo).all()
    upper, lower = list(UPPER_LIP[-1]), list(LOWER_LIP[-1])

    def gap(w: NDArray[np.float32]) -> float:
        points = renderer.rig.pose(w)
        return float((points[upper, 1] - points[lower, 1]).max())

    assert gap(SPEAKING["m"]) < 0.1 * gap(weights())
    assert gap(SPEAKING["a"]) > 0.5 * gap(weights())


def test_other_shapes_are_reported(photo: Image, face: Face) -> None:
    with pytest.raises(RenderError, match="landmarks"):
        PortraitRenderer(photo, face.landmarks[:468], face.matrix, face.weights)
    with pytest.raises(RenderError, match="uint8"):
        PortraitRenderer(photo[..., 0], face.landmarks, face.matrix, face.weights)
    broken = face.landmarks.copy()
    broken[0] = np.nan
    with pytest.raises(RenderError, match="finite"):
        PortraitRenderer(photo, broken, face.matrix, face.weights)

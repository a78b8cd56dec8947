"""New speech into a video, from the files to the files."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dreamtalk_core.errors import DreamTalkError, DreamTalkWarning, NoFaceError
from dreamtalk_core.formats.png import encode_png
from dreamtalk_core.motion.arkit import INDEX
from dreamtalk_core.pipeline.dreamtalk import DreamTalk
from dreamtalk_core.pipeline.dub import Dubbing, _amounts, _range, _tell_left, fading
from dreamtalk_core.render.head.renderer import HeadRenderer
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech
from dreamtalk_core.tracking.record import FaceRecord
from dreamtalk_core.tracking.video import open_images

FRAMES, SIZE = 30, 192


def record(shots: list[int], yaw: float = 0.0, hidden: Sequence[int] = ()) -> FaceRecord:
    """Where a shot follows another one there is a cut."""
    count = len(shots)
    seen = np.array(shots, np.int32)
    cuts = np.append(False, (np.diff(seen) != 0) & (seen[1:] >= 0) & (seen[:-1] >= 0))
    covered = np.isin(np.arange(count), hidden)
    head = np.tile(np.array([0, yaw, 0], np.float32), (count, 1))
    size = np.full(count, 100, np.float32)
    return FaceRecord(
        seen, cuts, covered, np.zeros((count, 52), np.float32), head, size, 25.0, size
    )


def noise(seconds: float) -> Speech:
    """Loud for all of its length."""
    waves = np.random.default_rng(0).normal(0, 0.1, round(seconds * SAMPLE_RATE))
    return Speech(waves.clip(-1, 1).astype(np.float32), "noise")


def test_it_fades_on_both_sides() -> None:
    on = np.zeros(40, bool)
    on[15:20] = True
    found = fading(on, 25)
    assert (found[15:20] == 1).all()
    assert (found[:11] == 0).all()
    assert (found[24:] == 0).all()
    assert (np.diff(found[11:16]) > 0).all()
    assert np.allclose(found[10:15], found[20:25][::-1])
    assert (fading(np.zeros(4, bool), 25) == 0).all()


def test_before_and_after_the_speech_the_video_is_left() -> None:
    found = _amounts(record([0] * 60), Dubbing(), noise(1), range(20, 45))
    assert (found[20:45] == 1).all()
    assert (found[:16] == 0).all()
    assert (found[49:] == 0).all()
    assert (np.abs(np.diff(found)) < 0.5).all()


def test_a_face_that_leaves_is_left_softly_but_not_across_a_cut() -> None:
    shots = [0] * 20 + [-1] * 10 + [0] * 10 + [1] * 20
    found = _amounts(record(shots), Dubbing(), noise(2.4), range(60))
    assert (found[20:30] == 0).all()
    assert (found[[0, 15, 34, 39, 40, 59]] > 0.99).all()
    assert 0 < found[19] < 0.5
    assert 0 < found[30] < 0.5


def test_a_face_that_enters_does_so_softly() -> None:
    """At the beginning, and somewhere else than where it left, which is another shot."""
    found = _amounts(
        record([-1] * 10 + [0] * 15 + [-1] * 5 + [1] * 20), Dubbing(), noise(2), range(50)
    )
    assert (found[:10] == 0).all()
    for first in (10, 30):
        assert 0 < found[first] < 0.5
        assert (np.diff(found[first : first + 4]) > 0).all()
        assert np.abs(np.diff(found)).max() < 0.5
    assert (found[[16, 19, 36, 49]] > 0.99).all()


def test_a_mouth_behind_a_hand_is_left_softly_and_told_of() -> None:
    seen = record([0] * 50, hidden=range(20, 30))
    found = _amounts(seen, Dubbing(), noise(2), range(50))
    assert (found[20:30] == 0).all()
    assert 0 < found[19] < 0.5
    assert (found[[0, 15, 34, 49]] > 0.99).all()
    with pytest.warns(DreamTalkWarning, match=r"in front of the mouth from 0\.80 to 1\.20 s"):
        _tell_left(seen, range(50), 0)


def test_a_face_that_is_turned_away_is_left() -> None:
    assert (_amounts(record([0] * 9, yaw=50), Dubbing(), noise(1), range(9)) == 0).all()


def test_only_where_speech_is() -> None:
    waveform = np.concatenate([noise(1).waveform, np.zeros(SAMPLE_RATE, np.float32)])
    speech = Speech(waveform, "noise, then silence")
    options = Dubbing(only_speech=True, strength=0.5)
    found = _amounts(record([0] * 50), options, speech, range(50))
    assert (found[2:24] == 0.5).all()
    assert (found[34:] == 0).all()
    assert (np.abs(np.diff(found)) < 0.25).all()


@pytest.mark.parametrize("fps", [Fraction(25), Fraction(30000, 1001)])
def test_a_speech_begins_with_a_frame(fps: Fraction) -> None:
    first, last = _range(Dubbing(start=1.5), Fraction(2), fps)
    assert first == round(1.5 * fps)
    assert last - first == round(2 * fps)
    assert _range(Dubbing(end=1.0), Fraction(2), fps) == (0, round(fps))
    with pytest.raises(DreamTalkError, match=r"From 1 to 1\.01 s there is no frame"):
        _range(Dubbing(start=1.0, end=1.01), Fraction(2), fps)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": -1}, "start"),
        ({"start": float("nan")}, "start"),
        ({"start": 2, "end": 1}, "end behind"),
        ({"strength": 1.5}, "strength"),
    ],
)
def test_options_that_cannot_be(options: dict[str, float], message: str) -> None:
    with pytest.raises(DreamTalkError, match=message):
        Dubbing(**options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def talk() -> DreamTalk:
    return DreamTalk.load(device="cpu")


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pictures of the built-in head that speaks, and turns a little."""
    folder = tmp_path_factory.mktemp("video")
    head = HeadRenderer(SIZE)
    for frame in range(FRAMES):
        weights = np.zeros(52, np.float32)
        weights[INDEX["jawOpen"]] = 0.3 * max(0.0, np.sin(frame / 3))
        picture = head.render(weights, (0, 3 * np.sin(frame / 9), 0))[..., :3]
        (folder / f"{frame:04}.png").write_bytes(encode_png(np.ascontiguousarray(picture)))
    return folder


def frames(folder: Path) -> NDArray[np.uint8]:
    return np.stack(list(open_images(folder)))


@pytest.mark.slow
def test_a_part_of_a_video_says_something_else(
    tmp_path: Path, video: Path, demo_voice: Path, talk: DreamTalk
) -> None:
    speech = Speech(Speech.load(demo_voice).waveform[: 12 * SAMPLE_RATE // 25], "a word")
    out = tmp_path / "out"
    out.mkdir()
    done: list[float] = []
    motion = talk.dub(
        video,
        speech,
        out / "dubbed.####.png",
        style="neutral",
        dubbing=Dubbing(start=0.4),
        progress=lambda part, total: done.append(part / total),
    )
    assert len(motion) == 12
    assert done == sorted(done)
    assert done[-1] == 1
    before, after = frames(video), frames(out)
    assert after.shape == before.shape
    changed = np.array([(one != other).any() for one, other in zip(before, after, strict=True)])
    assert changed[10:22].all()
    assert not changed[:6].any()
    assert not changed[26:].any()
    rows = np.flatnonzero((before != after).any((0, 2, 3)))
    assert rows.min() > SIZE // 2 - 10
    assert (out / "dubbed.wav").is_file()


@pytest.mark.slow
def test_a_speech_that_is_too_long_is_cut_with_a_warning(
    tmp_path: Path, video: Path, talk: DreamTalk
) -> None:
    with pytest.warns(DreamTalkWarning, match=r"ends 0\.80 s before the speech"):
        talk.dub(video, noise(2), tmp_path / "dubbed.mp4", style="neutral")
    assert len(list(open_images(tmp_path / "dubbed.mp4"))) == FRAMES


@pytest.mark.slow
def test_what_cannot_be_dubbed(tmp_path: Path, video: Path, talk: DreamTalk) -> None:
    with pytest.raises(DreamTalkError, match="earlier start"):
        talk.dub(video, noise(1), tmp_path / "a.mp4", dubbing=Dubbing(start=9))
    picture = sorted(video.iterdir())[0]
    with pytest.raises(DreamTalkError, match="is a picture"):
        talk.dub(picture, noise(1), tmp_path / "a.mp4")
    clear = tmp_path / "clear"
    clear.mkdir()
    for frame in range(3):
        data = encode_png(np.full((64, 64, 4), 100, np.uint8))
        (clear / f"{frame}.png").write_bytes(data)
    with pytest.raises(DreamTalkError, match="see-through"):
        talk.dub(clear, noise(0.1), tmp_path / "a.mp4", style="neutral")
    grey = tmp_path / "grey"
    grey.mkdir()
    for frame in range(3):
        data = encode_png(np.full((64, 64, 3), 128, np.uint8))
        (grey / f"{frame}.png").write_bytes(data)
    with pytest.raises(NoFaceError):
        talk.dub(grey, noise(0.1), tmp_path / "a.mp4", style="neutral")
    assert not list(tmp_path.glob("*.mp4"))

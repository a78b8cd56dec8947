from __future__ import annotations

import csv
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dreamtalk_core.errors import DreamTalkWarning, MotionError
from dreamtalk_core.formats import livelink, start_in
from dreamtalk_core.motion import Motion, frame_times, parse_fps
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.motion.timecode import Timecode
from dreamtalk_core.motion.tongue import FACE_NAMES

USUAL = [
    Fraction(24000, 1001),
    *map(Fraction, (24, 25)),
    Fraction(30000, 1001),
    *map(Fraction, (30, 48, 50)),
    Fraction(60000, 1001),
    *map(Fraction, (60, 100, 120)),
]


def make(frames: int, fps: Fraction = Fraction(60), seed: int = 0) -> Motion:
    rng = np.random.default_rng(seed)
    weights = rng.random((frames, 52), np.float32)
    return Motion(ARKIT_NAMES, weights, fps, rng.normal(0, 9, (frames, 3)).astype(np.float32))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def rewrite(path: Path, timecodes: list[str], chosen: list[int] | None = None) -> None:
    """Give the rows of a take other timecodes, and keep only some."""
    lines = path.read_text(encoding="utf-8").splitlines()
    body = [
        f"{code},{line.split(',', 1)[1]}" for code, line in zip(timecodes, lines[1:], strict=True)
    ]
    body = body if chosen is None else [body[i] for i in chosen]
    path.write_text("\n".join([lines[0], *body, ""]), encoding="utf-8")


def timecode(seconds: float, base: int) -> str:
    whole = int(seconds)
    clock = f"{whole // 3600 % 24:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
    return f"{clock}:{(seconds - whole) * base:06.3f}"


@pytest.mark.slow
@settings(max_examples=40)
@given(
    weights=arrays(np.float32, (3, 52), elements=st.floats(0, 1, width=32)),
    head=arrays(np.float32, (3, 3), elements=st.floats(-180, 180, width=32)),
    fps=st.sampled_from(USUAL),
)
def test_round_trip_is_exact_to_ten_decimals(
    weights: np.ndarray, head: np.ndarray, fps: Fraction
) -> None:
    motion = Motion(ARKIT_NAMES, weights, fps, head)
    with TemporaryDirectory() as folder:
        path, second = Path(folder) / "a.csv", Path(folder) / "b.csv"
        livelink.write(path, motion)
        again = Motion.load(path)
        assert again.fps == fps
        np.testing.assert_allclose(again.weights, weights, rtol=0, atol=6e-11)
        np.testing.assert_allclose(again.head_rotation, head, rtol=2e-7, atol=1e-8)
        # What has been through the file once comes out the same, byte for byte.
        livelink.write(path, again)
        livelink.write(second, Motion.load(path))
        assert path.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    "fps", [*USUAL, Fraction(1, 2), Fraction(1), Fraction(25, 2), Fraction(173, 10)]
)
@pytest.mark.parametrize("frames", [2, 3, 24, 25, 61, 700])
def test_rate_and_rows_come_back(tmp_path: Path, fps: Fraction, frames: int) -> None:
    path = tmp_path / "a.csv"
    rng = np.random.default_rng(1)
    curve = rng.random((frames, 1), np.float32)
    livelink.write(path, Motion(("jawOpen",), curve, fps))
    again = Motion.load(path)
    assert again.fps == fps
    np.testing.assert_allclose(again.channel("jawOpen"), curve[:, 0], rtol=0, atol=6e-11)


def test_a_single_row_counts_as_60(tmp_path: Path) -> None:
    livelink.write(tmp_path / "a.csv", make(1, Fraction(25)))
    assert Motion.load(tmp_path / "a.csv").fps == 60


def test_layout_is_the_apps(tmp_path: Path, shared: Path) -> None:
    path = tmp_path / "a.csv"
    livelink.write(path, make(61))
    real = (shared / "corpus" / "livelink" / "speech.csv").open(encoding="utf-8").readline()
    text = path.read_text(encoding="utf-8")
    assert text.splitlines()[0] == real.strip()


def test_rows_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    motion = make(61)
    livelink.write(path, motion)
    body = rows(path)
    assert [body[i]["Timecode"] for i in (0, 1, 60)] == [
        "00:00:00:00.000",
        "00:00:00:01.000",
        "00:00:01:00.000",
    ]
    assert {row["BlendshapeCount"] for row in body} == {"61"}
    assert {len(row) for row in body} == {63}
    assert float(body[3]["JawLeft"]) == pytest.approx(motion.channel("jawLeft")[3], abs=1e-9)
    assert float(body[3]["JawRight"]) == pytest.approx(motion.channel("jawRight")[3], abs=1e-9)


def test_head_signs(tmp_path: Path) -> None:
    # Down, to the character's left, left ear up: in the app's columns -pitch, +yaw, +roll.
    head = np.array([[10.0, 20.0, 30.0]], np.float32)
    path = tmp_path / "a.csv"
    livelink.write(path, Motion(("jawOpen",), np.zeros((1, 1), np.float32), Fraction(25), head))
    row = rows(path)[0]
    angles = [float(row[key]) for key in ("HeadPitch", "HeadYaw", "HeadRoll")]
    np.testing.assert_allclose(np.degrees(angles), [-10, 20, 30], atol=1e-6)
    np.testing.assert_allclose(Motion.load(path).head_rotation, head, rtol=1e-6)


def test_eye_columns_follow_the_gaze_shapes_as_in_real_takes(tmp_path: Path, shared: Path) -> None:
    source = shared / "corpus" / "livelink" / "silent_angry_164.csv"
    path = tmp_path / "a.csv"
    livelink.write(path, Motion.load(source))
    ours, real = rows(path), rows(source)
    for key in ("LeftEyeYaw", "LeftEyePitch", "RightEyeYaw", "RightEyePitch"):
        a = np.array([float(row[key]) for row in ours])[: len(real) - 5]
        b = np.array([float(row[key]) for row in real])[: len(a)]
        assert np.corrcoef(a, b)[0, 1] > 0.9, key
        assert np.abs(a - b).mean() < 0.03, key


def test_a_real_take(shared: Path) -> None:
    source = shared / "corpus" / "livelink" / "speech.csv"
    motion = Motion.load(source)
    assert motion.names == ARKIT_NAMES
    assert motion.fps == 60
    # The clock in the file spans 1218.9 sixtieths of a second in 1217 steps.
    assert len(motion) == 1220
    raw = np.array([float(row["JawOpen"]) for row in rows(source)])
    at = np.arange(len(raw)) * 1.001596
    np.testing.assert_allclose(
        motion.channel("jawOpen"), np.interp(np.arange(1220), at, raw), atol=0.02
    )


def test_a_real_speakers_eyes_turn_against_the_head(shared: Path) -> None:
    # Who looks at the phone while the head moves turns the eyes the other way: with a wrong sign
    # these correlations change theirs.
    motion = Motion.load(shared / "corpus" / "livelink" / "speech.csv")
    calm = slice(0, 1060)
    gaze = {
        name: motion.channel(f"eyeLook{name}")[calm]
        for name in ("InLeft", "OutLeft", "UpLeft", "DownLeft")
    }
    pitch, yaw, _ = motion.head_rotation[calm].T
    assert np.corrcoef(yaw, gaze["OutLeft"] - gaze["InLeft"])[0, 1] < -0.5
    assert np.corrcoef(pitch, gaze["DownLeft"] - gaze["UpLeft"])[0, 1] < -0.3


def test_dropped_frames_are_filled_by_their_timecodes(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    at = frame_times(300, Fraction(60))
    curve = (0.5 + 0.4 * np.sin(2 * np.pi * at))[:, None].astype(np.float32)
    livelink.write(path, Motion(("jawOpen",), curve, Fraction(60)))
    codes = [timecode(36000 + i / 60, 60) for i in range(300)]
    rng = np.random.default_rng(0)
    dropped = set(rng.choice(np.arange(1, 299), 25, replace=False).tolist())
    rewrite(path, codes, [i for i in range(300) if i not in dropped])
    again = Motion.load(path)
    assert (again.fps, len(again)) == (60, 300)
    np.testing.assert_allclose(again.channel("jawOpen"), curve[:, 0], atol=0.02)


def test_jittered_and_drifting_clocks(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rng = np.random.default_rng(0)
    at = np.arange(600) / 29.9 + rng.uniform(-0.004, 0.004, 600) + 1
    curve = (0.5 + 0.4 * np.sin(2 * np.pi * at))[:, None].astype(np.float32)
    livelink.write(path, Motion(("jawOpen",), curve, Fraction(30)))
    rewrite(path, [timecode(t, 60) for t in at])
    again = Motion.load(path)
    assert again.fps == 30
    assert len(again) == pytest.approx(600 * 30 / 29.9, abs=1)
    expected = 0.5 + 0.4 * np.sin(2 * np.pi * (again.times - 0.5 / 29.9 + at[0]))
    np.testing.assert_allclose(again.channel("jawOpen"), expected, atol=0.04)


@pytest.mark.parametrize("base", [24, 25, 30, 60])
def test_timecodes_that_count_other_frames(tmp_path: Path, base: int) -> None:
    path = tmp_path / "a.csv"
    livelink.write(path, make(base * 3, Fraction(base)))
    rewrite(path, [timecode(50 + i / base, base) for i in range(base * 3)])
    assert Motion.load(path).fps == base


def test_takes_across_midnight(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    livelink.write(path, make(120, Fraction(60)))
    rewrite(path, [timecode(86399 + i / 60, 60) for i in range(120)])
    again = Motion.load(path)
    assert (again.fps, len(again)) == (60, 120)


def test_repeated_timecodes_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    livelink.write(path, make(120, Fraction(60)))
    order = [*range(60), 59, 59, *range(60, 120)]
    rewrite(path, [timecode(i / 60, 60) for i in range(120)], order)
    again = Motion.load(path)
    assert (again.fps, len(again)) == (60, 120)


def test_two_takes_in_one_file_and_shuffled_rows_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    livelink.write(path, make(120, Fraction(60)))
    times = [timecode(i / 60, 60) for i in range(120)]
    rewrite(path, times[:60] * 2)
    with pytest.raises(MotionError, match=r"steps back at its frame 61.*Split it there"):
        Motion.load(path)
    rewrite(path, times, [*range(0, 120, 2), *range(1, 120, 2)])
    with pytest.raises(MotionError, match="steps back"):
        Motion.load(path)


def test_weights_outside_the_range_are_clipped_and_missing_shapes_are_0(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    livelink.write(path, make(3))
    lines = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()]
    jaw, tongue = lines[0].index("JawOpen"), lines[0].index("TongueOut")
    lines[1][jaw], lines[2][jaw] = "1.2", "-0.05"
    text = "\n".join(",".join(line[:tongue] + line[tongue + 1 :]) for line in lines)
    path.write_text(text, encoding="utf-8-sig")
    motion = Motion.load(path)
    assert motion.channel("jawOpen")[:2].tolist() == [1.0, 0.0]
    assert not motion.channel("tongueOut").any()


def test_channels_that_are_not_arkits_are_refused(tmp_path: Path) -> None:
    motion = Motion(("jawOpen", "own"), np.zeros((2, 2), np.float32), Fraction(25))
    with pytest.raises(MotionError, match="own"):
        livelink.write(tmp_path / "a.csv", motion)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("00:00:00:01.000", "later", "Line 3 .*timecode 'later'"),
        ("00:00:00:01.000", "00:00:00:200.000", "below 120"),
        ("00:00:00:05.000", "10:00:00:05.000", "jump: 6 rows"),
        (",61,", ",61,x", "Line 2 .*no number"),
        (",61,", ",61,nan,", "values instead of"),
        (",61,0.", ",61,nan+0.", "no number"),
        (",61,0.", ",61,5000.", "no weight"),
        (",61,0.", ",61,45.", "divide them by 100"),
        ("JawOpen", "JawAjar", "lacks the column JawOpen"),
        ("00:00:00:05.000", "00:00:00:01.000", "steps back at its frame 6"),
        ("Timecode", "Time", "no number"),
    ],
)
def test_refuses(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "a.csv"
    livelink.write(path, make(6))
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(MotionError, match=message):
        Motion.load(path)


def test_nan_and_standing_clocks_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    livelink.write(path, make(3))
    rewrite(path, ["00:00:00:00.000"] * 3)
    with pytest.raises(MotionError, match="do not advance"):
        Motion.load(path)
    header = path.read_text(encoding="utf-8").splitlines()[0]
    path.write_text(f"{header}\n00:00:00:00.000,61{',nan' * 61}\n", encoding="utf-8")
    with pytest.raises(MotionError, match="no weight or angle"):
        Motion.load(path)
    path.write_text(
        "\n".join(
            [header, *(f"{code}{',0' * 62}" for code in ("00:00:00:00.000", "09:00:00:00.000"))]
        ),
        encoding="utf-8",
    )
    with pytest.raises(MotionError, match="jump by more"):
        Motion.load(path)
    path.write_text(f"{header}\n", encoding="utf-8")
    with pytest.raises(MotionError, match="no frames"):
        Motion.load(path)


def test_of_the_tongue_there_is_arkits_own_alone(tmp_path: Path) -> None:
    whole = make(6).over(FACE_NAMES)
    whole.save(tmp_path / "a.csv")
    make(6).save(tmp_path / "b.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def labels(path: Path) -> list[str]:
    return [line.split(",")[0] for line in path.read_text(encoding="utf-8").splitlines()[1:]]


@pytest.mark.parametrize(
    ("fps", "start", "first", "last"),
    [
        ("25", "10:00:00:12", "10:00:00:12.000", "10:00:04:11.000"),
        ("24", "23:59:59:00", "23:59:59:00.000", "00:00:03:03.000"),
        ("29.97", "00:00:59;20", "00:00:59;20.000", "00:01:03;01.000"),
        ("59.94", "09:59:59;58", "09:59:59;58.000", "10:00:01;37.000"),
    ],
)
def test_a_take_counts_its_own_frames(
    tmp_path: Path, fps: str, start: str, first: str, last: str
) -> None:
    motion = make(100, parse_fps(fps))
    path = tmp_path / "take.csv"
    motion.save(path, start=Timecode.parse(start, fps))
    assert (labels(path)[0], labels(path)[-1]) == (first, last)
    assert len(set(labels(path))) == 100
    back = Motion.load(path)
    assert back.fps == motion.fps
    np.testing.assert_allclose(back.weights, motion.weights, atol=1e-6)


def test_a_take_may_count_another_rate(tmp_path: Path) -> None:
    path = tmp_path / "take.csv"
    motion = make(100, Fraction(30))
    motion.save(path, start=Timecode.parse("01:00:00:10", 30).counted(24))
    assert labels(path)[:3] == ["01:00:00:08.000", "01:00:00:08.800", "01:00:00:09.600"]
    assert Motion.load(path).fps == 30


def test_what_cannot_be_told_apart_is_told(tmp_path: Path) -> None:
    path = tmp_path / "take.csv"
    with pytest.warns(DreamTalkWarning, match=r"29\.97 frames per second from 30"):
        make(100, parse_fps("29.97")).save(path, start=Timecode.parse("01:00:00:00", "29.97"))
    assert Motion.load(path).fps == 30


def test_formats_without_a_timecode_begin_at_0(tmp_path: Path) -> None:
    with pytest.warns(DreamTalkWarning, match="no place for a timecode"):
        make(5).save(tmp_path / "take.npz", start=Timecode.parse("01:00:00:00", 25))


@pytest.mark.parametrize("start", ["10:00:00:12", "23:59:59:24"])
def test_where_a_take_begins_is_read(tmp_path: Path, start: str) -> None:
    path = tmp_path / "take.csv"
    wanted = Timecode.parse(start, 25)
    make(60, Fraction(25)).save(path, start=wanted)
    assert livelink.begins_at(path) == wanted
    dropped = Timecode.parse("00:00:59;20", "29.97")
    make(60, parse_fps("29.97")).save(path, start=dropped)
    assert livelink.begins_at(path) == dropped


def test_one_of_several_files_tells_where_they_begin() -> None:
    start, names = Timecode.parse("01:00:00:00", 25), [Path("a.npz"), Path("a.csv")]
    assert [start_in(name, names, start) for name in names] == [None, start]
    assert start_in(names[0], names[:1], start) == start

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamtalk_core.errors import MotionError
from dreamtalk_core.motion.timecode import Timecode

NTSC = Fraction(30000, 1001)


def test_a_label_names_a_frame() -> None:
    code = Timecode.parse("10:02:03:12", 25)
    assert (code.frame, code.base, code.seconds) == (903087, 25, Fraction(903087, 25))
    assert str(code) == "10:02:03:12"
    assert Timecode.parse("00:00:01:05.250", 60).frame == Fraction(6525, 100)


@pytest.mark.parametrize(
    ("label", "frame"),
    [
        ("00:00:59;29", 1799),
        ("00:01:00;02", 1800),
        ("00:09:59;29", 17981),
        ("00:10:00;00", 17982),
        ("01:00:00;00", 107892),
        ("23:59:59;29", 2589407),
    ],
)
def test_drop_frame_leaves_labels_out(label: str, frame: int) -> None:
    assert Timecode.parse(label, "29.97").frame == frame
    assert str(Timecode(Fraction(frame), NTSC, drop=True)) == label


def test_drop_frame_keeps_up_with_the_clock() -> None:
    hour = Timecode.at(3600, "29.97", drop=True)
    assert str(hour) == "01:00:00;00"
    assert str(Timecode.at(3600, "29.97")) == "00:59:56:12"
    assert str(Timecode.parse("00:01:00;04", "59.94")) == "00:01:00;04"


@given(st.integers(0, 2589407), st.sampled_from([30, 60, 120]))
def test_every_frame_has_a_label_of_its_own(frame: int, base: int) -> None:
    code = Timecode(Fraction(frame), Fraction(base * 1000, 1001), drop=True)
    assert Timecode.parse(str(code), code.rate) == code


def test_the_day_begins_anew() -> None:
    assert str(Timecode.at(24 * 3600 + Fraction(1, 25), 25)) == "00:00:00:01"
    assert str(Timecode.at(24 * 3600, 25).later(Fraction(2))) == "00:00:02:00"


def test_thousandths_carry() -> None:
    assert Timecode(Fraction(599999, 10000), Fraction(60)).label(3) == "00:00:01:00.000"
    assert Timecode(Fraction(12, 5), Fraction(60)).label(3) == "00:00:00:02.400"


def test_the_same_moment_at_another_rate() -> None:
    assert str(Timecode.parse("01:00:00:12", 24).counted(60)) == "01:00:00:30"


@pytest.mark.parametrize(
    ("text", "rate", "says"),
    [
        ("soon", 25, "HH:MM:SS:FF"),
        ("10:00:00:25", 25, "23:59:59:24"),
        ("24:00:00:00", 25, "between"),
        ("00:01:00;01", "29.97", "00:01:00;02"),
        ("00:01:00;02", 25, "no drop-frame"),
    ],
)
def test_what_is_no_timecode(text: str, rate: object, says: str) -> None:
    with pytest.raises(MotionError, match=says):
        Timecode.parse(text, rate)  # type: ignore[arg-type]

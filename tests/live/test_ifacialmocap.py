from __future__ import annotations

import numpy as np
import pytest

from dreamtalk_core.live import ifacialmocap
from dreamtalk_core.live.frame import Frame
from dreamtalk_core.motion.arkit import INDEX
from tests.live.faces import face


@pytest.mark.parametrize("version", [1, 2])
def test_round_trip_within_half_a_per_cent(version: int) -> None:
    frame = face()
    back = ifacialmocap.decode(ifacialmocap.encode(frame, version))
    assert back is not None
    assert np.abs(back.weights - frame.weights).max() <= 0.005 + 1e-6
    assert np.allclose(back.head, frame.head, atol=1e-4)


def test_names_have_the_apps_endings() -> None:
    text = ifacialmocap.encode(face(), 1).decode()
    shapes, turns = text.split("=")
    words = [word.rpartition("-")[0] for word in shapes.split("|") if word]
    assert {"eyeBlink_L", "mouthSmile_R", "jawLeft", "mouthRight", "browInnerUp"} <= set(words)
    assert len(words) == 53  # and the status
    assert [turn.split("#")[0] for turn in turns.split("|") if turn] == [
        "head", "rightEye", "leftEye",
    ]  # fmt: skip


def test_eyes_turn_as_in_packets_of_the_app() -> None:
    """Of a face that looks down and to its right, x is above 0 and y below."""
    looking = Frame(np.zeros(52, np.float32))
    for name in ("eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookOutRight"):
        looking.weights[INDEX[name]] = 0.25
    turns = ifacialmocap.encode(looking).decode().split("|")[-3:-1]
    for turn in turns:
        x, y, _ = map(float, turn.split("#")[1].split(","))
        assert x > 5
        assert y < -5


def test_a_packet_as_the_app_publishes_it() -> None:
    frame = ifacialmocap.decode(
        b"trackingStatus-1|mouthSmile_R-35|jawLeft-7|hapihapi-0|=head#-21.48,-6.03,-6.6,-0.03,-0.1,"
        b"-0.65|rightEye#6.02,2.44,0.25|leftEye#6.03,-1.66,-0.17|"
    )
    assert frame is not None
    assert frame.weights[INDEX["mouthSmileRight"]] == pytest.approx(0.35)
    assert frame.weights[INDEX["jawLeft"]] == pytest.approx(0.07)
    assert np.allclose(frame.head, (-21.48, -6.03, -6.6))


def test_greetings() -> None:
    assert ifacialmocap.greeted(ifacialmocap.greeting(1)) == 1
    assert ifacialmocap.greeted(ifacialmocap.greeting(2)) == 2
    assert ifacialmocap.greeted(ifacialmocap.encode(face())) is None


def test_nobody_is_seen() -> None:
    back = ifacialmocap.decode(ifacialmocap.encode(face(face=False)))
    assert back is not None
    assert not back.face

"""Web sockets: VTube Studio's messages in their published form, and our own."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dreamtalk_core.live import vts, ws
from dreamtalk_core.live.frame import Frame
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from tests.live.faces import face


def values(frame: Frame) -> dict[str, float]:
    data = json.loads(vts.encode(frame, custom=False))["data"]
    return {one["id"]: one["value"] for one in data["parameterValues"]}


def at(**weights: float) -> Frame:
    frame = Frame(np.zeros(52, np.float32))
    for name, weight in weights.items():
        frame.weights[INDEX[name]] = weight
    return frame


def test_a_frame_as_vtube_studio_asks_for_it() -> None:
    message = json.loads(vts.encode(face(), 7))
    assert message["apiName"] == "VTubeStudioPublicAPI"
    assert message["apiVersion"] == "1.0"
    assert message["messageType"] == "InjectParameterDataRequest"
    assert 1 <= len(message["requestID"]) <= 64
    data = message["data"]
    assert data["faceFound"] is True
    assert data["mode"] == "set"
    assert all(set(one) == {"id", "value"} for one in data["parameterValues"])
    ids = [one["id"] for one in data["parameterValues"]]
    assert len(ids) == len(set(ids))


def test_own_parameters_have_names_that_are_allowed() -> None:
    """Alphanumeric, 4 to 32 characters, a hundred at most for a plugin."""
    assert len(set(vts.CUSTOM)) == 52
    assert all(name.isalnum() and 4 <= len(name) <= 32 for name in vts.CUSTOM)
    data = json.loads(vts.create(vts.CUSTOM[0]))["data"]
    assert len(data["explanation"]) < 256


def test_parameters_mean_what_their_names_say() -> None:
    rest = values(at())
    assert rest["EyeOpenLeft"] == pytest.approx(0.8)
    assert rest["MouthSmile"] == rest["Brows"] == 0.5
    assert rest["MouthOpen"] == 0
    assert values(at(eyeBlinkLeft=1.0))["EyeOpenLeft"] == 0
    assert values(at(eyeBlinkLeft=1.0))["EyeOpenRight"] == pytest.approx(0.8)
    assert values(at(jawOpen=0.6, mouthClose=0.2))["MouthOpen"] == pytest.approx(0.4, abs=1e-5)
    assert values(at(mouthSmileLeft=1, mouthSmileRight=1))["MouthSmile"] == 1
    # Both eyes to the character's right.
    right = values(at(eyeLookInLeft=0.5, eyeLookOutRight=0.5))
    assert right["EyeLeftX"] == right["EyeRightX"] == -0.5
    turned = values(Frame(head=np.array([10, 20, 5], np.float32)))
    assert (turned["FaceAngleX"], turned["FaceAngleY"], turned["FaceAngleZ"]) == (-20, -10, 5)


def test_answers() -> None:
    said = json.dumps(
        {
            "apiName": "VTubeStudioPublicAPI",
            "apiVersion": "1.0",
            "timestamp": 1625405710728,
            "requestID": "a",
            "messageType": "APIError",
            "data": {"errorID": 50, "message": "denied"},
        }
    )
    answer = vts.decode(said)
    assert answer == vts.Answer("APIError", {"errorID": 50, "message": "denied"})


def test_our_own_messages_say_what_they_are_and_come_back() -> None:
    hello = json.loads(ws.hello())
    assert (hello["format"], hello["version"]) == ("dreamtalk-live", 1)
    assert hello["shapes"] == list(ARKIT_NAMES)
    assert ws.decode(ws.hello()) is None
    frame = face()
    back = ws.decode(ws.encode(frame))
    assert back is not None
    assert np.abs(back.weights - frame.weights).max() < 1e-5
    assert np.abs(back.head - frame.head).max() < 1e-5
    assert back.time == frame.time
    unseen = ws.decode(ws.encode(face(face=False)))
    assert unseen is not None
    assert not unseen.face

"""VTube Studio: messages of its public API, JSON over a web socket at port 8001.

A plugin asks once for a token, which the user allows in the program, then logs in with it, and
sends a frame as `InjectParameterDataRequest`, at least once a second. Parameters are those that
every model of VTube Studio knows; the 52 shapes go to parameters of our own beside them
(`DreamTalkJawOpen`), for models with finer faces.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from dreamtalk_core.live.frame import Frame
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX, mouth_opening

PORT = 8001
PLUGIN = {"pluginName": "DreamTalk", "pluginDeveloper": "DreamTalk"}
CUSTOM = tuple(f"DreamTalk{name[0].upper()}{name[1:]}" for name in ARKIT_NAMES)
"""Our own parameters, for the 52 shapes in order."""
_LARGEST = 1 << 20  # bytes of an answer


def request(kind: str, data: dict[str, Any] | None = None, number: int = 0) -> str:
    """A message of a kind, such as "AuthenticationRequest"."""
    return json.dumps(
        {
            "apiName": "VTubeStudioPublicAPI",
            "apiVersion": "1.0",
            "requestID": f"dreamtalk{number}",
            "messageType": kind,
            "data": data or {},
        }
    )


def ask_token() -> str:
    """Asks for a token: the program asks its user."""
    return request("AuthenticationTokenRequest", PLUGIN)


def log_in(token: str) -> str:
    """Logs in with a token."""
    return request("AuthenticationRequest", {**PLUGIN, "authenticationToken": token})


def create(name: str) -> str:
    """Makes a parameter of our own."""
    data = {
        "parameterName": name,
        "explanation": "A face shape of ARKit, from DreamTalk.",
        "min": 0,
        "max": 1,
        "defaultValue": 0,
    }
    return request("ParameterCreationRequest", data)


def encode(frame: Frame, number: int = 0, custom: bool = True) -> str:
    """The message of a frame. custom: with our own parameters, which must have been created."""
    values = parameters(frame) if frame.face else {}
    if custom and frame.face:
        values |= {name: float(one) for name, one in zip(CUSTOM, frame.weights, strict=True)}
    data = {
        "faceFound": frame.face,
        "mode": "set",
        "parameterValues": [
            {"id": name, "value": round(value, 5)} for name, value in values.items()
        ],
    }
    return request("InjectParameterDataRequest", data, number)


def parameters(frame: Frame) -> dict[str, float]:
    """The parameters that every model knows -> value, in the ranges of VTube Studio.

    Angles in degrees; left and right of a turn are the character's own.
    """
    pitch, yaw, roll = (float(angle) for angle in frame.head)

    def at(*names: str) -> float:
        return float(sum(frame.weights[INDEX[name]] for name in names)) / len(names)

    def eye(side: str, inward: int) -> dict[str, float]:
        out, to_nose = at(f"eyeLookOut{side}"), at(f"eyeLookIn{side}")
        wide = 0.2 * at(f"eyeWide{side}")
        return {
            f"EyeOpen{side}": min(1.0, max(0.0, 0.8 * (1 - at(f"eyeBlink{side}")) + wide)),
            f"Eye{side}X": inward * (to_nose - out),
            f"Eye{side}Y": at(f"eyeLookUp{side}") - at(f"eyeLookDown{side}"),
        }

    def brow(side: str) -> float:
        raised = at("browInnerUp", f"browOuterUp{side}")
        return min(1.0, max(0.0, 0.5 + 0.5 * (raised - at(f"browDown{side}"))))

    smile = at("mouthSmileLeft", "mouthSmileRight") - at("mouthFrownLeft", "mouthFrownRight")
    return {
        "FaceAngleX": -yaw,
        "FaceAngleY": -pitch,
        "FaceAngleZ": roll,
        "MouthOpen": max(0.0, float(mouth_opening(frame.weights))),
        "MouthSmile": min(1.0, max(0.0, 0.5 + 0.5 * smile)),
        "MouthX": at("mouthRight") - at("mouthLeft"),
        **eye("Left", -1),
        **eye("Right", 1),
        "Brows": (brow("Left") + brow("Right")) / 2,
        "BrowLeftY": brow("Left"),
        "BrowRightY": brow("Right"),
        "CheekPuff": at("cheekPuff"),
        "TongueOut": at("tongueOut"),
    }


@dataclass(frozen=True)
class Answer:
    """What VTube Studio says: a kind such as "AuthenticationResponse" or "APIError"."""

    kind: str
    data: dict[str, Any]


def decode(message: str | bytes) -> Answer | None:
    """What a message says; None for anything that is no message of VTube Studio's."""
    if len(message) > _LARGEST:
        return None
    try:
        content = json.loads(message)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict) or content.get("apiName") != "VTubeStudioPublicAPI":
        return None
    kind, data = content.get("messageType"), content.get("data")
    if not isinstance(kind, str):
        return None
    return Answer(kind, data if isinstance(data, dict) else {})

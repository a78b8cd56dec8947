"""Live2D's motion3.json: the standard parameters of a Cubism model. Write only.

Curves are segments from key to key: time and value, then for each further key 0 (straight), time,
value. Frame i has the time i / fps. The counts in `Meta` are exact. A flat face has fewer
parameters than ARKit has shapes, so that a motion cannot be read back from it:

    ParamAngleX, Y, Z             degrees: to the character's left, up, left ear down
    ParamEyeLOpen, ParamEyeROpen  1 open, 0 shut; ParamEyeLSmile, RSmile what squints with a smile
    ParamEyeBallX, Y              -1..1: to the character's left, up
    ParamBrowLY, RY               -1..1: up; ParamBrowLForm, RForm: -1 angry
    ParamMouthOpenY, Form         0..1 open; -1..1 the corners up
    ParamCheek                    0..1 what is puffed
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import MotionError
from dreamtalk_core.files import atomic_write
from dreamtalk_core.formats._json import row_text
from dreamtalk_core.formats._keys import kept
from dreamtalk_core.motion.arkit import INDEX, mouth_opening

if TYPE_CHECKING:
    from dreamtalk_core.formats import Provenance
    from dreamtalk_core.motion import Motion

Floats = NDArray[np.float32]
_TURN = 30.0  # degrees at the end of the range of ParamAngleX, Y and Z


def write(path: Path, motion: Motion, provenance: Provenance | None = None) -> None:
    """Write a motion. Raises `MotionError` if it has no ARKit shapes."""
    if "jawOpen" not in motion.names:
        raise MotionError(
            "A motion3.json is made of ARKit's shapes. Save the curves under ARKit's names."
        )
    curves = {name: values.clip(*_range(name)) for name, values in parameters(motion).items()}
    keys = {name: kept(values) for name, values in curves.items()}
    points = sum(map(len, keys.values()))
    about: dict[str, Any] = {
        "Version": 3,
        "Meta": {
            "Duration": float(motion.duration),
            "Fps": float(motion.fps),
            "Loop": False,
            "AreBeziersRestricted": True,
            "CurveCount": len(curves),
            "TotalSegmentCount": points - len(curves),
            "TotalPointCount": points,
            "UserDataCount": 0,
            "TotalUserDataSize": 0,
        },
    }
    if provenance:
        about["provenance"] = dict(provenance)
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as out:
        out.write(json.dumps(about, ensure_ascii=False, indent=1).removesuffix("\n}"))
        out.write(',\n "Curves": [')
        for i, (name, values) in enumerate(curves.items()):
            at = keys[name]
            rows = np.column_stack([0 * at, at / float(motion.fps), values[at]]).astype(np.float32)
            segments = row_text(rows.ravel()[1:])
            out.write("," if i else "")
            out.write(f'\n  {{"Target": "Parameter", "Id": "{name}", "Segments": [{segments}]}}')
        out.write("\n ]\n}\n")


def parameters(motion: Motion) -> dict[str, Floats]:
    """Cubism's standard parameters [T] of a motion with ARKit's names, not limited."""
    weights = motion.to_arkit().weights

    def at(name: str) -> Floats:
        return weights[:, INDEX[name]]

    pitch, yaw, roll = motion.head_rotation.T
    found = {"ParamAngleX": yaw, "ParamAngleY": -pitch, "ParamAngleZ": -roll}
    smile = (at("mouthSmileLeft") + at("mouthSmileRight")) / 2
    frown = (at("mouthFrownLeft") + at("mouthFrownRight")) / 2
    for side, letter in (("Left", "L"), ("Right", "R")):
        found[f"ParamEye{letter}Open"] = 1 - at(f"eyeBlink{side}")
        found[f"ParamEye{letter}Smile"] = np.minimum(at(f"eyeSquint{side}"), smile)
        raised = (at("browInnerUp") + at(f"browOuterUp{side}")) / 2
        found[f"ParamBrow{letter}Y"] = raised - at(f"browDown{side}")
        found[f"ParamBrow{letter}Form"] = -at(f"browDown{side}")
    found["ParamEyeBallX"] = (
        at("eyeLookOutLeft") + at("eyeLookInRight") - at("eyeLookInLeft") - at("eyeLookOutRight")
    ) / 2
    found["ParamEyeBallY"] = (
        at("eyeLookUpLeft") + at("eyeLookUpRight") - at("eyeLookDownLeft") - at("eyeLookDownRight")
    ) / 2
    found["ParamMouthOpenY"] = mouth_opening(weights)
    found["ParamMouthForm"] = smile - frown
    found["ParamCheek"] = at("cheekPuff")
    return found


def _range(name: str) -> tuple[float, float]:
    if name.startswith("ParamAngle"):
        return -_TURN, _TURN
    if "Ball" in name or "Form" in name or "Brow" in name:
        return -1.0, 1.0
    return 0.0, 1.0

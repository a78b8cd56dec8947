"""Unity's AnimationClip (.anim): YAML, a float curve for every blend shape.

Curves have the path `Head`, the GameObject of the SkinnedMeshRenderer below the Animator, and the
attribute `blendShape.NAME`, in per cent; keys are in seconds, straight between them. A head that
moves is a rotation curve with the path `HeadRotation`; Unity's axes are left-handed, with x to the
character's right. How the motion was made is a comment of the first line. Another mesh: replace
`path: Head` in the text, or rename the object.
"""

from __future__ import annotations

import json
import re
from array import array
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import MotionError
from dreamtalk_core.files import atomic_write
from dreamtalk_core.formats._content import Content
from dreamtalk_core.formats._keys import Keys, from_keys, kept
from dreamtalk_core.formats._text import lines_of
from dreamtalk_core.motion.rotation import quaternions

if TYPE_CHECKING:
    from dreamtalk_core.formats import Provenance
    from dreamtalk_core.motion import Motion

MESH, BONE = "Head", "HeadRotation"
_MIRROR = np.array([1.0, -1.0, -1.0, 1.0])  # of quaternions, where x points the other way
_RENDERER = 137  # Unity's number of a SkinnedMeshRenderer
_LINEAR = 69  # tangents that are broken and straight on both sides
_THIRD = "0.33333334"
_TOP = """%YAML 1.1
%TAG !u! tag:unity3d.com,2011:
--- !u!74 &7400000
AnimationClip:
  m_ObjectHideFlags: 0
  m_CorrespondingSourceObject: {fileID: 0}
  m_PrefabInstance: {fileID: 0}
  m_PrefabAsset: {fileID: 0}
  m_Name: DreamTalk
  serializedVersion: 6
  m_Legacy: 0
  m_Compressed: 0
  m_UseHighQualityCurve: 1
"""
_BOTTOM = """  m_PPtrCurves: []
  m_SampleRate: %s
  m_WrapMode: 0
  m_Bounds:
    m_Center: {x: 0, y: 0, z: 0}
    m_Extent: {x: 0, y: 0, z: 0}
  m_ClipBindingConstant:
    genericBindings: []
    pptrCurveMapping: []
  m_AnimationClipSettings:
    serializedVersion: 2
    m_AdditiveReferencePoseClip: {fileID: 0}
    m_AdditiveReferencePoseTime: 0
    m_StartTime: 0
    m_StopTime: %s
    m_OrientationOffsetY: 0
    m_Level: 0
    m_CycleOffset: 0
    m_HasAdditiveReferencePose: 0
    m_LoopTime: 0
    m_LoopBlend: 0
    m_LoopBlendOrientation: 0
    m_LoopBlendPositionY: 0
    m_LoopBlendPositionXZ: 0
    m_KeepOriginalOrientation: 0
    m_KeepOriginalPositionY: 1
    m_KeepOriginalPositionXZ: 0
    m_HeightFromFeet: 0
    m_Mirror: 0
  m_EditorCurves: []
  m_EulerEditorCurves: []
  m_HasGenericRootTransform: 0
  m_HasMotionFloatCurves: 0
  m_Events: []
"""
_MEMBER = re.compile(r"\s*(?:- )?(\w+):(.*)\s*")
_PART = re.compile(r"([xyzw]): *([^,}]+)")
_MADE = "# provenance: "


def read(path: Path) -> Content:
    """Read a clip's blend shapes, and the rotation of `HeadRotation`, if it has one.

    Raises `MotionError` if it is not such a file, or is cut off.
    """
    curves: dict[str, Keys] = {}
    head: Keys | None = None
    times, values = array("d"), array("d")
    list_name, attribute, fps, provenance, whole = "", "", "", None, False
    with path.open(encoding="utf-8-sig", newline=None) as stream:
        for line in lines_of(stream, path):
            if line.startswith(_MADE):
                provenance = _made(line.removeprefix(_MADE))
            found = _MEMBER.fullmatch(line)
            if not found:
                continue
            name, value = found[1], found[2].strip()
            if line.startswith("  m_"):
                list_name, attribute = name, ""
                whole |= name == "m_Events"
                fps = value if name == "m_SampleRate" else fps
            elif name == "curve":
                times, values = array("d"), array("d")
            elif name == "time" and list_name in ("m_FloatCurves", "m_RotationCurves"):
                times.append(_number(value, path))
            elif name == "value" and list_name in ("m_FloatCurves", "m_RotationCurves"):
                values.extend(_numbers(value, path))
            elif name == "attribute" and list_name == "m_FloatCurves":
                attribute = value.strip("'\"")
                if attribute.startswith("blendShape."):
                    shape = attribute.removeprefix("blendShape.")
                    curves[shape] = times, np.array(values) / 100
            elif name == "path" and list_name == "m_RotationCurves" and value == BONE:
                head = times, _turns(values, path) * _MIRROR
    if not fps or not whole:
        raise MotionError(f"{path} is no AnimationClip of Unity's, or is cut off. Export it again.")
    return from_keys(path, curves, fps, head, provenance)


def _made(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _turns(values: array[float], path: Path) -> NDArray[np.float64]:
    if len(values) % 4:
        raise MotionError(f"{path} has a rotation that is no quaternion. It may be damaged.")
    return np.array(values).reshape(-1, 4)


def _number(text: str, path: Path) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise MotionError(f"{path} has a key that is no number. It may be damaged.") from error


def _numbers(text: str, path: Path) -> list[float]:
    """A number, or the four of a quaternion."""
    if not text.startswith("{"):
        return [_number(text, path)]
    parts = dict(_PART.findall(text))
    return [_number(parts.get(axis, ""), path) for axis in "xyzw"]


def write(path: Path, motion: Motion, provenance: Provenance | None = None) -> None:
    """Write a clip, under the names that the motion has."""
    times = np.arange(len(motion)) / float(motion.fps)
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as out:
        if provenance:
            out.write(_MADE + json.dumps(dict(provenance), ensure_ascii=True) + "\n")
        out.write(_TOP)
        if motion.head_rotation.any():
            out.write("  m_RotationCurves:\n  - curve:\n")
            _write_turns(out, times, quaternions(motion.head_rotation) * _MIRROR)
            out.write(f"    path: {BONE}\n")
        else:
            out.write("  m_RotationCurves: []\n")
        for name in ("CompressedRotation", "Euler", "Position", "Scale"):
            out.write(f"  m_{name}Curves: []\n")
        out.write("  m_FloatCurves:\n")
        for name, values in zip(motion.names, motion.weights.T, strict=True):
            out.write("  - serializedVersion: 2\n    curve:\n")
            _write_keys(out, times, values.astype(np.float64) * 100)
            quoted = name if re.fullmatch(r"\w+", name) else json.dumps(name, ensure_ascii=False)
            attribute = f"blendShape.{name}" if quoted == name else f'"blendShape.{quoted[1:]}'
            out.write(f"    attribute: {attribute}\n    path: {MESH}\n")
            out.write(f"    classID: {_RENDERER}\n    script: {{fileID: 0}}\n    flags: 16\n")
        out.write(
            _BOTTOM
            % (
                f"{float(motion.fps):g}"
                if motion.fps.denominator == 1
                else repr(float(motion.fps)),
                repr(float(motion.duration)),
            )
        )


def _slopes(times: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """How fast values [K, ...] grow towards the next key, and at the end as before."""
    if len(times) < 2:
        return np.zeros_like(values)
    steps = np.diff(times).reshape(-1, *[1] * (values.ndim - 1))
    slopes = np.diff(values, axis=0) / steps
    return np.concatenate([slopes, slopes[-1:]])


def _write_keys(out: IO[str], times: NDArray[np.float64], values: NDArray[np.float64]) -> None:
    keys = kept(values)
    times, values = times[keys], values[keys]
    slopes = _slopes(times, values)
    out.write("      serializedVersion: 2\n      m_Curve:\n")
    for time, value, before, after in zip(
        times.tolist(), values.tolist(), [slopes[0], *slopes[:-1]], slopes, strict=True
    ):
        out.write(
            f"      - serializedVersion: 3\n        time: {time!r}\n        value: {value!r}\n"
            f"        inSlope: {before:.9g}\n        outSlope: {after:.9g}\n"
            f"        tangentMode: {_LINEAR}\n        weightedMode: 0\n"
            f"        inWeight: {_THIRD}\n        outWeight: {_THIRD}\n"
        )
    _write_ends(out)


def _write_turns(out: IO[str], times: NDArray[np.float64], turns: NDArray[np.float64]) -> None:
    keys = kept(turns)
    times, turns = times[keys], turns[keys]
    slopes = _slopes(times, turns)
    out.write("      serializedVersion: 2\n      m_Curve:\n")
    third = _quaternion([float(_THIRD)] * 4)
    for time, turn, before, after in zip(
        times.tolist(), turns.tolist(), [slopes[0], *slopes[:-1]], slopes, strict=True
    ):
        out.write(
            f"      - serializedVersion: 3\n        time: {time!r}\n"
            f"        value: {_quaternion(turn)}\n        inSlope: {_quaternion(before)}\n"
            f"        outSlope: {_quaternion(after)}\n        tangentMode: 0\n"
            f"        weightedMode: 0\n        inWeight: {third}\n        outWeight: {third}\n"
        )
    _write_ends(out)


def _write_ends(out: IO[str]) -> None:
    out.write("      m_PreInfinity: 2\n      m_PostInfinity: 2\n      m_RotationOrder: 4\n")


def _quaternion(values: Any) -> str:
    x, y, z, w = (f"{float(value):.9g}" for value in values)
    return f"{{x: {x}, y: {y}, z: {z}, w: {w}}}"

"""Godot 4's Animation (.tres): a text resource, a value track for every blend shape.

Tracks have the path `Head:blend_shapes/NAME`, `Head` being the MeshInstance3D below the
AnimationPlayer's root node; values are 0..1, keys in seconds, straight between them. A head that
moves is a rotation track with the path `Skeleton3D:HeadRotation`; axes are glTF's, which are ours.
How the motion was made is the resource's metadata. Another mesh: replace `Head:` in the text.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from dreamtalk_core.errors import MotionError, shown
from dreamtalk_core.files import atomic_write
from dreamtalk_core.formats._content import Content
from dreamtalk_core.formats._keys import Keys, from_keys, kept
from dreamtalk_core.formats._text import unquoted
from dreamtalk_core.motion.rotation import quaternions

if TYPE_CHECKING:
    from dreamtalk_core.formats import Provenance
    from dreamtalk_core.motion import Motion

MESH, BONE = "Head", "Skeleton3D:HeadRotation"
# In what these look for between two marks the first is not allowed, so that none is tried twice.
_SHAPE = re.compile(r':blend_shapes/([^":]+)"')
_FIELD = re.compile(r"^(tracks/(\d{1,9})/)?([\w/]+) = ", re.MULTILINE)
_FLOATS = re.compile(r"PackedFloat32Array\(([^()]*)\)")
_VALUES = re.compile(r'"values": \[([^\[\]]*)\]')


def read(path: Path) -> Content:
    """Read an animation's blend shapes, and the rotation of a bone `HeadRotation`, if it has one.

    Raises `MotionError` if it is not such a file, or is cut off.
    """
    text = path.read_text(encoding="utf-8-sig")
    fields = list(_FIELD.finditer(text))
    curves: dict[str, Keys] = {}
    step, head, made, where = "", None, None, ""
    for field, after in zip(fields, [*fields[1:], None], strict=True):
        value = text[field.end() : after.start() if after else len(text)].strip()
        if field[3] == "step":
            step = value
        elif field[3] == "metadata/provenance":
            made = unquoted(value)
        elif field[3] == "path":
            where = value
        elif field[3] == "keys" and (shape := _SHAPE.search(where)):
            curves[shape[1]] = _keys(value, path)
        elif field[3] == "keys" and "HeadRotation" in where:
            numbers = _floats(_FLOATS.search(value), path)
            rows = numbers[: len(numbers) // 6 * 6].reshape(-1, 6)
            head = rows[:, 0], rows[:, 2:]
    try:
        if not text.endswith("\n"):
            raise ValueError
        fps = round(1 / float(step), 5)
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        raise MotionError(f"{path} is no Animation of Godot's, or is cut off.") from error
    return from_keys(path, curves, fps, head, made)


def _keys(value: str, path: Path) -> Keys:
    if not value.endswith("}"):
        raise MotionError(f"{path} is cut off, or damaged: a track has no end.")
    return _floats(_FLOATS.search(value), path), _floats(_VALUES.search(value), path)


def _floats(found: re.Match[str] | None, path: Path) -> np.ndarray:
    try:
        if found is None:
            raise ValueError
        return np.array([float(number) for number in found[1].split(",")])
    except ValueError as error:
        raise MotionError(
            f"{path} has a track without numbers: it is cut off or damaged, or of Godot 3."
        ) from error


def write(path: Path, motion: Motion, provenance: Provenance | None = None) -> None:
    """Write an animation, under the names that the motion has."""
    times = np.arange(len(motion)) / float(motion.fps)
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as out:
        out.write('[gd_resource type="Animation" format=3]\n\n[resource]\n')
        out.write('resource_name = "DreamTalk"\n')
        for number, (name, values) in enumerate(zip(motion.names, motion.weights.T, strict=True)):
            if '"' in name or ":" in name:
                raise MotionError(f"Godot has no path to a shape called {shown(name, 60)}.")
            _begin(out, number, "value", f"{MESH}:blend_shapes/{name}")
            keys = kept(values)
            listed = ", ".join(values[keys].astype(str))
            out.write(f'{{\n"times": PackedFloat32Array({_text(times[keys])}),\n')
            out.write(f'"transitions": PackedFloat32Array({", ".join("1" * len(keys))}),\n')
            out.write(f'"update": 0,\n"values": [{listed}]\n}}\n')
        if motion.head_rotation.any():
            keys = kept(motion.head_rotation)
            turns = quaternions(motion.head_rotation)[keys]
            rows = np.column_stack([times[keys], np.ones(len(keys)), turns])
            _begin(out, len(motion.names), "rotation_3d", BONE)
            out.write(f"PackedFloat32Array({_text(rows.ravel())})\n")
        if provenance:
            # As text within text: a Dictionary would need Godot's own types.
            made = json.dumps(json.dumps(dict(provenance)))
            out.write(f"metadata/provenance = {made}\n")
        # At the end, where it tells that nothing is cut off.
        out.write(f"length = {float(motion.duration)!r}\nstep = {1 / float(motion.fps)!r}\n")


def _begin(out: IO[str], number: int, kind: str, where: str) -> None:
    track = f"tracks/{number}"
    out.write(
        f'{track}/type = "{kind}"\n{track}/imported = false\n{track}/enabled = true\n'
        f'{track}/path = NodePath("{where}")\n{track}/interp = 1\n{track}/loop_wrap = true\n'
        f"{track}/keys = "
    )


def _text(values: np.ndarray) -> str:
    return ", ".join(f"{value:.9g}" for value in values.tolist())

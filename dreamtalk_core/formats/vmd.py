"""VMD: what MikuMikuDance plays. Morphs of a face, and the bone of its head.

Little-endian. 30 bytes "Vocaloid Motion Data 0002"; 20 bytes the model's name; then lists, each
after its length (u32): bones (15 bytes name, u32 frame, position, quaternion x y z w as f32, 64
bytes of how it eases), morphs (15 bytes name, u32 frame, f32 weight), and four of what a face has
not: camera, light, shadow, IK. Names are Shift-JIS. There are 30 frames a second, so that a motion
of another rate is resampled. The head is the bone 頭; axes are left-handed, z into the screen.

A motion with ARKit's names becomes MMD's morphs (a, i, u, e, o, blink, ...), see `retarget`.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import MotionError, shown
from dreamtalk_core.files import atomic_write
from dreamtalk_core.formats._content import Content
from dreamtalk_core.formats._keys import Keys, from_keys, kept
from dreamtalk_core.formats._limits import MOST_CHANNELS, check_count
from dreamtalk_core.motion.rotation import quaternions
from dreamtalk_core.motion.tongue import FACE_NAMES

if TYPE_CHECKING:
    from dreamtalk_core.motion import Motion

FPS = 30
_MAGIC = b"Vocaloid Motion Data 0002"
_NAME = 15  # bytes of a name
_HEAD = "頭"
_MIRROR = np.array([-1.0, -1.0, 1.0, 1.0])  # of quaternions, where z points the other way
_BONE = np.dtype(
    [("name", "S15"), ("frame", "<u4"), ("at", "<f4", 3), ("turn", "<f4", 4), ("ease", "u1", 64)]
)
_MORPH = np.dtype([("name", "S15"), ("frame", "<u4"), ("weight", "<f4")])
_STRAIGHT = [20] * 8 + [107] * 8
_EASE = [*_STRAIGHT, *_STRAIGHT[1:], 1, *_STRAIGHT[2:], 1, 0, *_STRAIGHT[3:], 1, 0, 0]


def read(path: Path) -> Content:
    """Read a motion. Raises `MotionError` if it is not such a file, or is cut off."""
    data = path.read_bytes()
    place = 50
    bones, place = _list(data, place, _BONE, path)
    morphs, _ = _list(data, place, _MORPH, path)
    curves = {
        _text(name, path): _in_order(morphs[rows], "weight")
        for name, rows in _rows(morphs, path).items()
    }
    turns = _rows(bones, path).get(_HEAD.encode("cp932"))
    head = None if turns is None else _in_order(bones[turns], "turn")
    if head is not None:
        head = head[0], np.asarray(head[1]) * _MIRROR
    return from_keys(path, curves, FPS, head)


def _rows(entries: NDArray[Any], path: Path) -> dict[bytes, list[int]]:
    """The places of the entries of each name. Behind a name's end a file may hold anything."""
    found: dict[bytes, list[int]] = {}
    for place, raw in enumerate(entries["name"].tolist()):
        found.setdefault(raw.split(b"\0")[0], []).append(place)
    check_count(len(found), MOST_CHANNELS, path, "names", MotionError)
    return found


def _list(data: bytes, place: int, kind: np.dtype[Any], path: Path) -> tuple[NDArray[Any], int]:
    """A list of entries, and the place behind it."""
    if len(data) < place + 4:
        raise MotionError(f"{path} is cut off: a VMD has lists of bones and morphs.")
    (count,) = struct.unpack_from("<I", data, place)
    end = place + 4 + count * kind.itemsize
    if end > len(data):
        raise MotionError(f"{path} is cut off or damaged: it says that it has {count} entries.")
    return np.frombuffer(data, kind, count, place + 4), end


def _text(raw: bytes, path: Path) -> str:
    try:
        return raw.decode("cp932")
    except UnicodeDecodeError as error:
        raise MotionError(f"{path} has a name that is no Shift-JIS. It may be damaged.") from error


def _in_order(rows: NDArray[Any], field: str) -> Keys:
    """Keys of one name: files may hold them in any order, and twice."""
    frames, first = np.unique(rows["frame"], return_index=True)
    return frames / FPS, rows[field][first].astype(np.float64)


def write(path: Path, motion: Motion) -> None:
    """Write a motion. Raises `MotionError` for names that do not fit into 15 bytes of Shift-JIS."""
    if set(motion.names) <= set(FACE_NAMES):
        from dreamtalk_core.retarget.matching import scheme_mapping

        motion = scheme_mapping("mmd").apply(motion)
    motion = motion.resample(FPS)
    names = [_bytes(name) for name in motion.names]
    keys = [kept(values) for values in motion.weights.T]
    with atomic_write(path) as temporary, temporary.open("wb") as out:
        out.write(_MAGIC.ljust(30, b"\0") + b"DreamTalk".ljust(20, b"\0"))
        moving = motion.head_rotation.any()
        turned = kept(motion.head_rotation) if moving else np.zeros(0, np.int64)
        bones = np.zeros(len(turned), _BONE)
        bones["name"], bones["frame"], bones["ease"] = _HEAD.encode("cp932"), turned, _EASE
        if moving:
            bones["turn"] = (quaternions(motion.head_rotation) * _MIRROR)[turned]
        out.write(struct.pack("<I", len(bones)) + bones.tobytes())
        out.write(struct.pack("<I", sum(map(len, keys))))
        for name, frames, values in zip(names, keys, motion.weights.T, strict=True):
            morphs = np.zeros(len(frames), _MORPH)
            morphs["name"], morphs["frame"], morphs["weight"] = name, frames, values[frames]
            out.write(morphs.tobytes())
        out.write(struct.pack("<4I", 0, 0, 0, 0))


def _bytes(name: str) -> bytes:
    try:
        found = name.encode("cp932")
    except UnicodeEncodeError:
        found = b""
    if not 0 < len(found) <= _NAME:
        raise MotionError(
            f"A VMD has no place for the name {shown(name, 60)}: it must be at most {_NAME} bytes "
            "of Shift-JIS. Save the curves under ARKit's names, or MMD's."
        )
    return found

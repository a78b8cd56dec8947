"""VMC, the protocol of VRM avatars: VSeeFace, Warudo, VirtualMotionCapture, VNyan and others.

OSC over UDP, to port 39539 of whoever shows the avatar. A frame is `/VMC/Ext/OK`, `/VMC/Ext/T` with
seconds, `/VMC/Ext/Bone/Pos` with the head's place and turn, `/VMC/Ext/Blend/Val` for every shape,
and `/VMC/Ext/Blend/Apply`, in bundles that no network takes apart.

Shapes are ARKit's as Perfect Sync calls them (`BrowInnerUp`), or the presets of VRM 0 (`A`, `Joy`,
`Blink_L`) or of VRM 1 (`aa`, `happy`, `blinkLeft`): an avatar that has both would move its mouth
twice. The presets are still sent with Perfect Sync, at 0, as the protocol asks of every sender.
The turn is a quaternion in Unity's axes: left-handed, x to the character's right, y up, z forward.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dreamtalk_core.live import osc
from dreamtalk_core.live.frame import BY_NAME, Floats, Frame, frame_of
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.motion.rotation import quaternion_matrix, quaternions, rotation_angles
from dreamtalk_core.retarget.schemes import viseme_poses
from dreamtalk_core.retarget.visemes import solve

PORT = 39539

_VISEMES = ("viseme_aa", "viseme_I", "viseme_U", "viseme_E", "viseme_O")
_MOUTHS = {"vrm0": ("A", "I", "U", "E", "O"), "vrm1": ("aa", "ih", "ou", "ee", "oh")}
_LIDS = {"vrm0": ("Blink_L", "Blink_R"), "vrm1": ("blinkLeft", "blinkRight")}
_MOODS = {
    "vrm0": ("Joy", "Angry", "Sorrow", "Fun"),
    "vrm1": ("happy", "angry", "sad", "relaxed"),
}
_SMILE = ("mouthSmileLeft", "mouthSmileRight")
_FELT: tuple[tuple[str, ...], ...] = (
    _SMILE,
    ("browDownLeft", "browDownRight"),
    ("browInnerUp", "mouthFrownLeft", "mouthFrownRight"),
    (),
)
"""For each of the moods, the shapes whose mean it shows."""
_AT_REST = (*_MOUTHS["vrm0"], *_LIDS["vrm0"], *_MOODS["vrm0"])
"""Presets that are sent beside Perfect Sync."""
SHAPES = ("arkit", *_MOUTHS)
"""What an avatar's shapes may be."""
_LARGEST = 1400
"""Bytes of a bundle: with its headers it fits an Ethernet frame."""
_MOOD = 0.6
"""Share of a mood that is shown: whole ones shut the eyes of many avatars, or move the mouth."""
_UNITY = np.array([1.0, -1.0, -1.0, 1.0])
"""Signs of a quaternion's parts when x points the other way."""
_PERFECT_SYNC = [name[0].upper() + name[1:] for name in ARKIT_NAMES]


def encode(frame: Frame, shapes: str = "arkit") -> list[bytes]:
    """The datagrams of a frame, to be sent in order. shapes: one of `SHAPES`."""
    messages = [osc.encode("/VMC/Ext/OK", int(frame.face))]
    messages.append(osc.encode("/VMC/Ext/T", float(frame.time or 0.0)))
    if frame.face:
        turn = (quaternions(frame.head[None])[0] * _UNITY).tolist()
        messages.append(osc.encode("/VMC/Ext/Bone/Pos", "Head", 0.0, 0.0, 0.0, *turn))
        if shapes == "arkit":
            whole = zip(_PERFECT_SYNC, frame.weights.tolist(), strict=True)
            values = dict.fromkeys(_AT_REST, 0.0) | dict(whole)
        else:
            values = presets(frame.weights, shapes)
        messages += [osc.encode("/VMC/Ext/Blend/Val", name, one) for name, one in values.items()]
        messages.append(osc.encode("/VMC/Ext/Blend/Apply"))
    return list(map(osc.bundle, _bundles(messages)))


def _bundles(messages: list[bytes]) -> Iterator[list[bytes]]:
    """Messages in groups that fit a datagram each."""
    group: list[bytes] = []
    for message in messages:
        if group and sum(len(one) + 4 for one in (*group, message)) > _LARGEST:
            yield group
            group = []
        group.append(message)
    yield group


def presets(weights: Floats, scheme: str) -> dict[str, float]:
    """Preset -> value in 0..1, for weights [52]. scheme: "vrm0" or "vrm1"."""
    mouth = solve(weights[None], _VISEMES)
    found = {
        name: float(mouth[viseme][0])
        for name, viseme in zip(_MOUTHS[scheme], _VISEMES, strict=True)
    }
    lids = ("eyeBlinkLeft", "eyeBlinkRight")
    found |= {
        name: float(weights[INDEX[shape]]) for name, shape in zip(_LIDS[scheme], lids, strict=True)
    }
    for name, felt in zip(_MOODS[scheme], _FELT, strict=True):
        mean = float(weights[[INDEX[shape] for shape in felt]].mean()) if felt else 0.0
        found[name] = _MOOD * mean
    return found


class Decoder:
    """Frames from datagrams: shapes and head may come in several, and a frame ends with Apply."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        self.head: tuple[float, ...] = (0.0, 0.0, 0.0)
        self.time: float | None = None
        self.face = True

    def decode(self, data: bytes) -> Frame | None:
        """The last frame that a datagram completes, if it does; never raises."""
        frame = None
        for address, values in osc.decode(data):
            if address == "/VMC/Ext/Blend/Apply":
                frame = self._frame() or frame
            elif address == "/VMC/Ext/OK" and values and not values[0]:
                frame = Frame(time=self.time, face=False)
            else:
                self._take(address, values)
        return frame

    def _take(self, address: str, values: tuple[osc.Value, ...]) -> None:
        if address == "/VMC/Ext/Blend/Val" and len(values) == 2:
            name, value = values
            # Whoever sends names without end gets no memory for them.
            if isinstance(name, str) and isinstance(value, (int, float)) and _known(name):
                self.values[name.casefold()] = value
        elif address == "/VMC/Ext/Bone/Pos" and len(values) == 8 and values[0] == "Head":
            turn = np.array([value for value in values[4:] if isinstance(value, (int, float))])
            length = float(np.linalg.norm(turn)) if turn.shape == (4,) else 0.0
            if 0.5 < length < 2.0:
                self.head = tuple(rotation_angles(quaternion_matrix(turn / length * _UNITY)))
        elif address == "/VMC/Ext/T" and values and isinstance(values[0], float):
            self.time = values[0]

    def _frame(self) -> Frame | None:
        shapes = {name: value for name, value in self.values.items() if name in BY_NAME}
        given = {name: value for name, value in self.values.items() if name in _MEANS}
        if not any(shapes.values()):  # Perfect Sync's come with presets at 0, and these the other
            shapes = shapes | _from_presets(given)
        return frame_of(shapes, self.head, self.time)


def _pose_of_presets() -> dict[str, tuple[tuple[str, float], ...]]:
    """Preset in lower case -> the shapes that it stands for."""
    poses = viseme_poses()
    found: dict[str, tuple[tuple[str, float], ...]] = {}
    for scheme, names in _MOUTHS.items():
        found |= {
            name.casefold(): poses[viseme] for name, viseme in zip(names, _VISEMES, strict=True)
        }
        left, right = (name.casefold() for name in _LIDS[scheme])
        found |= {left: (("eyeBlinkLeft", 1.0),), right: (("eyeBlinkRight", 1.0),)}
        for name, felt in zip(_MOODS[scheme], (*_FELT[:3], _SMILE), strict=True):
            found[name.casefold()] = tuple((shape, 1.0) for shape in felt)
    found["blink"] = (("eyeBlinkLeft", 1.0), ("eyeBlinkRight", 1.0))
    return found


_MEANS = _pose_of_presets()


def _known(name: str) -> bool:
    return name.casefold() in BY_NAME or name.casefold() in _MEANS


def _from_presets(values: dict[str, float]) -> dict[str, float]:
    weights: dict[str, float] = {}
    for name, value in values.items():
        for shape, share in _MEANS[name]:
            weights[shape.casefold()] = weights.get(shape.casefold(), 0.0) + share * value
    return weights

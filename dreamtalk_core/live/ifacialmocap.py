"""iFacialMocap: text datagrams of the iPhone app, to and from port 49983.

Whoever wants frames sends the greeting to the phone's port 49983, and gets them back on theirs.
A frame is shapes in whole per cent between "|", `eyeBlink_L-35`, and behind "=" what is turned:
`head#rx,ry,rz,x,y,z|rightEye#rx,ry,rz|leftEye#rx,ry,rz|`, in degrees and metres. The second version
writes `&` where the first has `-`, which could be a sign. `trackingStatus` 0: there is no face.

Signs, from published packets of the app, as eyes turn against the head of whoever looks at the
phone: x down and y to the character's left are positive, of head and eyes, as in `Motion`.
"""

from __future__ import annotations

import numpy as np

from dreamtalk_core.formats.livelink import eye_columns
from dreamtalk_core.live.frame import Frame, frame_of
from dreamtalk_core.motion.arkit import ARKIT_NAMES

PORT = 49983
GREETING = "iFacialMocap_sahuasouryya9218sauhuiayeta91555dy3719"
_SECOND = "|sendDataVersion=v2"
_MARKS = {1: "-", 2: "&"}
_STATUS = "trackingStatus"
_LONGEST = 1 << 16  # characters, more than a datagram has


def _short(name: str) -> str:
    """As the app writes a name. jawLeft and mouthLeft are directions, no sides."""
    if name in ("jawLeft", "jawRight", "mouthLeft", "mouthRight"):
        return name
    for side in ("Left", "Right"):
        if name.endswith(side):
            return f"{name[: -len(side)]}_{side[0]}"
    return name


_NAMES = [_short(name) for name in ARKIT_NAMES]
_LONG = {name: name for name in ARKIT_NAMES} | dict(zip(_NAMES, ARKIT_NAMES, strict=True))


def greeting(version: int = 2) -> bytes:
    """What asks a phone for frames of a version, 1 or 2."""
    return (GREETING + (_SECOND if version == 2 else "")).encode()


def greeted(data: bytes) -> int | None:
    """The version that a greeting asks for; None for any other datagram."""
    if not data.startswith(GREETING.encode()):
        return None
    return 2 if _SECOND.encode() in data else 1


def encode(frame: Frame, version: int = 2) -> bytes:
    """The datagram of a frame, in whole per cent. version: 1 or 2."""
    mark = _MARKS[version]
    shares = np.rint(frame.weights * 100).astype(int).tolist()
    words = [f"{_STATUS}{mark}{int(frame.face)}"]
    words += [f"{name}{mark}{share}" for name, share in zip(_NAMES, shares, strict=True)]
    eyes = np.degrees([part[0] for part in eye_columns(frame.weights.astype(np.float64)[None])])
    turns = [
        f"head#{_numbers(frame.head)},0,0,0",
        *(
            f"{side}Eye#{_numbers((pitch, -yaw, roll))}"
            for side, (yaw, pitch, roll) in (("right", eyes[3:]), ("left", eyes[:3]))
        ),
    ]
    return ("|".join(words) + "|=" + "|".join(turns) + "|").encode()


def decode(data: bytes) -> Frame | None:
    """The frame of a datagram of either version; None for anything else."""
    try:
        text = data[:_LONGEST].decode()
        shapes, _, turns = text.partition("=")
        weights: dict[str, float] = {}
        seen = True
        for word in shapes.split("|"):
            mark = "&" if "&" in word else "-"
            name, found, value = word.partition(mark)
            if name == _STATUS:
                seen = value != "0"
            elif found and name in _LONG:
                weights[_LONG[name]] = float(value) / 100
        head = (0.0, 0.0, 0.0)
        for word in turns.split("|"):
            name, _, values = word.partition("#")
            if name == "head":
                x, y, z, *_ = (float(value) for value in values.split(","))
                head = (x, y, z)
    except ValueError:  # UnicodeDecodeError is one
        return None
    frame = frame_of(weights, head)
    return Frame(face=False) if frame and not seen else frame


def _numbers(values: object) -> str:
    return ",".join(f"{float(value) + 0.0:.7g}" for value in np.asarray(values))

"""Gaze: where the eyes look, and what that does to the eyes and lids.

Shifts are those of Lee, Badler & Badler 2002 ("Eyes Alive").
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.animation.noise import GAZE, Chance
from dreamtalk_core.animation.phrases import Phrases
from dreamtalk_core.motion.arkit import INDEX
from dreamtalk_core.rig.head import EYE_DOWN, EYE_SIDE, EYE_UP

Float64 = NDArray[np.float64]

_LARGE_SHIFT = 7.0
"""Degrees of a shift that may bring a blink."""
_AVERT = {"speech": 0.25, "start": 0.65, "end": 0.55}
"""How often a new fixation is beside the viewer."""
_THINKING = {"start": 0.6, "end": 1.5}
"""Seconds around the start and after the end of a phrase in which people look away more."""
_BACK = 0.75
_VIEWER, _BESIDE = (1.3, 0.6), (0.6, 0.45)
"""Median in seconds and spread of fixations on the viewer and beside."""
_FIXATION = (0.25, 3.5)
_WANDER = (0.9, 1.3)
"""Degrees (pitch, yaw) by which fixations on the viewer differ: eye, other eye, mouth."""
_AWAY = (4.0, 3.0, 12.0)
"""Least degrees of a look away, its mean beyond these, and its most."""
_DIRECTIONS = np.array([15.5, 6.5, 17.7, 7.4, 16.8, 7.9, 20.4, 7.8]) / 100
"""Shares of the eight directions, counter-clockwise from the character's left (Lee et al. 2002)."""
_UP_TO = _DIRECTIONS.cumsum()[:-1]
_CUT = 0.6
"""How often a fixation ends where a phrase starts or ends."""
VESTIBULAR = 0.7
"""Share of the head's turn that the eyes undo, so that they stay on what they look at."""
ALONG = 0.2
"""Share of a gaze shift that the head goes along with."""
_LID_DOWN, _LID_UP = 0.25, 0.2


def gaze_path(phrases: Phrases, chance: Chance) -> tuple[Float64, NDArray[np.bool_]]:
    """Where the eyes look [T, 2], (pitch, yaw) in degrees, and where they move far [T]."""
    fps, count = phrases.fps, len(phrases)
    averting = np.full(count, _AVERT["speech"])
    averting[phrases.after(phrases.ends, _THINKING["end"]) & phrases.pause] = _AVERT["end"]
    # People look away just before they begin to speak.
    before = phrases.starts - round(0.15 * fps)
    averting[phrases.after(before, _THINKING["start"])] = _AVERT["start"]
    boundaries = np.sort(np.concatenate([before, phrases.ends]))
    draws, sizes = chance.uniforms(GAZE, 13), chance.normals(GAZE, 3)
    times, points = [0.0], [np.zeros(2)]
    shifts = np.zeros(count, bool)
    time, beside = 0.0, False
    while time < count:
        averts, returns, cuts, far, turn = draws[int(time), 8:]
        wander, long = sizes[int(time), :2], sizes[int(time), 2]
        size, way = -math.log(far), int(np.searchsorted(_UP_TO, turn))
        beside = averts < averting[int(time)] and not (beside and returns < _BACK)
        if beside:
            angle = way * math.pi / 4
            reach = min(_AWAY[0] + _AWAY[1] * size, _AWAY[2])
            # Up is negative pitch, and the eyes go less far up and down than sideways.
            target = reach * np.array([-0.7 * math.sin(angle), math.cos(angle)])
        else:
            target = np.array(_WANDER) * wander
        distance = float(np.linalg.norm(target - points[-1]))
        shifts[int(time)] |= distance > _LARGE_SHIFT and time > 0
        # The main sequence: 21 ms, and 2.2 more per degree.
        taken = (0.021 + 0.0022 * distance) * fps
        times += [time, time + taken]
        points += [points[-1], target]
        median, spread = _BESIDE if beside else _VIEWER
        fixation = min(max(median * math.exp(spread * long), _FIXATION[0]), _FIXATION[1])
        soonest = time + max(_FIXATION[0] * fps, taken + 1)
        end = max(time + fixation * fps, soonest)
        following = np.searchsorted(boundaries, soonest)
        if cuts < _CUT and following < len(boundaries):
            end = min(end, float(boundaries[following]))
        time = end
    frames = np.arange(count)
    return np.stack([np.interp(frames, times, column) for column in np.array(points).T], 1), shifts


def look(weights: Float64, degrees: Float64) -> None:
    """Turn both eyes by degrees [T, 2] (pitch, yaw) in weights [T, 52], in place; lids follow."""
    pitch, yaw = degrees.T
    for side, outward in (("Left", 1.0), ("Right", -1.0)):
        _turn(weights, f"eyeLookOut{side}", f"eyeLookIn{side}", outward * yaw / EYE_SIDE)
        scaled = np.where(pitch > 0, pitch / EYE_DOWN, pitch / EYE_UP)
        _turn(weights, f"eyeLookDown{side}", f"eyeLookUp{side}", scaled)
        weights[:, INDEX[f"eyeBlink{side}"]] += _LID_DOWN * scaled.clip(0, 1)
        weights[:, INDEX[f"eyeWide{side}"]] += _LID_UP * (-scaled).clip(0, 1)


def _turn(weights: Float64, more: str, less: str, amount: Float64) -> None:
    """Add amount [T] to the difference of two opposite shapes, where there is room in place."""
    up, down = INDEX[more], INDEX[less]
    both = np.minimum(weights[:, up], weights[:, down])
    net = weights[:, up] - weights[:, down] + amount
    weights[:, up] = (both + net.clip(0, None)).clip(0, 1)
    weights[:, down] = (both + (-net).clip(0, None)).clip(0, 1)

"""The life that speech does not dictate: blinks, gaze, head movement, and what moves at rest.

`enliven` puts it onto what the motion model drew. Everything is drawn from the seed, event by event
and in order of time, and looks less than a second ahead: a stream that knows the speech up to a
second from now gets the same frames as the whole clip.

People's figures: blink rates from Bentivoglio et al. 1997 (17 a minute at rest, 26 in
conversation), blinks at the pauses of speech from Nakano & Kitazawa 2010, gaze shifts from Lee,
Badler & Badler 2002 ("Eyes Alive"), head movement with loudness and pitch from Munhall et al. 2004
and Busso et al. 2007.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import MotionError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import INDEX
from dreamtalk_core.motion.curves import smooth, smoothstep
from dreamtalk_core.parameters import Behaviour
from dreamtalk_core.rig.head import EYE_DOWN, EYE_SIDE, EYE_UP

Array = NDArray[np.floating]
Float64 = NDArray[np.float64]

PITCH, YAW, ROLL = range(3)
"""Columns of a head rotation."""

# Each part draws from a generator of its own, so that a strength never moves another part's events.
_BLINKS, _GAZE, _ACCENTS, _POSTURE, _DRIFT, _SWAY, _FACE, _BREATH = range(8)

# --- hearing -------------------------------------------------------------------------------------

_SPEECH_DB = -22.0
"""Breath and the noise of a room are below this, and so are a few consonants, but not for long."""
_PAUSE = 0.2
"""Seconds of silence that end a phrase; the closure of a stop is shorter."""
_WEAK_DB = -14.0

# --- blinks --------------------------------------------------------------------------------------

_INTERVAL = (3.3, 0.45)
"""Median in seconds and log-normal spread of the time after which a blink is due."""
_REFRACTORY = 0.6
_DUE = {"word": 1.5, "weak": 1.25, "pause": 0.85, "start": 0.75, "end": 0.45, "shift": 0.45}
"""When a blink comes, in shares of that time: in the midst of a word it is put off, at the end of
a phrase or with a large shift of gaze it comes early."""
_AT_END, _AT_START = 0.3, 0.16
"""Seconds after the end and the start of a phrase that count as such."""
_LARGE_SHIFT = 7.0
_FALL, _SHUT, _RISE = (0.07, 0.11), (0.05, 0.09), (0.17, 0.26)
"""Least and most seconds that lids take to fall, stay shut and rise."""
_SQUINT_SHUTS = 0.25
"""What a full squint leaves less for the upper lid to do."""
_DIP = (2.0, 0.8)
"""Degrees that the eyes turn down and towards the nose in a blink (Bour et al. 2000)."""
_OWN_BLINK = 0.6
"""A closing of the lids in the model's motion that is over within this many seconds is a blink."""

# --- gaze ----------------------------------------------------------------------------------------

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
_CUT = 0.6
"""How often a fixation ends where a phrase starts or ends."""
_VESTIBULAR = 0.7
"""Share of the head's turn that the eyes undo, so that they stay on what they look at."""
_ALONG = 0.2
"""Share of a gaze shift that the head goes along with."""
_LID_DOWN, _LID_UP = 0.25, 0.2

# --- head ----------------------------------------------------------------------------------------

_ACCENT = 0.12
"""Least prominence of an accent; a strong one has three times that."""
_STRONG = 0.36
_ACCENT_GAP = 0.36
_NODS = 0.65
_NOD = 2.6
"""Degrees of the nod with a strong accent."""
_MOST = 4.5
_UPWARD = 0.25
_BROWS = 0.45
"""How often a strong accent brings a brow flash, and how far the brows rise."""
_FLASH = (0.1, 0.28)
_CONTOUR = 0.22
"""Degrees that the head rises per semitone of pitch."""
_POSTURE_SIZE = np.array([1.0, 2.2, 1.3])
_POSTURE_TIME = (0.7, 1.1)
_DRIFT_SIZE = np.array([0.9, 1.7, 1.0])
_DRIFT_KNOTS = 1.3
_QUIET_DRIFT = 0.3

# --- idle ----------------------------------------------------------------------------------------

_SWAY_SIZE = np.array([0.4, 0.7, 0.45])
_SWAY_KNOTS = 2.5
_BREATHS = 15 / 60
_BREATH_SIZE = 0.3
_RESTLESS = (
    ({"browInnerUp": 0.05, "browOuterUpLeft": 0.03, "browOuterUpRight": 0.03}, 1.1),
    ({"browDownLeft": 0.04, "browDownRight": 0.035, "noseSneerLeft": 0.01}, 1.4),
    ({"eyeSquintLeft": 0.05, "eyeSquintRight": 0.045, "cheekSquintLeft": 0.02}, 0.9),
    ({"eyeBlinkLeft": 0.05, "eyeBlinkRight": 0.05}, 0.6),
    ({"mouthSmileLeft": 0.028, "cheekSquintLeft": 0.015}, 1.7),
    ({"mouthSmileRight": 0.028, "cheekSquintRight": 0.015}, 1.9),
)
"""Shapes that never stand quite still: those that move together, how far, and seconds per knot."""


@dataclass(frozen=True, eq=False)
class Phrases:
    """Where somebody speaks, pauses, starts and ends, known a few frames ahead.

    pause: bool [T], in a silence of 0.2 s or more. starts, ends: frames where a phrase begins and
    where the pause after it begins.
    """

    pause: NDArray[np.bool_]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    fps: float

    def __len__(self) -> int:
        return len(self.pause)

    def after(self, frames: NDArray[np.int64], seconds: float) -> NDArray[np.bool_]:
        """[T] whether one of `frames` was within the last `seconds`."""
        before = np.searchsorted(frames, np.arange(len(self)), side="right") - 1
        last = np.append(frames, 0)[before] if len(frames) else np.zeros(len(self))
        result: NDArray[np.bool_] = (before >= 0) & (
            np.arange(len(self)) - last < seconds * self.fps
        )
        return result


def enliven(
    motion: Motion, loudness: Array, pitch: Array, seed: int, behaviour: Behaviour | None = None
) -> Motion:
    """A motion with blinks, gaze, head movement and idle life; all 52 ARKit channels.

    loudness: [T] dB relative to the loud parts of the speech (0 loud, about -60 silence).
    pitch: [T] semitones relative to the speaker's median, NaN where there is no voice.
    seed: 0 or more; the same seed gives the same result. behaviour: strengths, natural if left out.

    Jaw and lips stay as they are, but for mouth corners that move by less than 0.03. The model's
    own blinks, which come at no natural time, make way; slow lids (sleepy, squinting) stay. The
    first frames do not depend on speech more than a second later. Raises `MotionError` if loudness
    or pitch do not have one value per frame.
    """
    behaviour = Behaviour() if behaviour is None else behaviour
    if np.shape(loudness) != (len(motion),) or np.shape(pitch) != (len(motion),):
        raise MotionError(
            f"Loudness and pitch need one value for each of the {len(motion)} frames, not "
            f"{list(np.shape(loudness))} and {list(np.shape(pitch))}."
        )
    motion = motion.to_arkit()
    phrases = find_phrases(loudness, float(motion.fps))
    weights = motion.weights.astype(np.float64)
    _remove_blinks(weights, phrases.fps)
    gaze, shifts = _gaze_path(phrases, seed)
    accents = _find_accents(loudness, pitch, phrases)

    added = behaviour.gestures * _spoken_head(accents, pitch, phrases, seed)
    added += behaviour.idle * _idle_head(len(motion), phrases.fps, seed)
    along = smooth(gaze, phrases.fps, 1.2)
    added[:, [PITCH, YAW]] += _ALONG * behaviour.gestures * min(1.0, behaviour.gaze) * along

    for shape, curve in _restless(len(motion), phrases.fps, seed).items():
        weights[:, shape] += behaviour.idle * curve
    for shape, curve in _brow_flashes(accents, weights, phrases, seed).items():
        weights[:, shape] += behaviour.gestures * curve
    _look(weights, behaviour.gaze * (gaze - _VESTIBULAR * added[:, [PITCH, YAW]]))
    if behaviour.blinks:
        _blink(
            weights, blink_frames(phrases, loudness, shifts, seed, behaviour.blinks), phrases, seed
        )
    head = (motion.head_rotation + added).astype(np.float32)
    curves = np.clip(weights, 0, 1, out=weights).astype(np.float32)
    del weights  # of an hour of speech, 37 MB that the new motion has no use for
    return Motion(motion.names, curves, motion.fps, head)


# --- hearing -------------------------------------------------------------------------------------


def find_phrases(loudness: Array, fps: float) -> Phrases:
    """Phrases and pauses of a speech by its loudness [T] in dB, see `enliven`."""
    length = max(1, round(_PAUSE * fps))
    # Before and after the speech there is silence.
    quiet = np.pad(np.asarray(loudness) < _SPEECH_DB, length, constant_values=True)
    windows = np.lib.stride_tricks.sliding_window_view
    runs = np.asarray(windows(quiet, length).all(1))
    pause = np.asarray(windows(runs, length).any(1))[1:-1]
    change = np.diff(pause.astype(np.int8), prepend=np.int8(1))
    return Phrases(pause, np.flatnonzero(change < 0), np.flatnonzero(change > 0), fps)


@dataclass(frozen=True, eq=False)
class Accents:
    """Stressed syllables: frames [E], ascending, and how much they stand out [E]."""

    frames: NDArray[np.int64]
    strength: Float64


def _find_accents(loudness: Array, pitch: Array, phrases: Phrases) -> Accents:
    """Where speech rises in loudness and pitch above what is around it."""
    fps = phrases.fps
    level = ((np.asarray(loudness, np.float64) + 30) / 30).clip(0, 1.2)
    around = _window_mean(level, fps, 1.0, 0.3)
    voiced = np.isfinite(pitch)
    height = np.where(voiced, pitch, 0.0).astype(np.float64)
    share = _window_mean(voiced.astype(np.float64), fps, 1.5, 0.0)
    usual = _window_mean(height, fps, 1.5, 0.0) / np.maximum(share, 1e-3)
    raised = np.where(voiced, height - usual, 0.0).clip(0, 8)
    prominence = smooth((level - around + 0.06 * raised)[:, None], fps, 2.5)[:, 0]
    before, after = np.pad(prominence, 1)[:-2], np.pad(prominence, 1)[2:]
    peaks = np.flatnonzero((prominence > before) & (prominence >= after) & (prominence > _ACCENT))
    kept: list[int] = []
    for frame in peaks:
        if not phrases.pause[frame] and (not kept or frame - kept[-1] >= _ACCENT_GAP * fps):
            kept.append(int(frame))
    frames = np.array(kept, np.int64)
    return Accents(frames, prominence[frames].astype(np.float64))


# --- blinks --------------------------------------------------------------------------------------


def blink_frames(
    phrases: Phrases,
    loudness: Array,
    shifts: NDArray[np.bool_],
    seed: int,
    rate: float = 1.0,
) -> list[int]:
    """Frames at which blinks begin.

    Each blink falls due after a log-normal time and comes at the first moment that suits: see
    `_DUE`. shifts: [T], where gaze moves far. rate: factor on how often; below 1 some are left out.
    """
    due = np.where(np.asarray(loudness) < _WEAK_DB, _DUE["weak"], _DUE["word"])
    due[phrases.pause] = _DUE["pause"]
    due[phrases.after(phrases.starts, _AT_START)] = _DUE["start"]
    due[phrases.after(phrases.ends, _AT_END)] = _DUE["end"]
    due[shifts] = _DUE["shift"]
    rng = np.random.default_rng([seed, _BLINKS])
    median, spread = _INTERVAL
    chosen = np.random.default_rng([seed, _BLINKS, 2])
    often = max(1.0, rate)
    frames: list[int] = []
    last = -float(rng.uniform(0, 0.7)) * median * phrases.fps / often
    while True:
        interval = median * math.exp(spread * rng.normal()) * phrases.fps / often
        first = max(0, math.ceil(last + _REFRACTORY * phrases.fps))
        final = max(first, math.ceil(last + interval * _DUE["word"]))
        if first >= len(phrases):
            return frames
        window = np.arange(first, min(final, len(phrases) - 1) + 1)
        ready = np.flatnonzero(window - last >= interval * due[window])
        if len(ready):
            frame = int(window[ready[0]])
        elif final < len(phrases):
            frame = final
        else:
            return frames
        if chosen.random() < rate:
            frames.append(frame)
        last = frame


def _remove_blinks(weights: Float64, fps: float) -> None:
    """Take the model's own blinks out of weights [T, 52], in place.

    The dip of the eyes and the squint that go with a blink are taken out as well. A morphological
    opening: what is above the curve for a short time only goes, what lasts stays.
    """
    reach = max(1, round(_OWN_BLINK * fps / 2))
    for side in ("Left", "Right"):
        columns = [INDEX[name + side] for name in ("eyeBlink", "eyeLookDown", "eyeSquint")]
        own = weights[:, columns]
        slow = _window_max(-_window_max(-own, reach), reach)
        quick = np.maximum(own - smooth(slow, fps, 2.5), 0)
        weights[:, columns] = own - np.minimum(quick, quick[:, :1])


def _blink(weights: Float64, frames: list[int], phrases: Phrases, seed: int) -> None:
    """Put blinks that begin at `frames` into weights [T, 52], in place."""
    closed = _lid_closure(len(weights), frames, phrases.fps, seed)
    for side, shut in zip(("Left", "Right"), closed.T, strict=True):
        lid, wide = INDEX[f"eyeBlink{side}"], INDEX[f"eyeWide{side}"]
        full = 1 - _SQUINT_SHUTS * weights[:, INDEX[f"eyeSquint{side}"]].clip(0, 1)
        weights[:, lid] += shut * np.maximum(full - weights[:, lid], 0)
        weights[:, wide] *= 1 - shut
        down, inward = _DIP
        weights[:, INDEX[f"eyeLookDown{side}"]] += shut * down / EYE_DOWN
        weights[:, INDEX[f"eyeLookIn{side}"]] += shut * inward / EYE_SIDE


def _lid_closure(count: int, frames: list[int], fps: float, seed: int) -> Float64:
    """How far blinks shut the left and the right eye [count, 2], 0..1."""
    closed = np.zeros((count, 2))
    rng = np.random.default_rng([seed, _BLINKS, 1])
    for frame in frames:
        start, *spans = rng.uniform(0, 1, 4)
        fall, shut, rise = (
            low + part * (high - low)
            for part, (low, high) in zip(spans, (_FALL, _SHUT, _RISE), strict=True)
        )
        # One eye is a few milliseconds ahead and opens a little faster.
        ahead, slower = rng.uniform(-0.006, 0.006, 2), rng.uniform(0.95, 1.08, 2)
        stop = min(count, frame + math.ceil(1 + (fall + shut + rise * 1.1) * fps))
        time = (np.arange(frame, stop) - frame + 1 - start)[:, None] / fps + ahead
        falling = smoothstep(time / fall)
        rising = smoothstep(((time - fall - shut) / (rise * slower)).clip(0, 1) ** 0.8)
        closed[frame:stop] = np.maximum(closed[frame:stop], falling * (1 - rising))
    return closed


# --- gaze ----------------------------------------------------------------------------------------


def _gaze_path(phrases: Phrases, seed: int) -> tuple[Float64, NDArray[np.bool_]]:
    """Where the eyes look [T, 2], (pitch, yaw) in degrees, and where they move far [T]."""
    fps, count = phrases.fps, len(phrases)
    chance = np.full(count, _AVERT["speech"])
    chance[phrases.after(phrases.ends, _THINKING["end"]) & phrases.pause] = _AVERT["end"]
    # People look away just before they begin to speak.
    before = phrases.starts - round(0.15 * fps)
    chance[phrases.after(before, _THINKING["start"])] = _AVERT["start"]
    boundaries = np.sort(np.concatenate([before, phrases.ends]))
    rng = np.random.default_rng([seed, _GAZE])
    times, points = [0.0], [np.zeros(2)]
    shifts = np.zeros(count, bool)
    now, beside = 0.0, False
    while now < count:
        averts, returns, cuts = rng.random(3)
        wander, long = rng.normal(size=2), rng.normal()
        size, way = rng.exponential(), rng.choice(8, p=_DIRECTIONS)
        beside = averts < chance[int(now)] and not (beside and returns < _BACK)
        if beside:
            angle = way * math.pi / 4
            reach = min(_AWAY[0] + _AWAY[1] * size, _AWAY[2])
            # Up is negative pitch, and the eyes go less far up and down than sideways.
            target = reach * np.array([-0.7 * math.sin(angle), math.cos(angle)])
        else:
            target = np.array(_WANDER) * wander
        distance = float(np.linalg.norm(target - points[-1]))
        shifts[int(now)] |= distance > _LARGE_SHIFT and now > 0
        # The main sequence: 21 ms, and 2.2 more per degree.
        taken = (0.021 + 0.0022 * distance) * fps
        times += [now, now + taken]
        points += [points[-1], target]
        median, spread = _BESIDE if beside else _VIEWER
        held = min(max(median * math.exp(spread * long), _FIXATION[0]), _FIXATION[1])
        soonest = now + max(_FIXATION[0] * fps, taken + 1)
        then = max(now + held * fps, soonest)
        following = np.searchsorted(boundaries, soonest)
        if cuts < _CUT and following < len(boundaries):
            then = min(then, float(boundaries[following]))
        now = then
    frames = np.arange(count)
    return np.stack([np.interp(frames, times, column) for column in np.array(points).T], 1), shifts


def _look(weights: Float64, degrees: Float64) -> None:
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


# --- head ----------------------------------------------------------------------------------------


def _spoken_head(accents: Accents, pitch: Array, phrases: Phrases, seed: int) -> Float64:
    """Head rotation [T, 3] in degrees that goes with speech."""
    count, fps = len(phrases), phrases.fps
    speaking = _window_mean((~phrases.pause).astype(np.float64), fps, 0.5, 0.5)
    drift = _noise(count, 3, _DRIFT_KNOTS * fps, [seed, _DRIFT]) * _DRIFT_SIZE
    drift *= (_QUIET_DRIFT + (1 - _QUIET_DRIFT) * speaking)[:, None]
    height = np.nan_to_num(np.asarray(pitch, np.float64)).clip(-8, 8)
    drift[:, PITCH] -= _CONTOUR * smooth(height[:, None], fps, 1.5)[:, 0]
    return drift + _nods(accents, count, fps, seed) + _posture(phrases, seed)


def _nods(accents: Accents, count: int, fps: float, seed: int) -> Float64:
    """Nods [count, 3] in degrees: a slight lift, then down with the accent."""
    rng = np.random.default_rng([seed, _ACCENTS])
    draws = rng.random((len(accents.frames), 2))
    sizes = _normals(np.random.default_rng([seed, _ACCENTS, 1]), len(accents.frames), 3)
    size = _NOD * (accents.strength / _STRONG).clip(0.4, 1.5) * np.exp(0.35 * sizes[:, 0])
    size = np.minimum(size, _MOST) * (draws[:, 0] < _NODS)
    turns = np.stack(
        [np.where(draws[:, 1] < _UPWARD, -0.7, 1.0), *(0.3 * sizes[:, 1:].clip(-2, 2)).T], 1
    )
    offsets = np.arange(-round(0.36 * fps), round(0.5 * fps) + 1)
    time = offsets / fps
    shape = np.exp(-0.5 * ((time - 0.05) / 0.13) ** 2)
    shape -= 0.3 * np.exp(-0.5 * ((time + 0.16) / 0.08) ** 2)
    return _placed(accents.frames, (size[:, None] * turns), offsets, shape, count)


def _posture(phrases: Phrases, seed: int) -> Float64:
    """Head rotation [T, 3] in degrees that changes from phrase to phrase and is held."""
    count, fps = len(phrases), phrases.fps
    low, high = _POSTURE_TIME
    starts: list[int] = []
    for frame in phrases.starts:
        if not starts or frame - starts[-1] > (high + 0.1) * fps:
            starts.append(int(frame))
    rows = _normals(np.random.default_rng([seed, _POSTURE]), len(starts), 4)
    held = np.concatenate([np.zeros((1, 3)), rows[:, :3].clip(-2, 2) * _POSTURE_SIZE])
    steps = np.diff(held, axis=0)
    result = np.zeros((count, 3))
    frames = np.arange(count)
    for start, step, speed in zip(starts, steps, rows[:, 3], strict=True):
        taken = low + (high - low) / (1 + math.exp(speed))
        # A little before the first sound.
        done = smoothstep((frames[max(0, start - 4) :] - start + 3) / (taken * fps))
        result[max(0, start - 4) :] += done[:, None] * step
    return result


def _brow_flashes(
    accents: Accents, weights: Float64, phrases: Phrases, seed: int
) -> dict[int, Float64]:
    """Brow movement [T] by channel with strong accents; brows that are drawn down rise less."""
    rng = np.random.default_rng([seed, _ACCENTS, 2])
    draws = rng.random((len(accents.frames), 2))
    low, high = _FLASH
    size = (low + (high - low) * draws[:, 1]) * (accents.strength / _STRONG).clip(0, 1)
    size *= (draws[:, 0] < _BROWS) & (accents.strength > 0.6 * _STRONG)
    offsets = np.arange(-round(0.28 * phrases.fps), round(0.6 * phrases.fps) + 1)
    time = offsets / phrases.fps
    shape = smoothstep((time + 0.28) / 0.24) * (1 - smoothstep((time - 0.08) / 0.5))
    flash = _placed(accents.frames, size[:, None], offsets, shape, len(weights))[:, 0]
    result = {}
    for name, share, down in (
        ("browInnerUp", 1.0, ("browDownLeft", "browDownRight")),
        ("browOuterUpLeft", 0.7, ("browDownLeft",)),
        ("browOuterUpRight", 0.7, ("browDownRight",)),
    ):
        drawn = weights[:, [INDEX[other] for other in down]].max(1)
        result[INDEX[name]] = share * flash * (1 - drawn).clip(0, 1)
    return result


# --- idle ----------------------------------------------------------------------------------------


def _idle_head(count: int, fps: float, seed: int) -> Float64:
    """Sway and breathing [count, 3] in degrees."""
    result = _noise(count, 3, _SWAY_KNOTS * fps, [seed, _SWAY]) * _SWAY_SIZE
    time = np.arange(count) / fps
    unsteady = 0.5 * _noise(count, 1, 4 * fps, [seed, _BREATH])[:, 0]
    phase = 2 * np.pi * _BREATHS * time + unsteady + np.random.default_rng(seed).uniform(0, 6)
    # In is faster than out; the head rises with the chest.
    result[:, PITCH] -= _BREATH_SIZE * np.sin(phase + 0.4 * np.sin(phase))
    return result


def _restless(count: int, fps: float, seed: int) -> dict[int, Float64]:
    """Small movement [count] by channel of brows, lids, cheeks and mouth corners, 0 and more."""
    result: dict[int, Float64] = {}
    for number, (shapes, knots) in enumerate(_RESTLESS):
        noise = _noise(count, 1, knots * fps, [seed, _FACE, number])[:, 0]
        # Between its bounds without corners.
        share = 0.5 + 0.5 * np.tanh(0.8 * noise)
        for name, size in shapes.items():
            result[INDEX[name]] = result.get(INDEX[name], 0) + size * share
    return result


# --- curves --------------------------------------------------------------------------------------


def _normals(rng: np.random.Generator, count: int, width: int) -> Float64:
    """Normal numbers [count, width]; the first rows do not depend on how many follow."""
    return rng.standard_normal((count, width))


def _noise(count: int, width: int, spacing: float, seed: list[int]) -> Float64:
    """Slow noise [count, width] of unit spread: a cubic B-spline through knots every `spacing`
    frames, drawn in order."""
    place = np.arange(count) / spacing
    knot, t = place.astype(np.int64), (place % 1)[:, None]
    knots = _normals(np.random.default_rng(seed), int(knot[-1]) + 4, width)
    basis = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    curve = np.zeros((count, width))
    for i, part in enumerate(basis):
        curve += part / 6 * knots[knot + i]
    # The mean square sum of the four shares is 151/315.
    curve /= math.sqrt(151 / 315)
    return curve


def _placed(
    frames: NDArray[np.int64],
    sizes: Float64,
    offsets: NDArray[np.int64],
    shape: Float64,
    count: int,
) -> Float64:
    """A course `shape` [K] at `offsets` [K] around each of `frames` [E], times its sizes [E, C],
    summed up: [count, C]."""
    result = np.zeros((count, sizes.shape[1]))
    at = frames[:, None] + offsets
    inside = (at >= 0) & (at < count)
    np.add.at(result, at[inside], (shape[None, :, None] * sizes[:, None, :])[inside])
    return result


def _window_mean(values: Float64, fps: float, before: float, after: float) -> Float64:
    """[T] means over the seconds before and after each frame, less at the ends."""
    count = len(values)
    total = np.concatenate([[0.0], values.cumsum()])
    frames = np.arange(count)
    first = np.maximum(frames - round(before * fps), 0)
    stop = np.minimum(frames + round(after * fps) + 1, count)
    result: Float64 = (total[stop] - total[first]) / (stop - first)
    return result


def _window_max(values: Float64, reach: int) -> Float64:
    """[T, C] largest values within `reach` frames."""
    padded = np.pad(values, ((reach, reach), (0, 0)), constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=0)
    result: Float64 = windows.max(-1)
    return result

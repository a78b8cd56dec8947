"""What a face does that listens: nods, brow flashes, eyes on the speaker, blinks, smiles at laughs.

When. Feedback is invited by a stretch of low pitch, below the 26th percentile for 110 ms after
700 ms of speech, and comes 700 ms later (Ward & Tsukahara 2000, J. Pragmatics 32, who also leave
800 ms between two); and by the end of a phrase (Dittmann & Llewellyn 1968, J. Personality and
Social Psychology 9). Listeners blink 0.25 to 0.5 s after a speaker's pause begins (Nakano &
Kitazawa 2010), and look at the speaker three quarters of the time (Argyle & Cook 1976, Gaze and
Mutual Gaze). How often all of this leads to an answer is set so that there are 5 to 10 a minute, as
in conversations: `benchmarks/listeners.py` counts them.

How. A nod has one or several cycles; the first of a long nod is larger than that of a short one,
each is smaller than the one before, and the last one smaller still (Mori, Den & Jokinen 2025, PLOS
ONE 20(5)).

All follows what has been heard by then: nothing here knows what a speaker is about to say.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.animation.breaths import LAUGH
from dreamtalk_core.animation.head_motion import PITCH, ROLL, YAW, placed, posture
from dreamtalk_core.animation.noise import CUES, LEANS, RESPONSES, Chance
from dreamtalk_core.animation.phrases import SILENT_DB, Phrases, find_phrases, spaced
from dreamtalk_core.motion.arkit import INDEX
from dreamtalk_core.motion.curves import smooth, smoothstep

Array = NDArray[np.floating]
Float64 = NDArray[np.float64]

_LOW = -1.6
"""Semitones from the median that about the lowest quarter of what is said lies below."""
_LOW_FOR, _AFTER_SPEECH = 0.11, 0.7
_GAP, _PATIENCE = 2.5, 9.0
"""Seconds between two responses, at least, and after which every cue is answered."""
_AT_END, _AT_LOW = (0.3, 0.2), (0.15, 0.7)
"""How often a cue is answered, and after how many seconds, in the median: the end of a phrase, and
low pitch."""
_DELAY_SPREAD, _SOONEST, _LATEST = 0.22, 0.28, 1.1
_NODS, _BROWS = 0.85, 0.3
"""How often a response is a nod, and how often the brows rise with it; they do where it is none."""
_CYCLES = np.cumsum([0.42, 0.33, 0.17])
"""Shares of nods of one, two and three cycles; the rest have four."""
_CYCLE = 0.46
_NOD, _LONGER, _NEXT, _LAST = 4.3, 0.16, 0.72, 0.7
"""Degrees of a nod; how much larger the first cycle is for each that follows; how large each is
beside the one before, and the last one beside what that makes it."""
_MOST = 7.0
_FLASH = (0.16, 0.38)
_LEAN_SIZE = np.array([0.8, 0.8, 2.0])
_LEAN_GAP = 5.0
"""Degrees and least seconds between changes of how the head is held."""
_REACTION = 0.35
"""Seconds until the eyes turn to somebody who begins to speak."""
_LINGER = 2.5
"""Seconds that they stay on somebody who has fallen silent."""
_HEAD_SHARE, _HEAD_LATER = 0.5, 0.2
"""Share of a turn to the speaker that the head makes, and seconds that the eyes are ahead."""
_BLINK_LATER = 0.3
_SMILING = {
    "mouthSmileLeft": 0.4, "mouthSmileRight": 0.4, "cheekSquintLeft": 0.3, "cheekSquintRight": 0.3,
    "eyeSquintLeft": 0.3, "eyeSquintRight": 0.3,
}  # fmt: skip
"""What a listener shows of a laugh that is heard."""


@dataclass(frozen=True, eq=False)
class Talker:
    """Somebody who is listened to.

    loudness, pitch: [T] of their voice, as of `enliven`. heard: [T, 3] what is heard beside words.
    at: (pitch, yaw) in degrees from the viewer to them, as the listener sees it.
    """

    loudness: Array
    pitch: Array
    heard: Array | None = None
    at: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, eq=False)
class Listening:
    """What listening puts onto a face of T frames.

    head: rotation [T, 3] in degrees; gaze: [T, 2] degrees (pitch, yaw), with the head's part;
    shifts: bool [T], where gaze turns to somebody else; brows: [T] of `raise_brows`; smile: [T] in
    0..1; ends: frames at which a blink suits.
    """

    head: Float64
    gaze: Float64
    shifts: NDArray[np.bool_]
    brows: Float64
    smile: Float64
    ends: NDArray[np.int64]


def listen(talkers: Sequence[Talker], own: Phrases, chance: Chance) -> Listening:
    """How a face listens to others while it is silent. own: its own phrases, which come first."""
    fps, count = own.fps, len(own)
    talkers = [_fitted(talker, count) for talker in talkers]
    phrases = [find_phrases(talker.loudness, fps) for talker in talkers]
    frames, cues = responses(talkers, phrases, own, chance)
    head, brows = _answers(frames, cues, fps, chance)
    head += _lean(phrases, own, chance)
    gaze, shifts = _attend(talkers, phrases, own)
    turned = np.pad(gaze, ((round(_HEAD_LATER * fps), 0), (0, 0)))[:count]
    head[:, [PITCH, YAW]] += _HEAD_SHARE * smooth(turned, fps, 1.0)
    smile = np.zeros(count)
    for talker in talkers:
        if talker.heard is not None:
            smile = np.maximum(smile, _slow(talker.heard[:, LAUGH], fps))
    later = [one.ends + round(_BLINK_LATER * fps) for one in phrases]
    ends = np.unique(np.concatenate(later))
    ends = ends[ends < count]
    return Listening(head, gaze, shifts, brows, smile * own.pause, ends[own.pause[ends]])


def with_ends(phrases: Phrases, ends: NDArray[np.int64]) -> Phrases:
    """Phrases that also end at these frames."""
    return replace(phrases, ends=np.union1d(phrases.ends, ends))


def smile_along(weights: Float64, smile: Float64) -> None:
    """Show a smile [T] on weights [T, 52], in place."""
    for name, size in _SMILING.items():
        curve = weights[:, INDEX[name]]
        curve += size * smile * (1 - curve)


def _fitted(talker: Talker, count: int) -> Talker:
    """Cut, or with silence behind, to so many frames."""
    missing = max(0, count - len(talker.loudness))
    loudness = np.pad(talker.loudness[:count], (0, missing), constant_values=SILENT_DB)
    pitch = np.pad(talker.pitch[:count], (0, missing), constant_values=np.nan)
    heard = talker.heard
    if heard is not None:
        heard = np.pad(heard[:count], ((0, missing), (0, 0)))
    return Talker(loudness, pitch, heard, talker.at)


def cues_of(talker: Talker, heard: Phrases) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Frames at which somebody whose phrases were heard invites an answer: ends, low pitch."""
    ends = heard.ends[~heard.after(heard.starts, _AFTER_SPEECH)[heard.ends - 1]]
    return ends, _low_pitch(talker.pitch, heard)


def responses(
    talkers: Sequence[Talker], phrases: Sequence[Phrases], own: Phrases, chance: Chance
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Frames [E] at which responses begin, ascending, and the cues [E] that they answer.

    talkers: as many frames as `own`. phrases: of each of them.
    """
    fps, count = own.fps, len(own)
    draws, delays = chance.uniforms(CUES, 1)[:, 0], chance.normals(CUES, 2)[:, 1]
    found = []
    for talker, heard in zip(talkers, phrases, strict=True):
        for cues, (often, later) in zip(cues_of(talker, heard), (_AT_END, _AT_LOW), strict=True):
            for cue in cues:
                delay = later * math.exp(_DELAY_SPREAD * delays[cue])
                at = cue + round(min(max(delay, _SOONEST), _LATEST) * fps)
                found.append((at, int(cue), bool(draws[cue] < often)))
    soon, last = round(0.4 * fps), 0.0
    kept: list[tuple[int, int]] = []
    for frame, cue, answered in sorted(found):
        free = frame < count and own.pause[frame : frame + soon].all()
        since = (frame - last) / fps
        if free and (since >= _PATIENCE or (answered and since >= _GAP)):
            kept.append((frame, cue))
            last = frame
    frames, cues = np.array(kept, np.int64).reshape(-1, 2).T
    return frames, cues


def _low_pitch(pitch: Array, phrases: Phrases) -> NDArray[np.int64]:
    """Frames at which a stretch of low pitch has lasted long enough, after enough speech."""
    length = max(1, round(_LOW_FOR * phrases.fps))
    low = np.pad(np.nan_to_num(pitch, nan=np.inf) < _LOW, (length - 1, 0))
    lasting = np.lib.stride_tricks.sliding_window_view(low, length).all(1)
    begins = lasting & ~np.pad(lasting, (1, 0))[:-1]
    spoken = ~phrases.pause & ~phrases.after(phrases.starts, _AFTER_SPEECH)
    return np.flatnonzero(begins & spoken)


def _answers(
    frames: NDArray[np.int64], cues: NDArray[np.int64], fps: float, chance: Chance
) -> tuple[Float64, Float64]:
    """Head rotation [T, 3] and brows [T] of responses to cues [E]."""
    count = len(chance)
    kinds, sizes = chance.uniforms(RESPONSES, 10)[cues, 6:], chance.normals(RESPONSES, 3)[cues]
    head, brows = np.zeros((count, 3)), np.zeros(count)
    for frame, kind, size in zip(frames, kinds, sizes, strict=True):
        nods = kind[0] < _NODS
        if nods:
            cycles = 1 + int(np.searchsorted(_CYCLES, kind[1]))
            first = _NOD * (1 + _LONGER * (cycles - 1)) * math.exp(0.3 * size[0])
            course = _nod(min(first, _MOST), cycles, _CYCLE * math.exp(0.12 * size[1]), fps)
            part = course[: count - frame]
            head[frame : frame + len(part), PITCH] += part
            head[frame : frame + len(part), ROLL] += 0.12 * min(max(size[2], -2), 2) * part
        if kind[2] < _BROWS or not nods:
            low, high = _FLASH
            offsets = np.arange(round(1.0 * fps))
            time = offsets / fps
            shape = smoothstep(time / 0.2) * (1 - smoothstep((time - 0.4) / 0.5))
            strength = np.array([[low + (high - low) * kind[3]]])
            flash = placed(np.array([frame]), strength, offsets, shape, count)[:, 0]
            brows = np.maximum(brows, flash)
    return head, brows


def _nod(first: float, cycles: int, period: float, fps: float) -> Float64:
    """Degrees down [N] of a nod, after a slight lift."""
    lift = 0.5 * period
    time = np.arange(math.ceil((lift + cycles * period) * fps) + 1) / fps
    cycle = ((time - lift) // period).clip(-1, cycles - 1)
    size = first * _NEXT**cycle
    size[(cycle == cycles - 1) & (cycles > 1)] *= _LAST
    down = size * (0.5 - 0.5 * np.cos(2 * np.pi * (time - lift) / period))
    up = -0.12 * first * (0.5 - 0.5 * np.cos(2 * np.pi * (time / lift).clip(0, 1)))
    result: Float64 = np.where(cycle < 0, up, down)
    result[time > lift + cycles * period] = 0
    return result


def _lean(phrases: Sequence[Phrases], own: Phrases, chance: Chance) -> Float64:
    """Head rotation [T, 3] that changes with what others begin to say, and is held."""
    starts = np.unique(np.concatenate([one.starts for one in phrases]))
    starts = spaced(starts[own.pause[starts]], _LEAN_GAP * own.fps)
    later = starts + round(_REACTION * own.fps)
    later = later[later < len(own)]
    return posture(later, chance.normals(LEANS, 4)[later], _LEAN_SIZE, own.fps, len(own))


def _attend(
    talkers: Sequence[Talker], phrases: Sequence[Phrases], own: Phrases
) -> tuple[Float64, NDArray[np.bool_]]:
    """Where the one is who is listened to, (pitch, yaw) in degrees [T, 2], and where that changes.

    The first who speaks is looked at until they fall silent; who speaks oneself looks at the
    viewer.
    """
    fps, count = own.fps, len(own)
    later = round(_REACTION * fps)
    speaking = np.stack([~one.pause for one in phrases], 1)
    speaking = np.pad(speaking, ((later, 0), (0, 0)))[:count]
    whom = np.full(count, -1)
    current, silent = -1, 0
    for frame, voices in enumerate(speaking):
        if not own.pause[frame]:
            current = -1
        elif current < 0 or not voices[current]:
            silent += 1
            if voices.any():
                current, silent = int(voices.argmax()), 0
            elif silent > _LINGER * fps:
                current = -1
        else:
            silent = 0
        whom[frame] = current
    places = np.array([*(talker.at for talker in talkers), (0.0, 0.0)])
    target = places[whom]
    shifts = np.pad(np.abs(np.diff(target, axis=0)).max(1) > 0, (1, 0))
    # A saccade of 20 degrees takes 65 ms.
    taken = max(1, round(0.08 * fps))
    padded = np.pad(target, ((taken - 1, 0), (0, 0)), mode="edge")
    gaze = np.lib.stride_tricks.sliding_window_view(padded, taken, axis=0).mean(-1)
    return gaze, shifts


def _slow(laugh: Array, fps: float) -> Float64:
    """A smile [T] that follows a laugh [T] with the delay of a reaction."""
    later = round(_REACTION * fps)
    shown = np.pad(np.asarray(laugh, np.float64), (later, 0))[: len(laugh)]
    for frame in range(1, len(shown)):  # it fades over two seconds
        shown[frame] = max(shown[frame], shown[frame - 1] - 0.5 / fps)
    return smooth(shown[:, None], fps, 1.0)[:, 0].clip(0, 1)

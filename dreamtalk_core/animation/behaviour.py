"""The life that speech does not dictate: blinks, gaze, head movement, and what moves at rest.

`enliven` puts it onto what the motion model drew. Everything is drawn from the seed, event by event
and in order of time, and looks less than a second ahead: a stream that knows the speech up to a
second from now gets the same frames as the whole clip.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.animation.blinks import blink, blink_frames, remove_blinks
from dreamtalk_core.animation.breaths import breathe, hold_mouth
from dreamtalk_core.animation.gaze import ALONG, VESTIBULAR, gaze_path, look
from dreamtalk_core.animation.head_motion import PITCH, YAW, brow_flashes, raise_brows, spoken_head
from dreamtalk_core.animation.idle import idle_head, restless
from dreamtalk_core.animation.listening import Talker, listen, smile_along, with_ends
from dreamtalk_core.animation.noise import Chance, UInt64, voice_of
from dreamtalk_core.animation.phrases import SILENT_DB, find_accents, find_phrases
from dreamtalk_core.errors import MotionError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.curves import smooth
from dreamtalk_core.parameters import Behaviour

Array = NDArray[np.floating]


def enliven(
    motion: Motion,
    loudness: Array,
    pitch: Array,
    seed: int,
    behaviour: Behaviour | None = None,
    heard: Array | None = None,
    said: UInt64 | int | None = None,
    talkers: Sequence[Talker] = (),
    listening: float = 1.0,
    first: int = 0,
) -> Motion:
    """A motion with blinks, gaze, head movement and idle life; all 52 ARKit channels.

    loudness: [T] dB relative to the loud parts of the speech (0 loud, about -60 silence).
    pitch: [T] semitones relative to the speaker's median, NaN where there is no voice.
    seed: 0 or more; the same seed gives the same voice the same result. behaviour: strengths,
    natural if left out. heard: [T, 3] breaths, laughs and sighs, see `hear_beside_words`; None:
    not known. said: the voice by which chance goes, or [T], see `Chance`; None: by loudness.
    talkers: others, to whom the face listens while it is silent; listening: how strongly.
    first: number of the first frame, where the motion is a later part of something.

    Jaw and lips stay as they are, but for mouth corners that move by less than 0.03, and for what
    is heard: the mouth opens with a breath, and before a phrase less without. The model's own
    blinks, which come at no natural time, make way; slow lids (sleepy, squinting) stay. The
    first frames do not depend on speech more than a second later. Raises `MotionError` if loudness
    or pitch do not have one value per frame.
    """
    behaviour = Behaviour() if behaviour is None else behaviour
    if np.shape(loudness) != (len(motion),) or np.shape(pitch) != (len(motion),):
        raise MotionError(
            f"Loudness and pitch need one value for each of the {len(motion)} frames, not "
            f"{list(np.shape(loudness))} and {list(np.shape(pitch))}."
        )
    if heard is not None and np.shape(heard) != (len(motion), 3):
        raise MotionError(
            f"What is heard needs three values for each of the {len(motion)} frames, not "
            f"{list(np.shape(heard))}."
        )
    motion = motion.to_arkit()
    phrases = find_phrases(loudness, float(motion.fps))
    weights = motion.weights.astype(np.float64)
    remove_blinks(weights, phrases.fps)
    if said is None:
        said = voice_of(np.maximum(loudness - SILENT_DB, 0))
    chance = Chance(seed, np.full(len(motion), said, np.uint64), first)
    gaze, shifts = gaze_path(phrases, chance)
    accents = find_accents(loudness, pitch, phrases)

    added = behaviour.gestures * spoken_head(accents, pitch, phrases, chance)
    if heard is not None:
        hold_mouth(weights, heard, phrases, min(1.0, behaviour.gestures))
        added += breathe(weights, loudness, heard, phrases.fps, behaviour.gestures)
    added += behaviour.idle * idle_head(phrases.fps, chance)
    along = smooth(gaze, phrases.fps, 1.2)
    added[:, [PITCH, YAW]] += ALONG * behaviour.gestures * min(1.0, behaviour.gaze) * along

    blinking = phrases
    if talkers and listening:
        heeding = listen(talkers, phrases, chance)
        added += listening * heeding.head
        gaze = gaze + min(1.0, listening) * heeding.gaze
        for shape, curve in raise_brows(heeding.brows, weights).items():
            weights[:, shape] += listening * curve
        smile_along(weights, min(1.0, listening) * heeding.smile)
        blinking, shifts = with_ends(phrases, heeding.ends), shifts | heeding.shifts
    for shape, curve in restless(phrases.fps, chance).items():
        weights[:, shape] += behaviour.idle * curve
    for shape, curve in brow_flashes(accents, weights, phrases, chance).items():
        weights[:, shape] += behaviour.gestures * curve
    look(weights, behaviour.gaze * (gaze - VESTIBULAR * added[:, [PITCH, YAW]]))
    if behaviour.blinks:
        frames = blink_frames(blinking, loudness, shifts, chance, behaviour.blinks)
        blink(weights, frames, phrases.fps, chance)
    head = (motion.head_rotation + added).astype(np.float32)
    curves = np.clip(weights, 0, 1, out=weights).astype(np.float32)
    del weights  # of an hour of speech, 37 MB that the new motion has no use for
    return Motion(motion.names, curves, motion.fps, head)

"""Motion for speech that is still being spoken.

talk = DreamTalk.load()
stream = MotionStream(talk, talk.load_style("happy"))
for samples in microphone:            # float32 [N] at 16 kHz
    if (motion := stream.feed(samples)) is not None:
        play(motion)                  # the next frames

While somebody else speaks, the face listens: `stream.feed(other=samples)`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from dreamtalk_core.animation.listening import Talker
from dreamtalk_core.animation.noise import MODEL, Chance, UInt64, heard, listening_to
from dreamtalk_core.animation.postprocess import Voice, postprocess
from dreamtalk_core.errors import DreamTalkError, SpeechError
from dreamtalk_core.models.devices import inference
from dreamtalk_core.models.sampler import WINDOW, encode_content
from dreamtalk_core.motion import MODEL_FPS, Motion, frame_count
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.parameters import Behaviour, Controls, Listener, Sampling, changed
from dreamtalk_core.pipeline.base import ATTENTIVE, UNCHANGED, USUAL, AnyStyle, Pipeline
from dreamtalk_core.pipeline.dreamtalk import DreamTalk
from dreamtalk_core.pipeline.ear import SAMPLES, SILENCE, Ear, as_heard
from dreamtalk_core.pipeline.sampling import (
    DEFAULT_STEPS,
    by_feature,
    reported_phones,
    sample_frames,
)
from dreamtalk_core.speech.articulation import FEATURES
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech
from dreamtalk_core.speech.features import SpeechFeatures
from dreamtalk_core.speech.media import to_float
from dreamtalk_core.speech.prosody import frame_power

Array = npt.NDArray[np.float32]

LOOKAHEAD = 5
"""Frames (0.2 s) that wait for what is said next: a mouth moves before it is heard."""
CONTEXT = 100
"""Frames (4 s) of the past that are analysed again with every piece."""
CHAPTER = 500
"""Frames (20 s) after which the behaviour starts afresh, so that its cost does not grow."""
REMEMBERED = 150
"""Frames (6 s) of the chapter before that one begins with: a head stays as it is held."""
FADE = 5
"""Frames in which a piece joins the one before, whose last frames knew less of what came."""


class MotionStream:
    """Speech in, piece by piece; motion out, as soon as it is settled, at 25 fps.

    The pieces that come out, joined, last as long as what was fed. Memory and time per piece do not
    grow with the length of the stream. `auto` is no style for a stream: it is predicted from a
    whole speech.

    A face that listens does what it would in `DreamTalk.listen`, but for what only the whole of a
    recording tells: how loud and how high somebody usually speaks. Its head turns to who speaks as
    there (r .91 to .98 on four recordings of a minute, .57 on one that begins far quieter). It nods
    at the same cues, but which of them are answered hangs on the answer before: .36 to .75 of the
    nods come within two frames of those of the whole, and there are .8 to 1.5 times as many.
    """

    def __init__(
        self,
        talk: Pipeline,
        style: AnyStyle,
        *,
        sampling: Sampling = USUAL,
        behaviour: Behaviour | None = None,
        controls: Controls = UNCHANGED,
        listener: Listener = ATTENTIVE,
        lookahead: int = LOOKAHEAD,
        context: int = CONTEXT,
        **settings: Any,
    ) -> None:
        """The options are those of `DreamTalk.sample_motion`, and so are the errors; the frame rate
        is 25. `style` may be set to another, loaded one between pieces. Raises DreamTalkError for
        the original checkpoints, too.

        lookahead: frames that wait for what is said next; mouths that know less of it move less
        well (on the demo voice r with the whole take is .97 at 5, .97 at 4, .96 at 3, .95 at 2).
        context: frames of the past that are analysed again with every piece; half of what is usual
        makes each cost two thirds, and the same mouth.
        """
        if not isinstance(talk, DreamTalk):
            raise DreamTalkError("A live face needs a model of ours, not an original checkpoint.")
        self.sampling, self.behaviour, self.controls, self.listener = changed(
            settings, sampling, behaviour or Behaviour(), controls, listener
        )
        if self.sampling.fps != MODEL_FPS:
            raise DreamTalkError(f"A stream has {MODEL_FPS} frames per second. Leave fps out.")
        self.talk, self.style = talk, talk.load_style(style)
        self.lookahead, self.context = lookahead, context
        self.wave = np.zeros(0, np.float32)
        self.ear: Ear | None = None  # where there is somebody else
        self.noise = np.zeros((0, len(talk.model.config.channels)), np.float32)
        self.said = np.zeros(0, np.uint64)  # of the voice up to each frame, see `heard`
        self.level = 0.0  # power of the last of these frames
        self.first = 0  # frame at which wave, noise and what was said begin
        self.done = 0  # frames that have come out
        self.chapter = Chapter()
        self.last = np.zeros(0, np.float32)  # the last frame that came out
        self.finished = False

    def feed(
        self, samples: npt.ArrayLike | None = None, *, other: npt.ArrayLike | None = None
    ) -> Motion | None:
        """The next frames, if any are settled, after more speech: [N] mono at 16 kHz.

        other: what somebody else says meanwhile, just as long; the face listens to it while it is
        silent itself. None: silence, of either. Floats have full scale 1, integers that of their
        type, as microphones give them.
        Raises SpeechError for samples of another shape or that are not finite, or after `finish`.
        """
        if self.finished:
            raise SpeechError("This stream is finished. Begin another one for what follows.")
        given = [None if one is None else _piece(one) for one in (samples, other)]
        lengths = {len(one) for one in given if one is not None}
        if len(lengths) != 1:
            raise SpeechError(
                "A piece of a stream is samples, or other, or both with as many samples each."
            )
        silence = np.zeros(lengths.pop(), np.float32)
        own, theirs = (silence if one is None else one for one in given)
        if other is not None and self.ear is None:
            self.ear = Ear(self.first)
            self.ear.take(np.zeros_like(self.wave))
        if self.ear is not None:
            self.ear.take(theirs)
        self.wave = np.concatenate([self.wave, own])
        known = self.first + len(self.wave) // SAMPLES
        return self._advance(known, known - self.lookahead)

    def finish(self) -> Motion | None:
        """The frames that were held back, at the end of the speech; nothing may follow."""
        self.finished = True
        if not len(self.wave):
            return None
        known = self.first + frame_count(Fraction(len(self.wave), SAMPLE_RATE), MODEL_FPS)
        return self._advance(known, known)

    def _advance(self, known: int, settled: int) -> Motion | None:
        """Frames up to `settled`, from speech known up to frame `known`."""
        if settled <= self.done:
            return None
        count = known - self.first
        self._sample(count)
        finished = self._finished()
        whole = to_curves(finished)
        first = self.done - self.chapter.first
        curves = whole[first : settled - self.chapter.first]
        if first:
            share = np.clip(1 - (np.arange(len(curves)) + 1) / (FADE + 1), 0, 1)[:, None]
            curves = curves + share * (self.last - whole[first - 1])
        self.last, self.done = curves[-1], settled
        self._forget()
        return to_motion(curves, finished.names)

    def _sample(self, count: int) -> None:
        """Take the motion of the window of `count` frames into the chapter."""
        talk = self.talk
        # Frames that have come out stay as they were.
        new, settled = self.done - self.first, self.done - self.chapter.first
        features = SpeechFeatures(Speech.from_array(self.wave, SAMPLE_RATE), talk.phonetics, count)
        prosody = features.prosody
        self._draw(count)
        with inference():
            rows = torch.cat(list(features.rows()))
            content = encode_content(talk.model.denoiser, iter([rows]), count, lambda _: None)
            noise = torch.from_numpy(self.noise[:count]).split(WINDOW)
            motion = sample_frames(
                talk.model, content, count, self.style, self.sampling.guidance_scale, iter(noise),
                self.sampling.steps or DEFAULT_STEPS, lambda _: None, self.first,
            )  # fmt: skip
            phones = reported_phones(rows)
        said, other = self.said[new:count], np.tile(SILENCE, (count - new, 1))
        if self.ear is not None:
            span = self.done, self.first + count
            other = self.ear.heard(*span)
            said = np.where(said == 0, listening_to(self.ear.voice(*span)), said)
        self.chapter = self.chapter.with_tail(
            settled,
            curves=to_curves(motion)[new:],
            phones=phones[2 * new :],
            own=as_heard(prosody, features.beside_words)[new:],
            other=other,
            said=said,
        )

    def _finished(self) -> Motion:
        """The motion of the chapter, see `postprocess`."""
        chapter, at = self.chapter, (0.0, self.listener.toward)
        talkers = [Talker(*_parts(chapter.other), at)] if self.ear is not None else []
        loudness, pitch, beside = _parts(chapter.own)
        phones = by_feature(chapter.phones)
        return postprocess(
            to_motion(chapter.curves),
            Voice(loudness, pitch, phones, beside, chapter.said, talkers, chapter.first),
            self.sampling,
            self.behaviour,
            self.controls,
            listening=self.listener.listening,
        )

    def _draw(self, count: int) -> None:
        """What was said, and noise, for all `count` frames of the window.

        By the samples of each frame alone: it makes no difference in what pieces they came.
        """
        known = len(self.said)
        before = int(self.said[-1]) if known else 0
        if len(power := frame_power(self.wave[known * SAMPLES :])):
            said = heard(power, self.level, before, self.first + known)
            self.said, self.level = np.concatenate([self.said, said]), float(power[-1])
        self.said = np.pad(self.said, (0, max(0, count - len(self.said))), mode="edge")
        known, width = len(self.noise), self.noise.shape[1]
        if count > known:
            chance = Chance(self.sampling.seed, self.said[known:], self.first + known)
            fresh = chance.normals(MODEL, width).astype(np.float32)
            self.noise = np.concatenate([self.noise, fresh])

    def _forget(self) -> None:
        """Drop what is too old to be needed."""
        if (old := self.done - self.context - self.first) > 0:
            self.wave = self.wave[old * SAMPLES :]
            self.noise, self.said = self.noise[old:], self.said[old:]
            self.first += old
        if self.done - self.chapter.first > CHAPTER:
            self.chapter = self.chapter.next(self.done - REMEMBERED)


_ROWS = {"phones": 2}
"""Rows for a frame in the parts of a chapter, if not one."""


@dataclass(frozen=True, eq=False)
class Chapter:
    """What was analysed and sampled of a stretch of a stream, from frame `first` on."""

    first: int = 0
    curves: Array = field(default_factory=lambda: np.zeros((0, len(ARKIT_NAMES) + 3), np.float32))
    """[T, 55] ARKit weights and head rotation."""
    phones: npt.NDArray[np.float16] = field(
        default_factory=lambda: np.zeros((0, len(FEATURES)), np.float16)
    )
    """[2 T + 1, 18] see `reported_phones`."""
    own: Array = field(default_factory=lambda: np.zeros((0, len(SILENCE)), np.float32))
    """[T, 5] see `as_heard`."""
    other: Array = field(default_factory=lambda: np.zeros((0, len(SILENCE)), np.float32))
    """[T, 5] of somebody else."""
    said: UInt64 = field(default_factory=lambda: np.zeros(0, np.uint64))
    """[T] see `animation.noise.heard`; where nothing was said yet, by what was heard."""

    def with_tail(self, settled: int, **tails: npt.NDArray[Any]) -> Chapter:
        """The chapter with others in place of all after its first `settled` frames."""
        kept = {name: getattr(self, name)[: settled * _ROWS.get(name, 1)] for name in tails}
        parts: dict[str, Any] = {
            name: np.concatenate([kept[name], tail]) for name, tail in tails.items()
        }
        return replace(self, **parts)

    def next(self, first: int) -> Chapter:
        """The chapter that goes on from frame `first`."""
        here, parts = first - self.first, ("curves", "phones", "own", "other", "said")
        later = (getattr(self, name)[here * _ROWS.get(name, 1) :] for name in parts)
        return Chapter(first, *later)


def _piece(samples: npt.ArrayLike) -> Array:
    piece = np.asarray(samples)
    if piece.dtype.kind not in "fiu" or piece.ndim != 1 or not np.isfinite(piece).all():
        raise SpeechError("A piece of a stream must be finite samples [N], mono at 16 kHz.")
    return to_float(piece)


def _parts(heard: Array) -> tuple[Array, Array, Array]:
    """Loudness [T], pitch [T] and what is beside words [T, 3] of `as_heard`."""
    return heard[:, 0], heard[:, 1], heard[:, 2:]


def to_curves(motion: Motion) -> Array:
    """[T, C + 3] weights and head rotation of a motion."""
    return np.concatenate([motion.weights, motion.head_rotation], 1)


def to_motion(curves: Array, names: tuple[str, ...] = ARKIT_NAMES) -> Motion:
    """A motion at 25 fps from `to_curves`."""
    shapes = len(names)
    return Motion(names, curves[:, :shapes].clip(0, 1), Fraction(MODEL_FPS), curves[:, shapes:])

"""New speech into an existing video: everything but jaw and mouth stays as it was filmed.

The video is gone through twice: once to follow the face (its landmarks go into a temporary file),
once to draw. Frames are streamed both times, so memory does not grow with the length.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.animation.calibration import calibrate
from dreamtalk_core.animation.phrases import find_phrases
from dreamtalk_core.errors import DreamTalkError, NoFaceError, StyleError, shown
from dreamtalk_core.files import check_not_read
from dreamtalk_core.motion import MODEL_FPS, Motion, frame_count
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.motion.curves import smoothstep
from dreamtalk_core.motion.tongue import FACE_NAMES
from dreamtalk_core.parameters import MOUTH_SETTINGS, Behaviour
from dreamtalk_core.progress import Progress
from dreamtalk_core.render.dub.pictures import DubPictures, Mouth
from dreamtalk_core.render.dub.references import Found, References
from dreamtalk_core.render.dub.renderer import DubRenderer, Reference
from dreamtalk_core.render.job import render
from dreamtalk_core.render.output.sequence import sequence_of
from dreamtalk_core.render.output.sound import Splice
from dreamtalk_core.render.output.video import check_video_path
from dreamtalk_core.speech.audio import Speech
from dreamtalk_core.speech.media import Moving
from dreamtalk_core.speech.prosody import measure_loudness
from dreamtalk_core.style.extract import ENOUGH_SECONDS, runs, speaking, useful_spans
from dreamtalk_core.tracking.covered import Usual, tones
from dreamtalk_core.tracking.record import FaceRecord, record_face
from dreamtalk_core.tracking.track import denoise
from dreamtalk_core.tracking.tracker import Face, FaceTracker
from dreamtalk_core.tracking.video import Images, details_of, open_images
from dreamtalk_core.warned import warn

if TYPE_CHECKING:
    from dreamtalk_core.pipeline.base import AnySpeech, AnyStyle, Pipeline

Float = NDArray[np.float32]
Bools = NDArray[np.bool_]

EASE = 0.16
"""Seconds in which the mouth goes over from the old one to the new one."""
TURNED = 40.0
"""Degrees of yaw or pitch from which on a mouth is left as it is: half of it is not seen."""
SMALL = 40
"""Pixels from the forehead to the chin below which a mouth is left as it is."""
_AROUND = 0.1
"""Seconds before and after each phrase in which the mouth is the new one, if it is the old one in
pauses: it opens before it is heard."""
_LONGEST = 1 << 16
_KEPT = np.array([name.startswith(("jaw", "mouth", "cheek", "tongue")) for name in FACE_NAMES])
_SHARES = (0.45, 0.1, 0.45)
"""Of the work: following the face, the motion, drawing."""


@dataclass(frozen=True)
class Dubbing:
    """How a video is dubbed.

    face: of several, see `FaceTracker.follow`. start: where the speech begins in the video, end:
    where it is cut off at the latest, seconds. strength: 0..1, how far the old mouth is replaced.
    only_speech: in pauses of the speech the old mouth is seen. stamped: the pictures say that they
    are synthetic, too.

    Raises `DreamTalkError` for values that cannot be.
    """

    face: str | int = "largest"
    start: float = 0.0
    end: float | None = None
    strength: float = 1.0
    only_speech: bool = False
    stamped: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.start < np.inf:
            raise DreamTalkError(f"start is {self.start}. Give seconds from 0 up.")
        if self.end is not None and not self.start < self.end:
            raise DreamTalkError(
                f"end is {self.end} and start {self.start}. Give an end behind the start."
            )
        if not 0 <= self.strength <= 1:
            raise DreamTalkError(f"strength is {self.strength}. Give a number from 0 to 1.")


def dub(
    talk: Pipeline,
    video: str | os.PathLike[str] | Moving,
    speech: AnySpeech | str | os.PathLike[str],
    path: str | os.PathLike[str],
    *,
    style: AnyStyle | None = None,
    dubbing: Dubbing | None = None,
    sound: str | os.PathLike[str] | None = None,
    codec: str | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> Motion:
    """Write a video in which the face says a speech; the motion of its mouth is returned.

    video: a file, or pictures in time. path, codec: as of `write_video`. style: as of `load_style`;
    None: that of the video itself where it speaks for long enough, else the one that is heard in
    the speech. sound: the file of the speech, if that is given otherwise; it keeps its rate and
    channels. settings: those of `MOUTH_SETTINGS`, by name.

    Before and after the speech, the video and its sound are left as they are. Where the face is
    away, too small, turned too far or behind a hand or a microphone, its mouth is left as it is,
    which is told in a warning, as is speech that is cut off where the video ends.
    Raises TrackingError, NoFaceError, SpeechError, StyleError, RenderError, DreamTalkError.
    """
    options = dubbing or Dubbing()
    check_video_path(path, codec)
    for name in settings.keys() - set(MOUTH_SETTINGS):
        raise DreamTalkError(
            f"The mouth of a video has no setting '{shown(name)}'. There are "
            f"{', '.join(MOUTH_SETTINGS)}."
        )
    images, around = _opened(video) if isinstance(video, (str, os.PathLike)) else (video, None)
    files = [Path(one) for one in (speech, sound) if isinstance(one, (str, os.PathLike))]
    sequence = sequence_of(Path(path))
    written = [Path(path)] if sequence is None else list(sequence.frames().values())
    check_not_read(written, [*files, *(images.files if isinstance(images, Images) else ())])
    if isinstance(speech, (str, os.PathLike)):
        sound, speech = sound or speech, talk.load_speech(Path(speech))
    features = talk.analyse(speech)
    spoken = features if isinstance(features, Speech) else features.speech
    report = [_part(progress, *span) for span in _spans()]
    first, last = _range(options, spoken.duration, images.fps)
    ease = max(1, round(EASE * images.fps))
    begin = max(0, first - ease)
    record, references = _follow(images, talk, options.face, begin, last + ease, report[0])
    end = min(last, begin + len(record))
    _check_length(end, first, last, images.fps, options, spoken.duration)
    chosen = talk.load_style(_style(talk, record, images.fps) if style is None else style, features)
    behaviour = Behaviour(blinks=0, gaze=0, idle=0)
    motion = talk.sample_motion(
        features,
        chosen,
        behaviour=behaviour,
        progress=report[1],
        fps=images.fps,
        **settings,
    )
    amounts = _amounts(record, options, spoken, range(first - begin, end - begin))
    _tell_left(record, range(first - begin, end - begin), begin)
    mouths = _mouths(record, references, motion.over(FACE_NAMES).weights, amounts, begin, first)
    pictures = DubPictures(images, mouths, options.stamped)
    heard = Splice(sound or spoken, first / images.fps, end / images.fps, around)
    render(pictures, path, heard, report[2], codec)
    return motion


def _opened(video: str | os.PathLike[str]) -> tuple[Images, Path | None]:
    """The pictures of a video, and the file of its sound, if it has one."""
    images = open_images(video)
    if images.count == 1:
        raise DreamTalkError(
            f"{shown(video)} is a picture. Give a video, or make the picture speak with 'render'."
        )
    details = details_of(images)
    if details.see_through:
        raise DreamTalkError(
            f"{shown(video)} is see-through, and a dubbed video is not. Put it over its background "
            "first, and dub that."
        )
    if details.before_sound:
        warn(
            f"The sound of {shown(video)} begins {details.before_sound:.2f} s after its pictures; "
            "what is seen before is left out."
        )
    if details.high_range:
        warn(
            f"{shown(video)} is HDR, and its colours come out pale. Export it as SDR, and dub that."
        )
    return replace(images, longest=_LONGEST), Path(video) if details.sound else None


def _spans() -> Iterator[tuple[float, float]]:
    begin = 0.0
    for share in _SHARES:
        yield begin, share
        begin += share


def _part(progress: Progress | None, begin: float, share: float) -> Progress:
    """Progress of a part of the work, in thousandths of all of it."""

    def report(done: int, total: int) -> None:
        if progress is not None:
            progress(round(1000 * (begin + share * done / max(total, 1))), 1000)

    return report


def _range(options: Dubbing, duration: Fraction, fps: Fraction) -> tuple[int, int]:
    """The first frame of the speech, and the one after its last."""
    first = round(options.start * fps)
    last = first + frame_count(duration, fps)
    if options.end is None:
        return first, last
    end = round(options.end * fps)
    if end <= first:
        raise DreamTalkError(
            f"From {options.start:g} to {options.end:g} s there is no frame of the video, each of "
            f"which lasts {float(1 / fps):.3g} s. Give a later end."
        )
    return first, min(last, end)


def _follow(
    images: Moving,
    talk: Pipeline,
    face: str | int,
    begin: int,
    end: int,
    progress: Progress,
) -> tuple[FaceRecord, References]:
    """The face in frames begin..end, as far as there are any."""
    references, usual = References(), Usual()
    total = min(end, images.count or end)

    def counted() -> Iterator[NDArray[np.uint8]]:
        with closing(iter(images)) as source:
            for number, image in enumerate(islice(source, end)):
                progress(number + 1, max(total, number + 1))
                if number >= begin:
                    yield image

    def look(frame: int, shot: int, image: NDArray[np.uint8], seen: Face) -> None:
        doubtful = usual.doubts(shot, tones(image, seen.landmarks))
        references.look(frame, shot, image, seen, doubtful)

    tracker = FaceTracker.load(talk.device)
    record = record_face(counted(), float(images.fps), tracker, face, look)
    return record, references


def _check_length(
    end: int, first: int, last: int, fps: Fraction, options: Dubbing, duration: Fraction
) -> None:
    if end <= first:
        raise DreamTalkError(
            f"The video ends before the speech begins, at {float(first / fps):.2f} s. Give an "
            "earlier start."
        )
    lost = float(duration) - float((end - first) / fps)
    if lost > 1 / fps:
        why = "The video ends" if end < last or options.end is None else "Its time is over"
        warn(
            f"{why} {lost:.2f} s before the speech does, which is cut off there. Give a longer "
            "video, or a shorter speech."
        )


def _style(talk: Pipeline, record: FaceRecord, fps: Fraction) -> AnyStyle:
    """How the person speaks in the video; `auto` if that is not seen for long enough."""
    seen = (record.shots >= 0) & (np.abs(record.head_rotation[:, :2]).max(1) <= TURNED)
    if not seen.any():
        raise NoFaceError("There is no face in this part of the video. Give one that shows it.")
    # Where there is no face there are no curves: those of the nearest frame that has one stand in.
    filled = record.weights[_nearest(np.flatnonzero(record.shots >= 0), len(record))]
    weights = denoise(filled.astype(np.float64), record.fps).clip(0, 1)
    motion = calibrate(Motion(ARKIT_NAMES, weights, fps, record.head_rotation))
    if (seen & speaking(motion)).sum() < ENOUGH_SECONDS * record.fps:
        return "auto"
    try:
        spans = useful_spans(motion, seen)
    except StyleError:  # it is never seen for a second without a break
        return "auto"
    return talk.extract_style([motion.cut(*span) for span in spans])


def _amounts(record: FaceRecord, options: Dubbing, speech: Speech, spoken: range) -> Float:
    """How far the old mouth is replaced in each frame [T]."""
    fps = record.fps
    usable = _usable(record)
    wanted = np.zeros(len(record), bool)
    wanted[spoken.start : spoken.stop] = True
    amounts = fading(wanted, fps)
    if options.only_speech:
        amounts = np.minimum(amounts, fading(_speaking(speech, len(record), spoken, fps), fps))
    edges = [0, *np.flatnonzero(record.cuts[1:]) + 1, len(record)]
    for start, stop in pairwise(edges):
        amounts[start:stop] *= 1 - fading(~usable[start:stop], fps)
    result: Float = (options.strength * amounts * usable).astype(np.float32)
    return result


def _usable(record: FaceRecord) -> Bools:
    """bool [T]: where there is a mouth to draw on."""
    turned = np.abs(record.head_rotation[:, :2]).max(1) > TURNED
    return (record.shots >= 0) & ~turned & ~record.covered & (record.size >= SMALL)


def _speaking(speech: Speech, frames: int, spoken: range, fps: float) -> Bools:
    """bool [T]: where somebody speaks, and a little around it."""
    count = max(1, round(float(speech.duration) * MODEL_FPS))
    pause = find_phrases(measure_loudness(speech.waveform, count), MODEL_FPS).pause
    times = np.arange(spoken.start, spoken.stop) - spoken.start + 0.5
    speaks = ~pause[np.clip((times / fps * MODEL_FPS).astype(int), 0, len(pause) - 1)]
    result = np.zeros(frames, bool)
    reach = round(_AROUND * fps)
    for start, stop in runs(speaks):
        result[max(spoken.start + start - reach, 0) : spoken.start + stop + reach] = True
    return result


def fading(on: Bools, fps: float) -> NDArray[np.float64]:
    """[T] 1 where a mask is true, falling to 0 on both sides of it within `EASE`."""
    places = np.flatnonzero(on)
    if not len(places):
        return np.zeros(len(on))
    distance = np.abs(_nearest(places, len(on)) - np.arange(len(on)))
    result: NDArray[np.float64] = 1 - smoothstep(distance / (EASE * fps))
    return result


def _nearest(places: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """[count] the nearest of ascending places to each of the frames 0, 1, ..."""
    frames = np.arange(count)
    after = places[np.searchsorted(places, frames).clip(0, len(places) - 1)]
    before = places[np.maximum(np.searchsorted(places, frames, side="right") - 1, 0)]
    result: NDArray[np.intp] = np.where(
        np.abs(after - frames) < np.abs(before - frames), after, before
    )
    return result


def _tell_left(record: FaceRecord, spoken: range, begin: int) -> None:
    """Warn of the stretches in which the mouth is left, though there is speech."""
    seen = record.shots[spoken.start : spoken.stop] >= 0
    if not seen.any():
        raise NoFaceError("There is no face where the speech is heard. Give another start.")
    part = slice(spoken.start, spoken.stop)
    hidden = record.covered[part]
    for left, what in (
        (~_usable(record)[part] & ~hidden, "The face is away, turned too far or too small"),
        (hidden, "Something is in front of the mouth"),
    ):
        found = [
            f"{(begin + spoken.start + start) / record.fps:.2f} to "
            f"{(begin + spoken.start + stop) / record.fps:.2f}"
            for start, stop in runs(left)
        ]
        if found:
            more = f" and {len(found) - 5} times more" if len(found) > 5 else ""
            warn(
                f"{what} from {', '.join(found[:5])} s{more}: there the mouth is left as it was "
                "filmed."
            )


def _mouths(
    record: FaceRecord,
    references: References,
    weights: Float,
    amounts: Float,
    begin: int,
    first: int,
) -> Callable[[], Iterator[Mouth | None]]:
    """What is drawn into the frames of the video, one after the other."""

    def mouths() -> Iterator[Mouth | None]:
        yield from [None] * begin
        renderers: dict[int, DubRenderer] = {}
        for frame, landmarks in enumerate(record.steady()):
            shot = int(record.shots[frame])
            if landmarks is None or amounts[frame] <= 0:
                yield None
                continue
            if shot not in renderers:
                renderers.clear()  # a shot does not come back
                rest, teeth = references.rest[shot], references.teeth(shot)
                renderers[shot] = DubRenderer(
                    _reference(record, rest), None if teeth is None else _reference(record, teeth)
                )
            row = min(max(begin + frame - first, 0), len(weights) - 1)
            amount = float(amounts[frame])
            yield Mouth(renderers[shot], landmarks, weights[row] * _KEPT, amount, begin + frame)

    return mouths


def _reference(record: FaceRecord, found: Found) -> Reference:
    corner = np.array([*found.corner, 0])
    return Reference(
        found.image,
        record.steady_at(found.frame) - corner,
        record.matrix(found.frame),
        record.weights[found.frame],
    )

"""Takes: somebody's speech with the face that spoke it, as a camera or a phone recorded them.

A take is a video with sound, or a motion file with a sound or a video of the same name beside it,
as the Live Link Face app leaves them: `NAME.csv` (`NAME_raw.csv`, `NAME_cal.csv`) and `NAME.mov`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dreamtalk_core.corpus.clips import SOUNDS
from dreamtalk_core.errors import CorpusError
from dreamtalk_core.files import atomic_write, digest_of
from dreamtalk_core.formats._limits import files_in, read_arrays
from dreamtalk_core.motion import MODEL_FPS, Motion, curves
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.progress import Progress
from dreamtalk_core.speech.audio import Speech
from dreamtalk_core.speech.media import decode_audio
from dreamtalk_core.tracking.track import track_faces
from dreamtalk_core.tracking.tracker import FaceTracker

VIDEOS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg", ".flv")
MOTIONS = (".csv", ".json", ".npz")
_KINDS = ("", "_raw", "_cal")
"""What the app puts behind a take's name, best first: raw curves, and calibrated ones."""
_NO_TAKES = ("_neutral", "frame_log")

QUIET_DB = -60.0
"""dBFS of its loudest tenth below which a recording is too quiet: what is heard is the device."""
CLIPPED = 0.002
"""Share of samples at full scale from which on a recording is distorted."""

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Take:
    """A recording on disk. motion: None for a video whose face is still to be tracked."""

    name: str
    """Its path in the folder that was given."""
    sound: Path
    motion: Path | None

    @property
    def key(self) -> str:
        """Eight hexadecimal digits of what is in its files."""
        return digest_of(*filter(None, (self.sound, self.motion)))[:8]


@dataclass(frozen=True, eq=False)
class Recorded:
    """What a take holds, at 25 fps; raw, with the speaker's own resting face in it."""

    motion: Motion
    """Over the 52 ARKit shapes."""
    lips: Array
    """[T, 2] height and width of the inner lips in mouth widths; NaN where not measured."""
    seen: npt.NDArray[np.bool_]
    """[T] where there was a face."""


def find_takes(folder: Path) -> tuple[list[Take], dict[str, str]]:
    """The takes in a folder and the folders in it, by name, and file -> why it is none.

    Raises CorpusError if it cannot be read or has neither.
    """
    files = sorted(files_below(folder))
    motions = {p for p in files if p.suffix.lower() in MOTIONS and not _aside(p)}
    takes: list[Take] = []
    useless: dict[str, str] = {}
    used: set[Path] = set()
    for path in files:
        suffix = path.suffix.lower()
        if suffix not in (*SOUNDS, *VIDEOS):
            continue
        beside = [path.with_name(path.stem + kind + s) for kind in _KINDS for s in MOTIONS]
        motion = next((p for p in beside if p in motions), None)
        name = path.relative_to(folder).as_posix()
        used.update(beside)
        if motion is not None and any(take.motion == motion for take in takes):
            continue  # a sound beside the video of a take
        if motion is None and suffix in SOUNDS:
            useless[name] = "there is no motion file or video of that name beside the sound"
            continue
        takes.append(Take(name, path, motion))
    for path in sorted(motions - used):
        useless[path.relative_to(folder).as_posix()] = (
            "there is no sound or video of that name beside it"
        )
    if not takes and not useless:
        raise CorpusError(
            f"{folder} has no takes: videos with sound ({', '.join(VIDEOS)}), or motion files "
            f"({', '.join(MOTIONS)}) with a sound of the same name."
        )
    return takes, useless


def files_below(folder: Path) -> Iterator[Path]:
    """All files in a folder and those in it, but hidden ones. Raises CorpusError."""
    for path in files_in(folder, CorpusError):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            yield from files_below(path)
        elif path.is_file():
            yield path


def _aside(path: Path) -> bool:
    """Whether it is one of the files that lie beside a take."""
    return path.stem.endswith(_NO_TAKES) or path.name in ("take.json", "video_metadata.json")


def read_take(
    take: Take, cache: Path, tracker: FaceTracker | None = None, progress: Progress | None = None
) -> Recorded:
    """The motion of a take; a tracked one is kept in `cache`, for tracking takes long.

    Raises MotionError or TrackingError (NoFaceError).
    """
    if take.motion is not None:
        motion = Motion.load(take.motion).to_arkit().resample(MODEL_FPS)
        unknown = np.full((len(motion), 2), np.nan, np.float32)
        return Recorded(motion, unknown, np.ones(len(motion), bool))
    path = cache / f"{take.key}.npz"
    if not path.exists():
        tracked = track_faces(take.sound, tracker=tracker, progress=progress)
        motion = tracked.motion.resample(MODEL_FPS)
        lips = curves.resample(tracked.lips, tracked.motion.times, motion.times)
        seen = np.ones(len(motion), bool)
        for start, end in tracked.lost:
            seen &= (motion.times < start) | (motion.times >= end)
        cache.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as temporary:
            np.savez(
                temporary, weights=motion.weights, head=motion.head_rotation, lips=lips, seen=seen
            )
    kept = read_arrays(path, CorpusError)
    motion = Motion(ARKIT_NAMES, kept["weights"], Fraction(MODEL_FPS), kept["head"])
    return Recorded(motion, kept["lips"], kept["seen"])


def read_sound(take: Take) -> Array:
    """The sound [N] of a take at 16 kHz and normal level.

    Raises SpeechError, CorpusError for one that is too quiet or distorted.
    """
    full, count, tops = 0, 0, []
    for samples, rate in decode_audio(take.sound):
        size = np.abs(samples).max(0) if len(samples) else np.zeros(0)
        full, count = full + int((size >= 0.999).sum()), count + len(size)
        block = max(1, rate // 10)
        tops += [np.sqrt(np.square(size[i : i + block]).mean()) for i in range(0, len(size), block)]
    level = 20 * np.log10(max(float(np.percentile(tops, 90)) if tops else 0.0, 1e-9))
    if level < QUIET_DB:
        raise CorpusError(f"its sound is too quiet ({level:.0f} dBFS)")
    if full > CLIPPED * count:
        raise CorpusError(f"its sound is distorted ({full / count:.1%} of it at full scale)")
    return Speech.load(take.sound).waveform

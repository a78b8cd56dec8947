"""Reading a corpus: recordings of speech with the motion of the face that spoke.

Layout (any part may be missing):

    CORPUS/manifest.tsv       columns id, split, licence, speaker for every clip in clips/
    CORPUS/clips/ID.npz       tracked face, and ID.flac (or .wav, ...) its sound
    CORPUS/FOLDER/NAME.*      pairs of a motion file and a sound file with the same stem

A motion is any file that `Motion.load` reads, or an npz of raw tracking at 25 fps: `arkit` [T, 52],
`head_quat` [T, 4] (x, y, z, w), and optionally `lip_gap` [T] and `lip_width` [T] in units of the
speaker's mouth width.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from dreamtalk_core.animation.calibration import calibrate, resting_face
from dreamtalk_core.corpus.manifest import read_rows
from dreamtalk_core.errors import CorpusError
from dreamtalk_core.formats._limits import files_in, read_arrays
from dreamtalk_core.motion import MODEL_FPS, Motion, parse_fps
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.motion.rotation import quaternion_matrix, rotation_angles
from dreamtalk_core.speech.audio import Speech

SOUNDS = (".flac", ".wav", ".mp3", ".m4a", ".ogg")

Array = npt.NDArray[np.float32]
Item = TypeVar("Item")


@dataclass(frozen=True, eq=False)
class Clip:
    """A recording with its tracked face."""

    id: str
    split: str
    licence: str
    speaker: str
    audio: Path
    motion: Motion
    """Curves with the clip's own rest taken off, over ARKIT_NAMES, at the rate of the recording."""
    observed: npt.NDArray[np.bool_]
    """[52]: False for channels that this source does not know."""
    head_observed: bool
    lip_gap: Array
    """[T] height of the inner lips in mouth widths; NaN where it was not measured."""
    lip_width: Array
    """[T] distance of the lip corners in mouth widths; NaN where it was not measured."""

    @property
    def weights(self) -> Array:
        """[T, 52]"""
        return self.motion.weights

    def waveform(self) -> Array:
        """The sound [N] at 16 kHz, at normal level."""
        return Speech.load(self.audio).waveform


def read_manifest(corpus: Path, where: Mapping[str, list[str]] | None = None) -> Iterator[Clip]:
    """Clips that the corpus's manifest lists.

    where: column -> accepted values; a row must satisfy all of them.
    Raises CorpusError when the manifest, a motion or a sound file is missing or damaged.
    """
    for row in read_rows(corpus / "manifest.tsv"):
        if all(row.get(column) in values for column, values in (where or {}).items()):
            yield read_clip(corpus, row)


def read_clip(corpus: Path, row: Mapping[str, str]) -> Clip:
    """The clip of a row of the manifest. Raises CorpusError as `read_manifest` does."""
    stem = corpus / "clips" / row["id"]
    return _read(stem, row["id"], row["split"], row["licence"], row["speaker"], {})


def read_pairs(
    folder: Path, licence: str, speaker: str, channels: Mapping[str, Mapping[str, float]]
) -> Iterator[Clip]:
    """Clips of a folder of motion and sound files in pairs.

    channels: for a motion in the channels of another rig, ARKit name -> {source name: factor};
    ARKit channels that are not named there count as not observed.
    """
    for sound in sounds_in(folder):
        stem = sound.with_suffix("")
        yield _read(stem, f"{folder.name}/{stem.name}", "train", licence, speaker, channels)


def sounds_in(folder: Path) -> list[Path]:
    """The sounds of a folder, by name. Raises CorpusError if it holds none."""
    sounds = sorted(path for path in files_in(folder, CorpusError) if path.suffix.lower() in SOUNDS)
    if not sounds:
        raise CorpusError(f"{folder} holds no sound files ({', '.join(SOUNDS)}).")
    return sounds


def evenly(found: Sequence[Item], most: int) -> list[Item]:
    """So many of what was found, evenly from the first to the last; all, if there are no more."""
    if len(found) <= most:
        return list(found)
    return [found[i] for i in np.linspace(0, len(found) - 1, most).astype(int)]


def _read(
    stem: Path,
    id: str,
    split: str,
    licence: str,
    speaker: str,
    channels: Mapping[str, Mapping[str, float]],
) -> Clip:
    audio = _beside(stem, SOUNDS)
    path = _beside(stem, (".npz", ".csv", ".json"))
    gap = width = None
    observed = np.ones(len(ARKIT_NAMES), bool)
    head_observed = True
    try:
        arrays = _arrays(path)
        if "arkit" in arrays:
            motion = Motion(
                ARKIT_NAMES,
                _off_rest(arrays["arkit"]),
                Fraction(MODEL_FPS),
                head_angles(arrays["head_quat"]),
            )
            gap, width = arrays.get("lip_gap"), arrays.get("lip_width")
        elif channels:
            motion, observed = _mapped(arrays, channels)
            head_observed = False
        else:
            motion = Motion.load(path)
            motion = calibrate(motion, motion)
    except (KeyError, ValueError, OSError) as error:
        raise CorpusError(f"{path} cannot be read as a tracked face ({error!r}).") from error
    unknown = np.full(len(motion), np.nan, np.float32)
    return Clip(
        id, split, licence, speaker, audio, motion, observed, head_observed,
        unknown if gap is None else gap.astype(np.float32),
        unknown if width is None else width.astype(np.float32),
    )  # fmt: skip


def _arrays(path: Path) -> dict[str, npt.NDArray[np.generic]]:
    if path.suffix != ".npz":
        return {}
    return read_arrays(path, CorpusError)


def _beside(stem: Path, suffixes: tuple[str, ...]) -> Path:
    for suffix in suffixes:
        # Not with_suffix: an id may contain a dot.
        path = stem.with_name(stem.name + suffix)
        if path.exists():
            return path
    raise CorpusError(f"{stem} has no file with one of the endings {', '.join(suffixes)}.")


def _off_rest(weights: npt.NDArray[np.generic]) -> Array:
    """Curves with the face's own resting offset taken off: every tracked face has one."""
    curves = weights.astype(np.float32)
    return np.clip(curves - resting_face(curves), 0, 1)


def _mapped(
    arrays: Mapping[str, npt.NDArray[np.generic]], channels: Mapping[str, Mapping[str, float]]
) -> tuple[Motion, npt.NDArray[np.bool_]]:
    source = {
        str(name): arrays["weights"][:, i].astype(np.float32)
        for i, name in enumerate(arrays["names"])
    }
    weights = np.zeros((len(arrays["weights"]), len(ARKIT_NAMES)), np.float32)
    observed = np.zeros(len(ARKIT_NAMES), bool)
    for name, parts in channels.items():
        observed[INDEX[name]] = True
        for part, factor in parts.items():
            weights[:, INDEX[name]] += factor * source[part]
    return Motion(
        ARKIT_NAMES, weights.clip(0, 1), parse_fps(str(arrays["fps"])).limit_denominator(1001)
    ), observed


def head_angles(quaternions: npt.NDArray[np.generic]) -> Array:
    """Quaternions [T, 4] (x, y, z, w) as (pitch, yaw, roll) in degrees, less their mean.

    The resting pose belongs to the camera, not to the speech.
    """
    turns = rotation_angles(quaternion_matrix(quaternions.astype(np.float64)))
    angles = np.unwrap(turns, axis=0, period=360)
    return (angles - angles.mean(0)).astype(np.float32)

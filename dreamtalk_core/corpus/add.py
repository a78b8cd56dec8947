"""Making a corpus of somebody's takes: `dreamtalk corpus add`.

Every take is read or tracked, held against its sound with the lip expert, brought into sync, cut
into clips and listed in the manifest; one that cannot be used is left out, with the reason. The
manifest's rows of a take come last and together: what was stopped goes on with the next take.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from dreamtalk_core.animation.calibration import calibrate
from dreamtalk_core.corpus.manifest import COLUMNS, Row, add_rows, read_rows
from dreamtalk_core.corpus.takes import Recorded, Take, find_takes, read_sound, read_take
from dreamtalk_core.errors import CorpusError, DreamTalkError, WriteError, shown
from dreamtalk_core.files import atomic_write
from dreamtalk_core.models.lip_expert import Sync
from dreamtalk_core.motion import MODEL_FPS
from dreamtalk_core.motion.rotation import quaternions
from dreamtalk_core.pipeline.sync import MIN_FRAMES, measure_sync
from dreamtalk_core.progress import Progress
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech
from dreamtalk_core.speech.prosody import frame_power
from dreamtalk_core.tracking.tracker import FaceTracker
from dreamtalk_core.warned import collect_warnings

Array = npt.NDArray[np.float32]

SURE = 1.0
"""Confidence of the lip expert from which on it knows by how much lips are late; lips of another
speech reach .6."""
LONGEST, SHORTEST = 10 * MODEL_FPS, MIN_FRAMES
"""Frames of a clip."""
_PER_FRAME = SAMPLE_RATE // MODEL_FPS


@dataclass(frozen=True)
class About:
    """What nobody can read from a take."""

    speaker: str
    licence: str
    language: str = "und"
    emotion: str = ""
    split: str = "train"


@dataclass(frozen=True, eq=False)
class _Heard:
    """A take that has been read, and by how much its lips are late."""

    take: Take
    about: About
    recorded: Recorded
    sync: Sync


@dataclass(frozen=True)
class Added:
    """What became of a folder: names of takes with the clips that were made of them, why others
    are of no use, what is doubtful, and takes that the corpus had already."""

    clips: dict[str, list[Row]]
    useless: dict[str, str]
    doubts: dict[str, list[str]]
    known: list[str]


def add_folder(
    folder: Path,
    corpus: Path,
    about: Callable[[Take], About | None],
    tell: Callable[[str], None] = lambda line: None,
    progress: Progress | None = None,
) -> Added:
    """Make clips of the takes in a folder, and list them in CORPUS/manifest.tsv.

    about: of each take, None to pass it over. tell: called with what is being done, progress with
    (done, total) while a take is tracked.
    Nothing that the corpus has is changed; a take that it has is recognised by its content.
    Raises CorpusError for a folder without takes, WriteError.
    """
    takes, useless = find_takes(folder)
    corpus.mkdir(parents=True, exist_ok=True)
    manifest = corpus / "manifest.tsv"
    old = read_rows(manifest) if manifest.exists() else []
    here = {match[1] for row in old if (match := _KEY.search(row.get("id", "")))}
    known, heard = [], []
    keys: dict[str, str] = {}
    doubts: dict[str, list[str]] = defaultdict(list)
    tracker: FaceTracker | None = None
    for number, take in enumerate(takes, 1):
        tell(f"{take.name} ({number} of {len(takes)})")
        facts = about(take)
        if facts is None:
            useless[take.name] = "its name is none of this corpus, or of a mood that has no name"
        elif (key := take.key) in here:
            known.append(take.name)
        elif key in keys:
            useless[take.name] = f"it is the same as {keys[key]}"
        else:
            keys[key] = take.name
            try:
                if take.motion is None:
                    tracker = tracker or FaceTracker.load()
                with collect_warnings(doubts[take.name].append):
                    heard.append(_hear(take, facts, corpus / "takes", tracker, progress))
            except WriteError:  # it is no fault of the take
                raise
            except DreamTalkError as error:
                useless[take.name] = shown(str(error), 300)
    offset = _offset_of([one.sync for one in heard])
    clips: dict[str, list[Row]] = {}
    for one in heard:
        late = _late(one.sync, offset)
        if late is None:
            useless[one.take.name] = (
                "its lips do not belong to its sound, or more than half a second apart "
                f"(confidence {one.sync.confidence:.1f}; takes in sync have 2 to 5)"
            )
            continue
        rows = _write_take(one, late, corpus)
        if not rows:
            useless[one.take.name] = f"its face is never seen for {SHORTEST / MODEL_FPS:g} s"
            continue
        if offset is not None and abs(late - offset) > 1:
            doubts[one.take.name].append(
                f"its lips are off by {late:+d} frames, the others' {offset:+d}; moved by its own"
            )
        add_rows(manifest, rows, COLUMNS)
        clips[one.take.name] = rows
    return Added(clips, useless, {name: some for name, some in doubts.items() if some}, known)


_KEY = re.compile(r"_([0-9a-f]{8})_\d+$")


def _hear(
    take: Take,
    about: About,
    cache: Path,
    tracker: FaceTracker | None,
    progress: Progress | None,
) -> _Heard:
    """Read a take and its sync. Raises DreamTalkError for one that cannot be used."""
    wave = read_sound(take)
    recorded = read_take(take, cache, tracker, progress)
    frames, heard = len(recorded.motion), len(wave) // _PER_FRAME
    if min(frames, heard) < SHORTEST:
        raise CorpusError(f"it is shorter than {SHORTEST / MODEL_FPS:g} s")
    if abs(frames - heard) > MODEL_FPS:
        raise CorpusError(
            f"its motion lasts {frames / MODEL_FPS:.1f} s and its sound {heard / MODEL_FPS:.1f} s: "
            "they are of different takes, or one is cut off"
        )
    count = min(frames, heard)
    speech = Speech(np.ascontiguousarray(wave[: count * _PER_FRAME]), take.name)
    motion = recorded.motion.cut(0, count)
    return _Heard(take, about, recorded, measure_sync(speech, calibrate(motion, motion)))


def _offset_of(syncs: list[Sync]) -> int | None:
    """Frames by which the lips of a source are late: as most of the takes that are sure say."""
    sure = [sync for sync in syncs if sync.confidence >= SURE]
    if not sure:
        return None
    offsets = np.array([sync.offset for sync in sure])
    share = np.array([sync.confidence for sync in sure])
    order = offsets.argsort()
    half = share[order].cumsum().searchsorted(share.sum() / 2)
    return int(offsets[order][half])


def _late(sync: Sync, offset: int | None) -> int | None:
    """By how many frames to move a take; None where nobody knows.

    A take that is sure knows best. One that is not may follow its source if it points there, too.
    """
    if sync.confidence >= SURE:
        return offset if offset is not None and abs(sync.offset - offset) <= 1 else sync.offset
    return offset if offset is not None and abs(sync.offset - offset) <= 1 else None


def _write_take(one: _Heard, late: int, corpus: Path) -> list[Row]:
    """Write the clips of a take; returns the rows that list them."""
    recorded, wave = one.recorded, read_sound(one.take)
    first, before = max(0, late), max(0, -late)
    count = min(len(recorded.motion) - first, len(wave) // _PER_FRAME - before)
    motion = recorded.motion.cut(first, first + count)
    sound = wave[before * _PER_FRAME :]
    (corpus / "clips").mkdir(exist_ok=True)
    rows = []
    stem = _slug(f"{one.about.speaker}_{Path(one.take.name).stem}")
    seen = recorded.seen[first : first + count]
    level = np.sqrt(frame_power(sound[: count * _PER_FRAME]))
    for number, (start, stop) in enumerate(pieces(seen, level)):
        id = f"{stem}_{one.take.key}_{number:02d}"
        part = motion.cut(start, stop)
        arrays: dict[str, Any] = {
            "arkit": part.weights,
            "head_quat": quaternions(part.head_rotation).astype(np.float32),
        }
        lips = recorded.lips[first + start : first + stop]
        if not np.isnan(lips).any():
            arrays |= {"lip_gap": lips[:, 0], "lip_width": lips[:, 1]}
        # What a stopped run has left under this name came of the same take.
        with atomic_write(corpus / "clips" / f"{id}.npz") as temporary:
            np.savez_compressed(temporary, **arrays)
        with atomic_write(corpus / "clips" / f"{id}.flac") as temporary:
            write_flac(temporary, sound[start * _PER_FRAME : stop * _PER_FRAME])
        rows.append(
            {
                "id": id, "split": one.about.split, "licence": one.about.licence,
                "source": one.take.name, "speaker": one.about.speaker,
                "language": one.about.language, "emotion": one.about.emotion,
                "seconds": f"{(stop - start) / MODEL_FPS:.2f}", "av_shift_frames": str(late),
                "sync_confidence": f"{one.sync.confidence:.2f}",
                "face_found": f"{recorded.seen.mean():.3f}",
            }
        )  # fmt: skip
    return rows


def _slug(name: str) -> str:
    """A name that every disk can hold, of letters, digits and -."""
    return re.sub(r"[^a-z0-9]+", "-", name.casefold().replace("_", "-")).strip("-")[:60] or "take"


def pieces(seen: npt.NDArray[np.bool_], level: Array) -> Iterator[tuple[int, int]]:
    """(first frame, frame after the last) of the clips of a take: wherever the face is seen, cut
    where it is quietest, each SHORTEST to LONGEST frames long."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], seen, [False]])))
    smooth = np.convolve(level, np.ones(5) / 5, "same")
    for start, stop in edges.reshape(-1, 2).tolist():
        while stop - start > LONGEST:
            low, high = start + LONGEST // 2, min(start + LONGEST, stop - SHORTEST)
            cut = low + int(smooth[low:high].argmin())
            yield start, cut
            start = cut
        if stop - start >= SHORTEST:
            yield start, stop


def write_flac(path: Path, wave: Array) -> None:
    """Write sound [N] in [-1, 1] at 16 kHz as FLAC of 16 bits."""
    samples = np.round(wave * 32767).astype(np.int16)
    with av.open(str(path), "w", format="flac") as container:
        stream = container.add_stream("flac", rate=SAMPLE_RATE, layout="mono")
        for start in range(0, len(samples), SAMPLE_RATE):
            piece = np.ascontiguousarray(samples[None, start : start + SAMPLE_RATE])
            frame = av.AudioFrame.from_ndarray(piece, "s16", "mono")
            frame.sample_rate = SAMPLE_RATE
            frame.pts = start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))

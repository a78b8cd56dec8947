"""A grade for a line: whether lips and sound fit, and whether the sound is one to speak by.

sync        by how many frames (at 25 fps) the lips are late, and how sure that is: the lip
            expert's word, on lines of 1.6 s or more
closures    how many /p b m/ were surely heard, and at how many of them the built-in head's lips
            are shut
phones      that are heard in a second of sound. Speech of 12 languages has 6.7 to 20, music 5
            at most: what has few is not speech
level       the loudest sample in dB of full scale, and the share of samples that are clipped:
            at full scale, or four and more that are the same, which no voice does
silence     share of the line in which nobody speaks
sounds      how its sounds are made: mean and spread of `PhoneticEncoder.leaning` where somebody
            speaks, for `batch.language`
heard       the emotion that the style predictor hears in the voice, and its probability
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dreamtalk_core.animation.phrases import SPEECH_DB
from dreamtalk_core.parameters import Settings, setting
from dreamtalk_core.speech.articulation import FEATURES

if TYPE_CHECKING:
    from dreamtalk_core.pipeline.base import Pipeline
    from dreamtalk_core.pipeline.line import Take
    from dreamtalk_core.speech.features import SpeechFeatures
    from dreamtalk_core.speech.phonetics import PhoneticEncoder

Grade = dict[str, Any]

SILENT_DB = -50.0
"""Level that no sample of a silent file passes."""
SURE = 0.3
"""Probability of a bilabial at whose peak the lips must have been shut."""
_FEW = 3
"""Closures of which a share says nothing."""
_FLAT, _LOUD, _FULL = 4, 0.25, 0.999
"""Equal samples in a row that are a clipped top, if they are as loud as that; full scale."""


@dataclass(frozen=True)
class Thresholds(Settings):
    """What makes a line one to look at.

    offset: frames. confidence, phones: below. closures: share of shut lips, below. clipped,
    silence: shares of the line, above. foreign: log odds, above; see `batch.language`.
    """

    offset: float = setting(
        1.0, "Offset", "Frames at 25 fps by which lips may be late or early", most=15.0
    )
    confidence: float = setting(
        1.5, "Confidence", "Least confidence of the lip expert: lips of another speech have less"
    )
    phones: float = setting(
        5.0, "Phones", "Fewest phones in a second of sound: music has less", most=20.0
    )
    closures: float = setting(
        0.7, "Closures", "Least share of p, b and m at which the lips are shut", high=1.0
    )
    clipped: float = setting(0.001, "Clipped", "Largest share of clipped samples", high=1.0)
    silence: float = setting(0.8, "Silence", "Largest share of silence", high=1.0)
    foreign: float = setting(
        4.0,
        "Foreign",
        "Log odds by which a line must sound like another language of the table than its own",
        most=20.0,
    )


def grade(talk: Pipeline, sound: Path, take: Take) -> Grade:
    """The figures of a line. sound: its file. Raises SpeechError, ModelError."""
    from dreamtalk_core.models.devices import inference
    from dreamtalk_core.pipeline.dreamtalk import DreamTalk
    from dreamtalk_core.pipeline.line import ears_of
    from dreamtalk_core.pipeline.sync import MIN_FRAMES, measure_sync
    from dreamtalk_core.speech.audio import Speech
    from dreamtalk_core.speech.features import SpeechFeatures

    ears, heard = ears_of(talk), take.features
    if isinstance(heard, Speech):
        heard = SpeechFeatures(heard, ears)
    peak, clipped = measure_level(sound)
    loud = heard.prosody.loudness > SPEECH_DB
    found: Grade = {
        "seconds": _rounded(float(heard.speech.duration)),
        "peak": _rounded(peak),
        "clipped": _rounded(clipped, 6),
        "silence": _rounded(1 - float(loud.mean()) if len(loud) and peak > SILENT_DB else 1.0),
    }
    with inference():
        found["phones"], found["closures"] = _phones(heard, loud, take)
        found["sounds"] = measure_sounds(heard, ears)
        long_enough = take.motion.duration * 25 >= MIN_FRAMES
        if long_enough and peak > SILENT_DB:
            sync = measure_sync(heard, take.motion)
            found["sync"] = {"offset": sync.offset, "confidence": _rounded(sync.confidence)}
    if isinstance(talk, DreamTalk):
        found["heard"] = _emotion(talk, heard, take)
    return found


def flags(found: Mapping[str, Any], limits: Thresholds) -> list[str]:
    """What is wrong with a line by its figures, in words; the gravest first."""
    if found["peak"] <= SILENT_DB:
        return ["silent"]
    wrong = []
    if found["phones"] < limits.phones:
        wrong.append("no speech")
    sync, closures = found.get("sync"), found["closures"]
    if sync and sync["confidence"] < limits.confidence:
        wrong.append("lips do not follow")
    elif sync and abs(sync["offset"]) > limits.offset:
        wrong.append("lips late" if sync["offset"] > 0 else "lips early")
    if closures["heard"] >= _FEW and closures["shut"] < limits.closures * closures["heard"]:
        wrong.append("lips open")
    if found["clipped"] > limits.clipped:
        wrong.append("clipped")
    if found["silence"] > limits.silence:
        wrong.append("mostly silence")
    return wrong


def badness(found: Mapping[str, Any], limits: Thresholds) -> tuple[float, ...]:
    """Lines in order of this have the worst first."""
    sync = found.get("sync") or {"offset": 0, "confidence": math.inf}
    return (-len(flags(found, limits)), -abs(sync["offset"]), sync["confidence"])


def measure_level(sound: Path) -> tuple[float, float]:
    """The loudest sample of a file in dB of full scale, and the share of clipped samples, piece by
    piece. Raises SpeechError."""
    from dreamtalk_core.speech.media import decode_audio

    peak, clipped, count = 0.0, 0, 0
    for samples, _ in decode_audio(sound):
        size = np.abs(samples)
        peak = max(peak, float(size.max(initial=0)))
        clipped += int(((size >= _FULL) | flat_tops(samples)).sum())
        count += samples.size
    return 20 * math.log10(max(peak, 1e-6)), clipped / max(count, 1)


def flat_tops(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Which samples [channels, n] are in a row of equal ones, and loud."""
    same = (np.diff(samples, axis=1) == 0) & (np.abs(samples[:, 1:]) > _LOUD)
    flat = np.zeros(samples.shape, bool)
    if samples.shape[1] >= _FLAT:
        runs = np.lib.stride_tricks.sliding_window_view(same, _FLAT - 1, axis=1).all(-1)
        for place in range(_FLAT):
            flat[:, place : place + runs.shape[1]] |= runs
    return flat


def _phones(
    heard: SpeechFeatures, loud: npt.NDArray[np.bool_], take: Take
) -> tuple[float, dict[str, int]]:
    """Phones in a second of sound; the bilabials among them, and how many have shut lips."""
    from dreamtalk_core.animation.lip_contact import AFTER, BEFORE
    from dreamtalk_core.evaluation.vertices import lip_gap_mm, shut_within
    from dreamtalk_core.pipeline.sampling import by_feature, reported_phones
    from dreamtalk_core.speech.phonetics import FRAME_RATE

    said, shut = [], []
    gap, fps, reached = lip_gap_mm(take.motion.to_arkit().weights), float(take.motion.fps), 0
    for rows in heard.rows():
        any_phone = 1 - rows[:, -1].float().cpu().numpy()
        said.extend((peaks_of(any_phone, 0.5) + reached).tolist())
        lips = np.asarray(by_feature(reported_phones(rows))["bilabial"], np.float32)
        for peak in (peaks_of(lips, SURE) + reached) / FRAME_RATE:
            shut.append(shut_within(gap, peak - BEFORE, peak + AFTER, fps))
        reached += len(rows)
    seconds = max(float(loud.sum()) / 25, 0.04)
    inside = sum(at // 2 < len(loud) and bool(loud[at // 2]) for at in said)
    return _rounded(inside / seconds, 2), {"heard": len(shut), "shut": sum(shut)}


def measure_sounds(heard: SpeechFeatures, ears: PhoneticEncoder) -> list[float]:
    """Mean and standard deviation of each feature of `FEATURES` where somebody speaks, [36] in all;
    nothing where nobody does."""
    import torch

    loud, reached = heard.prosody.loudness > SPEECH_DB, 0
    count, total, squares = 0, np.zeros(len(FEATURES)), np.zeros(len(FEATURES))
    for rows in heard.rows():
        at = (np.arange(len(rows)) + reached) // 2
        reached += len(rows)
        spoken = loud[at.clip(max=len(loud) - 1)] if len(loud) else np.zeros(len(at), bool)
        values = ears.leaning(rows)[torch.from_numpy(spoken)].double().cpu().numpy()
        count += len(values)
        total += values.sum(axis=0)
        squares += np.square(values).sum(axis=0)
    if not count:
        return []
    mean = total / count
    spread = np.sqrt(np.maximum(squares / count - mean**2, 0))
    return [_rounded(value, 4) for value in (*mean.tolist(), *spread.tolist())]


def peaks_of(values: npt.NDArray[np.float32], least: float) -> npt.NDArray[np.int64]:
    """Where a curve [n] has its peaks above `least`."""
    left, right = np.r_[0, values[:-1]], np.r_[values[1:], 0]
    return np.flatnonzero((values > least) & (values >= left) & (values > right))


def _emotion(talk: Any, heard: SpeechFeatures, take: Take) -> Grade | None:
    """What is heard in a voice; None where there is none, or no predictor to hear it."""
    from dreamtalk_core.errors import StyleError
    from dreamtalk_core.style import as_track

    styles = [style.heard for _, style in as_track(take.style).keys if style.heard]
    try:
        found = styles[0] if styles else talk.predict_style(heard).heard
    except StyleError:
        return None
    if found is None:
        return None
    return {"emotion": found.emotion, "probability": _rounded(found.probability)}


def _rounded(value: float, digits: int = 3) -> float:
    """As a ledger holds it: the last bits of a float are nobody's business."""
    return round(value, digits)

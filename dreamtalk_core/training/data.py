"""From a corpus to batches: recordings, their augmented features, calibrated curves."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import load_file, save_file
from torch import Tensor
from tqdm import tqdm

from dreamtalk_core.corpus import Clip, evenly, read_manifest, read_pairs
from dreamtalk_core.errors import CorpusError, shown
from dreamtalk_core.evaluation.lips import TOUCHING
from dreamtalk_core.files import atomic_write, digest_of
from dreamtalk_core.models.motion_model import HEAD
from dreamtalk_core.motion import MODEL_FPS, curves, frame_times
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.rig.head import load_head
from dreamtalk_core.speech.audio import SAMPLE_RATE
from dreamtalk_core.speech.phonetics import HOP, PhoneticEncoder
from dreamtalk_core.training.augment import AUGMENTATION, silence, vary
from dreamtalk_core.training.effort import opened, with_effort
from dreamtalk_core.training.synthetic_styles import LIPS, SyntheticStyle, apply_style, draw_style
from dreamtalk_core.training.voices import draw_voices, find_voices, load_voices
from dreamtalk_core.warned import warn
from dreamtalk_core.weights import WEIGHTS

Array = npt.NDArray[np.float32]
CHANNELS = (*ARKIT_NAMES, *HEAD)


@dataclass(frozen=True, eq=False)
class Variant:
    """One variant of a recording: features float16 [2T + 1, F] and values float32 [T, C]."""

    features: npt.NDArray[np.float16]
    values: Array


@dataclass(frozen=True, eq=False)
class Recording:
    """A recording in its variants (the first is the recording itself), and what it can teach."""

    variants: tuple[Variant, ...]
    observed: npt.NDArray[np.bool_]
    """[C]"""
    sound: str = ""
    """What was recorded, by its content; empty where nobody was."""


Source = list[Recording]


def read_source(source: Mapping[str, Any], corpus: Path, without: Sequence[str] = ()) -> list[Clip]:
    """The clips that a source of the training configuration names, but those of some speakers."""
    if "folder" in source:
        folder = corpus / source["folder"]
        clips = read_pairs(folder, source["licence"], source["speaker"], source.get("channels", {}))
    else:
        clips = read_manifest(corpus, source["where"])
    found = [clip for clip in clips if clip.speaker not in without]
    if not found:
        raise CorpusError(f"Source '{source['name']}' matches no clip of {corpus}.")
    return evenly(found, source.get("most", len(found)))


def load_sources(config: Mapping[str, Any], corpus: Path, cache: Path) -> list[Source]:
    """Every source of the configuration, calibrated; features come from the cache once made.

    Speakers that are kept out for validation are left out. Raises CorpusError.
    """
    without = config.get("validation", {}).get("speakers", [])
    groups = [read_source(source, corpus, without) for source in config["sources"]]
    voices = find_voices(chain(*groups), [corpus / folder for folder in config["babble"]])
    sources = []
    for group in groups:
        features = _cached(cache, config, group, voices)
        values = calibrate(group, config)
        sources.append(
            [_recording(clip, v, features) for clip, v in zip(group, values, strict=True)]
        )
    return sources


def silent_source(config: Mapping[str, Any], count: int = 40) -> Source:
    """Recordings of nobody speaking, whose lips rest."""
    rng = np.random.default_rng(config["seed"])
    encoder = PhoneticEncoder.load()
    observed = np.array([name in LIPS for name in CHANNELS])
    frames = 2 * config["frames"]
    values = np.zeros((frames, len(CHANNELS)), np.float32)
    waves = [silence(float(frames / MODEL_FPS), rng) for _ in range(count)]
    return [
        Recording((Variant(_features(encoder, wave, frames), values),), observed) for wave in waves
    ]


def calibrate(clips: Sequence[Clip], config: Mapping[str, Any]) -> list[Array]:
    """Channel values [T, C] of one speaker's clips, on the scale that all speakers share.

    A tracker reads the same lip movement as a weak curve on one face and a strong one on another;
    what the lips did in space is the better witness. Rounding is therefore read for a part from the
    narrowing of the mouth, and opening from the gap between the lips; each speaker's curves are
    brought to the configured deviation.
    """
    values = [np.concatenate([clip.weights, clip.motion.head_rotation], 1) for clip in clips]
    gains = np.ones(len(CHANNELS), np.float32)
    limits = np.array([np.inf if name in HEAD else 1.0 for name in CHANNELS], np.float32)
    together = np.concatenate(values)
    for rule in config["amplitude"]:
        measured = together[:, INDEX[rule["measure"]]]
        if "peak" in rule:  # of blinks: lids that meet are seldom tracked as 1
            gain = rule["peak"] / max(float(np.percentile(measured, 99)), 0.2)
        else:
            gain = rule["deviation"] / max(float(measured.std()), 0.01)
        for name in rule["channels"]:
            gains[INDEX[name]] = gain
    calibrated = [np.minimum(value * gains, limits) for value in values]
    share = config["narrowing"]
    widths = [clip.lip_width for clip in clips]
    gaps = [clip.lip_gap for clip in clips]
    seen = [not np.isnan([clip.lip_gap, clip.lip_width]).any() for clip in clips]
    if any(seen) and not all(seen) and (share or config["gap"]):
        lacking = [clip.id for clip, known in zip(clips, seen, strict=True) if not known]
        warn(
            f"{clips[0].speaker} is learnt by curves alone: there is no measure of the lips in "
            f"{shown(', '.join(lacking), 200)}."
        )
    if share and all(seen):
        narrow = [np.clip(np.percentile(width, 85) - width, 0, None) for width in widths]
        scale = config["pucker"] / float(np.concatenate(narrow).std())
        pucker = INDEX["mouthPucker"]
        for value, curve in zip(calibrated, narrow, strict=True):
            value[:, pucker] = (1 - share) * value[:, pucker] + share * scale * curve
    if config["gap"] and all(seen):
        calibrated = list(_as_the_lips_part(calibrated, gaps, config["gap"]))
    return calibrated


def _as_the_lips_part(
    calibrated: Sequence[Array], gaps: Sequence[Array], share: float
) -> Iterator[Array]:
    """Values [T, C] whose jaw opens the head's lips as far as the speaker's [T] were apart.

    A tracker sees the inner lips well, and the jaw, which is what its curves say, less so. share:
    of the difference that is made up for.
    """
    head, shapes = load_head(), len(ARKIT_NAMES)
    jaw, close = INDEX["jawOpen"], INDEX["mouthClose"]
    opened = np.zeros((1, shapes), np.float32)
    opened[0, jaw] = 1.0
    reach = float(head.lip_gap_mm(opened)[0])
    shown = [head.lip_gap_mm(value[:, :shapes]) for value in calibrated]
    # Closed lips are tracked a little apart.
    closed = max(TOUCHING, float(np.percentile(np.concatenate(gaps), 3)))
    parted = [np.clip(gap - closed, 0, None) for gap in gaps]
    scale = np.concatenate(shown).std() / max(float(np.concatenate(parted).std()), 1e-6)
    for value, apart, now in zip(calibrated, parted, shown, strict=True):
        wanted = value[:, jaw] + share * (scale * apart - now) / reach
        # The jaw may be open behind closed lips.
        value[:, jaw] = np.clip(wanted, value[:, close], 1.0)
        yield value


def _recording(
    clip: Clip, values: Array, features: Mapping[str, npt.NDArray[np.generic]]
) -> Recording:
    variants = []
    for variant, tempo in enumerate(features[f"{clip.id}.tempo"]):
        rows = features[f"{clip.id}.{variant}"].astype(np.float16)
        frames = min(
            (len(rows) - 1) // 2, int(float(clip.motion.duration * MODEL_FPS) / float(tempo))
        )
        times = frame_times(frames, MODEL_FPS) * float(tempo)
        at = curves.resample(values, clip.motion.times, times).astype(np.float32)
        at = opened(at, float(features[f"{clip.id}.opening"][variant]))
        variants.append(Variant(rows[: 2 * frames + 1], at))
    observed = np.append(clip.observed, [clip.head_observed] * len(HEAD))
    return Recording(tuple(variants), observed, file_digest(clip.audio))


def _cached(
    cache: Path, config: Mapping[str, Any], clips: list[Clip], voices: Mapping[str, list[Path]]
) -> dict[str, npt.NDArray[np.generic]]:
    """Features of all variants of all clips by 'ID.variant', tempos by 'ID.tempo', and by
    'ID.opening' how far each opens the mouth; see `with_effort`.

    voices: sounds by speaker, to make babble from.
    """
    named = [[clip.id for clip in clips], [*voices]]
    settings = [config["variants"], config["effort"], config["seed"], AUGMENTATION]
    drawn = digest([*settings, named])
    sources = source_digests([*(clip.audio for clip in clips), *chain(*voices.values())])
    path = cache / f"features-{digest([drawn, *sources])}.safetensors"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng([config["seed"], int(drawn, 16)])
        made = dict(_variants(clips, load_voices(voices), config, rng))
        with atomic_write(path) as temporary:
            save_file(made, temporary)
    return load_file(path)


def source_digests(sounds: Iterable[Path]) -> list[str]:
    """What features are made from: the recogniser and the sounds, by their content.

    Raises CorpusError for one that cannot be read.
    """
    return [file_digest(path) for path in (WEIGHTS / "phonetic.safetensors", *sounds)]


def file_digest(path: Path) -> str:
    """Hexadecimal digits for what a file holds. Raises CorpusError where it cannot be read."""
    try:
        return digest_of(path)
    except OSError as error:
        raise CorpusError(f"{error.filename} cannot be read ({error.strerror}).") from error


def digest(made_from: object) -> str:
    """Twelve hexadecimal digits for anything that JSON can hold."""
    return hashlib.sha256(json.dumps(made_from).encode()).hexdigest()[:12]


def _variants(
    clips: list[Clip],
    voices: Mapping[str, list[Array]],
    config: Mapping[str, Any],
    rng: np.random.Generator,
) -> Iterator[tuple[str, npt.NDArray[np.generic]]]:
    encoder = PhoneticEncoder.load()
    for clip in tqdm(clips, desc="features", unit="clip"):
        waveform = clip.waveform()
        others = [draw_voices(voices, clip.speaker, rng) for _ in range(config["variants"])]
        varied, openings = [(waveform, 1.0)], [1.0]
        for heard in others[1:]:
            said, opening = waveform, 1.0
            if rng.random() < config["effort"]:
                said, opening = with_effort(waveform, rng)
            varied.append(vary(said, heard, rng))
            openings.append(opening)
        yield f"{clip.id}.tempo", np.array([tempo for _, tempo in varied], np.float32)
        yield f"{clip.id}.opening", np.array(openings, np.float32)
        for variant, (wave, _) in enumerate(varied):
            before = rng.random() < 0.5 and others[variant]
            around = others[variant][0][: 2 * SAMPLE_RATE] if before else None
            frames = int(len(wave) * MODEL_FPS / SAMPLE_RATE)
            yield f"{clip.id}.{variant}", _features(encoder, wave, frames, around)


def _features(
    encoder: PhoneticEncoder, wave: Array, frames: int, around: Array | None = None
) -> npt.NDArray[np.float16]:
    """Feature rows [2 frames + 1 or more, F] of a wave, put between other speech if given."""
    context = np.zeros(0, np.float32) if around is None else around
    padded = np.concatenate([context, wave, context])
    before = len(context) // HOP
    rows = torch.cat(list(encoder.stream(padded))).half().numpy()
    rows = rows[before : before - (-len(wave) // HOP)]
    return np.pad(rows, ((0, max(0, 2 * frames + 1 - len(rows))), (0, 0)), mode="edge")


@dataclass(frozen=True)
class Batch:
    """Tensors of one training step; values are channel values, not normalised."""

    features: Tensor
    """[B, 2T + 1, F]"""
    target: Tensor
    """[B, T, C]"""
    weight: Tensor
    """[B, T, C]: 1 where the target is known, else 0."""
    clip: Tensor
    """[B, S, C] style clip"""
    padding: Tensor
    """[B, S] True where the style clip is padding"""

    def to(self, device: torch.device) -> Batch:
        """The batch on a device."""
        return Batch(*(tensor.to(device) for tensor in vars(self).values()))


def draw_batch(
    sources: Sequence[Source],
    shares: Sequence[float],
    size: int,
    frames: int,
    rng: np.random.Generator,
) -> Batch:
    """`size` random stretches of `frames` frames, each with a style clip of its speaker."""
    drawn = [
        _draw_example(sources[rng.choice(len(sources), p=shares)], frames, rng) for _ in range(size)
    ]
    features, target, weight, clips = zip(*drawn, strict=True)
    longest = max(map(len, clips))
    padded = np.stack([np.pad(clip, ((0, longest - len(clip)), (0, 0))) for clip in clips])
    padding = np.arange(longest)[None] >= np.array([len(clip) for clip in clips])[:, None]
    stacked = (
        np.stack(features),
        np.stack(target),
        np.stack(weight),
        padded,
        padding,
    )
    return Batch(*(torch.from_numpy(array) for array in stacked))


def _draw_example(
    source: Source, frames: int, rng: np.random.Generator
) -> tuple[Array, Array, Array, Array]:
    recording = source[rng.integers(len(source))]
    variant = recording.variants[rng.integers(len(recording.variants))]
    start = int(rng.integers(max(1, len(variant.values) - frames + 1)))
    values = variant.values[start : start + frames]
    rows = variant.features[2 * start : 2 * (start + len(values)) + 1]
    missing = frames - len(values)
    style = draw_style(rng)
    weight = np.pad(np.tile(recording.observed, (len(values), 1)), ((0, missing), (0, 0)))
    target = np.pad(apply_style(values, style), ((0, missing), (0, 0)), mode="edge")
    rows = np.pad(rows, ((0, 2 * missing), (0, 0)), mode="edge")
    clip = draw_style_clip(source, style, rng)
    return rows.astype(np.float32), target, weight.astype(np.float32), clip


def draw_style_clip(source: Source, style: SyntheticStyle, rng: np.random.Generator) -> Array:
    """1.6 to 6 s of a speaker in a synthetic style [S, C]: stretches of recordings joined."""
    length, pieces = int(rng.integers(40, 150)), []
    while length > 0:
        values = source[rng.integers(len(source))].variants[0].values
        start = int(rng.integers(max(1, len(values) - length + 1)))
        pieces.append(apply_style(values[start : start + length], style, rng))
        length -= len(pieces[-1])
    return np.concatenate(pieces)

"""Speech that the style predictor learns from: what people say in no mood, and what they act.

The first is of tracked speakers and other recordings, the second of folders with labels. (Synthetic
voices made emotional by rule were tried beside them: no language was heard better for it, and more
ordinary speech was taken for emotional.)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file
from tqdm import tqdm

from dreamtalk_core.corpus import Clip, evenly, read_manifest
from dreamtalk_core.errors import CorpusError
from dreamtalk_core.files import atomic_write
from dreamtalk_core.models.style_predictor import SUMMARY, summarise_speech
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech
from dreamtalk_core.speech.features import SpeechFeatures
from dreamtalk_core.speech.phonetics import PhoneticEncoder
from dreamtalk_core.training.augment import AUGMENTATION, vary
from dreamtalk_core.training.data import digest, source_digests
from dreamtalk_core.training.voices import draw_voices, read_labels

Array = npt.NDArray[np.float32]

ROWS = "float16"
"""Kind of the phonetic rows that summaries are made of, as in `SpeechFeatures`."""
CLIPS = 30
"""Clips of one speaker that are used; more say little new."""
PIECE = 4 * SAMPLE_RATE
"""Long recordings are cut to this length."""
PLAIN = "plain"
"""Origin of the examples that are people's plain speech."""


@dataclass(frozen=True, eq=False)
class Example:
    """A speech, its emotion, and whose voice it is."""

    summary: Array
    """[len(SUMMARY)]"""
    emotion: str
    speaker: str
    origin: str
    """Which share of the training it counts to: PLAIN or a labelled corpus's folder."""


def load_examples(config: Mapping[str, Any], corpus: Path, cache: Path) -> list[Example]:
    """All speech of the configuration; from the cache once it has been analysed."""
    plain = {key: config[key] for key in ("seed", "faces", "recordings", "variants")}
    recorded = [path for paths in _recordings(config, corpus).values() for path in paths]
    examples = _cached(cache, plain, recorded, partial(_plain_examples, config, corpus))
    for source in config["sources"]:
        labelled = {"seed": config["seed"], **source}
        folder = corpus / source["folder"]
        labels = read_labels(folder)
        unknown = {row["emotion"] for row in labels} - set(config["emotions"])
        if unknown:
            raise CorpusError(
                f"{folder / 'labels.tsv'} has emotions that the configuration does not name: "
                f"{', '.join(sorted(unknown))}. Add them to `emotions`, or take the rows out."
            )
        sounds = [folder / "labels.tsv", *(folder / f"{row['id']}.flac" for row in labels)]
        examples += _cached(
            cache, labelled, sounds, partial(_labelled_examples, config, source, corpus)
        )
    return examples


def _cached(
    cache: Path,
    made_from: Mapping[str, Any],
    sounds: Sequence[Path],
    make: Callable[[], Iterator[Example]],
) -> list[Example]:
    name = digest([made_from, SUMMARY, source_digests(sounds), ROWS, AUGMENTATION])
    path = cache / f"speech-{name}.safetensors"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        made = {
            json.dumps([index, one.emotion, one.speaker, one.origin]): one.summary
            for index, one in enumerate(make())
        }
        with atomic_write(path) as temporary:
            save_file(made, temporary)
    entries = {tuple(json.loads(key)): value for key, value in load_file(path).items()}
    return [Example(entries[key], *key[1:]) for key in sorted(entries)]


def _plain_examples(config: Mapping[str, Any], corpus: Path) -> Iterator[Example]:
    spoken = [(speaker, "neutral", wave) for speaker, wave in _recorded(config, corpus)]
    return _examples(spoken, PLAIN, config["variants"], config["seed"])


def _recordings(config: Mapping[str, Any], corpus: Path) -> dict[str, list[Path]]:
    """The sounds of what people said in no mood: at most CLIPS of each speaker."""
    sounds = {
        speaker: [clip.audio for clip in clips]
        for speaker, clips in clips_by_speaker(config["faces"], corpus).items()
    }
    for folder in config["recordings"]:
        sounds[folder] = sorted((corpus / folder).glob("*.flac"))[:CLIPS]
        if not sounds[folder]:
            raise CorpusError(f"{corpus / folder} holds no .flac files. Give another folder.")
    return sounds


def _recorded(config: Mapping[str, Any], corpus: Path) -> Iterator[tuple[str, Array]]:
    """(speaker, waveform) of `_recordings`: at most CLIPS pieces of each."""
    for speaker, paths in _recordings(config, corpus).items():
        pieces: list[Array] = []
        for path in paths:
            waveform = Speech.load(path).waveform
            starts = range(0, max(1, len(waveform) - PIECE // 2), PIECE)
            pieces += [waveform[start : start + PIECE] for start in starts]
        for piece in evenly(pieces, CLIPS):
            yield speaker, piece


def _labelled_examples(
    config: Mapping[str, Any], source: Mapping[str, Any], corpus: Path
) -> Iterator[Example]:
    folder = corpus / source["folder"]
    spoken = [
        (row["speaker"], row["emotion"], Speech.load(folder / f"{row['id']}.flac").waveform)
        for row in read_labels(folder)
    ]
    return _examples(spoken, source["folder"], source["variants"], config["seed"])


def _examples(
    spoken: Sequence[tuple[str, str, Array]], origin: str, variants: int, seed: int
) -> Iterator[Example]:
    """Examples of what is spoken, as (speaker, emotion, waveform): as it is, and varied."""
    rng = np.random.default_rng(seed)
    encoder = PhoneticEncoder.load()
    voices: dict[str, list[Array]] = {}
    for speaker, _, waveform in spoken:
        voices.setdefault(speaker, []).append(waveform)
    for speaker, emotion, waveform in tqdm(spoken, desc=origin, unit="speech"):
        for variant in range(variants):
            others = draw_voices(voices, speaker, rng)
            varied = vary(waveform, others, rng)[0] if variant else waveform
            yield Example(_summary(encoder, varied), emotion, speaker, origin)


def _summary(encoder: PhoneticEncoder, waveform: Array) -> Array:
    return summarise_speech(SpeechFeatures(Speech(waveform, "training"), encoder))


def clips_by_speaker(where: Mapping[str, list[str]], corpus: Path) -> dict[str, list[Clip]]:
    clips: dict[str, list[Clip]] = {}
    for clip in read_manifest(corpus, where):
        group = clips.setdefault(clip.speaker, [])
        if len(group) < CLIPS:
            group.append(clip)
    return clips

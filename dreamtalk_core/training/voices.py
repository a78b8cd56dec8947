"""Other people's voices, for the babble that recordings are put into."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dreamtalk_core.corpus import Clip, evenly, sounds_in
from dreamtalk_core.corpus.manifest import read_rows
from dreamtalk_core.speech.audio import Speech
from dreamtalk_core.training.backgrounds import MOST_VOICES

Wave = npt.NDArray[np.float32]

RECORDINGS = 24
"""Recordings of one speaker that are used; more only fill the memory."""


def find_voices(clips: Iterable[Clip], folders: Iterable[Path]) -> dict[str, list[Path]]:
    """Sounds by speaker: those of clips, and those of folders, each of one speaker if it holds no
    labels. Evenly from all that there are. Raises CorpusError for a folder without sounds."""
    found: dict[str, list[Path]] = {}
    for clip in clips:
        found.setdefault(clip.speaker, []).append(clip.audio)
    for folder in folders:
        labelled = (folder / "labels.tsv").exists()
        rows = read_labels(folder) if labelled else []
        speakers = {row["id"]: row["speaker"] for row in rows}
        for sound in sounds_in(folder):
            found.setdefault(speakers.get(sound.stem, folder.name), []).append(sound)
    return {name: evenly(sounds, RECORDINGS) for name, sounds in found.items()}


def load_voices(sounds: Mapping[str, Sequence[Path]]) -> dict[str, list[Wave]]:
    """Recordings [N] at 16 kHz by speaker. Raises SpeechError."""
    return {name: [Speech.load(path).waveform for path in paths] for name, paths in sounds.items()}


def draw_voices(
    voices: Mapping[str, Sequence[Wave]], speaker: str, rng: np.random.Generator
) -> list[Wave]:
    """Recordings of other people than the speaker, as many as the fullest babble needs.

    Every person is as likely; one comes twice only where there are too few.
    """
    others = [name for name in voices if name != speaker]
    if not others:
        return []
    people = rng.choice(len(others), MOST_VOICES, replace=len(others) < MOST_VOICES)
    drawn = (voices[others[person]] for person in people)
    return [waves[int(rng.integers(len(waves)))] for waves in drawn]


def read_labels(folder: Path) -> list[dict[str, str]]:
    """Rows of FOLDER/labels.tsv: id, speaker, emotion and more. Raises CorpusError."""
    return read_rows(folder / "labels.tsv")

"""The clips that our own figures are about: the groups of the development corpus.

A clip's id says where it came from: `wild_...`, `ar_...`, `jv_...`, `grid_SPEAKER_SENTENCE`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from benchmarks.corpora.grid import clip_bursts
from dreamtalk_core.corpus import Clip, read_manifest
from dreamtalk_core.corpus.manifest import read_rows
from dreamtalk_core.errors import CorpusError
from dreamtalk_core.evaluation.clips import TrackedClip
from dreamtalk_core.evaluation.evaluate import evaluate, evaluate_model
from dreamtalk_core.evaluation.report import Report
from dreamtalk_core.motion import Motion
from dreamtalk_core.pipeline.base import AnyStyle
from dreamtalk_core.pipeline.dreamtalk import DreamTalk
from dreamtalk_core.speech.audio import Speech

UNSEEN_GRID_SPEAKERS = (
    *("GRID_s30", "GRID_s33", "GRID_s34", "GRID_B", "GRID_C", "GRID_E", "GRID_H"),
    *("GRID_new_maleA", "GRID_new_maleB", "GRID_new_personC", "GRID_new_femaleD"),
)
"""GRID speakers that no shipped model is trained on (a trailing `_male`, `_female` is ignored)."""

GROUPS = {
    "wild": "people in ordinary conditions, none of them trained on",
    "grid unseen": "GRID speakers that are not trained on",
    "arabic": "Arabic news anchors that appear in no training clip",
    "javanese acted": "six people who act six emotions, none of them trained on",
    "grid dev": "held-out sentences of a GRID speaker that is trained on",
}


_BY_PREFIX = {"wild_": "wild", "jv_": "javanese acted"}


def group_of(clip: TrackedClip) -> str | None:
    """The evaluation group (a key of GROUPS) that a corpus clip belongs to; None: for training."""
    return _group(clip.id, clip.split, clip.speaker)


def _group(id: str, split: str, speaker: str) -> str | None:
    for prefix, group in _BY_PREFIX.items():
        if id.startswith(prefix):
            return group
    if id.startswith("ar_"):
        return "arabic" if split == "dev" else None
    if id.startswith("grid_"):
        if speaker.removesuffix("_male").removesuffix("_female") in UNSEEN_GRID_SPEAKERS:
            return "grid unseen"
        return "grid dev" if split == "dev" else None
    return None


def report_group(clip: TrackedClip) -> str:
    """What a clip is reported under: its group, or its split."""
    return group_of(clip) or clip.split


NAMELESS = ("VoxCeleb2 speaker", "LRS3 TED speaker")
"""What the manifest calls people that it has no name for; no two clips are of one of them."""

ALIASES = {
    "same speaker as WDA_AlexandriaOcasioCortez clip (by background)": "AOC (folder name)",
}
"""One person under two names."""


def report_speaker(clip: TrackedClip) -> str:
    """Whose clip it is, as far as the manifest knows."""
    speaker = ALIASES.get(clip.speaker, clip.speaker)
    return clip.id if speaker in NAMELESS else speaker


def grouped_clips(corpus: Path, split: str | None = None) -> list[Clip]:
    """The clips of a corpus that belong to a group, or all of one split.

    Raises CorpusError as `read_manifest` does, or when there is none.
    """
    chosen = [
        row["id"]
        for row in read_rows(corpus / "manifest.tsv")
        if (row["split"] == split if split else _group(row["id"], row["split"], row["speaker"]))
    ]
    if not chosen:
        raise CorpusError(f"{corpus} has no clips to evaluate on. Name a split of its manifest.")
    return list(read_manifest(corpus, {"id": chosen}))


evaluate_groups = partial(
    evaluate, group=report_group, speaker=report_speaker, known=GROUPS, bursts=clip_bursts
)
"""`evaluate`, of our groups and with the bursts of GRID."""

evaluate_model_groups = partial(
    evaluate_model, group=report_group, speaker=report_speaker, known=GROUPS, bursts=clip_bursts
)
"""`evaluate_model`, likewise."""


def evaluate_lips(
    talk: DreamTalk, clips: Iterable[TrackedClip], name: str, style: AnyStyle | None = None
) -> Report:
    """The figures that need no bursts, no second take and no other network, in some style."""

    def predict(clip: TrackedClip) -> Motion:
        return talk.animate(Speech(clip.waveform(), clip.id), style)

    return evaluate_groups(predict, clips, name=name, bursts=None)

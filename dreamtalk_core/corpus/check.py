"""What is in a corpus, and what is missing: `dreamtalk corpus check`."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from dreamtalk_core.corpus.clips import SOUNDS, read_clip
from dreamtalk_core.corpus.manifest import read_rows
from dreamtalk_core.errors import CorpusError, DreamTalkError, shown
from dreamtalk_core.formats._limits import files_in
from dreamtalk_core.speech.audio import SAMPLE_RATE

_NEEDED = ("id", "split", "licence", "speaker")


@dataclass(frozen=True)
class Checked:
    """minutes: by (speaker, licence, split). faults: what is wrong, a sentence each."""

    minutes: dict[tuple[str, str, str], float]
    faults: list[str]


def check_corpus(corpus: Path) -> Checked:
    """Read every clip of a manifest. Raises CorpusError if there is no manifest."""
    manifest = corpus / "manifest.tsv"
    if corpus.is_dir() and not manifest.exists():
        raise CorpusError(
            f"{corpus} holds no manifest.tsv, which would say whose its clips are and who may use "
            f"them. Make one: dreamtalk corpus add {corpus} --corpus NEW_FOLDER --speaker NAME "
            "--licence LICENCE."
        )
    rows = read_rows(manifest)
    minutes: dict[tuple[str, str, str], float] = defaultdict(float)
    faults = []
    if lacking := [name for name in _NEEDED if rows and name not in rows[0]]:
        raise CorpusError(f"{manifest} lacks the column {lacking[0]}. Add it.")
    listed: set[str] = set()
    for row in rows:
        id = shown(row["id"], 80)
        if row["id"] in listed:
            faults.append(f"{id} is listed twice.")
        listed.add(row["id"])
        if not row["licence"] or not row["speaker"]:
            faults.append(f"{id} has no licence or no speaker.")
        try:
            clip = read_clip(corpus, row)
            seconds = len(clip.waveform()) / SAMPLE_RATE
        except DreamTalkError as error:
            faults.append(f"{id}: {error}")
            continue
        if abs(seconds - float(clip.motion.duration)) > 1:
            faults.append(
                f"{id} has {seconds:.1f} s of sound and {float(clip.motion.duration):.1f} s of "
                "motion."
            )
        minutes[row["speaker"], row["licence"], row["split"]] += seconds / 60
    folder = corpus / "clips"
    if folder.is_dir():
        for path in sorted(files_in(folder, CorpusError)):
            if path.suffix in (".npz", *SOUNDS) and path.stem not in listed:
                faults.append(f"{shown(path.name)} is not in the manifest.")
    return Checked(dict(minutes), faults)

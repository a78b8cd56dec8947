"""Emotional speech without faces, as training of the style predictor reads it.

CORPUS/KEY/labels.tsv lists id, speaker, emotion and more; CORPUS/KEY/ID.flac is the sound.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dreamtalk_core.corpus.add import write_flac
from dreamtalk_core.corpus.clips import SOUNDS
from dreamtalk_core.corpus.manifest import add_rows, read_rows
from dreamtalk_core.corpus.published import PUBLISHED, facts_of, read_table
from dreamtalk_core.corpus.takes import files_below
from dreamtalk_core.errors import CorpusError, SpeechError, shown
from dreamtalk_core.files import atomic_write
from dreamtalk_core.speech.audio import Speech

COLUMNS = ("id", "speaker", "emotion", "sentence", "language", "licence")
_TOGETHER = 200
"""Rows that are written at a time."""


def add_labelled(
    folder: Path, corpus: Path, key: str, tell: Callable[[str], None] = lambda line: None
) -> tuple[int, dict[str, str]]:
    """Add the sounds in the folder of a published corpus (a key of PUBLISHED), with its labels.

    Those that CORPUS/KEY has already are left as they are. Returns how many were added, and file ->
    why it was not. Raises CorpusError if the corpus's table is missing, WriteError.
    """
    published = PUBLISHED[key]
    table = read_table(folder, published)
    target = corpus / key
    labels = target / "labels.tsv"
    there = {row["id"] for row in read_rows(labels)} if labels.exists() else set()
    sounds = [path for path in sorted(files_below(folder)) if path.suffix.lower() in SOUNDS]
    if not sounds:
        raise CorpusError(f"{shown(str(folder))} holds no sound files ({', '.join(SOUNDS)}).")
    target.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, str]] = []
    useless: dict[str, str] = {}
    added = 0
    for number, path in enumerate(sounds, 1):
        name = path.relative_to(folder).as_posix()
        facts = facts_of(path, folder, published, table)
        if facts is None:
            useless[name] = "its name is none of this corpus, or of a mood that has no name"
            continue
        # GRID calls the same sentence of every speaker alike.
        id = path.stem if facts.speaker in path.stem else f"{facts.speaker}_{path.stem}"
        if id in there:
            continue
        tell(f"{name} ({number} of {len(sounds)})")
        try:
            wave = Speech.load(path).waveform
        except SpeechError as error:
            useless[name] = shown(str(error), 300)
            continue
        with atomic_write(target / f"{id}.flac") as temporary:
            write_flac(temporary, wave)
        there.add(id)
        rows.append(
            {
                "id": id, "speaker": facts.speaker, "emotion": facts.emotion,
                "sentence": facts.sentence, "language": published.language,
                "licence": published.licence,
            }
        )  # fmt: skip
        if len(rows) == _TOGETHER:
            add_rows(labels, rows, COLUMNS)
            added, rows = added + len(rows), []
    if rows:
        add_rows(labels, rows, COLUMNS)
    return added + len(rows), useless

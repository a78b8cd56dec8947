"""EMO-DB's labels, and its folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.corpora.emodb import LIPS_SHUT, OPEN_VOWELS, read_emodb, read_phones
from dreamtalk_core.errors import CorpusError
from dreamtalk_core.evaluation.closures import Line, Phone

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"

XLABEL = """signal 03a01Fa
type 0
comment created using xlabel Wed Apr 26 12:59:18 2000
separator ;
nfields 1
#
    0.080   -1 _t
    0.244   -1 l
    0.348   125 a\t+lar\t2
    0.400   -1 \t-lar
    0.427   -1 p
    0.509   -1 !p\t+na
    0.551 2000 m;+sil
    0.602   -1 .
"""


def test_a_label_stands_at_the_start_and_a_remark_ends_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(XLABEL, encoding="latin-1")
    phones = read_phones(path)
    assert [phone.symbol for phone in phones] == ["_t", "l", "a", "p", "!p", "m"]
    assert phones[2] == Phone("a", 0.348, 0.427)
    assert phones[-1] == Phone("m", 0.551, 0.602)


def test_a_file_without_labels_has_no_phones(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(XLABEL.split("    0.080")[0], encoding="latin-1")
    assert read_phones(tmp_path / "a.txt") == ()
    with pytest.raises(CorpusError, match=r"b\.txt"):
        read_phones(tmp_path / "b.txt")


def test_emodb_is_read_as_far_as_it_sounds() -> None:
    if not (CORPUS / "emodb").is_dir():
        pytest.skip(f"needs the development corpus in {CORPUS}")
    lines = read_emodb(CORPUS, every=40)
    assert {"angry", "happy"} <= {spoken.emotion for spoken in lines}
    for spoken in lines:
        assert all(p.start < p.end <= spoken.speech.duration for p in spoken.phones)
    assert 2 <= sum(len(spoken.spans(LIPS_SHUT)) for spoken in lines) / len(lines) <= 4
    # Vowels are loud and closures are not: labels and sound belong together.
    assert loudness(lines, OPEN_VOWELS) > 10 + loudness(lines, ("p", "t", "k"))


def loudness(lines: list[Line], symbols: tuple[str, ...]) -> float:
    """Median dB in the middle of phones."""
    levels = []
    for spoken in lines:
        for start, end in spoken.spans(symbols):
            middle = round(8000 * (start + end))
            piece = spoken.speech.waveform[middle - 80 : middle + 80].astype(np.float64)
            levels.append(10 * np.log10(np.square(piece).mean() + 1e-9))
    return float(np.median(levels))


def test_a_corpus_without_emodb_is_reported(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="EMO-DB"):
        read_emodb(tmp_path)

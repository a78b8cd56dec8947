"""File names of published corpora, in folders that the tests make."""

from __future__ import annotations

from pathlib import Path

import pytest

from dreamtalk_core.cli import _parser
from dreamtalk_core.corpus.labelled import add_labelled
from dreamtalk_core.corpus.manifest import read_rows
from dreamtalk_core.corpus.published import PUBLISHED, Facts, facts_of, read_table
from dreamtalk_core.errors import CorpusError
from dreamtalk_core.training.synthetic_styles import NAMED
from dreamtalk_core.training.voices import read_labels
from tests.test_corpus import write_sound


@pytest.mark.parametrize(
    ("key", "file", "facts"),
    [
        ("crema-d", "VideoFlash/1001_DFA_ANG_XX.flv", Facts("CREMA-D_1001", "angry", "DFA")),
        ("crema-d", "AudioWAV/1091_WSI_SAD_LO.wav", Facts("CREMA-D_1091", "sad", "WSI")),
        ("crema-d", "README.wav", None),
        ("grid", "s1/bbaf2n.mpg", Facts("GRID_s1", "neutral", "bbaf2n")),
        ("grid", "s34/video/mpg_6000/swwz9s.mpg", Facts("GRID_s34", "neutral", "swwz9s")),
        ("grid", "bbaf2n.mpg", None),  # of nobody
        ("ravdess", "Actor_12/03-01-06-01-02-01-12.wav", Facts("RAVDESS_12", "fear", "02")),
        ("ravdess", "Actor_12/01-01-03-02-01-02-12.mp4", Facts("RAVDESS_12", "happy", "01")),
        ("ravdess", "Actor_12/03-01-02-01-02-01-12.wav", None),  # calm is none of our moods
        ("ravdess", "Actor_12/03-02-06-01-02-01-12.wav", None),  # sung
        ("ravdess", "Actor_12/02-01-06-01-02-01-12.mp4", None),  # without sound
        ("subesco", "F_02_MONIKA_S_1_NEUTRAL_5.wav", Facts("SUBESCO_F_02", "neutral", "1")),
        ("subesco", "M_10_TITAS_S_10_SURPRISE_1.wav", Facts("SUBESCO_M_10", "surprise", "10")),
    ],
)
def test_names_say_who_how_and_what(key: str, file: str, facts: Facts | None) -> None:
    folder = Path("corpora") / key
    assert facts_of(folder / file, folder, PUBLISHED[key], {}) == facts


def test_one_speaker_of_grid_may_be_given_alone() -> None:
    folder = Path("corpora/s7")
    facts = facts_of(folder / "lbax4n.mpg", folder, PUBLISHED["grid"], {})
    assert facts == Facts("GRID_s7", "neutral", "lbax4n")


def test_all_moods_are_ones_that_styles_have() -> None:
    for published in PUBLISHED.values():
        assert set(published.emotions.values()) <= set(NAMED)
    assert "NC" in PUBLISHED["ravdess"].licence


def test_the_command_names_them_all() -> None:
    (actions,) = (a for a in _parser()._actions if a.dest == "==SUPPRESS==" or a.choices)
    adding = actions.choices["corpus"]._subparsers._group_actions[0].choices["add"]  # type: ignore[index]
    (option,) = (a for a in adding._actions if "--as" in a.option_strings)
    assert all(key in str(option.help) for key in PUBLISHED)


@pytest.fixture
def emozionalmente(tmp_path: Path) -> Path:
    folder = tmp_path / "emozionalmente_dataset"
    (folder / "audio").mkdir(parents=True)
    (folder / "metadata").mkdir()
    (folder / "metadata" / "samples.csv").write_text(
        "id,file_name,actor,emotion_expressed\n"
        "1,100.wav,7,joy\n2,101.wav,7,neutrality\n3,102.wav,8,confusion\n",
        encoding="utf-8",
    )
    for name in ("100", "101", "102"):
        write_sound(folder / "audio" / f"{name}.flac", 1.0)
        (folder / "audio" / f"{name}.flac").rename(folder / "audio" / f"{name}.wav")
    return folder


def test_labels_are_written_as_the_predictor_reads_them(
    emozionalmente: Path, tmp_path: Path
) -> None:
    corpus = tmp_path / "corpus"
    count, useless = add_labelled(emozionalmente, corpus, "emozionalmente")
    assert count == 2
    assert list(useless) == ["audio/102.wav"]
    rows = read_labels(corpus / "emozionalmente")
    assert [(row["speaker"], row["emotion"]) for row in rows] == [
        ("Emozionalmente_7", "happy"),
        ("Emozionalmente_7", "neutral"),
    ]
    assert all((corpus / "emozionalmente" / f"{row['id']}.flac").stat().st_size for row in rows)
    assert {row["licence"] for row in rows} == {"CC-BY-4.0"}


def test_what_is_there_is_left_as_it_is(emozionalmente: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    add_labelled(emozionalmente, corpus, "emozionalmente")
    before = {path: path.stat().st_mtime_ns for path in corpus.rglob("*") if path.is_file()}
    assert add_labelled(emozionalmente, corpus, "emozionalmente")[0] == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(read_rows(corpus / "emozionalmente" / "labels.tsv")) == 2


def test_a_table_that_is_missing_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"metadata/samples\.csv"):
        read_table(tmp_path, PUBLISHED["emozionalmente"])

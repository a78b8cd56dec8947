"""Which clips of a corpus are evaluated."""

from __future__ import annotations

from pathlib import Path

import pytest

from dreamtalk_core.cli import main
from dreamtalk_core.errors import CorpusError
from dreamtalk_core.evaluation.clips import evaluation_clips
from tests.test_corpus import write_tracked


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Three clips in as many splits."""
    for name, split in (("a", "train"), ("b", "dev"), ("c", "test")):
        write_tracked(tmp_path, name, "somebody", frames=50)
        manifest = tmp_path / "manifest.tsv"
        text = manifest.read_text(encoding="utf-8")
        manifest.write_text(text.replace(f"{name}\ttrain", f"{name}\t{split}"), encoding="utf-8")
    return tmp_path


def test_what_was_trained_on_is_left_out_unless_it_is_asked_for(corpus: Path) -> None:
    assert [clip.id for clip in evaluation_clips(corpus)] == ["b", "c"]
    assert [clip.id for clip in evaluation_clips(corpus, "train")] == ["a"]


def test_a_corpus_without_clips_to_judge_by_is_reported(corpus: Path) -> None:
    with pytest.raises(CorpusError, match="Name a split"):
        evaluation_clips(corpus, "none")


@pytest.mark.slow
def test_the_command_reports_by_split(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = corpus / "report.json"
    assert main(["evaluate", "--corpus", str(corpus), "--json", str(report)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["dev", "test"]
    assert lines[2].split() == ["speakers", "1", "1"]
    assert lines[3].split() == ["clips", "1", "1"]
    assert '"style"' in report.read_text(encoding="utf-8")

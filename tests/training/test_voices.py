"""Whose voices babble is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dreamtalk_core.errors import CorpusError
from dreamtalk_core.training.voices import RECORDINGS, draw_voices, find_voices


class Clip:
    def __init__(self, speaker: str, audio: Path) -> None:
        self.speaker, self.audio = speaker, audio


def clips(speaker: str, count: int) -> list[Any]:
    return [Clip(speaker, Path(f"{speaker}{index:03}.flac")) for index in range(count)]


def test_a_folder_is_read_by_its_labels_or_is_one_speaker(tmp_path: Path) -> None:
    for folder in ("acts", "rig"):
        (tmp_path / folder).mkdir()
        for name in "abc":
            (tmp_path / folder / f"{name}.flac").touch()
    (tmp_path / "acts" / "labels.tsv").write_text("id\tspeaker\na\t1\nb\t2\nc\t1\n", "utf-8")
    found = find_voices(clips("her", 2), [tmp_path / "acts", tmp_path / "rig"])
    assert {name: [path.stem for path in paths] for name, paths in found.items()} == {
        "her": ["her000", "her001"],
        "1": ["a", "c"],
        "2": ["b"],
        "rig": ["a", "b", "c"],
    }


def test_of_many_recordings_some_are_taken_from_all_over() -> None:
    found = find_voices(clips("her", 500), [])["her"]
    assert len(found) == RECORDINGS
    assert (found[0].stem, found[-1].stem) == ("her000", "her499")


def test_a_folder_without_sounds_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no sound files"):
        find_voices([], [tmp_path])


def test_nobody_babbles_behind_themselves() -> None:
    voices = {str(n): [np.full(1, n, np.float32)] for n in range(12)}
    rng = np.random.default_rng(0)
    for _ in range(20):
        drawn = [int(wave[0]) for wave in draw_voices(voices, "3", rng)]
        assert len(set(drawn)) == 8
        assert 3 not in drawn
    few = draw_voices({"0": voices["0"], "1": voices["1"]}, "1", rng)
    assert [int(wave[0]) for wave in few] == [0] * 8
    assert draw_voices({"1": voices["1"]}, "1", rng) == []

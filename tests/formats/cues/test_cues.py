"""What is heard in a line, written for other programs, and read back."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from praatio import textgrid

from dreamtalk_core.errors import MotionError, WriteError
from dreamtalk_core.formats import is_read, is_written
from dreamtalk_core.formats.cues import CUES, is_cues, write_cues
from dreamtalk_core.retarget.cues import Cue, Track, track
from dreamtalk_core.retarget.visemes import VISEMES

END = Fraction(20123, 10000)


class Line:
    """Two words, a pause between them."""

    duration = END
    tiers = {  # noqa: RUF012
        "phones": (
            Cue(Fraction(1, 4), Fraction(1, 2), "æ"),
            Cue(Fraction(1, 2), Fraction(3, 5), "p"),
            Cue(Fraction(6, 5), Fraction(3, 2), 'i"'),
        ),
        "words": (
            Cue(Fraction(1, 4), Fraction(3, 5), "Äpp"),
            Cue(Fraction(6, 5), Fraction(3, 2), "ee"),
        ),
    }

    def mouths(self, drawings: str, sound: str = "") -> Track:
        rows = np.zeros((201, len(VISEMES)))
        rows[:, 0] = 1
        for first, stop, name in ((25, 50, "aa"), (50, 60, "PP"), (120, 150, "I")):
            rows[first:stop] = np.eye(len(VISEMES))[VISEMES.index(f"viseme_{name}")]
        return track(rows, Fraction(100), END, drawings, sound)


MOUTHS = [(0, "X"), (0.25, "D"), (0.5, "A"), (0.6, "X"), (1.2, "B"), (1.5, "X")]


def written(folder: Path, ending: str, fps: int = 24) -> str:
    path = folder / f"Zeile ü{ending}"
    write_cues(path, Line(), Fraction(fps), "a & b.wav")
    content = path.read_bytes()
    assert b"\r" not in content
    return content.decode("utf-8")


def test_rhubarbs_table(tmp_path: Path) -> None:
    rows = [line.split("\t") for line in written(tmp_path, ".tsv").splitlines()]
    assert [(float(at), name) for at, name in rows] == [*MOUTHS, (2.01, "X")]


def test_rhubarbs_xml(tmp_path: Path) -> None:
    root = ElementTree.fromstring(written(tmp_path, ".xml"))
    assert root.findtext("metadata/soundFile") == "a & b.wav"
    assert float(root.findtext("metadata/duration") or 0) == 2.01
    cues = root.findall("mouthCues/mouthCue")
    assert [(float(cue.attrib["start"]), cue.text) for cue in cues] == MOUTHS
    ends = [float(cue.attrib["end"]) for cue in cues]
    assert ends == [*(at for at, _ in MOUTHS[1:]), 2.01]


def test_rhubarbs_json(tmp_path: Path) -> None:
    found = json.loads(written(tmp_path, ".rhubarb.json"))
    assert found["metadata"] == {"soundFile": "a & b.wav", "duration": 2.01}
    assert [(cue["start"], cue["value"]) for cue in found["mouthCues"]] == MOUTHS


def test_mohos_switches_count_from_one(tmp_path: Path) -> None:
    lines = written(tmp_path, ".dat").splitlines()
    assert lines[0] == "MohoSwitch1"
    wanted = ["1 rest", "7 AI", "13 MBP", "15 rest", "30 E", "37 rest", "49 rest"]
    assert lines[1:] == wanted
    assert written(tmp_path, ".dat", 30).splitlines()[2] == "9 AI"


def test_papagayos_words_hold_their_mouths(tmp_path: Path) -> None:
    lines = written(tmp_path, ".pgo").splitlines()
    assert lines[:5] == ["lipsync version 1", "a & b.wav", "24", "48", "1"]
    assert lines[5:8] == ["\tDreamTalk", "\tÄpp|ee", "\t2"]
    assert lines[8:15] == [
        *("\t\tÄpp", "\t\t6", "\t\t13", "\t\t1"),
        *("\t\t\tÄpp 6 13 2", "\t\t\t\t6 AI", "\t\t\t\t12 MBP"),
    ]


def test_spines_keys(tmp_path: Path) -> None:
    found = json.loads(written(tmp_path, ".spine.json"))
    keys = found["animations"]["DreamTalk"]["slots"]["mouth"]["attachment"]
    assert [(key["time"], key["name"][-1]) for key in keys] == [*MOUTHS, (2.0123, "X")]
    assert [slot["name"] for slot in found["slots"]] == ["mouth"]


def test_a_text_grid_is_read_by_praatio(tmp_path: Path) -> None:
    written(tmp_path, ".TextGrid")
    grid = textgrid.openTextgrid(str(tmp_path / "Zeile ü.TextGrid"), includeEmptyIntervals=True)
    assert grid.maxTimestamp == float(END)
    assert grid.tierNames == ("phones", "words")
    words = grid.getTier("words").entries
    assert [(word.start, word.end, word.label) for word in words] == [
        *((0, 0.25, ""), (0.25, 0.6, "Äpp"), (0.6, 1.2, ""), (1.2, 1.5, "ee")),
        (1.5, float(END), ""),
    ]
    assert grid.getTier("phones").entries[-2].label.replace('""', '"') == 'i"'


def test_subtitles_are_words(tmp_path: Path) -> None:
    text = written(tmp_path, ".srt")
    assert re.findall(r"^(\d+)\n(\S+) --> (\S+)\n(.+)\n\n", text, re.MULTILINE) == [
        ("1", "00:00:00,250", "00:00:00,600", "Äpp"),
        ("2", "00:00:01,200", "00:00:01,500", "ee"),
    ]


@pytest.mark.parametrize("ending", CUES)
def test_files_of_cues_hold_no_curves(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    assert is_cues(path)
    assert not is_read(path)
    assert not is_written(path)
    assert written(tmp_path, ending) == written(tmp_path, ending)


def test_other_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MotionError, match=r"\.rhubarb\.json"):
        write_cues(tmp_path / "a.json", Line())
    with pytest.raises(WriteError, match="does not exist"):
        write_cues(tmp_path / "gone" / "a.srt", Line())

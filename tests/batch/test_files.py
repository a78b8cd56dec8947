"""Nothing is both read and written, and names of files are seen from where they were written."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from dreamtalk_core.batch.files import check_outputs, placed, seen_from
from dreamtalk_core.batch.plan import Row
from dreamtalk_core.errors import BatchError

ROW = Row(1, "a", "a.wav", "neutral", outputs=("a.csv",))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("lines.csv", "cast.csv", "rage.csv", "face.npz", "a.wav"):
        Path(name).write_bytes(name.encode())
    return tmp_path


@pytest.mark.parametrize(
    ("output", "other"),
    [
        ("lines.csv", {}),
        ("CAST.csv", {}),
        ("face.npz", {"portrait": "face.npz"}),
        ("later.npz", {"portrait": "later.npz"}),
        ("take.mp4", {"audio": "take.mp4"}),
        ("take.mp4", {"others": ("x/../take.mp4",)}),
        ("rage.csv", {"style": "happy*0.5+rage.csv*0.5"}),
        ("pose.npz", {"settings": {"pose": Path("pose.npz")}}),
        ("link.csv", {}),
        ("twin.csv", {}),
    ],
)
def test_nothing_that_is_read_is_written(home: Path, output: str, other: dict[str, object]) -> None:
    Path("twin.csv").hardlink_to("lines.csv")
    if output == "link.csv":
        try:
            Path("link.csv").symlink_to("lines.csv")
        except OSError:
            pytest.skip("no links here")
    tables = [Path("lines.csv"), Path("cast.csv")]
    rows = [replace(ROW, outputs=(output,)), replace(ROW, number=2, outputs=("b.csv",), **other)]
    with pytest.raises(BatchError, match=r"row 1: .*is read as well"):
        check_outputs(rows, home, home, tables, ())
    check_outputs(rows, home, home / "out", tables, [home / "out" / "ledger.ndjson"])


def test_a_ledger_is_no_table_of_its_own_batch(home: Path) -> None:
    with pytest.raises(BatchError, match="a table"):
        check_outputs([ROW], home, home / "out", [home / "out/l.ndjson"], [home / "out/l.ndjson"])


def test_files_of_a_style_are_seen_from_elsewhere(home: Path) -> None:
    place = seen_from(home / "tables")
    Path("my, take.csv").write_bytes(b"x")
    assert placed("rage.csv", place) == "../rage.csv"
    assert placed("my, take.csv", place) == "../my, take.csv"
    mixed = placed('neutral@0, rage.csv*1.5+"my, take.csv"@2.5', place)
    assert mixed == 'neutral@0,"../rage.csv"*1.5+"../my, take.csv"@2.5'
    for same in ("happy*0.7+sad*0.3", "auto", "nowhere.csv", "x" * 5000):
        assert placed(same, place) == same
    assert placed("rage.csv", seen_from(Path(os.curdir))) == "rage.csv"

"""Mappings as files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.retarget import Mapping, Row, read_preset, scheme_mapping, write_preset

HEAD = '{"format": "dreamtalk-mapping", "version": 1, '


def test_round_trip(tmp_path: Path) -> None:
    file = tmp_path / "mein Gesicht ä.json"
    rows = (
        *scheme_mapping("metahuman").rows,
        Row("headYaw", 'pose.bones["Kopf \\"x\\""].rotation_euler[1]', -0.01745, 0.1),
        Row("head", "顔"),
    )
    write_preset(file, Mapping(rows, "Mein Gesicht"))
    assert read_preset(file) == Mapping(rows, "Mein Gesicht")
    assert file.read_bytes().count(b"\r") == 0


def test_an_empty_mapping(tmp_path: Path) -> None:
    write_preset(tmp_path / "a.json", Mapping(()))
    assert read_preset(tmp_path / "a.json") == Mapping(())


def test_by_hand_with_what_is_needed_only(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    rows = [{"source": "jawOpen", "target": "x", "colour": "red"}]
    document = {"format": "dreamtalk-mapping", "version": 1, "rows": rows}
    file.write_text("\ufeff" + json.dumps(document), encoding="utf-8")
    assert read_preset(file) == Mapping((Row("jawOpen", "x"),))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ('{"format": "dreamtalk-mapping", "rows": [', "cut off"),
        ("[]", "not a DreamTalk mapping"),
        ('{"format": "dreamtalk-motion"}', "not a DreamTalk mapping"),
        ('{"format": "dreamtalk-mapping", "version": 2, "rows": []}', "version 2"),
        ('{"format": "dreamtalk-mapping", "version": 1}', "lacks its list"),
        ('{"format": "dreamtalk-mapping", "version": 1, "rows": [1]}', "Row 1"),
        (
            '{"format": "dreamtalk-mapping", "version": 1, "rows": [{"source": "jawOpen"}]}',
            "must have a source and a target",
        ),
        (
            '{"format": "dreamtalk-mapping", "version": 1, "name": 3, "rows": []}',
            "must be text",
        ),
        (
            HEAD + '"rows": [{"source": "jawOpen", "target": "a", "scale": "1"}]}',
            "numbers",
        ),
        (
            HEAD + '"rows": [{"source": "jawOpen", "target": "a", "scale": NaN}]}',
            "finite",
        ),
        (
            HEAD + '"rows": [{"source": "jaw", "target": "a"}]}',
            "Row 1 of .*'jaw'",
        ),
    ],
)
def test_files_that_are_none(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "a.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DreamTalkError, match=message):
        read_preset(file)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DreamTalkError, match="Cannot read"):
        read_preset(tmp_path / "none.json")


def test_an_older_file_stays_where_writing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.json"
    write_preset(file, Mapping((Row("jawOpen", "old"),)))

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(DreamTalkError, match="No space left"):
        write_preset(file, Mapping((Row("jawOpen", "new"),)))
    monkeypatch.undo()
    assert read_preset(file).rows[0].target == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]

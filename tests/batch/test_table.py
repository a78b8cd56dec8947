"""Tables of lines: the same rows whatever file they are in, and what is wrong stays in its row."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dreamtalk_core.batch.table import WRONG, read_table
from dreamtalk_core.errors import BatchError

ROWS = [
    {"id": "a1", "audio": "a 1.wav", "seed": "3"},
    {"id": "ü2", "audio": "b,2.wav", "style": "happy*0.5+sad*0.5"},
]
NAMES = ["id", "audio", "seed", "style"]


def write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def separated(mark: str) -> str:
    cells = [[f'"{row.get(name, "")}"' for name in NAMES] for row in ROWS]
    return "\r\n".join(mark.join(line) for line in [NAMES, *cells, ["", "", "", ""]]) + "\r\n"


def test_every_kind_of_table_holds_the_same(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append([*NAMES, None])
    book.active.append(["a1", "a 1.wav", 3.0, None])
    book.active.append([None, None])
    book.active.append(["ü2", "b,2.wav", None, ROWS[1]["style"]])
    book.save(tmp_path / "t.xlsx")
    numbered = [{**ROWS[0], "seed": 3, "style": None}, ROWS[1]]
    tables = [
        write(tmp_path / "comma.csv", separated(",")),
        write(tmp_path / "semicolon.csv", "\ufeff" + separated(";")),
        write(tmp_path / "t.tsv", separated("\t")),
        write(tmp_path / "t.json", json.dumps(numbered)),
        write(tmp_path / "t.ndjson", "\n\n".join(map(json.dumps, numbered)) + "\n"),
        tmp_path / "t.xlsx",
    ]
    for table in tables:
        assert read_table(table) == ROWS, table.name


def test_a_list_is_written_as_in_other_tables(tmp_path: Path) -> None:
    table = write(tmp_path / "t.json", '[{"others": ["a.wav", "b.wav"], "seed": 1.5}]')
    assert read_table(table) == [{"others": "a.wav; b.wav", "seed": "1.5"}]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("t.csv", "id,audio\na,a.wav\nb,b.wav,1,2\nc,c.wav\n", "4 cells for 2"),
        ("t.tsv", "id\taudio\na\ta.wav\nb\tb\0.wav\nc\tc.wav\n", "zero byte"),
        ("t.json", '[{"id": "a"}, 7, {"id": "c"}]', "not an object"),
        ("t.ndjson", '{"id": "a"}\n{"id": "b", \n{"id": "c"}\n', "no JSON"),
        ("t.json", '[{"id": "a"}, {"id": "\\ud800"}, {"id": "c"}]', "UTF-8"),
    ],
)
def test_a_corrupt_row_costs_no_other(tmp_path: Path, name: str, text: str, words: str) -> None:
    first, second, third = read_table(write(tmp_path / name, text))
    assert (first["id"], third["id"]) == ("a", "c")
    assert words in second[WRONG]
    assert WRONG not in first
    assert WRONG not in third


def test_a_byte_that_is_no_text_spoils_its_row(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"id,audio\na,a.wav\nb,\xff.wav\n")
    good, bad = read_table(tmp_path / "t.csv")
    assert WRONG not in good
    assert "UTF-8" in bad[WRONG]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("t.txt", "id\n1", ".csv, .tsv"),
        ("t.csv", "id,audio\n", "no rows"),
        ("t.csv", "", "empty"),
        ("t.csv", "id,id\n1,2\n", "Two columns"),
        ("t.json", "{}", "no list"),
        ("t.json", "[", "no JSON"),
        ("t.xlsx", "PK nonsense", "damaged"),
    ],
)
def test_no_table(tmp_path: Path, name: str, text: str, words: str) -> None:
    if name.endswith("xlsx"):
        pytest.importorskip("openpyxl")
    with pytest.raises(BatchError, match=words):
        read_table(write(tmp_path / name, text))


@pytest.mark.parametrize(
    "rows",
    [
        ['a,a.wav,"Stop', "b,b.wav,", "c,c.wav,"],
        ['a,a.wav,"Stop', "b,b.wav,", 'c,c.wav,now"', "d,d.wav,"],
        ['a,a.wav,"Stop', 'b,b.wav,so "he" said', "c,c.wav,"],
        ['a,a.wav,"Stop!" he said', "b,b.wav,"],
    ],
)
def test_a_quote_that_is_not_closed_swallows_no_row(tmp_path: Path, rows: list[str]) -> None:
    table = write(tmp_path / "t.csv", "\n".join(["id,audio,transcript", "z,z.wav,", *rows]) + "\n")
    with pytest.raises(BatchError, match="begins in line 3 a quote is not closed"):
        read_table(table)


def test_quotes_and_lines_within_cells(tmp_path: Path) -> None:
    said = 'Well, yes.\nNo, "no", never'
    cell = said.replace('"', '""')
    table = write(tmp_path / "t.csv", f'id,audio,transcript\na,a.wav,"{cell}"\nb,b.wav,so "x"\n')
    assert [row["transcript"] for row in read_table(table)] == [said, 'so "x"']
    lines = ["audio\ttranscript", 'a.wav\t"Stop!" he said', 'b.wav\t"say ""no"""', 'c.wav\t"so']
    rows = read_table(write(tmp_path / "t.tsv", "\n".join(lines)))
    assert [row["transcript"] for row in rows] == ['"Stop!" he said', 'say "no"', '"so']


@pytest.mark.parametrize("coding", ["utf-8-sig", "utf-16"])
def test_as_spreadsheets_save(tmp_path: Path, coding: str) -> None:
    table = tmp_path / "t.csv"
    table.write_bytes("sep=;\r\nid;audio\r\n\u00fc,1;a.wav\r\n".encode(coding))
    assert read_table(table) == [{"id": "\u00fc,1", "audio": "a.wav"}]
    (tmp_path / "t.json").write_bytes('[{"id": "\u00fc"}]'.encode(coding))
    assert read_table(tmp_path / "t.json") == [{"id": "\u00fc"}]


def test_half_a_letter_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("id,audio\na,a.wav\n".encode("utf-16") + b"x")
    with pytest.raises(BatchError, match="UTF-16"):
        read_table(tmp_path / "t.csv")


def test_a_workbook_says_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    with pytest.raises(BatchError, match=r"pip install dreamtalk\[xlsx\]"):
        read_table(write(tmp_path / "t.xlsx", "x"))

"""The ledger: its last word counts, and a torn line is no word."""

from __future__ import annotations

from pathlib import Path

from dreamtalk_core.batch.ledger import Book, Marks, line_of, read_ledger

DONE = {"id": "ü", "row": 1, "status": "done"}
FAILED = {"id": "ü", "row": 1, "status": "failed", "error": 'a "quote"\nand a line'}
OTHER = {"id": "b", "row": 2, "status": "done"}


def test_the_last_entry_counts(tmp_path: Path) -> None:
    book = Book(tmp_path)
    assert book.read() == {}
    with book.open() as add:
        for entry in (FAILED, OTHER, DONE):
            add(entry)
    assert book.read() == {"ü": DONE, "b": OTHER}
    book.write([DONE, OTHER])
    assert book.path.read_text(encoding="utf-8") == line_of(DONE) + line_of(OTHER)


def test_it_may_be_cut_anywhere(tmp_path: Path) -> None:
    """And goes on behind the cut."""
    path = tmp_path / "ledger.ndjson"
    whole = (line_of(FAILED) + line_of(OTHER)).encode()
    first = len(line_of(FAILED).encode())
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        found = read_ledger(path)
        assert ("ü" in found, "b" in found) == (cut >= first - 1, cut >= len(whole) - 1)
        with Book(tmp_path).open() as add:
            add(DONE)
        assert read_ledger(path) == {**found, "ü": DONE}


def test_parts_become_a_whole(tmp_path: Path) -> None:
    """Each is written on a machine of its own, and knows what the others have."""
    Book(tmp_path).write([FAILED])
    for number, entry in ((1, DONE), (2, OTHER)):
        with Book(tmp_path, (number, 2)).open() as add:
            add(entry)
    assert len(list(tmp_path.iterdir())) == 3
    assert Book(tmp_path, (2, 2)).read() == {"ü": DONE, "b": OTHER}
    with Book(tmp_path).open() as add:
        assert [path.name for path in tmp_path.iterdir()] == ["ledger.ndjson"]
        add(FAILED)
    assert Book(tmp_path).read() == {"ü": FAILED, "b": OTHER}


def test_a_mark_counts_until_the_ledger_knows(tmp_path: Path) -> None:
    """Whatever a row is called."""
    marks = Marks(tmp_path)
    for row in ("ü/..", "a" * 999, "\udcff"):
        assert not marks.found(row, None)
        marks.set(row, "new")
        assert marks.found(row, None)
        assert marks.found(row, {"key": "old"})
        assert not marks.found(row, {"key": "new"})  # killed only before it was taken off
    marks.take_off("ü/..")
    assert not marks.found("ü/..", None)
    marks.close(["a" * 999])
    assert len(list(tmp_path.rglob("*"))) == 2  # that of a row which is not through stays
    marks.close(["\udcff"])
    assert not list(tmp_path.iterdir())

"""A batch from its tables to its ledger and its page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from dreamtalk_core.batch.files import check_outputs
from dreamtalk_core.batch.grade import Thresholds, flags
from dreamtalk_core.batch.language import foreign_lines
from dreamtalk_core.batch.ledger import WHOLE, Book, Entry, Marks
from dreamtalk_core.batch.local import run_local
from dreamtalk_core.batch.page import write_page
from dreamtalk_core.batch.plan import Row, plan
from dreamtalk_core.batch.table import read_table
from dreamtalk_core.batch.work import Job, Mode, Task, make_folder
from dreamtalk_core.errors import BatchError, WriteError
from dreamtalk_core.files import check_target

PAGE = "report.html"
Report = Callable[[Entry], None]
Runner = Callable[[Job, Iterable[Task], int], Iterator[Entry]]
"""What makes rows: a job, the rows with what the ledger says of each, how many at a time."""


@dataclass(frozen=True)
class Batch:
    """What is to be made.

    lines, characters: tables. folder: where all goes. usual: cells of rows that say nothing
    themselves. mode: see `work.Mode`. failed: only rows that have failed. jobs: rows at a time.
    part: which of how many parts of the table, from 1 up: each may be made on a machine of its own,
    and a run over the whole with the mode `resume` gathers them. grade: whether lines are graded.
    clobber: whether files that are there may be replaced. limits: of grades.
    against: the folder of an earlier run, to tell what has changed since. keep: whether what
    somebody changes by hand is laid over what is made anew, see `by_hand`.
    """

    lines: Path
    folder: Path
    characters: Path | None = None
    usual: Mapping[str, str] = field(default_factory=dict)
    model: str = "default"
    device: str = "auto"
    mode: Mode = "all"
    failed: bool = False
    jobs: int = 1
    grade: bool = True
    clobber: bool = True
    limits: Thresholds = field(default_factory=Thresholds)
    part: tuple[int, int] = WHOLE
    against: Path | None = None
    keep: bool = False


def run_batch(
    batch: Batch, report: Report, runner: Runner = run_local
) -> tuple[Counter[str], list[Path]]:
    """Make a batch; how many rows are done, kept, failed, flagged and so on, and the ledger and
    the page, where they were written.

    report: told of the start, of every row as it is done, and of the end, as the command line's
    `--progress ndjson` prints them; what it raises ends the batch, which can be resumed.
    Raises BatchError for tables that cannot be used, WriteError where the ledger cannot be written,
    and what no row could be made without, such as ModelError.
    """
    home = batch.lines.absolute().parent
    rows = plan(
        read_table(batch.lines),
        read_table(batch.characters) if batch.characters else (),
        batch.usual,
    )
    folder = batch.folder.absolute()
    book = Book(folder, batch.part)
    tables = [table for table in (batch.lines, batch.characters) if table]
    check_outputs(rows, home, folder, tables, (book.path, folder / PAGE))
    names = {row.id for row in rows}
    number, count = batch.part
    rows = rows[number - 1 :: count]
    known = book.read()
    # What other tables have made here stays known, or their edits would be lost.
    others = [entry for name, entry in book.own().items() if name not in names]
    todo = [row for row in rows if not batch.failed or _has_failed(known.get(row.id))]
    makes = batch.mode in ("all", "resume")
    if not batch.clobber and not known and (folder / PAGE).is_file():
        raise WriteError(f"{folder / PAGE} is there already, and no batch's. Give another folder.")
    if makes:
        make_folder(folder)
        check_target(book.path)
    elif batch.mode == "check" and not folder.is_dir():
        raise BatchError(f"There is nothing in {folder} to check. Make the batch first.")
    model = str(Path(batch.model).absolute()) if Path(batch.model).suffix else batch.model
    against = batch.against and batch.against.absolute()
    if against and not against.is_dir():
        raise BatchError(f"There is no folder {against} to compare with. Check the name.")
    if against and folder.is_dir() and against.samefile(folder):
        raise BatchError("--against is the batch's own folder. Give that of an earlier run.")
    job = Job(
        *(home, folder, model, batch.device, batch.mode, batch.grade, batch.clobber, against),
        batch.keep,
    )
    report({"event": "start", "rows": len(rows), "todo": len(todo)})
    now: dict[str, Entry] = {}
    through: list[str] = []  # rows whose marks go once the ledger is surely on the disk
    marks, remembers = Marks(folder), batch.mode != "all" or batch.keep
    with book.open() if makes else nullcontext(lambda entry: None) as add:
        tasks = ((row, known.get(row.id) if remembers else None) for row in todo)
        jobs = max(1, min(batch.jobs, len(todo)))
        with closing(runner(job, tasks, jobs)) as entries:  # type: ignore[type-var]
            for entry in entries:
                entry, whole = _known_still(entry, known.get(entry["id"]))
                now[entry["id"]] = entry = _graded(entry, batch.limits)
                add(_plain(entry))
                if makes and whole:
                    (marks.take_off if entry["status"] == "failed" else through.append)(entry["id"])
                report({"event": "row", **entry})
    final = [now.get(row.id) or known.get(row.id) for row in rows]
    graded = [_graded(entry, batch.limits) for entry in final if entry is not None]
    found = _compared(graded, rows, batch.limits)
    counts = _counted(found, now)
    written: list[Path] = []
    if makes:
        book.write(map(_plain, (*found, *others)))
        marks.close(through)
        written.append(book.path)
    if batch.mode != "plan" and batch.part == WHOLE:
        write_page(folder / PAGE, folder, found, batch.limits)
        written.append(folder / PAGE)
    report({"event": "end", **counts})
    return counts, written


def _counted(found: Sequence[Entry], now: Mapping[str, Entry]) -> Counter[str]:
    """How many rows are what."""
    counts = Counter(_state(entry, now) for entry in found)
    counts["corrected"] = sum("corrections" in entry for entry in found)
    counts["flagged"] = sum(bool(entry.get("flags")) for entry in found)
    changes = [entry.get("change") or {} for entry in found]
    counts["changed"] = sum(bool(change) and "unknown" not in change for change in changes)
    counts["warned"] = sum(
        bool(entry.get("warnings")) or "unknown" in change
        for entry, change in zip(found, changes, strict=True)
    )
    return counts


def _known_still(entry: Entry, known: Entry | None) -> tuple[Entry, bool]:
    """An entry, and whether it tells of all outputs: a worker that was lost tells of none, and
    what the row had before, which somebody may have edited, stays known."""
    whole = entry["status"] != "failed" or "outputs" in entry
    if whole or known is None or "outputs" not in known:
        return entry, whole
    return {**entry, "outputs": known["outputs"]}, False


def _graded(entry: Entry, limits: Thresholds) -> Entry:
    """An entry with what its grade comes to under these thresholds."""
    if "grade" not in entry:
        return entry
    plain = {name: value for name, value in entry.items() if name != "flags"}
    wrong = flags(entry["grade"], limits)
    return {**plain, "flags": wrong} if wrong else plain


def _compared(entries: list[Entry], rows: Sequence[Row], limits: Thresholds) -> list[Entry]:
    """Entries with what only all of them together tell: which sound like another language."""
    said = {row.id: row.language for row in rows}
    at = [
        i
        for i, entry in enumerate(entries)
        if "grade" in entry and "no speech" not in entry.get("flags", ())
    ]
    languages = [said[entries[i]["id"]] for i in at]
    others = foreign_lines([entries[i]["grade"] for i in at], languages, limits.foreign)
    compared = list(entries)
    for i, other in zip(at, others, strict=True):
        if other:
            wrong = [*entries[i].get("flags", ()), f"sounds like {other}"]
            compared[i] = {**entries[i], "flags": wrong}
    return compared


def _state(entry: Entry, now: Mapping[str, Entry]) -> str:
    """What happened to a row in this run: done, failed, kept, edited, planned, checked, left."""
    if entry["id"] not in now:
        return "left"
    # What somebody has edited of a row that had failed makes no row of it.
    return "failed" if entry["status"] == "failed" else str(entry.get("state", entry["status"]))


def _plain(entry: Entry) -> Entry:
    """An entry as the ledger has it, in one order of its parts."""
    order = (
        "id",
        "row",
        "status",
        "error",
        "key",
        "inputs",
        "outputs",
        "corrections",
        "warnings",
        "grade",
        "flags",
    )
    return {name: entry[name] for name in order if name in entry}


def _has_failed(entry: Entry | None) -> bool:
    return entry is not None and "key" not in entry

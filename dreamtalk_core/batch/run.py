"""A batch from its tables to its ledger and its page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from dreamtalk_core.batch import ledger
from dreamtalk_core.batch.grade import Thresholds, flags
from dreamtalk_core.batch.ledger import Entry, open_ledger, read_ledger, write_ledger
from dreamtalk_core.batch.local import Task, run_local
from dreamtalk_core.batch.plan import plan
from dreamtalk_core.batch.table import read_table
from dreamtalk_core.batch.work import Job, Mode
from dreamtalk_core.errors import BatchError
from dreamtalk_core.files import check_target, write_error

PAGE = "report.html"
Report = Callable[[Entry], None]
Runner = Callable[[Job, Iterable[Task], int], Iterator[Entry]]
"""What makes rows: a job, the rows with what the ledger says of each, how many at a time."""


@dataclass(frozen=True)
class Batch:
    """What is to be made.

    lines, characters: tables. folder: where all goes. usual: cells of rows that say nothing
    themselves. mode: see `work.Mode`. failed: only rows that have failed. jobs: rows at a time.
    grade: whether lines are graded. clobber: whether files that are there may be replaced.
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


def run_batch(batch: Batch, report: Report, runner: Runner = run_local) -> Counter[str]:
    """Make a batch; how many rows are done, kept, failed, flagged and so on.

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
    known = read_ledger(folder / ledger.NAME)
    todo = [row for row in rows if not batch.failed or _has_failed(known.get(row.id))]
    makes = batch.mode in ("all", "resume")
    if makes:
        _make_folder(folder)
        check_target(folder / ledger.NAME)
    elif not known and batch.mode == "check" and not folder.is_dir():
        raise BatchError(f"There is nothing in {folder} to check. Make the batch first.")
    if batch.mode == "all":
        known = {}
    model = str(Path(batch.model).absolute()) if Path(batch.model).suffix else batch.model
    job = Job(home, folder, model, batch.device, batch.mode, batch.grade, batch.clobber)
    report({"event": "start", "rows": len(rows), "todo": len(todo)})
    tasks = ((row, known.get(row.id)) for row in todo)
    jobs = max(1, min(batch.jobs, len(todo)))
    with closing(runner(job, tasks, jobs)) as entries:  # type: ignore[type-var]
        now = _gather(entries, batch, folder if makes else None, report)
    final = [now.get(row.id) or known.get(row.id) for row in rows]
    found = [_graded(entry, batch.limits) for entry in final if entry is not None]
    counts = Counter(_state(entry, now) for entry in found)
    counts["flagged"] = sum(bool(entry.get("flags")) for entry in found)
    counts["warned"] = sum(bool(entry.get("warnings")) for entry in found)
    if makes:
        write_ledger(folder / ledger.NAME, map(_plain, found))
    if batch.mode != "plan":
        _write_page(folder, found, batch.limits)
    report({"event": "end", **counts})
    return counts


def _gather(
    entries: Iterable[Entry], batch: Batch, folder: Path | None, report: Report
) -> dict[str, Entry]:
    """The entries of rows as they come, each in the ledger before it is reported."""
    now: dict[str, Entry] = {}
    if folder is None:
        for entry in entries:
            now[entry["id"]] = _graded(entry, batch.limits)
            report({"event": "row", **now[entry["id"]]})
        return now
    with open_ledger(folder / ledger.NAME) as book:
        for entry in entries:
            entry = _graded(entry, batch.limits)
            now[entry["id"]] = entry
            if "state" not in entry:
                book.add(entry)
            report({"event": "row", **entry})
    return now


def _graded(entry: Entry, limits: Thresholds) -> Entry:
    """An entry with what its grade comes to under these thresholds."""
    if "grade" not in entry:
        return entry
    plain = {name: value for name, value in entry.items() if name != "flags"}
    wrong = flags(entry["grade"], limits)
    return {**plain, "flags": wrong} if wrong else plain


def _state(entry: Entry, now: Mapping[str, Entry]) -> str:
    """What happened to a row in this run: done, failed, kept, edited, planned, checked, left."""
    if entry["id"] not in now:
        return "left"
    return str(entry.get("state", entry["status"]))


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
        "warnings",
        "grade",
        "flags",
    )
    return {name: entry[name] for name in order if name in entry}


def _has_failed(entry: Entry | None) -> bool:
    return entry is not None and entry.get("status") == "failed"


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(folder, error) from error


def _write_page(folder: Path, entries: Sequence[Entry], limits: Thresholds) -> None:
    from dreamtalk_core.batch.page import write_page

    write_page(folder / PAGE, folder, entries, limits)

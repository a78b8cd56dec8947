"""`dreamtalk batch`: thousands of lines from a table."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from dreamtalk_core.batch.files import placed, seen_from
from dreamtalk_core.batch.grade import Thresholds
from dreamtalk_core.batch.ledger import WHOLE
from dreamtalk_core.batch.plan import COLUMNS, OUTPUTS
from dreamtalk_core.batch.table import SUFFIXES
from dreamtalk_core.cli.animate import STYLE
from dreamtalk_core.cli.common import add_model
from dreamtalk_core.cli.ending import stop, warn
from dreamtalk_core.cli.settings import add_settings, given, option
from dreamtalk_core.errors import DreamTalkError, LinesFailedError, shown
from dreamtalk_core.parameters import Settings, parameters, tables

if TYPE_CHECKING:
    from dreamtalk_core.batch.ledger import Entry
    from dreamtalk_core.batch.work import Mode

STATES = (
    "done",
    "kept",
    "edited",
    "corrected",
    "planned",
    "checked",
    "left",
    "failed",
    "flagged",
    "changed",
    "warned",
)


def add(commands: Any) -> None:
    """Add the command to argparse's subparsers."""
    batch = commands.add_parser("batch", help="animate the lines of a table, and grade them")
    batch.set_defaults(run=_batch)
    batch.add_argument(
        "lines",
        type=Path,
        help=f"table ({', '.join(SUFFIXES)}) with a row a line: {', '.join(COLUMNS)}, or any "
        "setting. Names of files are seen from its folder",
    )
    batch.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FOLDER", help="where all goes"
    )
    batch.add_argument(
        "--characters",
        type=Path,
        metavar="TABLE",
        help="what holds for all lines of a character: the column 'character', and any other",
    )
    batch.add_argument(
        "--outputs",
        metavar="PATTERNS",
        help="files of rows that name none, with ';' between: curves, and one .mp4 or .mov (of the "
        f"portrait if that is a picture, else of the built-in head); {{column}} stands for a cell "
        f"(default {OUTPUTS})",
    )
    batch.add_argument("--style", metavar="STYLE", help=f"of rows that name none: {STYLE}")
    batch.add_argument(
        "--jobs", type=int, metavar="N", help="rows at a time (default: one for each core)"
    )
    batch.add_argument(
        "--resume",
        action="store_true",
        help="make only rows that are not done, or whose inputs, settings or model have changed. "
        "What somebody has changed by hand is kept",
    )
    batch.add_argument(
        "--keep-corrections",
        action="store_true",
        help="what somebody changes by hand in curves becomes a layer, NAME.corrections.json, and "
        "is laid over what is made anew. Give it from the first run on: what is made is kept, too",
    )
    batch.add_argument(
        "--only", choices=("failed",), help="with what --resume does: those that failed"
    )
    batch.add_argument(
        "--dry-run", action="store_true", help="tell which rows would be made, and make nothing"
    )
    batch.add_argument(
        "--check",
        action="store_true",
        help="make nothing: grade the curves that are there against the sounds as they are now",
    )
    batch.add_argument(
        "--against",
        type=Path,
        metavar="FOLDER",
        help="tell which curves differ from those of an earlier run, and by how much",
    )
    _add_farm(batch)
    batch.add_argument(
        "--no-grade", action="store_true", help="grade no line, which is a seventh of the work"
    )
    batch.add_argument(
        "--progress", choices=("bar", "ndjson"), default="bar", help="ndjson: an event a line"
    )
    add_settings(batch, Thresholds, *tables())
    add_model(batch)


def _add_farm(batch: argparse.ArgumentParser) -> None:
    batch.add_argument(
        "--part",
        metavar="I/N",
        help="make the Ith of N parts, on a machine of a farm; afterwards --resume gathers them",
    )
    batch.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="make rows on a Ray cluster whose machines share the disk: auto, or host:port (needs: "
        "pip install dreamtalk[ray])",
    )
    batch.add_argument(
        "--openjd",
        type=Path,
        metavar="JSON",
        help="make nothing: write this batch as an Open Job Description template for a farm",
    )
    batch.add_argument(
        "--parts", type=int, default=20, metavar="N", help="tasks of that template (default 20)"
    )


def _batch(options: argparse.Namespace) -> None:
    if options.openjd:
        _write_template(options)
        return
    from dreamtalk_core.batch.local import run_local, usable_cores
    from dreamtalk_core.batch.run import Batch, Runner, run_batch

    chosen = {
        limit.name: getattr(options, limit.name)
        for limit in parameters(Thresholds)
        if getattr(options, limit.name) is not None
    }
    usual = {name: str(value) for name, value in given(options).items()}
    for name in ("style", "outputs"):
        if getattr(options, name):
            usual[name] = getattr(options, name)
    if "style" in usual:
        usual["style"] = placed(usual["style"], seen_from(options.lines.absolute().parent))
    if options.jobs is not None and options.jobs < 1:
        raise DreamTalkError(f"--jobs is {options.jobs}. Give 1 or more.")
    runner: Runner = run_local
    cores = usable_cores
    if options.ray:
        from dreamtalk_core.batch.on_ray import cluster_cores, run_ray

        runner, cores = run_ray(options.ray), cluster_cores
    batch = Batch(
        options.lines,
        options.output,
        options.characters,
        usual,
        options.model,
        options.device,
        _mode(options),
        options.only == "failed",
        options.jobs or cores(),
        not options.no_grade,
        not options.no_clobber,
        Thresholds(**chosen),
        _part(options.part),
        options.against,
        options.keep_corrections,
    )
    with _Events(options.progress) as events:
        counts, written = run_batch(batch, events.report, runner)
    if options.progress == "bar":
        told = [f"{counts[state]} {state}" for state in STATES if counts[state]]
        print(", ".join(told) or "nothing to do", file=sys.stderr)
        for path in written:
            print(path)
    # Of the failures of a part the run that gathers tells: a farm stops where a task fails.
    if counts["failed"] and batch.part == WHOLE:
        raise LinesFailedError(
            f"{counts['failed']} of the lines failed; the others are made. Mend them, then give "
            "--only failed."
        )


def _mode(options: argparse.Namespace) -> Mode:
    if options.dry_run and options.check:
        raise DreamTalkError("--dry-run and --check are two questions. Give one of them.")
    if options.check:
        return "check"
    if options.dry_run:
        return "plan"
    return "resume" if options.resume or options.only else "all"


def _write_template(options: argparse.Namespace) -> None:
    from dreamtalk_core.batch.openjd import template, write_template

    if options.parts < 1:
        raise DreamTalkError(f"--parts is {options.parts}. Give 1 or more.")
    chosen: tuple[type[Settings], ...] = (Thresholds, *tables())
    names = [setting.name for table in chosen for setting in parameters(table)]
    passed = ("jobs", "outputs", "model", "device", *names)
    words = [
        word
        for name in passed
        if (value := getattr(options, name)) is not None
        for word in (option(name), str(value))
    ]
    words += ["--no-grade"] if options.no_grade else []
    words += ["--no-clobber"] if options.no_clobber else []
    words += ["--keep-corrections"] if options.keep_corrections else []
    told = template(
        options.openjd.parent,
        options.lines,
        options.output,
        options.parts,
        words,
        options.characters,
        options.style,
        options.against,
    )
    write_template(options.openjd, told)
    print(options.openjd)


def _part(text: str | None) -> tuple[int, int]:
    """Which of how many parts, from "3/20"."""
    if text is None:
        return WHOLE
    number, _, count = text.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise DreamTalkError(f"--part is '{shown(text)}'. Give it as 3/20, the third of twenty.")
    return int(number), int(count)


class _Events:
    """What happens in a batch, for people or for machines."""

    def __init__(self, form: str) -> None:
        self._machine = form == "ndjson"
        self._bar: tqdm[Any] | None = None

    def __enter__(self) -> _Events:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def report(self, event: Entry) -> None:
        from dreamtalk_core.batch.ledger import line_of

        stop.check()
        if self._machine:
            sys.stdout.write(line_of(event))
            sys.stdout.flush()
        elif event["event"] == "start":
            self._bar = tqdm(desc="batch", total=event["todo"], unit="line", disable=None)
        elif event["event"] == "row" and self._bar is not None:
            self._bar.update()
            with tqdm.external_write_mode(sys.stderr):
                if event["status"] == "failed":
                    warn(f"row {event['row']}, {shown(event['id'])}: {event['error']}")
                if why := (event.get("change") or {}).get("unknown"):
                    warn(f"row {event['row']}, {shown(event['id'])}, cannot be compared: {why}")
                for name in event.get("edited", ()):
                    why = f" ({shown(event['why'])})" if "why" in event else ""
                    warn(
                        f"{shown(name)} was changed by hand and stays{why}. Delete it to have it "
                        "anew."
                    )

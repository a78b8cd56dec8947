"""Throw broken files at every reader and broken arguments at the command line, each in a process
of its own with a limit of time and of memory, and say what was not borne.

    python -m tests.fuzz                        40 cases of every reader
    python -m tests.fuzz --cases 5000           longer
    python -m tests.fuzz glb --only 123         that one again, with all it says

A file or a command is borne when it works, or ends in one line that says what is wrong. It is not
when it ends in a traceback, takes too long or too much, says nothing or a page, or leaves
something.
The cases of a reader and a number are always the same. POSIX only: each case is a fork.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import unicodedata
import warnings
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dreamtalk_core import cli
from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.warned import collect_warnings
from tests.fuzz.arguments import arguments
from tests.fuzz.readers import Reader, make_seeds, readers

SECONDS = 60
MEMORY = 2 << 30
LONGEST_MESSAGE = 1000

Case = Callable[[Path], str]
"""Does it in a folder; what was wrong, or nothing."""


@dataclass
class Running:
    """A case in a process of its own."""

    name: str
    folder: Path
    started: float


def main() -> int:
    """The number of cases that were not borne, as an exit status up to 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("readers", nargs="*", help="some of them; all, if none is named")
    parser.add_argument("--cases", type=int, default=40, help="of each reader")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--only", type=int, help="one case of each reader")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seeds", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.seeds:
        make_seeds(options.seeds)
        return 0
    first, cases = options.first, options.cases
    if options.only is not None:
        first, cases = options.only, 1
    with tempfile.TemporaryDirectory(prefix="fuzz ü ") as made:
        home = Path(made)
        waiting = [
            (f"{name} {number}", case)
            for name, made_case in _cases(home)
            if not options.readers or name in options.readers
            for number in range(first, first + cases)
            for case in [made_case(number)]
        ]
        findings, seconds = run(waiting, home, options.jobs, loud=options.only is not None)
    for name, what in findings:
        print(f"{name}: {what}")
    print(f"{len(waiting)} cases, {len(findings)} not borne, {seconds:.0f} s")
    return min(1, len(findings))


def run(
    waiting: list[tuple[str, Case]], home: Path, jobs: int, loud: bool = False
) -> tuple[list[tuple[str, str]], float]:
    """Run cases; those that were not borne, with what was wrong, and the seconds it took."""
    start, findings, running = time.monotonic(), [], dict[int, Running]()
    spent = defaultdict[str, float](float)
    queue = list(reversed(waiting))
    while queue or running:
        while queue and len(running) < jobs:
            name, case = queue.pop()
            folder = home / f"case {len(queue)}"
            folder.mkdir()
            running[_fork(case, folder)] = Running(name, folder, time.monotonic())
        pid, status, usage = os.wait4(-1, os.WNOHANG)
        if not pid:
            time.sleep(0.002)
            for late, one in running.items():
                if time.monotonic() - one.started > SECONDS:
                    os.killpg(late, signal.SIGKILL)
            continue
        ended = running.pop(pid)
        took = time.monotonic() - ended.started
        what = (ended.folder / ".verdict").read_text() if status == 0 else f"ended with {status}"
        if took > SECONDS:
            what = f"no end after {took:.0f} s"
        elif usage.ru_maxrss * 1024 > MEMORY:
            what = f"took {usage.ru_maxrss / 1024:.0f} MB"
        spent[ended.name.split()[0]] += took
        if what:
            findings.append((ended.name, what))
        if loud:
            print((ended.folder / ".output").read_text(errors="replace"), f"{took:.1f} s", what)
        shutil.rmtree(ended.folder)
    print(", ".join(f"{reader} {seconds:.1f} s" for reader, seconds in spent.items()))
    return findings, time.monotonic() - start


def _fork(case: Case, folder: Path) -> int:
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    os.setsid()
    output = os.open(folder / ".output", os.O_CREAT | os.O_RDWR)
    os.dup2(output, 1)
    os.dup2(output, 2)
    # So that a bomb does not take the machine with it.
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + 2 * MEMORY,) * 2)
    verdict = "the verdict is missing"
    try:
        verdict = case(folder)
    except BaseException as error:
        traceback.print_exc()
        where = traceback.extract_tb(error.__traceback__)[-1]
        verdict = f"{type(error).__name__}: {str(error)[:200]} ({where.filename}:{where.lineno})"
    (folder / ".verdict").write_text(verdict, errors="replace")
    os._exit(0)


# --- what a case is ------------------------------------------------------------------------------


def _cases(home: Path) -> list[tuple[str, Callable[[int], Case]]]:
    seeds = home / "seeds"
    seeds.mkdir()
    # Elsewhere: threads that a library has started do not come along in a fork.
    subprocess.run([sys.executable, "-m", "tests.fuzz", "--seeds", seeds], check=True)
    by_name = {reader.name: reader for reader in readers(seeds)}
    found: list[tuple[str, Callable[[int], Case]]] = [
        (name, lambda number, reader=reader: lambda folder: _reading(reader, number, folder))
        for name, reader in by_name.items()
    ]
    sound = _sound_files(seeds)
    found.append(
        ("arguments", lambda number: lambda folder: _command(arguments(number), folder, sound))
    )
    found.append(
        ("commands", lambda number: lambda folder: _bad_file(by_name, number, folder, sound))
    )
    return found


def _reading(reader: Reader, number: int, folder: Path) -> str:
    name, content = reader.case(number)
    path = folder / name
    path.write_bytes(content)
    with warnings.catch_warnings():
        # Advice of libraries is not for users; words of our own are.
        warnings.simplefilter("error", RuntimeWarning)
        warnings.simplefilter("error", DeprecationWarning)
        messages: list[str] = []
        try:
            with collect_warnings(messages.append):
                reader.read(path)
        except DreamTalkError as error:
            messages.append(str(error))
        if wrong := next(filter(None, map(unfit, messages)), ""):
            return wrong
    print(end="", flush=True)
    output = (folder / ".output").read_bytes()
    return f"printed {output[:200]!r}" if output else ""


def unfit(message: str) -> str:
    """What is wrong with a message to a user; nothing, if it is one line that can be shown."""
    if not message.strip():
        return "an error without a message"
    if len(message) > LONGEST_MESSAGE:
        return f"a message of {len(message)} characters: {message[:100]!r}"
    odd = [mark for mark in message if unicodedata.category(mark) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    return f"a message with {odd[0]!r} in it: {message[:200]!r}" if odd else ""


# --- the command line ----------------------------------------------------------------------------


def _sound_files(seeds: Path) -> dict[str, bytes]:
    """Small, sound files of every kind, and two that are not."""
    names = {"take.csv": "seed.csv", "take.json": "seed.json", "head.glb": "seed.glb"}
    names |= {"voice.wav": "a.wav", "photo.png": "p.png", "mine.safetensors": "seed.safetensors"}
    names |= {"clip.mp4": "p.mp4"}
    found = {name: (seeds / seed).read_bytes() for name, seed in names.items()}
    return {**found, "empty.wav": b"", "gibberish.bin": b"\x00gibberish" * 99}


_COMMANDS = (
    ("sound", "animate BAD -o out.csv --style happy"),
    ("csv", "animate voice.wav -o out.csv --style BAD"),
    ("style", "animate voice.wav -o out.npz --style BAD*0.5"),
    ("pictures", "animate voice.wav -o out.npz --portrait BAD"),
    ("weights", "animate voice.wav -o out.csv --model BAD"),
    ("json", "preview BAD -o out.mp4 --size 64"),
    ("glb", "preview take.csv -o out.####.png --size 64 --head BAD"),
    ("pictures", "render BAD take.csv -o out.mp4"),
    ("pictures", "track BAD -o out.csv"),
    ("npz", "sync voice.wav BAD"),
    ("sound", "sync BAD take.csv"),
    ("style", "style show BAD"),
    ("json", "style extract BAD -o out.safetensors"),
    ("sound", "style predict BAD --keep mine"),
    ("checkpoint", "import BAD out.safetensors"),
    ("config", "train BAD --corpus . --output out"),
)


def _bad_file(
    by_name: dict[str, Reader], number: int, folder: Path, sound: dict[str, bytes]
) -> str:
    """One of the commands that read a file, and it is broken."""
    reader, command = _COMMANDS[number % len(_COMMANDS)]
    name, content = by_name[reader].case(number // len(_COMMANDS))
    given = [word.replace("BAD", f"bad {name}") for word in command.split()]
    return _command(given, folder, {**sound, f"bad {name}": content})


def _command(given: list[str], folder: Path, sound: dict[str, bytes]) -> str:
    for name, content in sound.items():
        (folder / name).write_bytes(content)
    print(json.dumps(given), flush=True)
    os.environ |= {"DREAMTALK_STYLES": str(folder / "styles"), "HOME": str(folder)}
    os.chdir(folder)
    errors = folder / ".errors"
    os.dup2(os.open(errors, os.O_CREAT | os.O_RDWR), 2)
    try:
        status = cli.main(given)
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else 1
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    text = errors.read_text(errors="replace")
    changed = [name for name, content in sound.items() if (folder / name).read_bytes() != content]
    left = [path.name for path in folder.rglob(".*") if path.name not in (".output", ".errors")]
    report = f"{json.dumps(given)[:300]}: exit {status}, {text[-300:]!r}"
    if changed or left:
        return f"{report}, changed {changed}, left {left}"
    lines = text.splitlines()
    if status == 0:
        loose = [line for line in lines if not line.startswith("dreamtalk: warning: ")]
        return f"{report}, said {loose[0]!r}" if loose else ""
    if status not in REFUSED:
        return report
    loose = [line for line in lines[:-1] if not line.startswith("dreamtalk: warning: ")]
    if loose or not lines or not lines[-1].startswith("dreamtalk: "):
        return f"{report}: not one line"
    wrong = unfit(lines[-1])
    return f"{report}: {wrong}" if wrong else ""


REFUSED = {1, 2, 3, 4}
"""Exit statuses of a command that says no."""

if __name__ == "__main__":
    sys.exit(main())

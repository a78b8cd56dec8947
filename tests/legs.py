"""The package's own tests and the demo on both ends of what it claims to run on.

    python -m tests.legs

The oldest of everything that pyproject.toml names, and the newest of everything that there is, in
the environments of `tests.integration.hosts`; side by side, each saying its versions at its end.
The exit status is that of the worse. Standard library only.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import run
from run import print_line
from tests.integration import hosts

LEGS = ("oldest", "newest")
_TAIL = 60


def main() -> int:
    with ThreadPoolExecutor(len(LEGS)) as pool:
        return max(pool.map(leg, LEGS))


def leg(name: str) -> int:
    """Run one; its output goes to a log, of which the end is shown."""
    folder = hosts.ROOT / f".venv-{name}"
    python = hosts.python_of(folder)
    if python is None:
        print_line(f"FAILED: {folder.name} is missing")
        return 1
    out = folder / "out"
    out.mkdir(exist_ok=True)
    dreamtalk = [str(python), "-m", "dreamtalk_core.cli"]
    commands = [
        *([*dreamtalk, *command[1:]] for command in run.demo_commands(Path(), out)),
        [str(python), "-m", "pytest", "--ignore=tests/integration", "-p", "no:cacheprovider"],
    ]
    log, begin, status = folder / "tests.log", time.monotonic(), 0
    with log.open("wb") as output:
        for command in commands:
            status = subprocess.call(
                command,
                cwd=hosts.ROOT,
                env=run.clean_environment(os.environ),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            if status != 0:
                break
    files = [out / name for name in ("demo.csv", "demo.glb", "demo.mp4", "portrait.mp4")]
    missing = [path.name for path in files if not path.is_file() or not path.stat().st_size]
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    print_line(f"--- {name}, {time.monotonic() - begin:.0f} s")
    ran_on = [line for line in lines if line.startswith("ran on ")]
    print_line("\n".join(lines[-_TAIL:] if status else [*ran_on, *lines[-1:]]))
    if missing:
        print_line(f"FAILED: the demo left no {', '.join(missing)}")
    if status:
        print_line(f"FAILED: {name}: {' '.join(command[1:])}; the whole log: {log}")
    return 1 if status or missing else 0


if __name__ == "__main__":
    sys.exit(main())

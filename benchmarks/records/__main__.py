"""`python -m benchmarks.records --against REVISION [-m light] [--rounds 3] [--fail-above 1.3]`.

Prints for each case the time of this checkout over the other's: the median of all turns, and the
least and the most. Both sides run the cases of this checkout, in turns, the revision in a temporary
worktree. How much a ratio can be trusted shows `--against HEAD`, which ought to give ones.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

Times = dict[str, float]
"""Case -> seconds of its fastest round: what else the machine does only adds to it."""


def main() -> None:
    about = (__doc__ or "").partition("\n\n")[2]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.records", description=about)
    parser.add_argument("--against", metavar="REVISION", required=True, help="what git knows")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each side (3)")
    parser.add_argument("-m", metavar="MARKER", default="", help="only these: light, or not light")
    parser.add_argument("-k", metavar="NAMES", default="", help="only these, as pytest has it")
    parser.add_argument(
        "--fail-above", type=float, metavar="RATIO", help="exit 1 where a median is above"
    )
    options = parser.parse_args()
    chosen = ["-m", options.m, "-k", options.k]
    here: list[Times] = []
    there: list[Times] = []
    with worktree(options.against) as other:
        for turn in range(options.rounds):
            sides = [(ROOT, here), (other, there)]
            # Whoever is first in one turn is second in the next.
            for folder, found in sides[:: 1 - 2 * (turn % 2)]:
                found.append(measure(folder, chosen))
    medians = report(here, there)
    if options.fail_above and (not medians or max(medians) > options.fail_above):
        sys.exit(1)


@contextmanager
def worktree(revision: str) -> Iterator[Path]:
    """A folder with the files of a revision."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "other"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(path), revision], check=True)
        try:
            yield path
        finally:
            subprocess.run([*git, "remove", "--force", str(path)], check=True)


def measure(root: Path, chosen: list[str]) -> Times:
    """One turn of the cases with the package that lies in a folder; those that fail are left out,
    since an older one may lack what they measure."""
    print(f"measuring {'this checkout' if root == ROOT else 'the other'}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "record.json"
        command = [sys.executable, "-m", "pytest", "-q", "-c", str(HERE / "pytest.ini"), *chosen]
        command += [str(HERE / "cases.py"), "--benchmark-json", str(record)]
        environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            command, cwd=root, env=environment, check=False, capture_output=True, text=True
        )
        if not record.is_file():
            sys.exit(f"{done.stdout}{done.stderr}pytest has ended with {done.returncode}")
        found = json.loads(record.read_text(encoding="utf-8"))
    return {case["name"]: case["stats"]["min"] for case in found["benchmarks"]}


def report(here: list[Times], there: list[Times]) -> list[float]:
    """Print the table; its medians."""
    medians = []
    print(f"{'case':44} {'here':>9} {'there':>9}   ratio (least to most)")
    for case in dict.fromkeys(name for turn in (*here, *there) for name in turn):
        ours, theirs = ([turn[case] for turn in side if case in turn] for side in (here, there))
        name = case.removeprefix("test_")
        if len(ours) != len(here) or len(theirs) != len(there):
            print(f"{name:44} fails {'there' if ours else 'here'}")
            continue
        ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
        medians.append(statistics.median(ratios))
        times = " ".join(f"{1000 * min(side):6.1f} ms" for side in (ours, theirs))
        print(f"{name:44} {times}   {medians[-1]:.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
    return medians


if __name__ == "__main__":
    main()

"""How memory grows with the length of speech: `python benchmarks/memory.py [--minutes 10 60]`.

Each figure is the peak of a fresh process, from a 48 kHz WAV file to CSV, on the demo voice said
over and over. Two hours take half an hour of processor time: `--minutes 10 120`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from speed import ROOT, make_speech, opened, peak_memory

LIMIT = 2.0
"""MB a minute; the curves themselves are 0.33."""


def measure(path: Path, style: str, fps: str) -> float | None:
    """Peak memory in MB of this process, from a sound file to curves."""
    opened(None).animate(path, style, fps=fps).save(path.with_suffix(".csv"))
    return peak_memory()


def child(*arguments: str | Path) -> float | None:
    command = [sys.executable, __file__, "--child", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    figure: float | None = json.loads(done.stdout.splitlines()[-1])
    return figure


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--minutes", type=int, nargs=2, default=[10, 60])
    parser.add_argument("--style", default="auto")
    parser.add_argument("--fps", default="25")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        path, *rest = options.child
        if len(rest) == 1:
            make_speech(Path(path), 60 * int(rest[0]))
        print(json.dumps(measure(Path(path), *rest) if len(rest) == 2 else None))
        return 0
    peaks = []
    with tempfile.TemporaryDirectory() as folder:
        for minutes in options.minutes:
            path = Path(folder) / f"{minutes}.wav"
            child(path, str(minutes))
            peaks.append(child(path, options.style, options.fps))
            print(f"{minutes:4} min  {peaks[-1]} MB", flush=True)
    short, long = peaks
    if short is None or long is None:
        print("this system does not tell")
        return 0
    growth = (long - short) / (options.minutes[1] - options.minutes[0])
    print(f"{growth:.2f} MB a minute, at most {LIMIT:g}")
    return int(growth > LIMIT)


if __name__ == "__main__":
    sys.exit(main())

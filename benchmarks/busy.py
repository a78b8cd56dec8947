"""How much slower work becomes where something else uses every core: `benchmarks/busy.py`.

A host is always busy: it draws its window, decodes a video, runs another model. Here processes that
do nothing but count, one for each core, stand for that. Every task is timed in a fresh process of
its own, by turns quiet and busy, so that what else the machine does meets both alike; of each the
median counts. `--root FOLDER` measures another checkout as well, in turns with this one.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 2.5
"""What a task may take on a busy machine, in times of what it takes on a quiet one."""

TASKS = {
    "animate 60 s": "speech = voice(60); run = lambda: talk.animate(speech)",
    "animate 4.5 s": "speech = voice(4.5); run = lambda: talk.animate(speech)",
    "find a face": "run = lambda: read_portrait(DEMO_PORTRAIT, tracker=tracker)",
    "find no face": "run = lambda: tracker.find(nobody)",
}

PROGRAM = """
import json, sys, time
import numpy as np
from dreamtalk_core import DreamTalk, Speech
from dreamtalk_core.assets import DEMO_PORTRAIT, DEMO_VOICE
from dreamtalk_core.tracking.portrait import read_portrait
from dreamtalk_core.tracking.tracker import FaceTracker
talk, tracker = DreamTalk.load(device="cpu"), FaceTracker.load()
nobody = np.random.default_rng(0).integers(0, 255, (720, 1280, 3), np.uint8)
said = Speech.load(DEMO_VOICE).waveform
def voice(seconds):
    return Speech.from_array(np.resize(said, int(16000 * seconds)), 16000)
TASK
run()
times = []
for _ in range(int(sys.argv[1])):
    start = time.perf_counter()
    run()
    times.append(time.perf_counter() - start)
print(json.dumps(times))
"""


@contextmanager
def load(processes: int) -> Iterator[None]:
    """So many processes that count, within the `with`."""
    workers = [multiprocessing.Process(target=count, daemon=True) for _ in range(processes)]
    for worker in workers:
        worker.start()
    try:
        yield
    finally:
        for worker in workers:
            worker.kill()
            worker.join()


def count() -> None:
    while True:
        pass


def measure(root: Path, task: str, times: int) -> list[float]:
    """Seconds of a task, so many times, in a fresh process with the package of a checkout."""
    # Not beside this file: what lies where a program starts is found first.
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "program.py"
        program.write_text(PROGRAM.replace("TASK", TASKS[task]), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, str(program), str(times)],
            env={**os.environ, "PYTHONPATH": str(root)},
            stdout=subprocess.PIPE,
            check=True,
        )
    return [float(seconds) for seconds in json.loads(done.stdout.splitlines()[-1])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--root", type=Path, action="append", default=[], help="another checkout")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--times", type=int, default=3, help="in each round")
    options = parser.parse_args()
    roots = [ROOT, *(root.resolve() for root in options.root)]
    cores = os.cpu_count() or 1
    found: dict[tuple[Path, str, bool], list[float]] = {}
    for _ in range(options.rounds):
        for task in TASKS:
            for busy in (False, True):
                with load(cores if busy else 0):
                    for root in roots:
                        seconds = measure(root, task, options.times)
                        found.setdefault((root, task, busy), []).extend(seconds)
    print(f"{cores} cores; median and worst seconds of {options.rounds * options.times} calls")
    for root in roots:
        print(root.name)
        for task in TASKS:
            quiet, busy = (found[root, task, state] for state in (False, True))
            ratio = statistics.median(busy) / statistics.median(quiet)
            print(
                f"  {task:<14} quiet {statistics.median(quiet):6.3f} ({max(quiet):6.3f})   "
                f"busy {statistics.median(busy):6.3f} ({max(busy):6.3f})   {ratio:5.1f} times"
                + ("" if ratio <= LIMIT else f"   MORE THAN {LIMIT}")
            )


if __name__ == "__main__":
    main()

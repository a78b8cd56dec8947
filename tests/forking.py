"""Runs the command line again and again without importing it again, for `test_faults.py`.

Each line on stdin is a JSON list of runs that begin together, `{"arguments", "signal", "after",
"limit"}`: a signal after so many seconds, or -1 for when something half made appears in the working
folder; limit: the size in bytes at which files cannot grow. Each answer is the list of their
`[status, stdout, stderr]`.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import av  # noqa: F401 - so that no run has to
from tqdm import tqdm

from dreamtalk_core.cli import main
from dreamtalk_core.temporaries import sweep


def start(run: dict[str, Any], out: Path) -> int:
    child = os.fork()
    if child:
        return child
    sweep.cache_clear()
    # tqdm's own is a semaphore that all forks share: one that is killed while it draws its bar
    # would leave the others waiting for ever.
    tqdm.set_lock(threading.RLock())
    for number, name in ((1, "out"), (2, "err")):
        file = os.open(out.with_suffix(f".{name}"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, number)
    sys.stdout, sys.stderr = (open(n, "w", encoding="utf-8", closefd=False) for n in (1, 2))  # noqa: SIM115
    if run.get("limit"):
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (run["limit"], run["limit"]))
    status = main(run["arguments"])
    sys.stderr.flush()
    os._exit(status)


def end(run: dict[str, Any], child: int, out: Path) -> list[Any]:
    if run.get("signal"):
        if run["after"] >= 0:
            time.sleep(run["after"])
        else:
            until = time.monotonic() + 60
            while not list(Path().glob(".dreamtalk-*")) and time.monotonic() < until:
                time.sleep(0.001)
            time.sleep(-1 - run["after"])
        os.kill(child, run["signal"])
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    output = [out.with_suffix(f".{name}").read_text("utf-8", "replace") for name in ("out", "err")]
    return [status, *output]


def serve(work: Path) -> None:
    for line in sys.stdin:
        runs = json.loads(line)
        places = [work / str(number) for number in range(len(runs))]
        children = [start(run, place) for run, place in zip(runs, places, strict=True)]
        ended = map(end, runs, children, places)
        print(json.dumps(list(ended)), flush=True)


if __name__ == "__main__":
    os.chdir(sys.argv[1])
    # Warm: the head is loaded, and its kernels. Threads, such as torch's, and ffmpeg's where it
    # makes videos, do not outlive a fork.
    with redirect_stdout(sys.stderr):
        main(["preview", "short.npz", "--size", "64", "-o", "warm.####.png"])
    for file in Path().glob("warm.*"):
        file.unlink()
    serve(Path(sys.argv[2]))

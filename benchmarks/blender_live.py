"""How soon a face that is sent is on a character in Blender: `python benchmarks/blender_live.py`.

Another process sends 60 frames a second over loopback; Blender's module takes them as its timer
would, and records. Prints, for every Blender that `python run.py test` has set up and every
protocol, from sending to being on the face, and how many recorded frames were lost; fails where the
median is over 50 ms. Without a window, so the time to the next redraw comes on top.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from blender_addon.make_extension import build  # noqa: E402
from tests.integration import hosts  # noqa: E402
from tests.integration.blender import Blender  # noqa: E402

CHECKS = ("live_link", "vmc", "ifacialmocap")
LATENCY = 50.0
"""Milliseconds that the median may be."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blender", choices=hosts.BLENDERS, nargs="*", default=hosts.BLENDERS)
    late = False
    for series in parser.parse_args().blender:
        python = hosts.python_of(hosts.blender(series))
        if python is None:
            print(f"Blender {series} is not set up: python run.py test")
            continue
        for check in CHECKS:
            with tempfile.TemporaryDirectory() as folder:
                output = Blender(python, build(Path(folder)), Path(folder)).run("live", check)
            said = output.strip().splitlines()[-1]
            median = re.search(r"after ([\d.]+) ms", said)
            late |= median is None or float(median[1]) > LATENCY
            print(f"Blender {series}: {said}", flush=True)
    return int(late)


if __name__ == "__main__":
    sys.exit(main())

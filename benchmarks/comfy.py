"""The node pack in a real ComfyUI: its start, speed, memory, caching and cancelling.

    python benchmarks/comfy.py [--minutes 10] [--json FILE]

Needs the environment that `python run.py test` makes; memory is told on Linux only.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from dreamtalk_core.assets import DEMO_VOICE  # noqa: E402
from dreamtalk_core.files import atomic_write  # noqa: E402
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech  # noqa: E402
from tests.integration import hosts  # noqa: E402
from tests.integration.comfy import (  # noqa: E402
    PACK,
    Comfy,
    Graph,
    Runner,
    loop_video,
    node,
    write_wav,
)

LONG_RUN = 3600
"""Seconds after which a run is given up."""


class Row(NamedTuple):
    """One line of the table: what, the figure, its unit, and what it is to stay below."""

    what: str
    figure: float
    unit: str
    below: float | None = None


def curves(speech: str) -> Graph:
    return {
        "speech": node("DreamTalkLoadSpeech", file=speech),
        "motion": node("DreamTalkSampleMotion", speech=["speech", 0]),
        "curves": node("DreamTalkSaveMotion", motion=["motion", 0]),
    }


def portrait(speech: str, image: str = "dreamtalk_demo_portrait.jpg") -> Graph:
    return {
        **curves(speech),
        "portrait": node("DreamTalkLoadPortrait", image=image),
        "video": node("DreamTalkRenderPortrait", motion=["motion", 0], portrait=["portrait", 0]),
        "save": node(
            "SaveVideo", video=["video", 0], filename_prefix="video", format="auto", codec="auto"
        ),
    }


def tracked(video: str) -> Graph:
    return {
        "film": node("LoadVideo", file=video),
        "track": node("DreamTalkTrackMotion", video=["film", 0]),
        "curves": node("DreamTalkSaveMotion", motion=["track", 0]),
    }


def measure(run: Runner, minutes: float) -> list[Row]:
    comfy = run.comfy
    found = re.search(rf"([\d.]+) seconds: \S.*{PACK}$", comfy.log, re.MULTILINE)
    rows = [Row("import of the pack", float(found[1]) if found else float("nan"), "s", 0.5)]
    idle = comfy.memory()
    rows.append(Row("memory of the host, idle", idle, "MB"))

    first = run(**portrait("demo voice"))
    again = run(**portrait("demo voice"))
    rows += [
        Row("13.84 s, portrait of 512 x 512, first time", first.seconds, "s"),
        Row("  nothing changed", again.seconds, "s", 0.1),
    ]
    clip = comfy.add_input(run(**portrait("demo voice")).files["save"][0], "clip.mp4")
    for where, graph in (
        ("motion", portrait("demo voice")),
        ("video", portrait("demo voice")),
        ("track", tracked(clip)),
    ):
        rows.append(Row(f"cancelled in '{where}'", cancel(run, graph, where), "s", 1))

    voice = Speech.load(DEMO_VOICE).waveform
    sound = np.resize(voice, (1, round(60 * minutes * SAMPLE_RATE)))
    name = write_wav(comfy.base / "input" / "long.wav", sound, SAMPLE_RATE).name
    for what, graph, limit in (
        (f"{minutes:g} min, Sample Motion and Save Motion", curves(name), 1500),
        (f"{minutes:g} min, Render Portrait and Save Video", portrait(name), None),
    ):
        print(f"{what} ...", file=sys.stderr, flush=True)
        with comfy.peak() as peak:
            done = comfy.run(run.complete(graph), LONG_RUN)
            rows.append(Row(what, done.seconds, "s"))
            rows.append(Row("  memory above idle", peak() - idle, "MB", limit))
    times = round(60 * minutes / 13.84)
    video = loop_video(comfy.base / "input" / clip, comfy.base / "input" / "long.mp4", times).name
    what = f"{minutes:g} min, Track Motion and Save Motion"
    print(f"{what} ...", file=sys.stderr, flush=True)
    with comfy.peak() as peak:
        done = comfy.run(run.complete(tracked(video)), LONG_RUN)
        rows.append(Row(what, done.seconds, "s"))
        rows.append(Row("  memory above idle", peak() - idle, "MB", 1500))
    return rows


def cancel(run: Runner, graph: Graph, where: str) -> float:
    """Seconds from the cancel button, pressed while a node works, to the end of the run."""
    if "motion" in graph:
        # Another seed, or there is nothing to be done.
        graph["motion"]["inputs"] |= {"seed": time.time_ns() % 2**32, "steps": 100}
    return run.cancelled(graph, where)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=10, help="of the long speech")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    python = hosts.python_of(hosts.comfyui())
    if python is None:
        raise SystemExit("There is no ComfyUI here yet: python run.py test sets it up.")
    with tempfile.TemporaryDirectory() as folder, Comfy.start(python, Path(folder)) as comfy:
        kinds: dict[str, Any] = comfy.get("/object_info")
        rows = measure(Runner(comfy, kinds), options.minutes)
    for row in rows:
        verdict = "" if row.below is None else "yes" if row.figure < row.below else "NO"
        target = "" if row.below is None else f"under {row.below:g} {row.unit}"
        print(f"{row.what:<46} {row.figure:>9.2f} {row.unit:<3} {target:<16} {verdict}")
    if options.json:
        with atomic_write(options.json) as path:
            text = json.dumps([row._asdict() for row in rows], indent=2) + "\n"
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

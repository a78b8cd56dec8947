"""Speed, memory and evenness of the shipped model: `python benchmarks/speed.py [--json OUT.json]`.

Each figure comes from a fresh process on two processor cores, on the demo voice said over and over
with short pauses, as a 48 kHz WAV file. What else runs on the machine counts, above all with more
threads than free cores, where each waits for the slowest; on a busy machine `--cores 1` tells more.
Stage by stage, in processor time and beside another revision: `benchmarks/records -k stage`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from dreamtalk_core import DreamTalk

# This process stays small: on Linux the peak memory of a child begins at its parent's. So what
# needs numpy or torch is imported where it is measured.

LONG, LINE = 600, 6
"""Seconds of the long speech and of a line of dialogue; the short speech lasts a minute."""
OFFSETS = (3.0, 7.4, 16.2)
"""Seconds at which the speech is cut, whole frames; the head of each cut is not compared."""
HEAD_FRAMES = 25


def measure_load(model: str | None, line: Path) -> dict[str, Any]:
    """Seconds to import, to load, and then to the curves of a first line."""
    start = time.perf_counter()
    from dreamtalk_core import DreamTalk

    del DreamTalk
    imported = time.perf_counter()
    talk = opened(model)
    loaded = time.perf_counter()
    first = timed(lambda: talk.animate(line).save(line.with_suffix(".csv")))["seconds"]
    return {
        "import": imported - start,
        "load": loaded - imported,
        "seconds": loaded - start,
        "first": first,
    }


def measure_speed(model: str | None, path: Path) -> dict[str, Any]:
    """Seconds from WAV to CSV, the first time after loading and later, and where they go."""
    import torch

    from dreamtalk_core import MotionStream, Speech

    talk = opened(model)
    table = path.with_suffix(".csv")
    runs = [timed(lambda: talk.animate(path).save(table)) for _ in range(4)]
    speech = Speech.load(path)
    motion = talk.animate(speech)
    waveform = speech.waveform
    parts: dict[str, Callable[[], object]] = {
        "read the sound": lambda: Speech.load(path),
        "phonetic encoder": lambda: list(talk.phonetics.stream(waveform)),
        "animate": lambda: talk.animate(speech),
        "write the CSV": lambda: motion.save(table),
    }
    # Round by round, so that what else the machine does meets all of them alike.
    rounds = [{name: timed(work)["seconds"] for name, work in parts.items()} for _ in range(5)]
    shares = {name: min(times[name] for times in rounds) for name in parts}
    shares["the rest of animate"] = shares.pop("animate") - shares["phonetic encoder"]
    style = talk.load_style("happy")
    streams = [timed(lambda: MotionStream(talk, style).feed(waveform[:16000])) for _ in range(5)]
    line = path.with_name("line.wav")
    lines = [timed(lambda: talk.animate(line).save(table)) for _ in range(8)]
    return {
        "audio": float(speech.duration),
        "line": min(run["seconds"] for run in lines),
        "stream": max(run["seconds"] for run in streams),
        "first": runs[0],
        "best": min(runs[1:], key=lambda run: run["seconds"]),
        "parts": shares,
        "threads": torch.get_num_threads(),
    }


def measure_memory(model: str | None, path: Path) -> dict[str, Any]:
    """Peak memory in MB from WAV to CSV, and the seams of what came out."""
    talk = opened(model)
    loaded = peak_memory()
    motion = talk.animate(path)
    motion.save(path.with_suffix(".csv"))
    figures = {"loaded": loaded, "peak": peak_memory()}
    return figures | {"seams": seams(motion.to_arkit().weights)}


def seams(weights: Any) -> dict[str, Any]:
    """Jumps at window boundaries over ordinary ones, and what chance makes of as many elsewhere.

    `elsewhere` is the 95th percentile of the same measure with all boundaries moved by 10, 11, ...
    frames: ordinary moments, no seam among them.
    """
    import numpy as np

    from dreamtalk_core.evaluation.smoothness import seam_ratio
    from dreamtalk_core.models import sampler
    from dreamtalk_core.speech import phonetics

    found = {}
    for name, window in (("denoiser", sampler.WINDOW), ("phonetic", phonetics.WINDOW // 2)):
        marks = range(window, len(weights), window)
        if len(marks) < 2:
            continue
        moved = [seam_ratio(weights, [m + by for m in marks]) for by in range(10, window - 10, 3)]
        found[name] = {
            "ratio": seam_ratio(weights, list(marks)),
            "elsewhere": float(np.percentile(moved, 95)),
            "boundaries": len(marks),
        }
    return found


def measure_cuts(model: str | None, path: Path) -> dict[str, Any]:
    """How the same words differ when the file begins elsewhere, and with another seed.

    Mean absolute difference over the jaw, mouth and tongue channels; correlation of the aperture.
    A cut changes the speech's level, where the windows lie and which noise a frame starts from.
    """
    import numpy as np

    from dreamtalk_core import Speech
    from dreamtalk_core.evaluation.lips import MOUTH, aperture
    from dreamtalk_core.evaluation.signals import correlation

    talk = opened(model)
    speech = Speech.load(path)
    whole = talk.animate(speech).to_arkit().weights

    def against(other: Any, skipped: int) -> tuple[float, float]:
        ours = whole[len(whole) - len(other) :][skipped:]
        other = other[skipped:]
        difference = np.abs(ours - other)[:, list(MOUTH)].mean()
        return float(difference), correlation(aperture(ours), aperture(other))

    cuts = []
    for offset in OFFSETS:
        rest = Speech.from_array(speech.waveform[round(offset * 16_000) :], 16_000)
        cuts.append(against(talk.animate(rest).to_arkit().weights, HEAD_FRAMES))
    seed = against(talk.animate(speech, seed=1).to_arkit().weights, HEAD_FRAMES)
    return {
        "difference": float(np.mean([cut[0] for cut in cuts])),
        "correlation": float(np.mean([cut[1] for cut in cuts])),
        "seed difference": seed[0],
        "seed correlation": seed[1],
    }


def opened(model: str | None) -> DreamTalk:
    from dreamtalk_core import DreamTalk

    return DreamTalk.load(model, "cpu") if model else DreamTalk.load(device="cpu")


def timed(work: Callable[[], object]) -> dict[str, float]:
    processor, clock = time.process_time(), time.perf_counter()
    work()
    return {
        "seconds": time.perf_counter() - clock,
        "processor": time.process_time() - processor,
    }


def peak_memory() -> float | None:
    """Peak resident memory of this process in MB; None where it cannot be told."""
    if sys.platform == "win32":
        return _peak_memory_on_windows()
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e6 / 1024)


def _peak_memory_on_windows() -> float | None:
    import ctypes

    class Counters(ctypes.Structure):
        _fields_ = (
            ("cb", ctypes.c_uint32),
            ("PageFaultCount", ctypes.c_uint32),
            ("PeakWorkingSetSize", ctypes.c_size_t),
            ("WorkingSetSize", ctypes.c_size_t),
            ("QuotaPeakPagedPoolUsage", ctypes.c_size_t),
            ("QuotaPagedPoolUsage", ctypes.c_size_t),
            ("QuotaPeakNonPagedPoolUsage", ctypes.c_size_t),
            ("QuotaNonPagedPoolUsage", ctypes.c_size_t),
            ("PagefileUsage", ctypes.c_size_t),
            ("PeakPagefileUsage", ctypes.c_size_t),
        )

    counters = Counters(cb=ctypes.sizeof(Counters))
    kernel: Any = vars(ctypes)["windll"].kernel32  # type checkers know it on Windows only
    kernel.GetCurrentProcess.restype = ctypes.c_void_p
    kernel.K32GetProcessMemoryInfo.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32]
    known = kernel.K32GetProcessMemoryInfo(
        kernel.GetCurrentProcess(), ctypes.byref(counters), counters.cb
    )
    return counters.PeakWorkingSetSize / 1e6 if known else None


def make_speech(path: Path, seconds: int) -> dict[str, Any]:
    """A 16-bit 48 kHz WAV of the demo voice over and over, 0.3 to 0.7 s between."""
    import numpy as np
    import soxr

    from dreamtalk_core import Speech
    from dreamtalk_core.assets import DEMO_VOICE

    rate = 48_000
    voice = soxr.resample(Speech.load(DEMO_VOICE).waveform, 16_000, rate)
    rng = np.random.default_rng(0)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        left = rate * seconds
        while left:
            pause = np.zeros(int(rate * rng.uniform(0.3, 0.7)), np.float32)
            piece = np.concatenate([voice, pause])[:left]
            file.writeframes((piece.clip(-1, 1) * 32767).astype("<i2").tobytes())
            left -= len(piece)
    return {}


class Row(NamedTuple):
    """One line of the table: what, the figure, the target, and whether it is met (or None)."""

    what: str
    figure: str
    target: str
    met: bool | None


def rows(found: dict[str, Any]) -> list[Row]:
    load = statistics.median(run["seconds"] for run in found["load"])
    fast = 80 if found["cores"] > 1 else 50
    speed, memory, cuts = found["speed"], found["memory"], found["cuts"]
    first, best = (speed["audio"] / speed[run]["seconds"] for run in ("first", "best"))
    processor = speed["audio"] / speed["best"]["processor"]
    answer = statistics.median(run["first"] for run in found["load"])
    table = [
        Row("import and load", f"{load:.2f} s", "under 3 s", load < 3),
        Row("then 6 s, WAV to CSV, first time", f"{answer:.2f} s", "under 0.5 s", answer < 0.5),
        Row("60 s, WAV to CSV, first time", f"{first:.0f} x real time", "at least 30", first >= 30),
        Row("  again", f"{best:.0f} x real time", f"at least {fast}", best >= fast),
        Row("  again, by processor time", f"{processor:.0f} x", "", None),
    ]
    table += [
        Row(f"  of it: {name}", f"{1000 * seconds:.0f} ms", "", None)
        for name, seconds in speed["parts"].items()
    ]
    line = LINE / speed["line"]
    table.append(Row("6 s, again", f"{line:.0f} x real time", "at least 50", line >= 50))
    late = 1000 * speed["stream"]
    table.append(Row("stream, 1 s in, curves out", f"{late:.0f} ms", "under 300 ms", late < 300))
    short, long = memory["short"]["peak"], memory["long"]["peak"]
    if short is None or long is None:
        table.append(Row("peak memory", "this system does not tell", "under 1500 MB", None))
    else:
        table += [
            Row("peak memory, loaded", f"{memory['long']['loaded']:.0f} MB", "", None),
            Row("peak memory, 1 min", f"{short:.0f} MB", "under 1500 MB", short < 1500),
            Row("peak memory, 10 min", f"{long:.0f} MB", "under 1500 MB", long < 1500),
            Row(
                "  10 min over 1 min",
                f"{long - short:+.0f} MB",
                "the same: within 100 MB",
                long - short < 100,
            ),
        ]
    for name, seam in memory["long"]["seams"].items():
        ratio, limit = seam["ratio"], seam["elsewhere"]
        table.append(
            Row(
                f"jumps at {seam['boundaries']} {name} windows, 10 min",
                f"{ratio:.2f} x ordinary",
                f"as elsewhere: under {limit:.2f}",
                ratio < limit,
            )
        )
    within = cuts["difference"] < 1.25 * cuts["seed difference"]
    table += [
        Row(
            "cut elsewhere: mean difference of the mouth",
            f"{cuts['difference']:.4f}",
            f"within noise: another seed {cuts['seed difference']:.4f}",
            within,
        ),
        Row(
            "cut elsewhere: correlation of the aperture",
            f"{cuts['correlation']:.4f}",
            f"another seed {cuts['seed correlation']:.4f}",
            None,
        ),
    ]
    return table


def measure_all(model: str | None, cores: int) -> dict[str, Any]:
    extra = ["--cores", str(cores), *(["--model", model] if model else [])]
    env = {**os.environ, "OMP_NUM_THREADS": str(cores)}

    def child(*arguments: str | Path) -> Any:
        """What a measurement reports, taken in a fresh process."""
        print(f"{arguments[0]} ...", file=sys.stderr, flush=True)
        command = [sys.executable, __file__, *extra, "--child", *map(str, arguments)]
        done = subprocess.run(command, env=env, cwd=ROOT, check=True, stdout=subprocess.PIPE)
        return json.loads(done.stdout.splitlines()[-1])

    with tempfile.TemporaryDirectory() as folder:
        line, short, long = (Path(folder) / f"{name}.wav" for name in ("line", "minute", "long"))
        child("speech", line, str(LINE))
        child("speech", short, "60")
        child("speech", long, str(LONG))
        return {
            "cores": cores,
            "load": [child("load", line) for _ in range(3)],
            "speed": child("speed", short),
            "memory": {"short": child("memory", short), "long": child("memory", long)},
            "cuts": child("cuts", short),
        }


def run_child(arguments: list[str], model: str | None, cores: int) -> dict[str, Any]:
    # One core needs no holding: the system finds it the one that is free.
    if sys.platform == "linux" and cores > 1:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    name, *rest = arguments
    path = Path(rest[0])
    if name == "speech":
        return make_speech(path, int(rest[1]))
    measure = {
        "load": measure_load,
        "speed": measure_speed,
        "memory": measure_memory,
        "cuts": measure_cuts,
    }[name]
    return measure(model, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--model", help="a weights file; the shipped one if left out")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    model = str(Path(options.model).resolve()) if options.model else None
    if options.child:
        print(json.dumps(run_child(options.child, model, options.cores)))
        return
    found = measure_all(model, options.cores)
    for row in rows(found):
        verdict = {True: "yes", False: "NO", None: ""}[row.met]
        print(f"{row.what:<45} {row.figure:>18}   {row.target:<38} {verdict}")
    if options.json:
        from dreamtalk_core.files import atomic_write

        with atomic_write(options.json) as path:
            path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

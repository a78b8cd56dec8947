"""A batch measured: speed on one core and on two, memory over many rows, faults that are found.

    python benchmarks/batch.py speed RECORDINGS [--rows 200] [--times 2]
    python benchmarks/batch.py memory RECORDINGS [--rows 1000]
    python benchmarks/batch.py kills RECORDINGS [--rows 40] [--times 5]
    python benchmarks/batch.py faults RECORDINGS [--rows 120]
    python benchmarks/batch.py networks RECORDINGS [--rows 60]
    python benchmarks/batch.py plan [--rows 480000] [--cost 0.092] [--cores 8] [--price 0.68]
    python benchmarks/batch.py languages TABLE [--times 10]

RECORDINGS is a folder of short lines of 2 to 6 s; as many as there are rows are drawn from it, and
repeated where there are fewer. `faults` makes curves, spoils a sixth of the sounds (moved by 5 to
10 frames, exchanged, clipped, silent, music) and lets `--check` look for them. `networks` tells
which part of a line's time the networks take: what a GPU could save at most. `plan` only counts:
cost is what `speed` has measured, in seconds of a core a line; cores and price (an hour) are those
of the machine that is hired. `languages` takes a table of `audio`, `language` and `speaker`, draws
100 lines of each language and plants 20 under another's name, whose speakers are nowhere else; all
pairs of languages, and all together.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
START = 60
"""Seconds that a hired machine is taken to need before its first line."""
SIZES = {
    "recording": 4 * 48_000 * 2,
    "curves, .csv": 100 * 809,
    "what was made, .npz": 26_000,
    "ledger, provenance": 750,
}
"""Bytes for 4 s at 25 fps, from mono at 48 kHz in 16 bits. A row of a Live Link CSV has 809."""
FAULTS = ("moved", "exchanged", "clipped", "silent", "music")


def main() -> None:
    sys.path.insert(0, str(ROOT))
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    whats = ("speed", "memory", "kills", "faults", "networks", "plan", "languages")
    parser.add_argument("what", choices=whats)
    parser.add_argument("recordings", type=Path, nargs="?")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--times", type=int)
    parser.add_argument("--cost", type=float, default=0.092)
    parser.add_argument("--cores", type=int, default=8)
    parser.add_argument("--price", type=float, default=0.0)
    options = parser.parse_args()
    if options.what == "plan":
        print_plan(options.rows or 480_000, options.cost, options.cores, options.price)
        return
    if options.recordings is None:
        parser.error("give a folder of recordings")
    with tempfile.TemporaryDirectory() as folder:
        if options.what == "speed":
            measure_speed(Path(folder), options.recordings, options.rows or 200, options.times or 2)
        elif options.what == "memory":
            measure_memory(Path(folder), options.recordings, options.rows or 1000)
        elif options.what == "kills":
            measure_kills(Path(folder), options.recordings, options.rows or 40, options.times or 5)
        elif options.what == "networks":
            measure_networks(Path(folder), options.recordings, options.rows or 60)
        elif options.what == "languages":
            measure_languages(options.recordings, options.times or 10)
        else:
            measure_faults(Path(folder), options.recordings, options.rows or 120)


def command(table: Path, folder: Path, *more: str) -> list[str]:
    return [
        *(sys.executable, "-m", "dreamtalk_core.cli", "batch", str(table), "-o", str(folder)),
        *("--progress", "ndjson", *more),
    ]


def run(table: Path, folder: Path, *more: str) -> list[dict[str, object]]:
    """A batch to its end; what it has told."""
    done = subprocess.run(
        command(table, folder, *more), cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def sounds(recordings: Path, rows: int) -> list[Path]:
    """Lines of 2 to 6 s, drawn with a seed."""
    from dreamtalk_core.speech.audio import Speech
    from dreamtalk_core.speech.lines import find_recordings

    every = find_recordings(recordings)
    random.Random(0).shuffle(every)
    found: list[Path] = []
    for path in every:
        if 2 <= Speech.load(path).duration <= 6:
            found.append(path)
        if len(found) == rows:
            break
    return [found[i % len(found)] for i in range(rows)]


def write_table(folder: Path, paths: list[Path]) -> Path:
    table = folder / "lines.csv"
    rows = [f"line{i:04},{path},{i}" for i, path in enumerate(paths)]
    table.write_text("\n".join(["id,audio,seed", *rows]) + "\n", encoding="utf-8")
    return table


def measure_speed(folder: Path, recordings: Path, rows: int, times: int) -> None:
    """Both sides in turns: what else the machine does then disturbs both.

    Lines a second between the first and the last, and with the start of the workers as well.
    """
    table = write_table(folder, sounds(recordings, rows))
    for turn in range(times):
        for jobs in (1, 2):
            before, started = os.times(), time.perf_counter()
            words = command(table, folder / f"out{turn}{jobs}", "--jobs", str(jobs))
            with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
                assert process.stdout is not None
                came = [time.perf_counter() for line in process.stdout if '"event":"row"' in line]
            after, wall = os.times(), time.perf_counter() - started
            user = after.children_user - before.children_user
            print(
                f"{jobs} jobs: {(rows - 1) / (came[-1] - came[0]):.2f} lines/s, with the start "
                f"{rows / wall:.2f}, {wall:.0f} s, {user:.1f} s of user time",
                flush=True,
            )


def measure_memory(folder: Path, recordings: Path, rows: int) -> None:
    """Resident memory of the whole family, every hundred rows."""
    table = write_table(folder, sounds(recordings, rows))
    process = subprocess.Popen(
        command(table, folder / "out", "--jobs", "2"), cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for count, line in enumerate(process.stdout):
        if json.loads(line)["event"] == "row" and count % 100 == 0:
            family = [process.pid, *children(process.pid)]
            told = ", ".join(f"{resident(one):.0f}" for one in family)
            print(f"{count} rows: {told} MB", flush=True)
    process.wait()


def measure_networks(folder: Path, recordings: Path, rows: int) -> None:
    """Time of one core for a line, its grade and file included, and how much of it is networks."""
    import torch

    from dreamtalk_core.batch.plan import Row
    from dreamtalk_core.batch.work import Job, begin

    paths = [path.resolve() for path in sounds(recordings, rows + 5)]
    worker = begin(Job(folder, folder, "default", "cpu", "all", grade=True))
    depth, spent, outer = 0, 0.0, 0.0

    def enter(module: torch.nn.Module, _: object) -> None:
        nonlocal depth, outer
        depth += 1
        outer = time.perf_counter() if depth == 1 else outer

    def leave(module: torch.nn.Module, _: object, __: object) -> None:
        nonlocal depth, spent
        depth -= 1
        spent += 0 if depth else time.perf_counter() - outer

    torch.nn.modules.module.register_module_forward_pre_hook(enter)
    torch.nn.modules.module.register_module_forward_hook(leave)
    for i, path in enumerate(paths):
        if i == 5:  # what is made once is there
            spent, begun = 0.0, time.perf_counter()
        row = Row(i + 1, str(i), str(path), "auto", outputs=(f"{i}.csv",))
        assert worker.run(row, None)["status"] == "done"
    taken = time.perf_counter() - begun
    print(f"{1000 * taken / rows:.1f} ms a line, {spent / taken:.0%} of it in networks")


def children(process: int) -> list[int]:
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(process)], capture_output=True, text=True, check=False
    ).stdout
    return [int(number) for number in found.split() if resident(int(number)) > 50]


def resident(process: int) -> float:
    try:
        status = Path(f"/proc/{process}/statm").read_text(encoding="ascii")
    except OSError:
        return 0.0
    return int(status.split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def measure_kills(folder: Path, recordings: Path, rows: int, times: int) -> None:
    """A run that is killed again and again, against one that is not: all files, byte for byte."""
    table = write_table(folder, sounds(recordings, rows))
    run(table, folder / "whole", "--jobs", "2")
    rng = random.Random(1)
    for _ in range(times):
        process = subprocess.Popen(
            command(table, folder / "killed", "--jobs", "2", "--resume"),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert process.stdout is not None
        left = rng.randrange(1, max(2, rows // times))
        for line in process.stdout:
            event = json.loads(line)
            left -= event["event"] == "row" and "state" not in event
            if left <= 0:
                break
        time.sleep(rng.uniform(0, 0.5))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        ledger = folder / "killed" / "ledger.ndjson"
        print(f"killed with {len(ledger.read_bytes().splitlines())} entries", flush=True)
    events = run(table, folder / "killed", "--jobs", "2", "--resume")
    whole, killed = (contents(folder / name) for name in ("whole", "killed"))
    same = "the same" if whole == killed else "NOT the same"
    print(f"at the end {events[-1]}; {len(whole)} files, {same}, byte for byte")


def contents(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def measure_faults(folder: Path, recordings: Path, rows: int) -> None:
    """How many planted faults are found, and how many good lines are taken for faulty."""
    from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech
    from dreamtalk_core.training.music import music

    rng = np.random.default_rng(0)
    waves = [np.array(Speech.load(path).waveform) for path in sounds(recordings, rows)]
    paths = [folder / f"{i:04}.wav" for i in range(rows)]
    for path, sound in zip(paths, waves, strict=True):
        write_wave(path, sound)
    table = write_table(folder, paths)
    run(table, folder / "out")
    spoilt = {i: FAULTS[i % len(FAULTS)] for i in range(rows // 6)}
    for i, fault in spoilt.items():
        sound, count = waves[i], len(waves[i])
        if fault == "moved":
            by = int(rng.integers(5, 11)) * SAMPLE_RATE // 25
            sound = np.concatenate([np.zeros(by, np.float32), sound])[:count]
        elif fault == "exchanged":
            sound = waves[rows - 1 - i]
        elif fault == "clipped":
            sound = np.clip(8 * sound, -0.7, 0.7)
        elif fault == "silent":
            sound = (1e-4 * rng.standard_normal(count)).astype(np.float32)
        else:
            sound = (0.1 * music(count, rng)).astype(np.float32)
        write_wave(paths[i], sound)
    events = run(table, folder / "out", "--check")
    told = {int(str(one["row"])) - 1: one.get("flags", []) for one in events if "row" in one}
    for i, fault in spoilt.items():
        print(f"{fault}: {told[i] or 'NOT FOUND'}")
    good = {i: flags for i, flags in told.items() if i not in spoilt}
    print(f"found {sum(bool(told[i]) for i in spoilt)} of {len(spoilt)}")
    print(f"flagged {sum(map(bool, good.values()))} of {len(good)} good lines:")
    for i, flags in good.items():
        if flags:
            print(f"  {i}: {flags}")


def print_plan(rows: int, cost: float, cores: int, price: float) -> None:
    """Hours, money, disk and network of many lines, and what a lost machine costs."""
    work = rows * cost / 3600
    print(f"{rows} lines x {cost * 1000:.0f} ms = {work:.1f} core hours")
    for machines in (1, 4, 12):
        # A fresh machine loads what it needs, and each of its workers the model.
        hours = work / (machines * cores) + START / 3600
        money = f", {machines * hours * price:.2f} in all" if price else ""
        print(f"{machines} machines of {cores} cores: {60 * hours:.0f} minutes{money}")
    for what, size in SIZES.items():
        print(f"{what}: {size / 1e3:.1f} kB a line, {rows * size / 1e9:.1f} GB in all")
    through = cores / cost * (SIZES["recording"] + SIZES["curves, .csv"]) / 1e6
    print(f"a machine reads and writes {through:.0f} MB a second")
    lost = cores * cost / 2
    print(f"a machine that is lost: {lost:.1f} core seconds of rows half made, {START} s to start")


def measure_languages(table: Path, times: int) -> None:
    """How many lines of another language are found, and how many others are taken for such."""
    import torch

    from dreamtalk_core.animation.phrases import SPEECH_DB
    from dreamtalk_core.batch.grade import measure_sounds
    from dreamtalk_core.speech.audio import Speech
    from dreamtalk_core.speech.features import SpeechFeatures
    from dreamtalk_core.speech.phonetics import PhoneticEncoder

    torch.set_num_threads(1)
    ears, lines = PhoneticEncoder.load(), []
    with table.open(encoding="utf-8") as file, torch.inference_mode():
        for row in csv.DictReader(file):
            speech = Speech.load(table.parent / row["audio"])
            heard = SpeechFeatures(speech, ears)
            silence = float((heard.prosody.loudness <= SPEECH_DB).mean())
            found = {"seconds": float(speech.duration), "silence": silence}
            lines.append({**row, **found, "sounds": measure_sounds(heard, ears)})
    names = sorted({line["language"] for line in lines})
    for group in (*itertools.combinations(names, 2), *([names] if len(names) > 2 else [])):
        plant_languages(lines, group, times)


def plant_languages(lines: list[dict], group: Sequence[str], times: int) -> None:
    from dreamtalk_core.batch.grade import Thresholds
    from dreamtalk_core.batch.language import foreign_lines

    found = planted = flagged = good = 0
    for host, seed in itertools.product(group, range(times)):
        rng, kept, hidden = random.Random(seed), [], []
        for name in group:
            mine = [line for line in lines if line["language"] == name]
            rng.shuffle(mine)
            speakers = sorted({line["speaker"] for line in mine})
            rng.shuffle(speakers)
            taken, apart = [], set()
            while name != host and len(taken) < 20 // (len(group) - 1):
                apart.add(speaker := speakers.pop())
                taken += [line for line in mine if line["speaker"] == speaker]
            hidden += taken[: 20 // (len(group) - 1)]
            kept += [line for line in mine if line["speaker"] not in apart][:100]
        said = [line["language"] for line in kept] + [host] * len(hidden)
        told = foreign_lines([*kept, *hidden], said, Thresholds().foreign)
        found, planted = found + sum(map(bool, told[len(kept) :])), planted + len(hidden)
        flagged, good = flagged + sum(map(bool, told[: len(kept)])), good + len(kept)
    print(
        f"{', '.join(group)}: found {20 * found / planted:.1f} of 20, flagged "
        f"{100 * flagged / good:.1f} of 100 others",
        flush=True,
    )


def write_wave(path: Path, sound: np.ndarray) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())


if __name__ == "__main__":
    main()

"""Everything that can happen to a run: it is killed, asked to end, the disk is full or read-only,
three write to one name. Nothing half made is left under a name, nothing hidden stays, stderr has
one line, and the exit status is the documented one.

Seeded, and one of each; DREAMTALK_FAULTS=50 takes fifty.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dreamtalk_core import Motion
from dreamtalk_core.formats import is_read
from dreamtalk_core.motion.arkit import ARKIT_NAMES

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
]
ROOT = Path(__file__).resolve().parents[1]
TIMES = int(os.environ.get("DREAMTALK_FAULTS", "1"))
FRAMES = 40


class Runs:
    """The command line in a folder, in processes that are forked from a warm one."""

    def __init__(self, folder: Path, work: Path) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.forking", str(folder), str(work)],
            cwd=ROOT,
            env={**os.environ, "XDG_STATE_HOME": str(work), "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def together(self, *runs: dict[str, Any]) -> list[tuple[int, str, str]]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(runs) + "\n")
        self.process.stdin.flush()
        return [tuple(result) for result in json.loads(self.process.stdout.readline())]

    def __call__(self, *arguments: str, **more: Any) -> tuple[int, str, str]:
        return self.together({"arguments": arguments, **more})[0]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    work = tmp_path_factory.mktemp("work")
    running = Runs(tmp_path_factory.mktemp("faults"), work)
    with wave.open(str(running.folder / "line.wav"), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        noise = np.random.default_rng(0).normal(0, 3000, FRAMES * 640)
        file.writeframes(noise.astype("<i2").tobytes())
    for name, count in (("take", FRAMES), ("short", 5), ("long", FRAMES + 20)):
        Motion(ARKIT_NAMES, np.zeros((count, 52)), 25).save(running.folder / f"{name}.npz")
    yield running
    assert running.process.stdin is not None
    running.process.stdin.close()
    running.process.wait()
    assert running.process.stdout is not None
    running.process.stdout.close()


@pytest.fixture
def folder(runs: Runs) -> Iterator[Path]:
    """What the commands read, and nothing else."""
    given = {"line.wav", "take.npz", "short.npz", "long.npz"}
    assert {path.name for path in runs.folder.iterdir()} == given
    yield runs.folder
    for path in runs.folder.iterdir():
        if path.is_file() and path.name not in given:
            path.unlink()


def frames(path: Path) -> int:
    import av

    with av.open(str(path)) as video:
        return sum(1 for _ in video.decode(video=0))


def whole(folder: Path, counts: set[int]) -> None:
    """All that is there under a name is whole, and has one of these numbers of frames."""
    for path in folder.glob("out.*"):
        if is_read(path):
            assert len(Motion.load(path)) in counts
        elif path.suffix == ".json":  # how the one beside it was made
            assert json.loads(path.read_text("utf-8"))["style"]
        elif path.suffix == ".glb":
            assert path.read_bytes()[:4] == b"glTF"
        elif path.suffix == ".mp4":
            assert frames(path) in counts
    pictures = sorted(path.name for path in folder.glob("out.*.png"))
    assert len(pictures) in {0, *counts}
    assert pictures == [f"out.{number:04d}.png" for number in range(len(pictures))]


PREVIEW = ("preview", "take.npz", "--size", "64", "--audio", "line.wav", "-o")
COMMANDS = {
    "video": (*PREVIEW, "out.mp4"),
    "pictures": (*PREVIEW, "out.####.png"),
    "curves": ("animate", "line.wav", "--style", "sad", *("-o", "out.csv", "-o", "out.glb")),
}


def moments(kind: str) -> list[float]:
    """Some at any time, some while something is being written (-1, less some more seconds)."""
    draw = random.Random(kind)
    late = 4.0 if kind.endswith("curves") else 0.5
    pairs = [(draw.uniform(0, late), -1 - draw.uniform(0, 0.1)) for _ in range(TIMES)]
    return [moment for pair in pairs for moment in pair]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(("SIGKILL", kind) for kind in COMMANDS),
        *(("SIGTERM", kind) for kind in COMMANDS),
        ("SIGHUP", "video"),
        ("SIGINT", "pictures"),
    ],
)
def test_ended_at_any_moment(name: str, kind: str, runs: Runs, folder: Path) -> None:
    number = getattr(signal, name)
    counts = {FRAMES}
    if kind != "curves":  # there is an older one, longer
        words = [word.replace("take", "long") for word in COMMANDS[kind]]
        assert runs(*words)[0] == 0
        counts.add(FRAMES + 20)
    for moment in moments(f"{name} {kind}"):
        status, _, error = runs(*COMMANDS[kind], signal=number, after=moment)
        if name == "SIGKILL":
            assert status in (-number, 0)
            assert not error
            assert runs("preview", "short.npz", "--size", "64", "-o", "next.mp4")[0] == 0
        else:
            assert status in (128 + number, 0)
            assert len(error.splitlines()) == (1 if status else 0), error
        assert not list(folder.glob(".*"))
        whole(folder, counts)


@pytest.mark.parametrize("kind", COMMANDS)
def test_a_file_that_cannot_grow(kind: str, runs: Runs, folder: Path) -> None:
    before, limit = sorted(folder.iterdir()), 5000
    status, _, error = runs(*COMMANDS[kind], limit=limit)
    assert (status, len(error.splitlines())) == (4, 1), error
    assert error.startswith("dreamtalk: Cannot write out.")
    assert sorted(folder.iterdir()) == before


@pytest.fixture
def disk(request: pytest.FixtureRequest, folder: Path) -> Iterator[Path]:
    """A small disk, mounted in the folder with the options that the test asks for."""
    place = folder / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", request.param, "none", str(place)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False).returncode == 0
        if not done:
            pytest.skip("needs the right to mount a disk")
        yield place
        subprocess.run(["umount", str(place)], check=True)
    finally:
        place.rmdir()


@pytest.mark.parametrize("kind", COMMANDS)
@pytest.mark.parametrize("disk", ["size=4k", "size=12k", "ro"], indirect=True)
def test_a_disk_that_is_full_or_read_only(
    kind: str, disk: Path, runs: Runs, request: pytest.FixtureRequest
) -> None:
    size = request.node.callspec.params["disk"]
    if size == "size=4k":
        (disk / "full").write_bytes(bytes(4096))
    before = sorted(disk.iterdir())
    words = [word.replace("out.", "disk/out.") for word in COMMANDS[kind]]
    status, _, error = runs(*words)
    assert (status, len(error.splitlines())) == (4, 1), error
    assert "Read-only" in error if size == "ro" else "No space" in error
    assert [
        path for path in sorted(disk.iterdir()) if not path.name.startswith("out.csv")
    ] == before
    whole(disk, {FRAMES})


@pytest.mark.parametrize("kind", ["video", "pictures"])
def test_three_writers_at_once(kind: str, runs: Runs, folder: Path) -> None:
    for _ in range(2 * TIMES):
        takes = ("take", "short", "long")
        words = [[word.replace("take", take) for word in COMMANDS[kind]] for take in takes]
        ended = runs.together(*({"arguments": one} for one in words))
        assert [status for status, _, _ in ended] == [0, 0, 0], ended
        assert not list(folder.glob(".*"))
        whole(folder, {FRAMES, 5, FRAMES + 20})


def test_a_fault_of_ours_is_one_line_and_a_log(tmp_path: Path) -> None:
    code = (
        "import dreamtalk_core.cli as cli; cli.guard_files = lambda options: 1 / 0; "
        "raise SystemExit(cli.main(['style', 'list']))"
    )
    done = run_python(["-c", code], XDG_STATE_HOME=str(tmp_path), HOME=str(tmp_path))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "ZeroDivisionError" in line
    log = Path(line.rpartition("log: ")[2])
    assert "1 / 0" in log.read_text(encoding="utf-8") or "<string>" in log.read_text("utf-8")
    assert tmp_path in log.parents


def run_python(words: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )

"""How commands end: one line, the documented status, and nothing of what libraries think."""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import sys
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from dreamtalk_core import Motion, cli
from dreamtalk_core.assets import DEMO_PORTRAIT, DEMO_VOICE
from dreamtalk_core.cli import ending, main
from dreamtalk_core.errors import NoFaceError, OutOfMemoryError, StyleError, WriteError
from dreamtalk_core.formats.png import encode_png

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ending, "user_log_path", lambda *_, **__: tmp_path)
    Motion(("jawOpen",), np.zeros((2, 1)), 25, np.zeros((2, 3))).save(tmp_path / "take.csv")
    (tmp_path / "grey.png").write_bytes(encode_png(np.full((64, 64, 3), 90, np.uint8)))
    (tmp_path / "folder").mkdir()
    (tmp_path / "half.json").write_text('{"seed": 0, "sources": []}', encoding="utf-8")
    return tmp_path


VOICE, FACE = str(DEMO_VOICE), str(DEMO_PORTRAIT)
PREVIEW = ("preview", "take.csv", "-o", "a.mp4", "--size", "64")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "arguments", "words"),
    [
        (2, (), "COMMAND"),
        (2, ("dance",), "invalid choice"),
        (2, ("animate", "a.wav", "b.wav", "-o", "a.csv"), "b.wav is one too many"),
        (2, ("animate", "a.wav", "--colour", "-o", "a.csv"), "no option --colour"),
        (2, ("animate", "a.wav"), "-o/--output"),
        (2, ("animate", VOICE, "-o", "a.csv", "--seed", "9" * 5000), "--seed"),
        (2, ("animate", VOICE, "-o", "a.csv", "--seed", "nan\n\x1b[2J"), r"\x1b[2J"),
        (2, ("animate", VOICE, "-o", "a.csv", "--device", "meta"), "auto or cpu"),
        (2, ("animate", VOICE, "-o", "a.csv", "--device", "cuda:99"), "auto or cpu"),
        (2, ("animate", VOICE, "-o", "a.csv", "--device", "a\nb" * 500), "auto or cpu"),
        (2, ("animate", "x" * 3000, "-o", "a.csv"), "xxx...xxx"),
        (2, ("animate", "a\0b", "-o", "a.csv"), r"a\x00b"),
        (2, ("animate", os.devnull, "-o", "a.csv"), "device"),
        (2, (*PREVIEW, "--turntable", "0"), "seconds"),
        (2, (*PREVIEW, "--turntable", "nan"), "seconds"),
        (2, (*PREVIEW, "--yaw", "inf"), "degrees"),
        (2, (*PREVIEW, "--zoom", "0"), "zoom"),
        (2, ("portrait", FACE, "--points", "nan,1 2,2 3,3"), "points"),
        (2, ("portrait", FACE, "--face", "banana"), "largest"),
        (2, ("portrait", FACE, "--face", "-1"), "largest"),
        (2, ("train", "take.csv", "--corpus", "folder", "--output", "out"), "JSON"),
        (2, ("train", "half.json", "--corpus", "folder", "--output", "out"), "about is missing"),
        (3, ("portrait", "grey.png"), "no face"),
        (3, ("track", "grey.png", "-o", "a.csv"), "no face"),
        (4, (*PREVIEW[:3], "folder/no/a.mp4"), "does not exist"),
        (4, (*PREVIEW[:3], "nul.mp4"), "device"),
        (4, ("preview", "take.csv", "-o", "take.####.png", "--audio", "take.wav"), "read as well"),
        (4, ("portrait", FACE, "-o", os.devnull), "no file"),
        (4, ("portrait", FACE, "-o", "grey.png", "--no-clobber"), "is there already"),
    ],
)
def test_mistakes(
    status: int,
    arguments: tuple[str, ...],
    words: str,
    folder: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    if words == "read as well":
        (folder / "take.wav").write_bytes(b"sound")
    before = sorted(folder.rglob("*"))
    assert main(arguments) == status
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("dreamtalk: ")
    assert words in line
    assert line.isprintable()
    assert len(line) < 700
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (StyleError("no"), 2),
        (NoFaceError("no"), 3),
        (WriteError("no"), 4),
        (OutOfMemoryError(), 5),
        (MemoryError(), 5),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), 5),
        (OSError(12, "Cannot allocate memory"), 5),
        (FileNotFoundError(2, "No such file", "take.csv"), 2),
        (BrokenPipeError(32, "Broken pipe"), 141),
        (OSError(28, "No space left on device"), 4),
        (KeyboardInterrupt(), 130),
        (ValueError("first\nsecond \x1b[2J" + "x" * 10_000), 1),
        (RecursionError(), 1),
    ],
)
def test_whatever_goes_wrong(
    error: BaseException,
    status: int,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(options: object) -> None:
        raise error

    monkeypatch.setattr(cli, "guard_files", fail)
    monkeypatch.setattr(os, "dup2", lambda *_: None)
    assert main(["style", "list"]) == status
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == (status != 141)
    assert all(line.isprintable() and len(line) < 700 for line in lines)
    logs = list(folder.glob("fault-*.log"))
    assert len(logs) == (status == 1)
    for log in logs:
        assert str(log) in lines[0]
        assert type(error).__name__ in log.read_text(encoding="utf-8")
    assert f"\n  {status} " in ending.STATUS


def test_a_lack_of_memory_is_not_taken_for_damage() -> None:
    error = StyleError("The file is damaged.")
    error.__cause__ = MemoryError()
    assert ending._verdict(error)[0] == ending.NO_MEMORY


def test_only_so_many_logs_are_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(30):
        (folder / f"fault-2020{number:04}.log").touch()
    monkeypatch.setattr(cli, "guard_files", lambda options: 1 / 0)
    assert main(["style", "list"]) == 1
    assert len(list(folder.glob("fault-*"))) == ending._MOST_LOGS


def test_what_libraries_print_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def chatter(options: object) -> None:
        warnings.warn("an advice", RuntimeWarning, stacklevel=1)
        logging.getLogger("library").warning("another")
        ending.warn("ours, in\ntwo lines")
        raise StyleError("no")

    monkeypatch.setattr(sys, "warnoptions", [])
    monkeypatch.setattr(cli, "guard_files", chatter)
    main(["style", "list"])
    assert capfd.readouterr().err.splitlines() == [
        "dreamtalk: warning: ours, in two lines",
        "dreamtalk: no",
    ]


def test_the_statuses_are_documented() -> None:
    page = (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")
    for number in re.findall(r"(?m)^  (\d+) ", ending.STATUS):
        assert re.search(rf"\| {number}\b", page), number


posix = pytest.mark.skipif(os.name == "nt", reason="needs a shell of POSIX")


@pytest.mark.slow
@posix
@pytest.mark.parametrize(
    ("shell", "status", "error"),
    [
        ("style list | true", 141, r""),
        ("--help | head -1", 0, r""),
        ("style list > /dev/full", 4, r"dreamtalk: Cannot print: No space left on device\.\n"),
        ("preview take.csv --size 64 -o 🙂.mp4", 0, r""),
        ("preview nowhere-🙂.csv -o a.mp4", 2, r"dreamtalk: .*nowhere-\\U0001f642\.csv.*\n"),
        ("preview take.csv --size 64 -o a.mp4 >&-", 0, r""),
        ("preview nowhere.csv -o a.mp4 2>&-", 2, r""),
    ],
)
def test_consoles_and_pipes(shell: str, status: int, error: str, folder: Path) -> None:
    if "/dev/full" in shell and not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    done = subprocess.run(
        [
            "bash",
            "-c",
            f'"$0" -m dreamtalk_core.cli {shell}; exit ${{PIPESTATUS[0]}}',
            sys.executable,
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == status
    assert re.fullmatch(error, done.stderr.decode("ascii"))


@pytest.mark.slow
def test_signals_that_are_ignored_stay_so(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(
        cli, "guard_files", lambda options: seen.append(signal.getsignal(signal.SIGTERM))
    )
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        main(["style", "list"])
        assert seen == [signal.SIG_IGN]
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.slow
def test_a_signal_that_a_library_swallows_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def swallow(options: object) -> None:
        for _ in range(2):  # the second one, as of GNU's timeout, disturbs nobody
            with suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(cli, "guard_files", swallow)
    assert main(PREVIEW) == 128 + signal.SIGTERM
    assert capsys.readouterr().err == "dreamtalk: ended by SIGTERM\n"
    assert not Path("a.mp4").exists()

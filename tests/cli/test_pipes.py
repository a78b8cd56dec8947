"""`-`: from another program, and to the next."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dreamtalk_core.assets import DEMO_VOICE
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.speech.sound import read_sound, write_wav


def run(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "dreamtalk_core.cli", *arguments]
    return subprocess.run(command, input=given, capture_output=True, check=False)


@pytest.fixture
def streamed(tmp_path: Path) -> bytes:
    """Two seconds of WAV as a synthesiser pipes it: it does not know how long it will be."""
    samples, rate = read_sound(DEMO_VOICE)
    path = tmp_path / "whole.wav"
    write_wav(path, samples[:, : 2 * rate], rate)
    content = bytearray(path.read_bytes())
    place = content.index(b"data") + 4
    content[4:8] = content[place : place + 4] = b"\xff\xff\xff\xff"
    return bytes(content)


@pytest.mark.slow
def test_a_voice_is_piped_in_and_curves_out(tmp_path: Path, streamed: bytes) -> None:
    options = ("--style", "neutral", "--seed", "3")
    piped = run("animate", "-", "-o", "-", *options, given=streamed)
    assert piped.returncode == 0, piped.stderr
    whole = tmp_path / "whole.wav"
    named = run("animate", str(whole), "-o", str(tmp_path / "a.csv"), *options)
    assert named.returncode == 0, named.stderr
    assert piped.stdout == (tmp_path / "a.csv").read_bytes()


def curves() -> Motion:
    draw = np.random.default_rng(0)
    return Motion(ARKIT_NAMES, draw.random((60, 52), np.float32), 25)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".csv", ".npz", ".anim", ".vmd", ".metahuman.csv"])
def test_curves_are_piped_in(ending: str, tmp_path: Path) -> None:
    curves().save(tmp_path / f"a{ending}")
    given = (tmp_path / f"a{ending}").read_bytes()
    done = run("convert", "-", str(tmp_path / "b.json"), given=given)
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().strip() == str(tmp_path / "b.json")
    wanted = Motion.load(tmp_path / f"a{ending}")
    assert Motion.load(tmp_path / "b.json") == wanted


@pytest.mark.slow
def test_another_kind_goes_out(streamed: bytes) -> None:
    done = run("animate", "-", "-o-.json", "--style", "neutral", given=streamed)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["frame_count"] == 50


@pytest.mark.slow
def test_nothing_in_is_told() -> None:
    done = run("animate", "-", "-o", "-")
    assert done.returncode != 0
    assert done.stdout == b""
    assert b"was empty" in done.stderr

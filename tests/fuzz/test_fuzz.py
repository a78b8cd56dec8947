"""What nobody should send is borne by every reader: see `tests/fuzz/__main__.py`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from threading import Thread

import pytest

from tests.fuzz.__main__ import unfit
from tests.fuzz.lines import NOBODY, answer_to, line

pytestmark = pytest.mark.slow

LONGER = int(os.environ.get("DREAMTALK_FUZZ", "1"))
"""How many times as many as CI does."""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="each case is a fork")
def test_what_is_broken_is_reported_in_a_line(root: Path) -> None:
    command = [sys.executable, "-m", "tests.fuzz", "--cases", str(40 * LONGER)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_line_is_answered_and_the_worker_ends(root: Path, tmp_path: Path) -> None:
    lines = [line(number) for number in range(5000 * LONGER)]
    expected = Counter(answer for answer in map(answer_to, lines) if answer is not NOBODY)
    command = [sys.executable, "-m", "dreamtalk_core.worker"]
    environment = {**os.environ, "DREAMTALK_STYLES": str(tmp_path)}
    with subprocess.Popen(
        command,
        cwd=root,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        stdin = worker.stdin
        writing = Thread(target=lambda: (stdin.write(b"\n".join(lines) + b"\n"), stdin.flush()))
        writing.start()
        answered = Counter[object]()
        failures = []
        while answered.total() < expected.total():
            answer = worker.stdout.readline()
            assert answer, "the worker has ended"
            if answer.strip() and "progress" not in (message := json.loads(answer)):
                answered[message["id"]] += 1
                if (error := message.get("error", {})).get("kind") == "Failure":
                    failures.append(error)
                assert not unfit(error.get("message", "fine")), message
        assert answered == expected
        assert not failures
        writing.join()
        stdin.close()
        worker.wait(timeout=30)

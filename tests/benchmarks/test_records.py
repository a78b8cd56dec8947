"""The cases of benchmarks/records run: those that take a moment, once, unmeasured."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_light_cases_run(root: Path) -> None:
    pytest.importorskip("pytest_benchmark")
    command = [sys.executable, "-m", "pytest", "-q", "-c", "benchmarks/records/pytest.ini"]
    command += ["benchmarks/records/cases.py", "-m", "light", "--benchmark-disable"]
    done = subprocess.run(
        command, cwd=root, check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout

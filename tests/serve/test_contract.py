"""OpenAPI tells what the server does: Schemathesis asks hundreds of things, and compares."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.serve.server import serving


@pytest.mark.slow
def test_nothing_answers_otherwise_than_openapi_says(tmp_path: Path) -> None:
    with serving(tmp_path / "files") as server:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run"),
                f"http://127.0.0.1:{server.port}/openapi.json",
                *("--generation-deterministic", "--max-examples", "5", "--no-color"),
                # Bytes are a valid body by the schema, which cannot say that they be a sound.
                *("--exclude-checks", "positive_data_acceptance"),
            ],
            cwd=tmp_path,
            env={**os.environ, "PYTHONUTF8": "1"},
            capture_output=True,
            encoding="utf-8",
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Tested: 11" in done.stdout
        assert server.ask("GET", "/v1/health").data["status"] == "ok"

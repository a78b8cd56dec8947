"""Checks that run inside a real Blender, with the extension installed from its own zip.

A check is a function in a file of `in_blender/`; it is given a `Session` and fails by raising.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import signal
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
INSIDE = HERE / "in_blender"
USER = "blender user"


@dataclass(frozen=True)
class Blender:
    """A Blender whose user has nothing but what a check gives them.

    python: what its module is installed in. extension: the zip. folder: for the user's files.
    """

    python: Path
    extension: Path
    folder: Path

    def run(self, file: str, check: str, timeout: float = 300) -> str:
        """Run a check in a process of its own; what it printed. Fails with all of its output.

        Where Blender itself crashes (5.0 does, seldom, on a busy machine: in its dependency graph,
        once strips of sound were moved), that is a warning, and the check runs once more.
        """
        done = self._run(self.folder, file, check, timeout)
        if done.returncode == -signal.SIGSEGV:
            warnings.warn(f"{self.python} crashed in {check}\n{done.stderr}", stacklevel=2)
            done = self._run(self.folder / "again", file, check, timeout)
        output = f"{done.stdout}\n{done.stderr}"
        where = f"{check} in {self.python}, which ended with {done.returncode}"
        assert done.returncode == 0, f"{where}:\n{output}"
        assert "Traceback" not in output, output
        # Each has unpacked the extension: 20 MB, hundreds of times.
        shutil.rmtree(self.folder / USER / "extensions", ignore_errors=True)
        return done.stdout

    def _run(
        self, folder: Path, file: str, check: str, timeout: float
    ) -> subprocess.CompletedProcess[str]:
        given = {
            "extension": str(self.extension),
            "folder": str(folder),
            "worker": sys.executable,
        }
        user = folder / USER
        user.mkdir(parents=True, exist_ok=True)
        command = [str(self.python), str(INSIDE / "session.py"), file, check, json.dumps(given)]
        return subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "BLENDER_USER_RESOURCES": str(user), "PYTHONUTF8": "1"},
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout,
            check=False,
        )


def checks(file: str) -> list[str]:
    """Names of the checks in a file: its functions that have no underscore in front."""
    tree = ast.parse((INSIDE / f"{file}.py").read_text(encoding="utf-8"))
    found = (node.name for node in tree.body if isinstance(node, ast.FunctionDef))
    return [name for name in found if not name.startswith("_")]

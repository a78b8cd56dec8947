"""A real server, as a user starts it, and how to ask it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Answer:
    """Status, headers in lower case, and the body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def data(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Server:
    """One that runs. folder: where its temporary files are."""

    process: subprocess.Popen[str]
    host: str
    port: int
    token: str
    folder: Path

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        seconds: float = 120,
    ) -> Answer:
        """body: bytes, an iterable of bytes (sent in chunks), or something for JSON."""
        sent = dict(headers or {})
        if isinstance(body, (dict, list)):
            body, sent["Content-Type"] = json.dumps(body).encode(), "application/json"
        link = HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        try:
            link.request(method, path, body, sent)
            got = link.getresponse()
            found = {name.lower(): value for name, value in got.getheaders()}
            return Answer(got.status, found, got.read())
        finally:
            link.close()

    def upload(self, content: bytes) -> str:
        """Send a file; its id."""
        answer = self.ask("POST", "/v1/files", content)
        assert answer.status == 201, answer
        return str(answer.data["id"])

    def finished(self, job: str) -> Any:
        """The state of a job once it has ended."""
        for _ in range(20):
            state = self.ask("GET", f"/v1/jobs/{job}?wait=30").data
            if state["state"] not in ("queued", "running"):
                return state
        raise AssertionError(state)

    def end(self) -> int:
        """Ask it to end; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@contextmanager
def serving(folder: Path, *options: str, **environment: str) -> Iterator[Server]:
    """`dreamtalk serve` with these options; its temporary files lie in `folder`."""
    folder.mkdir()
    places = {name: str(folder) for name in ("TMPDIR", "TEMP", "TMP")}
    process = subprocess.Popen(
        [sys.executable, "-m", "dreamtalk_core.cli", "serve", "--port", "0", *options],
        cwd=ROOT,
        env={**os.environ, **places, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        address, _, token = process.stdout.readline().strip().partition("#")
        host, _, port = address.removeprefix("http://").rstrip("/").rpartition(":")
        yield Server(process, host, int(port), token, folder)
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()

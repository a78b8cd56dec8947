"""A real ComfyUI with a copy of this repository in `custom_nodes`, and a client for it.

with Comfy.start(python, folder) as comfy:
    run = comfy.run({"1": {"class_type": "DreamTalkLoadSpeech", "inputs": {}}})

A prompt is a graph in the host's API format: class and inputs of every node, by its id.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
import uuid
import wave
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from websockets.sync.client import ClientConnection, connect

ROOT = Path(__file__).resolve().parents[2]
LAUNCHER = Path(__file__).with_name("launch_comfyui.py")
PACK = "dreamtalk"
"""The pack's folder in `custom_nodes`."""
BOOT_SECONDS, RUN_SECONDS = 120, 300

Prompt = Mapping[str, Mapping[str, Any]]
Graph = dict[str, dict[str, Any]]
"""A prompt that is still being put together."""


class Refused(Exception):
    """The host did not take a graph; `nodes` are its messages by the node's id."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.nodes: dict[str, str] = {
            node: "\n".join(f"{error['message']}: {error['details']}" for error in found["errors"])
            for node, found in dict(answer.get("node_errors") or {}).items()
        }
        super().__init__(json.dumps(answer, indent=1))


class Failed(Exception):
    """A node raised; `message` is what its user reads, `node` its id."""

    def __init__(self, found: dict[str, Any]) -> None:
        self.message: str = found["exception_message"]
        self.node: str = found["node_id"]
        super().__init__(f"{found['node_type']}: {self.message}\n{''.join(found['traceback'])}")


class Interrupted(Exception):
    """The run was cancelled."""


@dataclass(frozen=True)
class Run:
    """A run that went well.

    outputs: what nodes showed, by their id. cached: ids of the nodes that did not have to run.
    seconds: from start to end, by the host's clock. files: what was saved or shown, by node.
    """

    outputs: dict[str, dict[str, Any]]
    cached: frozenset[str]
    seconds: float
    files: dict[str, list[Path]]


class Comfy:
    """A running host. Use `start`."""

    def __init__(self, base: Path, port: int, process: subprocess.Popen[bytes]) -> None:
        self.base = base
        self.address = f"127.0.0.1:{port}"
        self.process = process

    @staticmethod
    @contextmanager
    def start(python: Path, base: Path, *arguments: str) -> Iterator[Comfy]:
        """A host whose files are all in the folder `base`, and whose page may ask nobody outside,
        until the end of the `with`."""
        copy_pack(base / "custom_nodes" / PACK)
        for name in ("user", "input", "output", "models"):
            (base / name).mkdir(parents=True, exist_ok=True)
        port = free_port()
        command = [
            *(str(python), "-I", str(LAUNCHER), "--cpu"),
            *("--listen", "127.0.0.1", "--port", str(port)),
            *("--base-directory", str(base), "--preview-method", "auto", "--disable-api-nodes"),
            *("--database-url", f"sqlite:///{(base / 'user' / 'comfyui.db').as_posix()}"),
            *arguments,
        ]
        # The styles of whoever runs the tests stay out of it.
        environ = {**os.environ, "DREAMTALK_STYLES": str(base / "styles")}
        with (
            (base / "host.log").open("wb") as log,
            subprocess.Popen(command, stdout=log, stderr=log, cwd=base, env=environ) as process,
        ):
            comfy = Comfy(base, port, process)
            try:
                comfy.wait_for_boot()
                yield comfy
            finally:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()

    def wait_for_boot(self) -> None:
        deadline = time.monotonic() + BOOT_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            with suppress(OSError):
                self.get("/system_stats")
                return
            time.sleep(0.1)
        raise RuntimeError(f"ComfyUI did not start:\n{self.log}")

    @property
    def log(self) -> str:
        """What the host has printed so far."""
        return (self.base / "host.log").read_text(encoding="utf-8", errors="replace")

    def get(self, path: str) -> Any:
        """The JSON at an address of the host."""
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=60) as answer:
            return json.loads(answer.read())

    def post(self, path: str, value: object) -> Any:
        """Sends JSON; the JSON that is answered, or None. Raises urllib.error.HTTPError."""
        request = urllib.request.Request(
            f"http://{self.address}{path}",
            json.dumps(value).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def add_input(self, source: Path, name: str | None = None) -> str:
        """Copies a file to the host's input folder, as an upload does; its name there."""
        target = self.base / "input" / (name or source.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        return target.relative_to(self.base / "input").as_posix()

    def queue(self, prompt: Prompt, client: str = "tests") -> str:
        """Asks for a run; its id. Raises Refused."""
        try:
            answer = self.post("/prompt", {"prompt": prompt, "client_id": client})
        except urllib.error.HTTPError as error:
            raise Refused(json.loads(error.read())) from error
        if answer["node_errors"]:  # some outputs are run, others are not
            raise Refused(answer)
        return str(answer["prompt_id"])

    def wait(self, prompt_id: str, seconds: float = RUN_SECONDS) -> Run:
        """The end of a run. Raises Failed, Interrupted, TimeoutError."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = self.get(f"/history/{prompt_id}").get(prompt_id)
            if found is not None:
                return self.result(found)
            if self.process.poll() is not None:
                raise RuntimeError(f"ComfyUI ended:\n{self.log[-4000:]}")
            time.sleep(0.02)
        self.post("/interrupt", {})
        raise TimeoutError(f"not done after {seconds} s:\n{self.log[-4000:]}")

    def result(self, found: dict[str, Any]) -> Run:
        """An entry of the host's history as a run."""
        messages = dict(found["status"]["messages"])
        if "execution_error" in messages:
            raise Failed(messages["execution_error"])
        if "execution_interrupted" in messages:
            raise Interrupted
        begin, end = messages["execution_start"], messages["execution_success"]
        return Run(
            outputs=found["outputs"],
            cached=frozenset(messages["execution_cached"]["nodes"]),
            seconds=(end["timestamp"] - begin["timestamp"]) / 1000,
            files={node: list(self.files(shown)) for node, shown in found["outputs"].items()},
        )

    def run(self, prompt: Prompt, seconds: float = RUN_SECONDS) -> Run:
        """Runs a graph to its end. Raises Refused, Failed, Interrupted, TimeoutError."""
        return self.wait(self.queue(prompt), seconds)

    def files(self, shown: Mapping[str, Any]) -> Iterator[Path]:
        """Paths of the files in what a node showed."""
        for values in shown.values():
            for value in values if isinstance(values, list) else []:
                if isinstance(value, dict) and "filename" in value:
                    folder = self.base / value.get("type", "output")
                    yield folder / value.get("subfolder", "") / value["filename"]

    def interrupt(self) -> None:
        """What the cancel button does."""
        self.post("/interrupt", {})

    @contextmanager
    def listen(self) -> Iterator[Listener]:
        """What the host says to its frontend, within the `with`."""
        name = uuid.uuid4().hex
        with connect(f"ws://{self.address}/ws?clientId={name}", max_size=None) as connection:
            yield Listener(name, connection)

    def memory(self) -> float:
        """Resident memory in MB now. Linux only."""
        return self._status("VmRSS")

    @contextmanager
    def peak(self) -> Iterator[Callable[[], float]]:
        """Tells the largest resident memory in MB since the `with` began. Linux only."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5", encoding="ascii")
        yield lambda: self._status("VmHWM")

    def _status(self, name: str) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(status.split(f"{name}:")[1].split()[0]) / 1024


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    """A node of a graph."""
    return {"class_type": kind, "inputs": inputs}


def inputs_of(about: dict[str, Any]) -> dict[str, Any]:
    """The inputs of a node, from what the host says of it."""
    return {**about["input"].get("required", {}), **about["input"].get("optional", {})}


@dataclass(frozen=True)
class Runner:
    """Runs graphs in which our nodes' widgets that are not set stand as they come.

    kinds: what the host says of our nodes, by their ids.
    """

    comfy: Comfy
    kinds: dict[str, Any]

    def __call__(self, **graph: dict[str, Any]) -> Run:
        """Raises what `Comfy.run` raises."""
        return self.comfy.run(self.complete(graph))

    def cancelled(self, graph: Graph, key: str) -> float:
        """Cancels a graph while the node of that key is in the middle of its work; the seconds
        until it has ended."""
        with self.comfy.listen() as listener:
            prompt = self.comfy.queue(self.complete(graph), listener.name)
            while True:
                state = listener.wait_for("progress_state")["nodes"].get(key, {})
                if state.get("state") == "running" and 0 < state["value"] < state["max"]:
                    break
            begin = time.monotonic()
            self.comfy.interrupt()
            try:
                self.comfy.wait(prompt)
            except Interrupted:
                return time.monotonic() - begin
        raise AssertionError(f"'{key}' went on to its end.")

    def complete(self, graph: Graph) -> Graph:
        return {key: self._completed(**graph_node) for key, graph_node in graph.items()}

    def _completed(self, class_type: str, inputs: dict[str, Any]) -> dict[str, Any]:
        widgets = inputs_of(self.kinds[class_type]) if class_type in self.kinds else {}
        preset = {
            name: about[1]["default"] for name, about in widgets.items() if "default" in about[1]
        }
        return node(class_type, **{**preset, **inputs})


@dataclass(frozen=True)
class Listener:
    """A websocket of the host. Give its name to `Comfy.queue` as the client."""

    name: str
    connection: ClientConnection

    def messages(self, seconds: float = RUN_SECONDS) -> Iterator[dict[str, Any] | bytes]:
        """What comes: JSON as {"type", "data"}, pictures as bytes. Raises TimeoutError."""
        while True:
            message = self.connection.recv(seconds)
            yield message if isinstance(message, bytes) else json.loads(message)

    def wait_for(self, kind: str, **wanted: object) -> dict[str, Any]:
        """The data of the next message of a kind in which the values are as wanted."""
        for message in self.messages():
            if isinstance(message, dict) and message["type"] == kind:
                data: dict[str, Any] = message["data"]
                if all(data.get(key) == value for key, value in wanted.items()):
                    return data
        raise AssertionError("unreachable: messages do not end")


def write_wav(path: Path, samples: npt.ArrayLike, rate: int) -> Path:
    """A 16-bit .wav of samples [C, N] in -1..1."""
    whole = (np.clip(samples, -1, 1) * 32767).astype("<i2")
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(whole))
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(whole.T.tobytes())
    return path


def loop_video(source: Path, target: Path, times: int) -> Path:
    """A video with its sound, over and over, copied as it is coded."""
    with av.open(str(target), "w") as output:
        streams: dict[int, Any] = {}
        last: dict[int, int] = {}
        at = Fraction(0)
        for _ in range(times):
            with av.open(str(source)) as video:
                for stream in video.streams:
                    if stream.index not in streams:
                        streams[stream.index] = output.add_stream_from_template(stream)
                for packet in video.demux():
                    if packet.dts is None or packet.pts is None:
                        continue
                    shift = round(at / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    # The end of the sound may lie over its beginning.
                    if packet.dts > last.get(packet.stream_index, packet.dts - 1):
                        last[packet.stream_index] = packet.dts
                        packet.stream = streams[packet.stream_index]
                        output.mux(packet)
                assert video.duration is not None
                at += Fraction(video.duration, av.time_base)
    return target


def copy_pack(target: Path) -> None:
    """What a clone of this repository holds, and nothing else."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target / name)


def template_file(name: str) -> Path:
    """A workflow template by its name without its number."""
    (path,) = ROOT.glob(f"workflows/?? {name}.json")
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

"""The worker's client without Blender: what `in_blender/extension.py` cannot show quickly."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from blender_addon.client import worker
from blender_addon.client.process import Runtime, clean_environment
from blender_addon.client.tasks import Task, WorkerError
from blender_addon.client.worker import Worker

ROOT = Path(__file__).resolve().parents[3]
GOOD = Runtime(Path(sys.executable), ROOT)


def until(client: Worker, good: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not good():
        assert time.monotonic() < end
        client.poll()
        time.sleep(0.01)


def hello(client: Worker, number: int, **params: object) -> Task:
    task = Task(number, "hello")
    client.add(task, {"protocol": 3, **params})
    return task


def test_no_variable_leads_it_astray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blender's own Python finds its home by some of these."""
    for name in ("PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PythonIOEncoding"):
        monkeypatch.setenv(name, str(tmp_path / "nowhere"))
    (tmp_path / "dreamtalk_core.py").write_text("raise RuntimeError", encoding="utf-8")
    client = Worker(GOOD, tmp_path / "w")
    task = hello(client, 1)
    until(client, lambda: task.finished)
    assert task.state == "DONE", task.error
    client.shut_down()
    assert not (tmp_path / "w").exists()


def test_variables_of_ours_stay() -> None:
    given = {"PYTHONHOME": "a", "PythonPath": "b", "PATH": "c", "DREAMTALK_STYLES": "d"}
    assert clean_environment(given) == {"PATH": "c", "DREAMTALK_STYLES": "d"}


@pytest.mark.slow
def test_one_that_does_not_answer_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "START", 0.5)
    silent = tmp_path / "core"
    (silent / "dreamtalk_core").mkdir(parents=True)
    (silent / "dreamtalk_core" / "__init__.py").write_text(
        "import time; time.sleep(600)", encoding="utf-8"
    )
    client = Worker(Runtime(Path(sys.executable), silent), tmp_path / "w")
    tasks = [hello(client, 1), hello(client, 2)]
    until(client, lambda: all(task.finished for task in tasks))
    assert [task.state for task in tasks] == ["FAILED", "FAILED"]
    assert "did not answer" in tasks[0].error
    client.shut_down()


def test_a_dreamtalk_from_before_the_worker(tmp_path: Path) -> None:
    (tmp_path / "dreamtalk_core").mkdir()
    (tmp_path / "dreamtalk_core" / "__init__.py").touch()
    # Not the Python of this environment: an editable install finds its parts anywhere.
    bare = Path(sys.base_prefix, "python.exe" if os.name == "nt" else "bin/python3")
    client = Worker(Runtime(bare, tmp_path), tmp_path / "w")
    task = hello(client, 1)
    until(client, lambda: task.finished)
    assert "too old for this extension" in task.error
    client.shut_down()


@pytest.mark.slow
def test_one_that_ended_for_want_of_work_is_followed_by_another(tmp_path: Path) -> None:
    client = Worker(GOOD, tmp_path / "w")
    first = hello(client, 1, idle=0.2)
    until(client, lambda: first.finished)
    process = client._process
    assert process.popen.wait(30) == 0
    second = hello(client, 2)
    until(client, lambda: second.finished)
    assert second.state == "DONE", second.error
    assert client._process is not process
    client.shut_down()


@pytest.mark.slow
def test_after_a_failure_the_next_task_gets_another_process(tmp_path: Path) -> None:
    client = Worker(GOOD, tmp_path / "w")
    first = hello(client, 1)
    until(client, lambda: first.finished)
    client._process.popen.kill()
    client._process.popen.wait()
    second = hello(client, 2)
    until(client, lambda: second.finished)
    assert second.state == "DONE"
    client.shut_down()


def test_a_python_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match="could not be started"):
        Worker(Runtime(tmp_path / "python"), tmp_path / "w")


def test_closing_cancels(tmp_path: Path) -> None:
    client = Worker(GOOD, tmp_path / "w")
    tasks = [hello(client, 1), hello(client, 2)]
    client.shut_down()
    assert [task.state for task in tasks] == ["CANCELLED", "CANCELLED"]
    assert client._process.popen.poll() is not None

"""A batch as a farm takes it: checked, and run, with the specification's own tool."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dreamtalk_core.batch.openjd import template, write_template
from dreamtalk_core.cli import main

ROOT = Path(__file__).resolve().parents[2]


def openjd(*words: str, path: str = "") -> subprocess.CompletedProcess[str]:
    tool = shutil.which("openjd") or shutil.which("openjd", path=str(Path(sys.executable).parent))
    if tool is None:
        pytest.skip("needs openjd-cli")
    environment = {**os.environ, "PATH": f"{path}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        [tool, *words], env=environment, capture_output=True, text=True, check=False
    )


def test_what_the_template_says(tmp_path: Path) -> None:
    home = tmp_path / "talk"
    more = ("--outputs", "{id}.csv", "--style", "{{odd}}")
    made = template(
        tmp_path, home / "lines.csv", tmp_path / "out", 7, more, home / "cast" / "all.csv"
    )
    paths = {one["name"]: one.get("default") for one in made["parameterDefinitions"]}
    assert paths == {"Lines": "talk/lines.csv", "Recordings": "talk", "Folder": "out"}
    elsewhere = template(home, home / "lines.csv", tmp_path / "out", 1)
    assert "default" not in elsewhere["parameterDefinitions"][2]
    first, second = made["steps"]
    assert first["parameterSpace"]["taskParameterDefinitions"][0]["range"] == "1-7"
    words = first["script"]["actions"]["onRun"]["args"]
    assert words[words.index("--part") + 1] == "{{Task.Param.Part}}/7"
    assert words[words.index("--characters") + 1] == "{{Param.Recordings}}/cast/all.csv"
    assert words[words.index("--outputs") + 1] == "{id}.csv"
    assert words[words.index("--style") + 1] == "{ {odd} }"  # nothing of the farm's
    assert "--against" not in words
    assert second["dependencies"] == [{"dependsOn": "Parts"}]
    assert "--part" not in second["script"]["actions"]["onRun"]["args"]


def test_what_lies_elsewhere_goes_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("talk/rage.csv", "sulk.csv"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(b"x")
    Path("talk/lines.csv").write_text("audio\na.wav\n", encoding="utf-8")
    command = ["batch", "talk/lines.csv", "-o", "out", "--openjd", "job.json", "--no-clobber"]
    style = "talk/rage.csv*0.5+sulk.csv*0.5"
    more = ["--keep-corrections", "--against", "before"]
    assert main([*command, "--style", style, *more]) == 0
    made = json.loads(Path("job.json").read_text(encoding="utf-8"))
    assert made["parameterDefinitions"][3]["default"] == "before"
    first, second = (step["script"]["actions"]["onRun"]["args"] for step in made["steps"])
    there = f'"{{{{Param.Recordings}}}}/rage.csv"*0.5+"{tmp_path / "sulk.csv"}"*0.5'
    for words in (first, second):
        assert words[words.index("--style") + 1] == there
        assert "--no-clobber" in words
        assert "--keep-corrections" in words
    assert second[second.index("--against") + 1] == "{{Param.Against}}"
    assert openjd("check", "job.json").returncode == 0


def test_the_specification_takes_it(tmp_path: Path) -> None:
    path = tmp_path / "job.json"
    more = ("--outputs", "{id}.csv")
    write_template(path, template(tmp_path, tmp_path / "lines.csv", tmp_path / "out", 3, more))
    done = openjd("check", str(path))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_run_by_the_tool(tmp_path: Path, demo_voice: Path) -> None:
    """Every part a task of its own, then the whole; the files are those of a plain run."""
    openjd("--version")
    table, job = tmp_path / "lines.csv", tmp_path / "job.json"
    rows = [f"{i},{demo_voice.as_posix()},{i}" for i in range(2)]
    table.write_text("\n".join(["id,audio,seed", *rows]) + "\n", encoding="utf-8")
    words = ["batch", str(table), "-o", str(tmp_path / "out"), "--jobs", "1", "--no-grade"]
    assert main([*words, "--openjd", str(job), "--parts", "2"]) == 0
    assert not (tmp_path / "out").exists()
    # As if it were installed there.
    tool = tmp_path / "bin" / "dreamtalk"
    tool.parent.mkdir()
    python = f'PYTHONPATH="{ROOT}" exec "{sys.executable}" -m dreamtalk_core.cli "$@"'
    tool.write_text(f"#!/bin/sh\n{python}\n", encoding="utf-8")
    tool.chmod(0o755)
    if os.name == "nt":
        pytest.skip("needs a shell")
    done = openjd("run", str(job), "--step", "Gather", "--run-dependencies", path=str(tool.parent))
    assert done.returncode == 0, done.stdout + done.stderr
    assert main([*words[:2], "-o", str(tmp_path / "plain"), *words[4:]]) == 0
    names = {"0.csv", "1.csv", "ledger.ndjson", "report.html"}
    names |= {f"{number}.csv.provenance.json" for number in range(2)}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    for name in names:
        made = [(tmp_path / folder / name).read_bytes() for folder in ("out", "plain")]
        assert made[0] == made[1], name

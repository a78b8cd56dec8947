"""`dreamtalk mcp`, asked by the official client over its pipes."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest
from mcp import ClientSession, StdioServerParameters, stdio_client

from dreamtalk_core import DreamTalk
from dreamtalk_core.assets import DEMO_PORTRAIT, DEMO_VOICE
from dreamtalk_core.motion import Motion
from tests.serve.server import ROOT

pytestmark = pytest.mark.slow


def ask(
    library: Path, *calls: tuple[str, dict[str, Any]]
) -> tuple[list[str], list[Any], list[float]]:
    """Ask a server that keeps styles in `library`; names of its tools, the result of each call,
    and the progress that was told."""
    told: list[float] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        told.append(done / (total or 1))

    async def talk() -> tuple[list[str], list[Any]]:
        command = StdioServerParameters(
            command=sys.executable,
            args=["-m", "dreamtalk_core.cli", "mcp"],
            cwd=ROOT,
            env={**os.environ, "DREAMTALK_STYLES": str(library)},
        )
        async with stdio_client(command) as pipes, ClientSession(*pipes) as session:
            await session.initialize()
            names = [tool.name for tool in (await session.list_tools()).tools]
            results = [
                await session.call_tool(name, given, progress_callback=progress)
                for name, given in calls
            ]
            return names, results

    return (*anyio.run(talk), told)


def test_an_agent_animates_renders_and_looks(tmp_path: Path) -> None:
    curves, video = str(tmp_path / "a b.npz"), str(tmp_path / "嘴.mp4")
    settings = {"seed": 3, "jaw": 0.5}
    tracked, library = str(tmp_path / "tracked.json"), tmp_path / "library"
    names, results, told = ask(
        library,
        ("styles", {}),
        (
            "animate",
            {"speech": str(DEMO_VOICE), "output": curves, "style": "happy", "settings": settings},
        ),
        (
            "render",
            {
                "speech": str(DEMO_VOICE),
                "output": video,
                "portrait": str(DEMO_PORTRAIT),
                "settings": {"fps": 5},
            },
        ),
        ("inspect", {"path": curves}),
        ("inspect", {"path": str(DEMO_VOICE)}),
        ("inspect", {"path": str(DEMO_PORTRAIT)}),
        ("track", {"video": video, "output": tracked}),
        ("make_style", {"performances": [curves], "name": "mine"}),
        ("styles", {}),
        ("make_style", {"performances": [curves], "name": "MINE"}),
    )
    taken = results.pop()
    assert taken.is_error
    assert "There is a style 'MINE'" in taken.content[0].text
    assert {"animate", "render", "track", "make_style", "inspect", "styles"} <= set(names)
    assert not [one for one in results if one.is_error], results
    expected = DreamTalk.load().animate(DEMO_VOICE, style="happy", seed=3, jaw=0.5)
    np.testing.assert_allclose(Motion.load(curves).weights, expected.weights, atol=1e-6)
    assert Path(video).read_bytes()[4:8] == b"ftyp"
    kinds = [one.structured_content["kind"] for one in results[3:6]]
    assert kinds == ["curves", "sound", "picture of a face"]
    assert results[3].structured_content["frames"] == len(expected)
    assert Motion.load(tracked).fps == 5
    assert [path.name for path in library.iterdir()] == ["mine.safetensors"]
    assert "mine" not in results[0].structured_content["result"]
    assert "mine" in results[-1].structured_content["result"]
    assert max(told) == 1
    assert len(told) > 10


def test_what_cannot_be_done_is_told_in_a_line(tmp_path: Path) -> None:
    there = tmp_path / "there.csv"
    there.write_text("kept", encoding="utf-8")
    voice = str(DEMO_VOICE)
    _, results, _ = ask(
        tmp_path / "library",
        ("animate", {"speech": voice, "output": str(there)}),
        ("animate", {"speech": voice, "output": str(tmp_path / "a.exe")}),
        ("animate", {"speech": str(there), "output": str(tmp_path / "a.csv")}),
        ("animate", {"speech": voice, "output": str(tmp_path / "a.csv"), "settings": {"jaw": -1}}),
        ("inspect", {"path": str(tmp_path / "nothing.wav")}),
        ("inspect", {"path": voice}),
    )
    words = ("there already", "Use one of", "not a sound", "jaw", "nothing.wav")
    for word, result in zip(words, results, strict=False):
        assert result.is_error
        assert word in result.content[0].text, result
    assert not results[-1].is_error
    assert there.read_text(encoding="utf-8") == "kept"
    assert [path.name for path in tmp_path.iterdir()] == ["there.csv"]

"""An MCP server on stdio: what agents of the same machine can have made of its files."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import anyio
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from dreamtalk_core.errors import DreamTalkError, StyleError, WriteError, out_of_memory, shown
from dreamtalk_core.files import check_not_read, check_target
from dreamtalk_core.formats import WRITABLE, check_writable, is_read
from dreamtalk_core.motion import Motion
from dreamtalk_core.pipeline.line import Line
from dreamtalk_core.progress import Progress
from dreamtalk_core.serve.schema import Knob, Settings, knobs
from dreamtalk_core.serve.studio import Studio, emotions_in
from dreamtalk_core.speech.audio import Speech
from dreamtalk_core.version import __version__
from dreamtalk_core.warned import collect_warnings

_ABOUT = f"""Speech in, the curves of a face out (52 ARKit shapes and the head's turns).
Paths are of this machine, best absolute. Curves are written as {", ".join(WRITABLE)}; the ending
says which. A file that is there is replaced only with overwrite."""
Answer = dict[str, Any]


class Agents:
    """The tools; each works in a thread, one at a time. studio: makes the model, when it is first
    needed."""

    def __init__(self, studio: Callable[[], Studio]) -> None:
        self._make = studio
        self._lock = threading.Lock()

    @cached_property
    def _studio(self) -> Studio:
        return self._make()

    async def styles(self, context: Context) -> list[str]:
        """Names of the styles that there are, besides auto (heard in the voice)."""
        answer = await self._work(context, lambda _: {"styles": list(self._studio.styles)})
        return list(answer["styles"])

    def parameters(self) -> list[Knob]:
        """What settings may hold: name, range, default and what it does."""
        return knobs()

    async def animate(
        self,
        context: Context,
        speech: str,
        output: str,
        style: str = "auto",
        settings: Settings | None = None,
        overwrite: bool = False,
    ) -> Answer:
        """Curves for a sound file.

        output: what to write, such as /takes/line.csv. style: auto, a name, a file to take it from
        (a style, a video, curves), a mix 'happy*0.7+surprise*0.3', or keys over time
        'neutral@0, angry*1.5@2.5'.
        """
        line = Line(Path(speech), (Path(output),), style=style, settings=_given(settings))
        return await self._line(context, line, overwrite, lambda: check_writable(Path(output)))

    async def render(
        self,
        context: Context,
        speech: str,
        output: str,
        portrait: str | None = None,
        style: str = "auto",
        settings: Settings | None = None,
        overwrite: bool = False,
    ) -> Answer:
        """A video (.mp4, .mov) of a face that speaks a sound file: of a portrait, which is a
        picture of a face, or of the built-in head. style, settings: as in animate."""
        from dreamtalk_core.render.output.video import check_video_path

        path = Path(output)
        line = Line(
            Path(speech),
            style=style,
            portrait=Path(portrait) if portrait else None,
            settings=_given(settings),
            preview=None if portrait else path,
            video=path if portrait else None,
        )
        return await self._line(context, line, overwrite, lambda: check_video_path(path))

    async def track(
        self, context: Context, video: str, output: str, overwrite: bool = False
    ) -> Answer:
        """Curves of the largest face in a video, with that person's resting face taken off."""
        from dreamtalk_core.animation.calibration import calibrate
        from dreamtalk_core.tracking import track_faces

        path = Path(output)

        def work(progress: Progress) -> Answer:
            check_writable(path)
            _check_files([path], [Path(video)], overwrite)
            motion = calibrate(track_faces(Path(video), progress=progress).motion)
            motion.save(path)
            return {"written": [output], **_about(motion)}

        return await self._work(context, work)

    async def make_style(
        self, context: Context, performances: list[str], name: str, overwrite: bool = False
    ) -> Answer:
        """Keep the style of somebody in videos, or files of curves, under a name, for animate."""

        def work(progress: Progress) -> Answer:
            talk = self._studio.talk
            talk.library.path(name, "user")
            if self._studio.knows(name) and not overwrite:
                raise StyleError(f"There is a style '{shown(name)}'. Give another name.")
            made = talk.extract_style([Path(one) for one in performances], progress=progress)
            return {"written": [str(talk.library.save(replace(made, name=name)))]}

        return await self._work(context, work)

    async def inspect(self, context: Context, path: str) -> Answer:
        """What is in a file: curves, a sound, or a picture of a face."""

        def work(progress: Progress) -> Answer:
            file = Path(path)
            if is_read(file):
                return {"kind": "curves", **_about(Motion.load(file))}
            if file.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp"):
                from dreamtalk_core.tracking.portrait import read_portrait

                found = read_portrait(file)
                height, width = found.image.shape[:2]
                return {"kind": "picture of a face", "width": width, "height": height}
            return {"kind": "sound", "seconds": float(Speech.load(file).duration)}

        return await self._work(context, work)

    async def _line(
        self, context: Context, line: Line, overwrite: bool, check: Callable[[], Any]
    ) -> Answer:
        written = [path for path in (*line.curves, line.preview, line.video) if path is not None]
        read = [path for path in (line.speech, line.portrait) if path is not None]

        def work(progress: Progress) -> Answer:
            check()
            _check_files(written, read, overwrite)
            take = self._studio.write(line, lambda stage: progress)
            heard = {"emotions": list(emotions_in(take.style))}
            return {"written": [str(path) for path in written], **heard, **_about(take.motion)}

        return await self._work(context, work)

    async def _work(self, context: Context, work: Callable[[Progress], Answer]) -> Answer:
        """Do it in a thread, tell how far it is, end it where it is cancelled."""

        def progress(done: int, total: int) -> None:
            anyio.from_thread.check_cancelled()
            anyio.from_thread.run(context.report_progress, float(done), float(total))

        def run() -> Answer:
            found: list[str] = []
            with self._lock, collect_warnings(found.append):
                answer = work(progress)
            return {**answer, "warnings": found} if found else answer

        try:
            return await anyio.to_thread.run_sync(run)
        except DreamTalkError as error:
            raise ToolError(str(error)) from error
        except Exception as error:
            if out_of_memory(error):
                raise ToolError("Not enough memory. Ask for less at a time.") from error
            raise


def _given(settings: Settings | None) -> dict[str, Any]:
    chosen: Any = settings
    return {} if chosen is None else dict(chosen.model_dump(exclude_unset=True, exclude_none=True))


def _check_files(written: list[Path], read: list[Path], overwrite: bool) -> None:
    """Raises WriteError for what must not be written."""
    check_not_read(written, read)
    for path in written:
        check_target(path)
        if path.exists() and not overwrite:
            raise WriteError(f"{path} is there already. Give another name, or say overwrite.")


def _about(motion: Motion) -> Answer:
    return {
        "frames": len(motion),
        "fps": float(motion.fps),
        "seconds": float(motion.duration),
        "widest jawOpen": float(motion.over(("jawOpen",)).weights.max(initial=0.0)),
    }


def make_server(studio: Callable[[], Studio]) -> MCPServer:
    """The server, with all of its tools. studio: see `Agents`."""
    server = MCPServer("dreamtalk", version=__version__, instructions=_ABOUT, log_level="ERROR")
    agents = Agents(studio)
    for tool in (
        *(agents.animate, agents.render, agents.track, agents.make_style, agents.inspect),
        *(agents.styles, agents.parameters),
    ):
        server.tool()(tool)
    return server


def serve_agents(studio: Callable[[], Studio]) -> None:
    """Serve on stdin and stdout until they end."""
    make_server(studio).run("stdio")

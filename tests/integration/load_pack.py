"""Loads the pack as the host does, and tells what that took. Run by the host's Python:

    python -I load_pack.py PACK_FOLDER [INPUT_FOLDER]

Prints JSON: seconds of the processor, sockets opened, files written, and the modules that came at
the top level.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import runpy
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

# The launcher makes the host's own modules importable; the host itself is not to start.
folder, *inputs = sys.argv[1:]
start_host, runpy.run_path = runpy.run_path, lambda *_, **__: {}
sys.argv[1:] = ["--cpu"]
start_host(str(Path(__file__).with_name("launch_comfyui.py")), run_name="__main__")

# What a host has loaded before it comes to the packs.
import comfy.options  # noqa: E402

comfy.options.enable_args_parsing()
import comfy.model_management  # noqa: E402
import comfy.model_patcher  # noqa: E402
import comfy.utils  # noqa: E402
import comfy_api.latest  # noqa: E402, F401
import folder_paths  # noqa: E402
import utils.extra_config  # noqa: E402, F401
from aiohttp import web  # noqa: E402
from server import PromptServer  # noqa: E402

for name in inputs:
    folder_paths.set_input_directory(name)
PromptServer.instance = SimpleNamespace(routes=web.RouteTableDef())
sockets: list[str] = []
written: list[str] = []
listening = False


def audit(event: str, values: tuple[Any, ...]) -> None:
    """Python tells here of all that it does."""
    if not listening:
        return
    if event.startswith("socket."):
        sockets.append(f"{event} {values}")
    elif event == "open":
        if isinstance(values[1], str) and set(values[1]) & set("wax+"):
            written.append(str(values[0]))
    elif event in ("os.mkdir", "os.rename", "os.remove"):
        written.append(f"{event} {values}")


async def load() -> None:
    """What the host does with a folder in custom_nodes."""
    spec = importlib.util.spec_from_file_location("pack", Path(folder, "__init__.py"))
    assert spec is not None
    assert spec.loader is not None
    pack = importlib.util.module_from_spec(spec)
    sys.modules["pack"] = pack
    spec.loader.exec_module(pack)
    extension = await pack.comfy_entrypoint()
    for kind in await extension.get_node_list():
        kind.GET_SCHEMA()


async def measure() -> float:
    # Within the loop, which opens sockets of its own before it runs.
    global listening
    listening, start = True, time.process_time()
    await load()
    listening, seconds = False, time.process_time() - start
    return seconds


sys.dont_write_bytecode = True
sys.addaudithook(audit)
before = set(sys.modules)
seconds = asyncio.run(measure())
modules = sorted({name.split(".")[0] for name in set(sys.modules) - before})
print(json.dumps({"seconds": seconds, "sockets": sockets, "written": written, "modules": modules}))

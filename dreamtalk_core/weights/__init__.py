"""The weights that ship with the package, and how a weights file is opened and written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamtalk_core.errors import ModelError
from dreamtalk_core.files import atomic_write

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


def save_weights(
    path: Path,
    tensors: Mapping[str, Tensor],
    form: tuple[str, int],
    config: Mapping[str, Any],
    about: Mapping[str, str],
) -> None:
    """Write tensors in float16 with their header, whole or not at all.

    form: name and version of the format. config: what the networks are built from. about: training
    data, licence and the like.
    """
    from safetensors.torch import save_file

    header = {"format": form[0], "version": str(form[1]), "config": json.dumps(config), **about}
    halves = {name: value.half().contiguous().cpu() for name, value in tensors.items()}
    with atomic_write(path) as temporary:
        save_file(halves, temporary, header)

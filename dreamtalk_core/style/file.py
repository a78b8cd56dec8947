"""Style files (`.safetensors`): a style with all that belongs to it, to keep and to share.

Written here, read in `load`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from dreamtalk_core.errors import StyleError
from dreamtalk_core.files import atomic_write, check_target

if TYPE_CHECKING:
    from dreamtalk_core.style.style import Style

FORMAT = "dreamtalk-style"
VERSION = 1
SUFFIX = ".safetensors"


def save_style(style: Style, path: str | Path) -> None:
    """Write a style file, whole or not at all; `load.load_style_file` reads it.

    Raises StyleError for another suffix or a style whose model is not known, DreamTalkError
    where the file cannot be written.
    """
    check_style_path(path)
    if not style.model:
        raise StyleError(
            f"Style '{style.name}' does not say which model it belongs to. Make it with "
            "extract_style, or give Style(..., model=fingerprint(model))."
        )
    header = {
        "format": FORMAT,
        "version": str(VERSION),
        "name": _writable(style.name),
        "source": _writable(style.source),
        "intensity": repr(style.intensity),
        "model": style.model,
        "tags": "\n".join(map(_writable, style.tags)),
    }
    if style.heard is not None:
        header["heard"] = f"{style.heard.probability!r} {style.heard.emotion}"
    tensors: dict[str, NDArray[np.generic]] = {"code": style.code}
    if style.clip is not None:
        clip = style.clip.to_arkit()
        header["fps"] = str(clip.fps)
        # Half precision is finer than any tracker, and half as large.
        tensors["clip"] = np.concatenate([clip.weights, clip.head_rotation], 1).astype(np.float16)
    if style.thumbnail:
        tensors["thumbnail"] = np.frombuffer(style.thumbnail, np.uint8)
    with atomic_write(path) as temporary:
        temporary.write_bytes(save(tensors, header))


def check_style_path(path: str | Path) -> None:
    """Raises StyleError for another suffix than `.safetensors`, DreamTalkError where no file
    can be written; for a check before any work.
    """
    if Path(path).suffix.lower() != SUFFIX:
        raise StyleError(f"{path} does not end in {SUFFIX}. A style file needs that ending.")
    check_target(Path(path))


def _writable(text: str) -> str:
    """Text that UTF-8 can hold: a file name of another encoding may be part of it."""
    return text.encode("utf-8", "replace").decode("utf-8")

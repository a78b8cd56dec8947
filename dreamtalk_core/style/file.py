"""Style files (`.safetensors`): a style with all that belongs to it, to keep and to share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save
from torch import Tensor

from dreamtalk_core.arkit import ARKIT_NAMES
from dreamtalk_core.errors import DreamTalkError, ModelError, StyleError, shown
from dreamtalk_core.files import atomic_write, check_target
from dreamtalk_core.formats._limits import check_file
from dreamtalk_core.models.motion_model import MotionModel
from dreamtalk_core.motion import Motion, parse_fps
from dreamtalk_core.style.extract import encode
from dreamtalk_core.style.style import Style, check_space, fingerprint
from dreamtalk_core.weights import open_weights

FORMAT = "dreamtalk-style"
VERSION = 1
SUFFIX = ".safetensors"
_LARGEST = 200_000_000  # bytes: the clip of eight hours has 80 million
_PNG = b"\x89PNG"


def save_style(style: Style, path: str | Path) -> None:
    """Write a style file, whole or not at all; `load_style_file` reads it.

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


def read_style_file(path: str | Path) -> Style:
    """Read a file that `save_style` wrote, whichever model it belongs to.

    Raises StyleError when there is no such file, or when it is something else or damaged.
    """
    path = Path(path)
    check_file(path, StyleError, "style", _LARGEST)
    try:
        tensors, header = open_weights(path)
    except ModelError as error:
        raise StyleError(
            f"{path} is damaged or no style file. Give one that was saved as a style."
        ) from error
    if header.get("format") != FORMAT:
        raise StyleError(
            f"{path} holds {header.get('format', 'something else')}, not a style. Give a file that "
            "was saved as a style."
        )
    if header.get("version") != str(VERSION):
        raise StyleError(
            f"{path} is a style file of version {header.get('version')}; this release reads "
            f"version {VERSION}. Update DreamTalk, or extract the style again."
        )
    try:
        return Style(
            tensors["code"].float().numpy(),
            shown(header["name"]),
            shown(header["source"], 1000),
            float(header["intensity"]),
            shown(header["model"]),
            tuple(tag for tag in map(shown, header.get("tags", "").split("\n")) if tag),
            _clip(tensors, header),
            _thumbnail(tensors["thumbnail"]) if "thumbnail" in tensors else b"",
        )
    except (LookupError, TypeError, ValueError, RuntimeError, DreamTalkError) as error:
        raise StyleError(f"{path} is damaged ({error}). Extract the style again.") from error


def load_style_file(path: str | Path, model: MotionModel) -> Style:
    """`read_style_file` for a model: a style of another model is extracted anew from its clip.

    Raises StyleError as well for a style of another model that has no clip.
    """
    return fitted(read_style_file(path), model, str(path))


def fitted(style: Style, model: MotionModel, what: str) -> Style:
    """A style as this model understands it. what: how a message calls it.

    Raises StyleError if it belongs to another model and has no clip.
    """
    if style.clip is not None and style.model not in ("", fingerprint(model)):
        return encode(model, [style.clip], style)
    check_space(style, model, what)
    return style


def _clip(tensors: Mapping[str, Tensor], header: Mapping[str, str]) -> Motion | None:
    if "clip" not in tensors:
        return None
    values = tensors["clip"].float().numpy()
    if values.ndim != 2:
        raise ValueError("its clip has no frames")
    shapes = len(ARKIT_NAMES)
    return Motion(ARKIT_NAMES, values[:, :shapes], parse_fps(header["fps"]), values[:, shapes:])


def _thumbnail(values: Tensor) -> bytes:
    content = values.numpy().tobytes()
    if not content.startswith(_PNG):
        raise ValueError("its thumbnail is no PNG")
    return content


def _writable(text: str) -> str:
    """Text that UTF-8 can hold: a file name of another encoding may be part of it."""
    return text.encode("utf-8", "replace").decode("utf-8")

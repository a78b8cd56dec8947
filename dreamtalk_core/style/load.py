"""Reading style files, and styles of other models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from dreamtalk_core.errors import DreamTalkError, ModelError, StyleError, shown
from dreamtalk_core.formats._limits import check_file
from dreamtalk_core.models.checkpoint import open_weights
from dreamtalk_core.models.motion_model import MotionModel
from dreamtalk_core.motion import Motion, parse_fps
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.style.extract import Worn, read_clips
from dreamtalk_core.style.file import FORMAT, VERSION
from dreamtalk_core.style.style import Heard, Style, check_space, fingerprint

_LARGEST = 200_000_000  # bytes: the clip of eight hours has 80 million
_PNG = b"\x89PNG"


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
            _heard(header["heard"]) if "heard" in header else None,
        )
    except (LookupError, TypeError, ValueError, RuntimeError, DreamTalkError) as error:
        raise StyleError(f"{path} is damaged ({error}). Extract the style again.") from error


def load_style_file(path: str | Path, model: MotionModel, worn: Worn | None = None) -> Style:
    """`read_style_file` for a model: a style of another model is extracted anew from its clip,
    corrected with `worn`, see `read_clips`.

    Raises StyleError as well for a style of another model that has no clip.
    """
    return fitted(read_style_file(path), model, str(path), worn)


def fitted(style: Style, model: MotionModel, what: str, worn: Worn | None = None) -> Style:
    """A style as this model understands it. what: how a message calls it. worn: see
    `read_clips`.

    Raises StyleError if it belongs to another model and has no clip.
    """
    if style.clip is not None and style.model not in ("", fingerprint(model)):
        return read_clips(model, [style.clip], style, worn)
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


def _heard(text: str) -> Heard:
    probability, emotion = text.split(maxsplit=1)
    if not 0 <= float(probability) <= 1:
        raise ValueError("what was heard has no probability")
    return Heard(shown(emotion), float(probability))


def _thumbnail(values: Tensor) -> bytes:
    content = values.numpy().tobytes()
    if not content.startswith(_PNG):
        raise ValueError("its thumbnail is no PNG")
    return content

"""Styles as the worker answers with them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dreamtalk_core.worker.protocol import Answer

if TYPE_CHECKING:
    from dreamtalk_core.pipeline.base import Pipeline
    from dreamtalk_core.style import Style

PICTURE = 128
"""Pixels along each side of a style's picture."""


def save_to_library(
    talk: Pipeline, style: Style, name: str, tags: list[str] | None, folder: str, pictures: str
) -> Answer:
    """Keep a style in the library under a name, with its picture, and tell of it."""
    style = replace(style, name=name, tags=tuple(tags or ()), thumbnail=talk.picture_style(style))
    talk.library.save(style, folder)
    return {**describe(talk, style, style.name, pictures), "shelf": folder}


def describe(talk: Pipeline, style: Style, name: str, pictures: str) -> Answer:
    return {
        "name": name,
        "shelf": talk.library.where(name)[0],
        "tags": list(style.tags),
        "intensity": style.intensity,
        "source": style.source,
        "picture": str(_picture(talk, style, Path(pictures))) if pictures else "",
        "problem": "",
    }


def _picture(talk: Pipeline, style: Style, folder: Path) -> Path:
    """The picture of a style, drawn if it is not in the folder yet."""
    from dreamtalk_core.files import atomic_write

    what = style.thumbnail or style.code.tobytes() + style.model.encode()
    path = folder / f"{hashlib.sha256(what).hexdigest()[:16]}.png"
    if not path.is_file():
        drawn = style.thumbnail or talk.picture_style(style, PICTURE)
        with atomic_write(path) as temporary:
            temporary.write_bytes(drawn)
    return path

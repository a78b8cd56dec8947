# SPDX-License-Identifier: GPL-3.0-or-later
"""The styles that the panel's menu lists, with their pictures."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import bpy
import bpy.utils.previews

from dreamtalk_core.files import atomic_write, name_key

from .. import PACKAGE
from ..client.tasks import Task

Entry = tuple[str, str, str, int, int]
"""Of a menu: identifier, name, description, icon, number."""

_SHIPPED = Path(__file__).parents[1] / "style_pictures"
"""A picture for each style of the default model, made by make_style_pictures.py: shown until the
worker has listed the styles."""
_LIST = "styles.json"


class StyleMenu:
    """What the worker listed last, in this session or an earlier one.

    task: what the worker is doing, or did last, for this part of the panel.
    """

    def __init__(self) -> None:
        self.task: Task | None = None
        self.pictures = bpy.utils.previews.new()
        self._styles: list[dict[str, Any]] | None = None
        self._entries: list[Entry] = []

    def close(self) -> None:
        """Give the pictures back."""
        bpy.utils.previews.remove(self.pictures)

    @property
    def styles(self) -> list[dict[str, Any]]:
        """The styles, as `dreamtalk_core/worker.py` describes them."""
        if self._styles is None:
            try:
                self._styles = json.loads(Path(folder(), _LIST).read_text(encoding="utf-8"))
            except (OSError, ValueError):
                pictures = sorted(_SHIPPED.glob("*.jpg"))
                self._styles = [
                    {"name": own.stem, "tags": [], "picture": str(own)} for own in pictures
                ]
        return self._styles

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(style["name"] for style in self.styles)

    @property
    def entries(self) -> list[Entry]:
        """The styles as a menu has them. Blender keeps pointers into the texts: they stay."""
        if not self._entries:
            self._draw()
        return self._entries

    def replace(self, styles: list[dict[str, Any]]) -> None:
        """List these styles from here on, also in later sessions."""
        self._styles = styles
        self._draw()
        with atomic_write(Path(folder(create=True), _LIST)) as path:
            path.write_text(json.dumps(styles, ensure_ascii=False), encoding="utf-8")

    def add(self, style: dict[str, Any]) -> None:
        """List a style, in the place of one of its name."""
        others = [own for own in self.styles if name_key(own["name"]) != name_key(style["name"])]
        self.replace(sorted([*others, style], key=lambda own: name_key(str(own["name"]))))

    def _draw(self) -> None:
        self.pictures.clear()
        self._entries = []
        for style in self.styles:
            name, picture = style["name"], style.get("picture")
            there = bool(picture) and Path(str(picture)).is_file()
            icon = self.pictures.load(name, picture, "IMAGE").icon_id if there else 0
            tags = ", ".join(style.get("tags") or [])
            about = style.get("problem") or tags or style.get("source") or ""
            self._entries.append((name, name, about, icon, number(name)))


def number(name: str) -> int:
    """A style's in a menu. It stays with the name: a scene's style stays as the list grows."""
    # 24 bits: a menu of pictures hands the chosen one over as a float.
    return zlib.crc32(name.encode("utf-8")) & 0xFFFFFF


def folder(create: bool = False) -> Path:
    """Where the list and the pictures that the worker draws are, or would be."""
    return Path(bpy.utils.extension_path_user(PACKAGE, path="styles", create=create))

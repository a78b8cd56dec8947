# SPDX-License-Identifier: GPL-3.0-or-later
"""Styles in the panel: their names and pictures, new ones from a video, keys from markers."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import bpy
import bpy.utils.previews

from dreamtalk_core.errors import DreamTalkError, StyleError
from dreamtalk_core.files import atomic_write, name_key

from .. import PACKAGE
from ..client import service
from ..client.worker import Task
from ..messages import told

_SHIPPED = Path(__file__).parents[1] / "style_pictures"
"""A picture for each style of the default model, made by make_style_pictures.py: shown until the
worker has been asked which styles there are."""
_LIST = "styles.json"
MARK = "style:"
"""What a marker's name may begin with, to be taken for a style whatever the library holds."""

_known: list[dict[str, Any]] | None = None
_shown: list[tuple[str, str, str, int, int]] = []
"""Blender keeps pointers into the texts of a menu, so they must not go away."""
_pictures: Any = None
asking: Task | None = None
"""What the worker is doing for this part of the panel."""


def items(_settings: Any, _context: Any) -> list[tuple[str, str, str, int, int]]:
    """The styles as entries of a menu."""
    if not _shown:
        _show(known())
    return _shown


def known() -> list[dict[str, Any]]:
    """The styles that the worker told of last, in this session or an earlier one."""
    global _known
    if _known is None:
        try:
            _known = json.loads(Path(_folder(), _LIST).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            pictures = sorted(_SHIPPED.glob("*.jpg"))
            _known = [{"name": own.stem, "tags": [], "picture": str(own)} for own in pictures]
    return _known


def names() -> tuple[str, ...]:
    return tuple(style["name"] for style in known())


def take_in(styles: list[dict[str, Any]]) -> None:
    """Show these styles from now on, and remember them."""
    global _known
    _known = styles
    _show(styles)
    with atomic_write(Path(_folder(create=True), _LIST)) as path:
        path.write_text(json.dumps(styles, ensure_ascii=False), encoding="utf-8")


def _folder(create: bool = False) -> Path:
    return Path(bpy.utils.extension_path_user(PACKAGE, path="styles", create=create))


def _show(styles: Iterable[dict[str, Any]]) -> None:
    global _shown
    _pictures.clear()
    _shown = []
    for style in styles:
        name, picture = style["name"], style.get("picture")
        icon = _pictures.load(name, picture, "IMAGE").icon_id if _is_file(picture) else 0
        tags = ", ".join(style.get("tags") or [])
        told = style.get("problem") or tags or style.get("source") or ""
        _shown.append((name, name, told, icon, number(name)))


def number(name: str) -> int:
    """A style's in a menu. It stays with the name: a scene keeps its style as the list grows."""
    # 24 bits: a menu of pictures hands the chosen one over as a float.
    return zlib.crc32(name.encode("utf-8")) & 0xFFFFFF


def _is_file(path: str | None) -> bool:
    return bool(path) and Path(str(path)).is_file()


def from_markers(markers: Iterable[tuple[int, str]], first: int, fps: float, otherwise: str) -> str:
    """The style over time that timeline markers (frame, name) ask for, as text.

    A marker counts if it is called after a style of the library, with a number or a mix as in
    `angry*1.5`, or begins with `style:`. first: the frame of second 0. otherwise: the style before
    the first marker. Raises StyleError where no marker counts.
    """
    found = ((frame, text) for frame, name in sorted(markers) if (text := _style_in(name)))
    keys: dict[float, str] = {}
    for frame, text in found:
        # Of those before the speech the last one counts: it is the style that it begins in.
        keys[max(0.0, round((frame - first) / fps, 4))] = text
    if not keys:
        raise StyleError(
            "No timeline marker is called after a style. Press Add Style Marker, or name a marker "
            "such as happy, angry*1.5 or style: my style."
        )
    if 0.0 not in keys:
        keys[0.0] = otherwise
    return ", ".join(f"{text}@{time:g}" for time, text in sorted(keys.items()))


def _style_in(name: str) -> str | None:
    """The style that a marker's name stands for, if it does."""
    text = name.strip()
    if text.casefold().startswith(MARK):
        return text[len(MARK) :].strip() or None
    terms = [name_key(term.split("*")[0].strip()) for term in text.split("+")]
    library = {"auto", *(name_key(own) for own in names())}
    return text if all(term in library for term in terms) else None


class DREAMTALK_OT_refresh_styles(bpy.types.Operator):
    bl_idname = "dreamtalk.refresh_styles"
    bl_label = "Refresh Styles"
    bl_description = "Ask which styles there are, and draw their pictures"

    def execute(self, context: bpy.types.Context) -> set[str]:
        return _ask(self, "styles", _took_list, pictures=str(_folder(create=True)))


class DREAMTALK_OT_extract_style(bpy.types.Operator):
    bl_idname = "dreamtalk.extract_style"
    bl_label = "Learn a Style"
    bl_description = "Keep in the library how somebody speaks in a video or a motion file"

    __annotations__ = {
        "filepath": bpy.props.StringProperty(subtype="FILE_PATH"),
        "filter_glob": bpy.props.StringProperty(
            default="*.mp4;*.mov;*.mkv;*.avi;*.webm;*.csv;*.json;*.npz", options={"HIDDEN"}
        ),
        "name": bpy.props.StringProperty(
            name="Name", description="What to call the style; empty: as the file is called"
        ),
    }

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        file = Path(bpy.path.abspath(self.filepath))
        return _ask(
            self,
            "extract_style",
            _took_style,
            performance=[str(file)],
            name=self.name or file.stem,
            pictures=str(_folder(create=True)),
        )


class DREAMTALK_OT_add_style_marker(bpy.types.Operator):
    bl_idname = "dreamtalk.add_style_marker"
    bl_label = "Add Style Marker"
    bl_description = (
        "Put a marker with the chosen style on this frame, and take styles from markers"
    )
    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        scene, settings = context.scene, context.scene.dreamtalk
        scene.timeline_markers.new(settings.style, frame=scene.frame_current)
        settings.style_from = "MARKERS"
        return {"FINISHED"}


def _ask(operator: Any, method: str, done: Any, **params: Any) -> set[str]:
    """Request something; where no timer fires wait for it."""
    global asking
    try:
        asking = service.request(method, done=done, **params)
        if bpy.app.background:
            service.wait(asking)
    except DreamTalkError as error:
        operator.report({"ERROR"}, told(error))
        return {"CANCELLED"}
    return {"FINISHED"}


def _took_list(task: Task) -> None:
    if task.state == "DONE":
        take_in(task.result["styles"])


def _took_style(task: Task) -> None:
    if task.state == "DONE":
        style = task.result
        others = [own for own in known() if name_key(own["name"]) != name_key(style["name"])]
        take_in(sorted([*others, style], key=lambda own: name_key(str(own["name"]))))


CLASSES = (
    DREAMTALK_OT_refresh_styles,
    DREAMTALK_OT_extract_style,
    DREAMTALK_OT_add_style_marker,
)


def register() -> None:
    global _pictures
    _pictures = bpy.utils.previews.new()


def unregister() -> None:
    global asking, _known, _pictures, _shown
    bpy.utils.previews.remove(_pictures)
    _pictures = asking = _known = None
    _shown = []

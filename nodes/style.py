"""Styles by name and as files: Load DreamTalk Style, Save DreamTalk Style."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from dreamtalk_core.errors import StyleError

from . import host
from .conversions import words
from .model import model_input, talk_of
from .schema import found_by
from .values import StyleType

if TYPE_CHECKING:
    from dreamtalk_core.style import Style, StyleTrack

    from .model import LoadedModel

CATEGORY = "DreamTalk/style"
SUFFIXES = {".safetensors", ".mat"}


class LoadStyle(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DreamTalkLoadStyle",
            display_name="Load DreamTalk Style",
            category=CATEGORY,
            description="A manner of speaking by its name, or from a style file.",
            inputs=[
                io.Combo.Input(
                    "style",
                    options=[
                        *style_names(),
                        *host.input_files(SUFFIXES),
                        *host.output_files(SUFFIXES),
                    ],
                    default="happy",
                    tooltip="A name from your library or the model's own, or a style file in "
                    "ComfyUI's input folder.",
                ),
                io.Float.Input(
                    "intensity",
                    default=1.0,
                    min=0.0,
                    max=3.0,
                    step=0.05,
                    tooltip="How strongly it shows: 0 neutral, 1 as it is, 1.5 acted out.",
                ),
                model_input(),
            ],
            outputs=[
                StyleType.Output(
                    display_name="style",
                    tooltip="For Sample Motion, or for Mix Styles, Style Keys and Save DreamTalk "
                    "Style.",
                )
            ],
            **found_by("emotion", "expression", "mood", "Load Style"),
        )

    @classmethod
    def validate_inputs(cls, style: str | None) -> bool | str:
        # A name may be another model's: that is an error once the model is known.
        return host.check_file(style_path(style))

    @classmethod
    def fingerprint_inputs(cls, style: str | None, **_: Any) -> str:
        from dreamtalk_core.style import StyleLibrary

        path = style_path(style)
        return host.changed(path or StyleLibrary.default().where(style or "")[1])

    @classmethod
    def execute(
        cls, style: str, intensity: float, model: LoadedModel | None = None
    ) -> io.NodeOutput:
        loaded = single(talk_of(model).load_style(style_path(style) or style))
        return io.NodeOutput(replace(loaded, intensity=loaded.intensity * intensity))


def style_path(style: str | None) -> Path | None:
    """The file that a style is read from; None for one that is known by name."""
    path = None if style is None else host.input_path(style)
    return path if path is not None and path.suffix.lower() in SUFFIXES else None


def style_names() -> tuple[str, ...]:
    """Names of the built-in model's styles and those in the library, in order."""
    from dreamtalk_core.style import StyleLibrary, shipped_names

    return StyleLibrary.default().names_with(shipped_names())


class SaveStyle(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DreamTalkSaveStyle",
            display_name="Save DreamTalk Style",
            category=CATEGORY,
            description="Keeps a style: in your library, where Load DreamTalk Style, Blender and "
            "the command line find it by its name, or as a file to share.",
            inputs=[
                StyleType.Input("style", tooltip="The style to keep."),
                io.String.Input(
                    "name",
                    default="",
                    tooltip="What to call it; left empty, the name that it has. In the library it "
                    "takes the place of a style of the same name.",
                ),
                io.Combo.Input(
                    "to",
                    options=["library", "output folder"],
                    default="library",
                    tooltip="library: for you, everywhere. output folder: a .safetensors file.",
                ),
                io.String.Input(
                    "tags", default="", tooltip="Words to find it by, with commas between."
                ),
                model_input(),
            ],
            outputs=[io.String.Output(display_name="path", tooltip="Where the file is.")],
            is_output_node=True,
            **found_by("emotion", "export", "Save Style"),
        )

    @classmethod
    def execute(
        cls,
        style: Style | StyleTrack,
        name: str,
        to: str,
        tags: str,
        model: LoadedModel | None = None,
    ) -> io.NodeOutput:
        from dreamtalk_core.style import StyleLibrary

        talk, named = talk_of(model), single(style)
        named = replace(
            named, name=name.strip() or named.name, tags=tuple(words(tags)) or named.tags
        )
        named = replace(named, thumbnail=talk.picture_style(named))
        if to == "library":
            path = StyleLibrary.default().save(named)
        else:
            path = host.output_path(f"{host.SUBFOLDER}/{named.name}", ".safetensors")
            named.save(path)
        return io.NodeOutput(str(path), ui={"text": [str(path)]})


def single(style: Style | StyleTrack) -> Style:
    """A style that does not change. Raises StyleError for one that does."""
    from dreamtalk_core.style import StyleTrack

    if isinstance(style, StyleTrack):
        raise StyleError(
            "A style that changes over time cannot be mixed or saved. Mix first, and connect "
            "Style Keys after that."
        )
    return style

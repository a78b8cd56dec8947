"""Motions as files: Load DreamTalk Motion, Save DreamTalk Motion, Motion to GLB."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import folder_paths
from comfy_api.latest import Types, io

from dreamtalk_core.formats import READABLE, WRITABLE, is_read
from dreamtalk_core.motion import Motion

from . import host
from .adjust_motion import CATEGORY
from .conversions import Audio
from .schema import found_by
from .values import MotionType, MotionValue


class LoadMotion(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        suffixes = set(READABLE)
        names = [*host.input_files(suffixes), *host.output_files(suffixes)]
        return io.Schema(
            node_id="DreamTalkLoadMotion",
            display_name="Load DreamTalk Motion",
            category=CATEGORY,
            description="Face curves from a file: a recording of Live Link Face, Face Cap, "
            "MediaPipe and others, curves of Audio2Face, Unity, Godot, Maya, MMD, or what Save "
            "DreamTalk Motion wrote.",
            inputs=[
                io.Combo.Input(
                    "file",
                    # Not what tells of a motion beside it, in a .json of its own.
                    options=[
                        name for name in names if is_read(Path(name.removesuffix(" [output]")))
                    ],
                    tooltip="A motion file in ComfyUI's input folder, or one that Save DreamTalk "
                    "Motion put into the output folder.",
                ),
                io.Audio.Input(
                    "audio", optional=True, tooltip="The sound that belongs to it, for videos."
                ),
            ],
            outputs=[MotionType.Output(display_name="motion", tooltip="The motion.")],
            **found_by("Live Link Face", "ARKit", "CSV", "import", "Load Motion"),
        )

    @classmethod
    def validate_inputs(cls, file: str | None) -> bool | str:
        return host.check_file(motion_path(file))

    @classmethod
    def fingerprint_inputs(cls, file: str | None, **_: Any) -> str:
        return host.changed(motion_path(file))

    @classmethod
    def execute(cls, file: str, audio: Audio | None = None) -> io.NodeOutput:
        return io.NodeOutput(MotionValue(Motion.load(host.input_path(file)), audio))


def motion_path(file: str | None) -> Path | None:
    return None if file is None else host.input_path(file)


class SaveMotion(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DreamTalkSaveMotion",
            display_name="Save DreamTalk Motion",
            category=CATEGORY,
            description="Writes the curves into the output folder, for Unreal, Blender, Maya, "
            "Unity and others.",
            inputs=[
                MotionType.Input("motion", tooltip="The motion to write."),
                io.String.Input(
                    "filename_prefix",
                    default=f"{host.SUBFOLDER}/motion",
                    tooltip="Start of the file's name; folders are made. A number is added.",
                ),
                io.Combo.Input(
                    "format",
                    options=[suffix.removeprefix(".") for suffix in WRITABLE],
                    default="csv",
                    tooltip="csv: as Live Link Face records. json: easy to read. npz: exact, for "
                    "Python. glb: an animated head. Others are for the programs they are "
                    "called after: a2f Audio2Face, anim Unity, tres Godot, ma Maya, vmd "
                    "MikuMikuDance, motion3 Live2D.",
                ),
            ],
            outputs=[io.String.Output(display_name="path", tooltip="Where the file is.")],
            is_output_node=True,
            **found_by("export", "Save Motion", "Live Link Face", "ARKit", "CSV", "JSON", "GLB"),
        )

    @classmethod
    def execute(cls, motion: MotionValue, filename_prefix: str, format: str) -> io.NodeOutput:
        # An animated head has its own shapes.
        curves = motion.motion if format == "glb" else motion.on_rig
        path = write(curves, filename_prefix, f".{format}")
        return io.NodeOutput(str(path), ui={"text": [path.name], "files": [host.saved(path)]})


class MotionToGLB(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DreamTalkMotionToGLB",
            display_name="Motion to GLB",
            category=CATEGORY,
            description="The built-in head with the motion on its shape keys, as a 3D file that "
            "Preview 3D & Animation plays and Blender opens.",
            inputs=[
                MotionType.Input("motion", tooltip="The motion to put onto the head."),
                io.String.Input(
                    "filename_prefix",
                    default=f"{host.SUBFOLDER}/head",
                    tooltip="Start of the file's name in the output folder. A number is added.",
                ),
            ],
            outputs=[
                io.String.Output(
                    display_name="model_file",
                    tooltip="For Preview 3D & Animation: the file in the output folder.",
                ),
                *_model_outputs(),
            ],
            is_output_node=True,
            **found_by("3D", "glTF", "preview", "export"),
        )

    @classmethod
    def execute(cls, motion: MotionValue, filename_prefix: str) -> io.NodeOutput:
        path = write(motion.motion, filename_prefix, ".glb")
        shown = path.relative_to(folder_paths.get_output_directory()).as_posix()
        model = [Types.File3D(str(path), file_format="glb") for _ in _model_outputs()]
        return io.NodeOutput(shown, *model, ui={"3d": [host.saved(path)]})


def _model_outputs() -> list[io.Output]:
    """The same file as the newer hosts' own 3D nodes take it, where there are any."""
    kind = getattr(io, "File3DGLB", None)
    if kind is None or not hasattr(Types, "File3D"):
        return []
    return [
        kind.Output(
            "model_3d",
            display_name="model_3d",
            tooltip="The same file, for Save 3D Model and Preview 3D (Advanced): press Fit to "
            "Viewer there, as the head is no larger than a real one.",
        )
    ]


def write(motion: Motion, prefix: str, suffix: str) -> Path:
    """A new file in the output folder. Raises MotionError for what its format cannot hold."""
    path = host.output_path(prefix, suffix)
    motion.save(path)
    return path

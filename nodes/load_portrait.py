"""Load Portrait: a picture of a face, or the one that comes with the pack."""

from __future__ import annotations

from pathlib import Path

from comfy_api.latest import io

from dreamtalk_core.assets import DEMO_PORTRAIT

from .conversions import image_of
from .host import changed, check_file, input_files, input_path, offer_input
from .schema import found_by

DEMO = "dreamtalk_demo_portrait.jpg"
"""In the input folder, where the frontend finds pictures. A file of this name that is there already
is the user's: it stays, and is what the node loads."""
FORMER = "demo portrait"
"""What older graphs call it."""
_PICTURES = {".avif", ".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}


class LoadPortrait(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        offer_input(DEMO_PORTRAIT, DEMO)
        return io.Schema(
            node_id="DreamTalkLoadPortrait",
            display_name="Load Portrait",
            category="DreamTalk/render",
            description="A photo, painting or drawing of a face, to be made to speak. Any IMAGE "
            "will do as well; this node also offers a portrait to try things out with.",
            inputs=[
                io.Combo.Input(
                    "image",
                    options=[DEMO, *(name for name in input_files(_PICTURES) if name != DEMO)],
                    default=DEMO,
                    upload=io.UploadType.image,
                    image_folder=io.FolderType.input,
                    tooltip="A picture in the input folder, in which a face looks at the camera, "
                    "lips closed. The demo portrait comes with DreamTalk.",
                )
            ],
            outputs=[io.Image.Output("portrait", display_name="portrait", tooltip="The picture.")],
            **found_by("face", "photo", "talking head"),
        )

    @classmethod
    def validate_inputs(cls, image: str | None) -> bool | str:
        return image is None or check_file(_path(image))

    @classmethod
    def fingerprint_inputs(cls, image: str | None) -> str:
        return "" if image is None else changed(_path(image))

    @classmethod
    def execute(cls, image: str) -> io.NodeOutput:
        from dreamtalk_core.tracking.video import read_image

        return io.NodeOutput(image_of(read_image(_path(image))))


def _path(image: str) -> Path:
    path = input_path(DEMO if image == FORMER else image)
    # Where it could not be put, or is deleted, the node works all the same.
    return DEMO_PORTRAIT if path == input_path(DEMO) and not path.is_file() else path

"""Load Portrait: a picture of a face, or the one that comes with the pack."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web
from comfy_api.latest import io, ui
from server import PromptServer

from dreamtalk_core.assets import DEMO_PORTRAIT

from .host import changed, check_file, image_of, input_files, input_path
from .schema import found_by

DEMO = "demo portrait"
_PICTURES = {".avif", ".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}


class LoadPortrait(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DreamTalkLoadPortrait",
            display_name="Load Portrait",
            category="DreamTalk/render",
            description="A photo, painting or drawing of a face, to be made to speak. Any IMAGE "
            "will do as well; this node also offers a portrait to try things out with.",
            inputs=[
                io.Combo.Input(
                    "image",
                    options=[DEMO, *input_files(_PICTURES)],
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
        return check_file(_path(image))

    @classmethod
    def fingerprint_inputs(cls, image: str | None) -> str:
        return changed(_path(image))

    @classmethod
    def execute(cls, image: str) -> io.NodeOutput:
        from dreamtalk_core.tracking.video import read_image

        path = DEMO_PORTRAIT if image == DEMO else input_path(image)
        portrait = image_of(read_image(path))
        # The frontend shows what is in the input folder by itself.
        shown = ui.PreviewImage(portrait) if image == DEMO else None
        return io.NodeOutput(portrait, ui=shown)


@PromptServer.instance.routes.get("/dreamtalk/portrait.jpg")
async def demo_portrait(_: web.Request) -> web.FileResponse:
    """The demo portrait for the frontend, which knows the host's own folders only."""
    return web.FileResponse(DEMO_PORTRAIT)


def _path(image: str | None) -> Path | None:
    if image is None:
        return None
    return DEMO_PORTRAIT if image == DEMO else input_path(image)

"""Render Portrait: a photo speaks, as a video or as frames."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import comfy.model_management
import folder_paths
import torch
from comfy_api.latest import InputImpl, io

from dreamtalk_core.errors import RenderError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.parts import frames_to_draw

from .conversions import Audio, check_image, frames_audio
from .frames import (
    audio_input,
    draw_images,
    images_outputs,
    motion_input,
    range_inputs,
    shown,
)
from .host import progress, show_warnings, sound_file, temp_path
from .model import FOLDER
from .portrait import (
    FaceChoice,
    check_points,
    face_inputs,
    portrait_input,
    portrait_pixels,
    read_face,
)
from .schema import ADVANCED, found_by
from .values import MotionValue

if TYPE_CHECKING:
    from dreamtalk_core.render.portrait.renderer import PortraitRenderer

BUILT_IN = "built-in"

PORTRAIT = "A picture in which a face looks at the camera. Not connected: the demo portrait."


def renderer_files() -> list[str]:
    """Original renderers in the model folders, as the host names them."""
    return [
        name for name in folder_paths.get_filename_list(FOLDER) if Path(name).stem == "renderer"
    ]


def stamp_input() -> io.Input:
    return io.Boolean.Input(
        "stamp",
        default=False,
        tooltip="Write 'AI-generated' into the corner of the picture. The video file says that it "
        "is synthetic in any case.",
    )


class RenderPortrait(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DreamTalkRenderPortrait",
            display_name="Render Portrait",
            category="DreamTalk/render",
            description="Makes a portrait speak, with sound. The video is written frame by frame "
            "and takes no memory, however long it is; it says of itself that it is synthetic.",
            inputs=[
                motion_input(),
                portrait_input(f"{PORTRAIT} Of several pictures each becomes a video."),
                audio_input(),
                *face_inputs(),
                stamp_input(),
                io.Combo.Input(
                    "renderer",
                    options=[BUILT_IN, *renderer_files()],
                    default=BUILT_IN,
                    tooltip="built-in: any portrait in its own size. If you hold the original "
                    "DreamTalk's renderer.pt, put it into models/dreamtalk: it draws 256 x 256 "
                    "pixels at 25 frames per second.",
                    **ADVANCED,
                ),
            ],
            outputs=[
                io.Video.Output(
                    "video",
                    display_name="video",
                    is_output_list=True,
                    tooltip="H.264 with the speech as its sound: for Save Video.",
                )
            ],
            hidden=[io.Hidden.unique_id],
            **found_by(
                *("talking head", "talking portrait", "lip sync", "animate photo", "avatar"),
                *("SadTalker", "LivePortrait"),
            ),
        )

    @classmethod
    def validate_inputs(cls, points: str | None) -> bool | str:
        return check_points(points)

    @classmethod
    def execute(
        cls,
        motion: MotionValue,
        face: int,
        points: str,
        crop: int,
        stamp: bool,
        renderer: str,
        portrait: torch.Tensor | None = None,
        audio: Audio | None = None,
    ) -> io.NodeOutput:
        choice, videos = FaceChoice(face, points, crop), []
        if portrait is not None:
            check_image(portrait)
        heard = motion.audio if audio is None else audio
        with show_warnings(cls.hidden.unique_id), sound_file(heard) as sound:
            for one in [None] if portrait is None else portrait.split(1):
                path = temp_path(".mp4")
                if renderer == BUILT_IN:
                    drawn = read_face(one, choice)
                    _render(drawn, motion.motion, path, sound, stamp)
                else:
                    _render_original(renderer, one, choice, motion.motion, path, sound, stamp)
                videos.append(InputImpl.VideoFromFile(str(path)))
        return io.NodeOutput(videos)


def _render(
    drawn: PortraitRenderer, motion: Motion, path: Path, sound: Path | None, stamped: bool
) -> None:
    from dreamtalk_core.render.job import render
    from dreamtalk_core.render.portrait.pictures import PortraitPictures

    plain = PortraitPictures(drawn, motion)
    render(PortraitPictures(drawn, motion, stamped), path, sound, shown(plain.draw))


def _render_original(
    name: str,
    portrait: torch.Tensor | None,
    choice: FaceChoice,
    motion: Motion,
    path: Path,
    sound: Path | None,
    stamped: bool,
) -> None:
    """With the original renderer, which makes of a portrait what it will."""
    from dreamtalk_core.original.portrait import OriginalRenderer

    if choice.points.strip() or choice.crop or stamped:
        raise RenderError(
            "The original renderer crops the portrait itself and draws no stamp: leave 'points' "
            "empty, set 'crop' to 0 and 'stamp' to false, or choose the built-in renderer."
        )
    device = comfy.model_management.get_torch_device()
    loaded = OriginalRenderer.load(folder_paths.get_full_path_or_raise(FOLDER, name), str(device))
    image = portrait_pixels(portrait)
    loaded.render(motion, image, path, sound, face=choice.chosen, progress=progress())


class PortraitFrames(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DreamTalkPortraitFrames",
            display_name="Portrait Frames",
            category="DreamTalk/render",
            description="Some frames of a portrait that speaks, as images for other nodes. For a "
            "whole video use Render Portrait, which needs no memory.",
            inputs=[
                motion_input(),
                portrait_input(PORTRAIT),
                audio_input(),
                *range_inputs(),
                *face_inputs(),
                stamp_input(),
            ],
            outputs=images_outputs(),
            hidden=[io.Hidden.unique_id],
            **found_by("talking head", "image sequence", "batch"),
        )

    @classmethod
    def validate_inputs(cls, points: str | None) -> bool | str:
        return check_points(points)

    @classmethod
    def execute(
        cls,
        motion: MotionValue,
        first: int,
        count: int,
        face: int,
        points: str,
        crop: int,
        stamp: bool,
        portrait: torch.Tensor | None = None,
        audio: Audio | None = None,
    ) -> io.NodeOutput:
        from dreamtalk_core.render.portrait.pictures import PortraitPictures

        moving = motion.motion
        frames = frames_to_draw(moving, first, count)
        with show_warnings(cls.hidden.unique_id):
            drawn = read_face(portrait, FaceChoice(face, points, crop))
            pictures = PortraitPictures(drawn, moving, stamp)
        (images,) = draw_images(lambda at: (pictures.draw(at),), frames, [drawn.image.shape])
        sound = frames_audio(motion.audio if audio is None else audio, frames, moving.fps)
        return io.NodeOutput(images, sound, float(moving.fps))

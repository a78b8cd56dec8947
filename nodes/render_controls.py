"""Render Control Images: what a generative video model wants to be shown of a motion."""

from __future__ import annotations

from functools import partial

import torch
from comfy_api.latest import io

from dreamtalk_core.motion.parts import frames_to_draw

from .conversions import Audio, frames_audio
from .frames import (
    audio_input,
    draw_images,
    images_outputs,
    motion_input,
    range_inputs,
)
from .head import camera_inputs, head_input, head_path, load_head_file, size_input
from .host import changed, check_file
from .portrait import FaceChoice, check_points, face_inputs, portrait_input, read_face
from .schema import found_by
from .values import MotionValue

# Those of render/control, which is loaded when something is drawn.
KINDS = ["landmarks", "mesh", "mouth", "depth", "normals"]
MASKS = ["mouth", "face"]


class RenderControlImages(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DreamTalkRenderControlImages",
            display_name="Render Control Images",
            category="DreamTalk/render",
            description="Pictures that control a generative video model: the face's landmarks, "
            "mesh, mouth, depth or normals, of a portrait at its place in the picture or of the "
            "built-in head, and a mask of what may be painted anew.",
            inputs=[
                motion_input(),
                portrait_input(
                    "The picture whose face is to move; control images have its size. Not "
                    "connected: the built-in head."
                ),
                audio_input(),
                io.Combo.Input(
                    "control",
                    options=KINDS,
                    default=KINDS[0],
                    tooltip="landmarks: lines in the colours that ControlNets for MediaPipe faces "
                    "know. mesh: white triangles. mouth: white from lip to lip. depth: nearer is "
                    "lighter. normals: blue is towards the camera.",
                ),
                io.Combo.Input(
                    "masked",
                    options=MASKS,
                    default=MASKS[0],
                    tooltip="What the mask covers: the mouth with its lips, or the whole face (of "
                    "the built-in head: the whole bust).",
                ),
                *range_inputs(),
                *face_inputs(),
                size_input(),
                *camera_inputs(),
                head_input(),
            ],
            outputs=images_outputs(
                io.Mask.Output(
                    "mask", display_name="mask", tooltip="1 where the mouth, or the face, is."
                )
            ),
            hidden=[io.Hidden.unique_id],
            **found_by("ControlNet", "landmarks", "depth", "normals", "face mesh", "VACE"),
        )

    @classmethod
    def validate_inputs(cls, points: str | None, head: str | None) -> bool | str:
        found = check_file(head_path(head))
        return check_points(points) if found is True else found

    @classmethod
    def fingerprint_inputs(cls, head: str | None, **others: object) -> str:
        return changed(head_path(head))

    @classmethod
    def execute(
        cls,
        motion: MotionValue,
        control: str,
        masked: str,
        first: int,
        count: int,
        face: int,
        points: str,
        crop: int,
        size: int,
        yaw: float,
        pitch: float,
        zoom: float,
        turntable: float,
        head: str,
        portrait: torch.Tensor | None = None,
        audio: Audio | None = None,
    ) -> io.NodeOutput:
        from dreamtalk_core.errors import RenderError
        from dreamtalk_core.render.control.pictures import ControlPictures
        from dreamtalk_core.render.head.look import Look

        moving = motion.motion
        frames = frames_to_draw(moving, first, count)
        face_drawn = None
        if portrait is not None:
            choice = FaceChoice(face, points, crop)
            face_drawn = read_face(portrait, choice, cls.hidden.unique_id)
        other = load_head_file(head)
        known = control in ("depth", "normals") and masked == "face"
        if face_drawn is None and other is not None and not known:
            raise RenderError(
                "Of another head there is depth and normals only, and the mask of its whole: "
                "where its mouth is, is not known. Set 'masked' to face."
            )
        look = Look(yaw, pitch, zoom, turntable or None, head=other if face_drawn is None else None)
        drawn = ControlPictures(moving, control, size, look, face_drawn)
        images, mask = draw_images(
            partial(drawn.masked, part=masked), frames, [(*drawn.size, 3), drawn.size]
        )
        sound = frames_audio(motion.audio if audio is None else audio, frames, moving.fps)
        return io.NodeOutput(images, mask, sound, float(moving.fps))

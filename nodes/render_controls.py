"""Render Control Images: what a generative video model wants to be shown of a motion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from comfy_api.latest import io

from dreamtalk_core.motion.parts import frames_to_draw

from .conversions import Audio, frames_audio
from .extract_style import LandmarksType
from .frames import (
    audio_input,
    draw_images,
    images_outputs,
    motion_input,
    range_inputs,
)
from .head import camera_inputs, head_input, head_path, load_head_file, size_input
from .host import changed, check_file, mixed, progress, show_warnings
from .portrait import (
    FaceChoice,
    check_points,
    face_inputs,
    portrait_input,
    portrait_pixels,
    read_face,
)
from .schema import ADVANCED, found_by
from .values import MotionType, MotionValue

if TYPE_CHECKING:
    from dreamtalk_core.render.control.group import GroupControls
    from dreamtalk_core.render.control.pictures import Masked

# Those of render/control, which is loaded when something is drawn.
KINDS = ["landmarks", "mesh", "mouth", "depth", "normals", "dots", "expression", "pose", "body"]
KINDS += ["edges", "person", "face", "composite"]
MASKS = ["mouth", "face", "person"]
INSIDE = ["grey", *KINDS[:10]]

PEOPLE = 4
"""Faces of one picture that can have a motion of their own."""

PoseType = io.Custom("POSE_KEYPOINT")
"""What the host's own nodes draw, crop and mask by: OpenPose's points, frame by frame."""


def _mask_inputs() -> list[io.Input]:
    """More about the mask."""
    return [
        io.Combo.Input(
            "inside",
            options=INSIDE,
            default=INSIDE[0],
            optional=True,
            tooltip="For 'composite': what is where the mask is. grey means to VACE that "
            "it is to be made.",
            **ADVANCED,
        ),
        io.Int.Input(
            "grow",
            default=0,
            min=0,
            max=512,
            optional=True,
            tooltip="By how many pixels the mask is made larger all round, also in 'composite'.",
            **ADVANCED,
        ),
    ]


def _people_inputs() -> list[io.Input]:
    """The motions of others in the picture."""
    return [
        MotionType.Input(
            f"motion_{number}",
            optional=True,
            tooltip=f"Of several people in one picture: the motion of face {number} from the left; "
            "'motion' is that of face 1. 'face' then says whose mask it is, 0 everybody's.",
        )
        for number in range(2, PEOPLE + 1)
    ]


def _points_outputs() -> list[io.Output]:
    """Where the face is, for the host's own nodes."""
    return [
        PoseType.Output(
            "keypoints",
            display_name="keypoints",
            tooltip="Face, head and shoulders as OpenPose's points in the whole picture, "
            "for SDPose Draw Keypoints and whatever takes POSE_KEYPOINT.",
        ),
        LandmarksType.Output(
            "face_landmarks",
            display_name="face_landmarks",
            tooltip="The 478 landmarks and the shapes, as the host's own Detect Face "
            "Landmarks gives them: to draw, to mask, and for Extract Style.",
        ),
    ]


class RenderControlImages(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DreamTalkRenderControlImages",
            display_name="Render Control Images",
            category="DreamTalk/render",
            description="Pictures that control a generative video model: a face's landmarks, dots, "
            "pose, depth, edges, the face itself for Wan-Animate, or the picture with a hole for "
            "VACE; of one or several people at their place in a picture or of the built-in head. "
            "With a mask of what may be painted anew, and the points for the host's own nodes.",
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
                    "lighter. normals: blue is towards the camera. dots: the 70 white points that "
                    "DWPose draws (VACE, Fun, S2V). expression: of these brows, eyes and mouth "
                    "(SCAIL). pose: head and shoulders with the dots. body: the same without dots "
                    "(Wan-Animate's pose video). edges: white lines (LTX, Fun). person: who is who "
                    "in SCAIL-2's colours, by the number of the face. face: the face, 512 x 512 "
                    "(Wan-Animate's face video). composite: the picture itself, and in the mask "
                    "what 'inside' says (VACE).",
                ),
                io.Combo.Input(
                    "masked",
                    options=MASKS,
                    default=MASKS[0],
                    tooltip="What the mask covers: the mouth with its lips, the whole face (of "
                    "the built-in head: the whole bust), or the person with hair and shoulders.",
                ),
                *range_inputs(),
                *face_inputs(),
                size_input(),
                *camera_inputs(),
                head_input(),
                *_mask_inputs(),
                *_people_inputs(),
            ],
            outputs=[
                *images_outputs(
                    io.Mask.Output(
                        "mask", display_name="mask", tooltip="1 where the mouth, or the face, is."
                    )
                ),
                *_points_outputs(),
            ],
            hidden=[io.Hidden.unique_id],
            **found_by(
                *("ControlNet", "landmarks", "depth", "normals", "face mesh", "VACE", "OpenPose"),
                *("DWPose", "Wan Animate", "SCAIL", "canny", "LTX", "inpaint"),
            ),
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
        inside: str = INSIDE[0],
        grow: int = 0,
        **others: MotionValue | None,
    ) -> io.NodeOutput:
        from dreamtalk_core.errors import RenderError
        from dreamtalk_core.pipeline.keypoints import points_of
        from dreamtalk_core.render.control.pictures import AnyControls, ControlPictures, Masked
        from dreamtalk_core.render.head.look import Look

        people = {0: motion}
        people |= {int(name.split("_")[1]) - 1: one for name, one in others.items() if one}
        moving = max((one.motion for one in people.values()), key=len)
        frames = frames_to_draw(moving, first, count)
        other = load_head_file(head)
        if portrait is None and other is not None and masked == "mouth":
            raise RenderError(
                "Of another head there is depth and normals only, and the mask of its whole: "
                "where its mouth is, is not known. Set 'masked' to face."
            )
        look = Look(yaw, pitch, zoom, turntable or None, head=other if portrait is None else None)
        part, face_drawn = Masked(masked, grow, inside, max(face - 1, 0)), None
        drawn: AnyControls
        with show_warnings(cls.hidden.unique_id):
            if len(people) > 1:
                drawn = _group(people, portrait, control, part, FaceChoice(face, points, crop))
            else:
                if portrait is not None:
                    face_drawn = read_face(portrait, FaceChoice(face, points, crop))
                drawn = ControlPictures(moving, control, size, look, face_drawn, part)
        images, mask = draw_images(drawn.masked, frames, [(*drawn.size, 3), drawn.size])
        if audio is None:
            audio = mixed([one.audio for one in people.values() if one.audio is not None])
        sound = frames_audio(audio, frames, moving.fps)
        keypoints, landmarks = points_of(drawn, frames)
        return io.NodeOutput(images, mask, sound, float(moving.fps), keypoints, landmarks)


def _group(
    people: Mapping[int, MotionValue],
    portrait: torch.Tensor | None,
    control: str,
    part: Masked,
    choice: FaceChoice,
) -> GroupControls:
    """Of several people in one picture, by the number of their face from the left, from 0 up.

    Raises RenderError, TrackingError.
    """
    from dreamtalk_core.errors import RenderError
    from dreamtalk_core.render.control.group import GroupControls
    from dreamtalk_core.render.portrait.group import GroupPictures
    from dreamtalk_core.tracking.portrait import read_portraits

    if portrait is None:
        raise RenderError(
            "Several motions are for several people in one picture: connect it to 'portrait'."
        )
    if choice.points.strip() or choice.crop:
        raise RenderError(
            "'points' and 'crop' are for one face. Leave 'points' empty and set 'crop' to 0, or "
            "connect one motion only."
        )
    picture, numbers = portrait_pixels(portrait), sorted(people)
    found, faces = read_portraits(picture, numbers, progress=progress())
    moving, motions = [one.face for one in found], [people[number].motion for number in numbers]
    group = GroupPictures(picture, moving, motions, faces)
    return GroupControls(control, group, part, choice.face - 1 if choice.face else None)

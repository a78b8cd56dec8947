"""Render Head: a motion on a head, the built-in one or another, as a video or as frames."""

from __future__ import annotations

from dataclasses import replace

from comfy_api.latest import InputImpl, io

from dreamtalk_core.errors import RenderError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.parts import frames_to_draw

from .conversions import Audio, frames_audio, words
from .frames import (
    audio_input,
    draw_images,
    images_outputs,
    motion_input,
    range_inputs,
    shown,
)
from .head import (
    background_input,
    camera_inputs,
    check_look,
    head_input,
    head_path,
    load_head_file,
    size_input,
)
from .host import changed, sound_file, temp_path
from .schema import ADVANCED, found_by
from .values import MotionType, MotionValue

MOST = 8
"""Heads side by side."""


class RenderHead(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DreamTalkRenderHead",
            display_name="Render Head",
            category="DreamTalk/render",
            description="Shows a motion on a head, with sound, or several motions side by side. "
            "The video is written frame by frame and takes no memory, however long it is.",
            inputs=[
                motion_input(),
                *(
                    MotionType.Input(
                        f"motion_{number}",
                        optional=True,
                        tooltip="Another motion, shown beside it. All need the same frame rate.",
                    )
                    for number in range(2, MOST + 1)
                ),
                audio_input(),
                size_input(),
                io.String.Input(
                    "labels",
                    default="",
                    placeholder="happy, sad, angry",
                    tooltip="What is written on the heads, separated by commas.",
                ),
                io.String.Input(
                    "curves",
                    default="",
                    placeholder="jawOpen, mouthPucker",
                    tooltip="Curves to be drawn under each head, up to eight, separated by commas.",
                    **ADVANCED,
                ),
                background_input(),
                *camera_inputs(),
                head_input(),
            ],
            outputs=[
                io.Video.Output(
                    "video",
                    display_name="video",
                    tooltip="H.264 with the speech as its sound: for Save Video.",
                )
            ],
            **found_by("preview", "3d head", "compare", "side by side"),
        )

    @classmethod
    def validate_inputs(cls, background: str | None, head: str | None) -> bool | str:
        return check_look(background, head, video=True)

    @classmethod
    def fingerprint_inputs(cls, head: str | None, **others: object) -> str:
        return changed(head_path(head))

    @classmethod
    def execute(
        cls,
        motion: MotionValue,
        size: int,
        labels: str,
        curves: str,
        background: str,
        yaw: float,
        pitch: float,
        zoom: float,
        turntable: float,
        head: str,
        audio: Audio | None = None,
        **others: MotionValue | None,
    ) -> io.NodeOutput:
        from dreamtalk_core.render.head.look import Look, parse_background
        from dreamtalk_core.render.head.pictures import HeadPictures
        from dreamtalk_core.render.job import render

        look = Look(
            yaw,
            pitch,
            zoom,
            turntable or None,
            parse_background(background),
            tuple(words(curves)),
            load_head_file(head),
        )
        more = [value.motion for _, value in sorted(others.items()) if value is not None]
        motions = _labelled([motion.motion, *more], words(labels))
        # While it works the first one is shown, without what lies below it.
        first = HeadPictures(motion.motion, min(size, 512), replace(look, curves=()))
        path = temp_path(".mp4")
        with sound_file(motion.audio if audio is None else audio) as sound:
            render(HeadPictures(motions, size, look), path, sound, shown(first.draw))
        return io.NodeOutput(InputImpl.VideoFromFile(str(path)))


class HeadFrames(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DreamTalkHeadFrames",
            display_name="Head Frames",
            category="DreamTalk/render",
            description="Some frames of a motion on a head, as images and masks for other nodes. "
            "For a whole video use Render Head, which needs no memory.",
            inputs=[
                motion_input(),
                audio_input(),
                size_input(),
                *range_inputs(),
                background_input(" 'none' leaves the head alone, with clean edges for the mask."),
                *camera_inputs(),
                head_input(),
            ],
            outputs=images_outputs(
                io.Mask.Output(
                    "mask",
                    display_name="mask",
                    tooltip="1 where the head is, 0 where the background is: for compositing.",
                )
            ),
            **found_by("preview", "3d head", "image sequence", "batch"),
        )

    @classmethod
    def validate_inputs(cls, background: str | None, head: str | None) -> bool | str:
        return check_look(background, head, video=False)

    @classmethod
    def fingerprint_inputs(cls, head: str | None, **others: object) -> str:
        return changed(head_path(head))

    @classmethod
    def execute(
        cls,
        motion: MotionValue,
        size: int,
        first: int,
        count: int,
        background: str,
        yaw: float,
        pitch: float,
        zoom: float,
        turntable: float,
        head: str,
        audio: Audio | None = None,
    ) -> io.NodeOutput:
        from dreamtalk_core.render.head.look import Look, parse_background
        from dreamtalk_core.render.head.pictures import HeadPictures

        behind, other = parse_background(background), load_head_file(head)
        look = Look(yaw, pitch, zoom, turntable or None, behind, head=other)
        moving = motion.motion
        frames = frames_to_draw(moving, first, count)
        drawn = HeadPictures(moving, size, look)
        images, mask = draw_images(drawn.masked, frames, [(size, size, 3), (size, size)])
        sound = frames_audio(motion.audio if audio is None else audio, frames, moving.fps)
        return io.NodeOutput(images, mask, sound, float(moving.fps))


def _labelled(motions: list[Motion], labels: list[str]) -> Motion | dict[str, Motion]:
    """Motions by what is written on them; one without a label goes without.

    Raises RenderError if there are more labels than motions, or two alike.
    """
    if len(labels) > len(motions) or len(set(labels)) < len(labels):
        raise RenderError(
            f"There are {len(motions)} motions and the labels {', '.join(labels)}. Give each "
            "motion one label of its own, or none at all."
        )
    if len(motions) == 1 and not labels:
        return motions[0]
    names = labels + [str(number) for number in range(len(labels) + 1, len(motions) + 1)]
    return dict(zip(names, motions, strict=True))

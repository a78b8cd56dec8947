"""`dreamtalk render` and `dreamtalk preview`: a motion as something to look at."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamtalk_core.cli.common import Bar, load
from dreamtalk_core.cli.original import render_original_video
from dreamtalk_core.cli.track import add_face, add_points
from dreamtalk_core.errors import DreamTalkError

if TYPE_CHECKING:
    from dreamtalk_core.motion import Motion

OUTPUTS = ".mp4, .mov (ProRes), or numbered pictures: name.####.png, name.####.exr"


def add(commands: Any) -> None:
    """Add the commands to argparse's subparsers."""
    render = commands.add_parser("render", help="video of a portrait that speaks")
    render.set_defaults(run=_render)
    render.add_argument("portrait", type=Path, help="photo, painting or drawing of a face")
    render.add_argument("motion", type=Path, help="speech, or a motion file")
    render.add_argument(
        "--style", default="auto", metavar="STYLE", help="of a speech, as for 'animate'"
    )
    render.add_argument("--model", default="default", metavar="NAME|FILE", help="for a speech")
    _add_output(render)
    add_face(render)
    add_points(render)
    render.add_argument(
        "--crop", type=int, metavar="PIXELS", help="show the face only, in a square of this size"
    )
    render.add_argument(
        "--stamp", action="store_true", help="write 'AI-generated' on the picture, too"
    )
    render.add_argument(
        "--renderer",
        type=Path,
        metavar="FILE",
        help="use the original renderer.pt, if you hold it, or what 'dreamtalk import' made of it",
    )
    render.add_argument("--device", default="auto", help="for --renderer: auto, cpu, cuda, mps")

    preview = commands.add_parser("preview", help="video of the built-in head from motion files")
    preview.set_defaults(run=_preview)
    preview.add_argument(
        "motion", type=Path, nargs="+", help="motion file; several are shown side by side"
    )
    _add_output(preview)
    preview.add_argument("--size", type=int, default=512, metavar="PIXELS", help="default 512")
    preview.add_argument("--yaw", type=float, default=0.0, metavar="X", help="camera, in degrees")
    preview.add_argument("--pitch", type=float, default=0.0, metavar="X", help="camera, in degrees")
    preview.add_argument("--zoom", type=float, default=1.0, metavar="X", help="camera (default 1)")
    preview.add_argument(
        "--turntable", type=float, metavar="SECONDS", help="turn round once in so many seconds"
    )
    preview.add_argument(
        "--background", default="studio", help="studio (default), none, or a colour as '#20c040'"
    )
    preview.add_argument(
        "--curves", default="", metavar="NAMES", help="draw these under it: jawOpen,mouthPucker"
    )
    preview.add_argument(
        "--head",
        type=Path,
        metavar="GLB",
        help="another head: a GLB or VRM that has ARKit's shapes, or visemes",
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help=OUTPUTS)
    parser.add_argument("--audio", type=Path, metavar="SPEECH", help="the sound to hear")
    parser.add_argument("--codec", help="h264 or h265 (.mp4, .mov), prores (.mov)")
    parser.add_argument(
        "--control",
        metavar="KIND",
        help="pictures to control generative video: mesh, landmarks, mouth, depth, normals",
    )


def _render(options: argparse.Namespace) -> None:
    if options.renderer:
        render_original_video(options)
        return
    from dreamtalk_core.render.control.pictures import ControlPictures
    from dreamtalk_core.render.job import Pictures, render
    from dreamtalk_core.render.output.video import check_video_path
    from dreamtalk_core.render.portrait.pictures import PortraitPictures
    from dreamtalk_core.render.portrait.renderer import PortraitRenderer
    from dreamtalk_core.tracking.portrait import Points, read_portrait

    check_video_path(options.output, options.codec)
    points = Points.parse(options.points) if options.points else None
    portrait = read_portrait(
        options.portrait, choice=options.face, points=points, crop=options.crop
    )
    motion, sound = _motion_and_sound(options, portrait.rest)
    face = portrait.face
    renderer = PortraitRenderer(portrait.image, face.landmarks, face.matrix, face.weights)
    pictures: Pictures = PortraitPictures(renderer, motion, options.stamp)
    if options.control:
        pictures, sound = ControlPictures(motion, options.control, portrait=renderer), None
    with Bar("render") as progress:
        render(pictures, options.output, sound, progress, options.codec)
    print(options.output)


def _motion_and_sound(options: argparse.Namespace, rest: Motion) -> tuple[Motion, Path | None]:
    """The motion as it is given, or that of the speech, with what is to be heard."""
    from dreamtalk_core.formats import READABLE
    from dreamtalk_core.motion import Motion
    from dreamtalk_core.speech.audio import Speech

    if options.motion.suffix.lower() in READABLE:
        return Motion.load(options.motion), options.audio
    speech = Speech.load(options.motion)
    talk = load(options)
    features = talk.analyse(speech)
    style = talk.load_style(options.style, features, rest)
    with Bar("animate") as progress:
        motion = talk.sample_motion(features, style, progress=progress)
    return motion, options.audio or options.motion


def _preview(options: argparse.Namespace) -> None:
    from dreamtalk_core.motion import Motion
    from dreamtalk_core.render.control.pictures import ControlPictures
    from dreamtalk_core.render.head.foreign import load_glb_head
    from dreamtalk_core.render.head.look import Look, parse_background
    from dreamtalk_core.render.head.pictures import HeadPictures
    from dreamtalk_core.render.job import Pictures, render
    from dreamtalk_core.render.output.video import check_video_path

    check_video_path(options.output, options.codec)
    look = Look(
        yaw=options.yaw,
        pitch=options.pitch,
        zoom=options.zoom,
        turntable=options.turntable,
        background=parse_background(options.background),
        curves=tuple(name for name in options.curves.split(",") if name),
        head=load_glb_head(options.head) if options.head else None,
    )
    motions = {path.stem: Motion.load(path) for path in options.motion}
    if options.control and len(motions) > 1:
        raise DreamTalkError("Control pictures are of one motion. Give one.")
    pictures: Pictures
    first, sound = next(iter(motions.values())), options.audio
    if options.control:
        pictures, sound = ControlPictures(first, options.control, options.size, look), None
    else:
        pictures = HeadPictures(motions if len(motions) > 1 else first, options.size, look)
    with Bar("preview") as progress:
        render(pictures, options.output, sound, progress, options.codec)
    print(options.output)

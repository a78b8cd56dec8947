"""`dreamtalk render` and `dreamtalk preview`: a motion as something to look at."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamtalk_core.cli.common import SAID, Bar, add_model, load
from dreamtalk_core.cli.original import render_original_video
from dreamtalk_core.cli.settings import add_settings, each, given, given_each, option
from dreamtalk_core.cli.track import add_points, face_number
from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.formats.cues.said import transcript_of
from dreamtalk_core.parameters import tables
from dreamtalk_core.pipeline.load import model_tables

if TYPE_CHECKING:
    from dreamtalk_core.motion import Motion
    from dreamtalk_core.render.output.sound import Audible
    from dreamtalk_core.tracking.portrait import Portrait
    from dreamtalk_core.tracking.tracker import Face

OUTPUTS = ".mp4, .mov (ProRes), or numbered pictures: name.####.png, name.####.exr"


def add(commands: Any) -> None:
    """Add the commands to argparse's subparsers."""
    render = commands.add_parser("render", help="video of a portrait that speaks, or of several")
    render.set_defaults(run=_render)
    render.add_argument("portrait", type=Path, help="photo, painting or drawing of a face, or more")
    render.add_argument(
        "motion",
        type=Path,
        nargs="+",
        help="speech, or a motion file; of several faces one for each, heard together",
    )
    render.add_argument(
        "--style",
        action="append",
        metavar="STYLE",
        help="of a speech, as for 'animate'; of several faces once for all, or once for each, as "
        "all settings",
    )
    render.add_argument(
        "--transcript",
        action="append",
        metavar="TEXT",
        help=f"{SAID}, as for 'animate'; of several faces once for each",
    )
    _add_output(render)
    render.add_argument(
        "--face",
        action="append",
        type=face_number,
        metavar="WHICH",
        help="of several faces: largest (default), or their number from the left, from 0 up (see "
        "'dreamtalk portrait'). Once for each speech, by default from the left; faces beyond the "
        "speeches listen to who speaks",
    )
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
    add_settings(render, *tables(), *model_tables(), repeated=True)
    add_model(render)

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
        help="pictures to control generative video: mesh, landmarks, mouth, depth, normals, dots, "
        "expression, pose, body, edges, person, face, composite",
    )
    parser.add_argument(
        "--mask",
        default="mouth",
        metavar="PART",
        help="where a composite is grey: mouth (default), face, person",
    )
    parser.add_argument(
        "--grow", type=int, default=0, metavar="PIXELS", help="how much larger that is all round"
    )


def _render(options: argparse.Namespace) -> None:
    faces = _faces(options)
    if options.renderer:
        if options.transcript:
            raise DreamTalkError("--renderer does not go with --transcript. Leave one out.")
        render_original_video(options, faces[0])
        return
    from dreamtalk_core.render.control.group import GroupControls
    from dreamtalk_core.render.control.pictures import ControlPictures, Masked
    from dreamtalk_core.render.job import Pictures, render
    from dreamtalk_core.render.output.video import check_video_path
    from dreamtalk_core.render.portrait.group import GroupPictures
    from dreamtalk_core.render.portrait.pictures import PortraitPictures
    from dreamtalk_core.render.portrait.renderer import PortraitRenderer

    check_video_path(options.output, options.codec)
    portraits, found = _portraits(options, faces)
    motions, sound = _motions_and_sound(options, portraits)
    image, face = portraits[0].image, portraits[0].face
    pictures: Pictures
    person = faces[0] if isinstance(faces[0], int) else 0
    masked = Masked(options.mask, options.grow, person=person)
    if len(portraits) > 1 or (len(found) > 1 and not options.control):
        moving = [one.face for one in portraits]
        pictures = group = GroupPictures(image, moving, motions, found, options.stamp)
        if options.control:
            pictures = GroupControls(options.control, group, masked)
    else:
        drawn = PortraitRenderer(image, face.landmarks, face.matrix, face.weights)
        pictures = PortraitPictures(drawn, motions[0], options.stamp)
        if options.control:
            pictures = ControlPictures(motions[0], options.control, portrait=drawn, masked=masked)
    if options.control:
        sound = None
    with Bar("render") as progress:
        render(pictures, options.output, sound, progress, options.codec)
    print(options.output)


def _faces(options: argparse.Namespace) -> list[str | int]:
    """Which faces move: first those that have a speech or a motion, then those that listen.

    Raises DreamTalkError where they do not fit what else is given.
    """
    sources = len(options.motion)
    faces = options.face or (["largest"] if sources == 1 else list(range(sources)))
    if len(faces) < sources:
        raise DreamTalkError(
            f"There are {sources} speeches or motions and {len(faces)} faces. Give --face once for "
            "each, or leave it out: then they are for the faces from the left."
        )
    alone = ("crop", "points", "renderer")
    if len(faces) > 1 and (wrong := [f"--{name}" for name in alone if getattr(options, name)]):
        raise DreamTalkError(f"{', '.join(wrong)} is for one face. Leave it out, or give one.")
    return faces


def _portraits(
    options: argparse.Namespace, faces: list[str | int]
) -> tuple[list[Portrait], list[Face]]:
    """The portraits of faces, and all faces of the picture."""
    from dreamtalk_core.tracking.portrait import Points, read_portrait, read_portraits

    if options.points or options.crop:
        points = Points.parse(options.points) if options.points else None
        one = read_portrait(options.portrait, choice=faces[0], points=points, crop=options.crop)
        return [one], [one.face]
    return read_portraits(options.portrait, faces)


def _motions_and_sound(
    options: argparse.Namespace, portraits: list[Portrait]
) -> tuple[list[Motion], Audible | None]:
    """The motion of each face, as it is given or that of its speech, and what is to be heard."""
    from dreamtalk_core.formats import is_read
    from dreamtalk_core.motion import Motion
    from dreamtalk_core.pipeline.load import check_settings, kind_of
    from dreamtalk_core.pipeline.people import Person, sample_people
    from dreamtalk_core.render.output.sound import Mix
    from dreamtalk_core.speech.audio import Speech

    count = len(portraits)
    speeches = [path for path in options.motion if not is_read(path)]
    heard = Mix(tuple(speeches)) if len(speeches) > 1 else next(iter(speeches), None)
    sound = options.audio or heard
    styles = each("--style", options.style or [None], count)
    transcripts = [transcript_of(given) for given in options.transcript or [""] * count]
    if len(transcripts) != count:
        raise DreamTalkError(
            f"--transcript is given {len(transcripts)} times for {count} faces. Give it for each, "
            "'' where nothing is known."
        )
    settings = given_each(options, count)
    if not speeches and count == len(options.motion):
        wrong = [f"--{name}" for name in ("style", "transcript") if getattr(options, name)]
        if wrong := [*wrong, *map(option, given(options))]:
            raise DreamTalkError(
                f"{wrong[0]} is for a speech, not for a motion file. Leave it out."
            )
        return [Motion.load(path) for path in options.motion], sound
    for one in settings:
        check_settings(options.model, one, option)
    kind, people = kind_of(options.model), []
    for number, portrait in enumerate(portraits):
        path = options.motion[number] if number < len(options.motion) else None
        motion = Motion.load(path) if path and path not in speeches else None
        said = path if path in speeches else options.audio if motion and not speeches else None
        people.append(
            Person(
                Speech.load(said) if said else None,
                styles[number],
                portrait.rest,
                kind.sampling_of(settings[number]),
                portrait.face.box,
                motion,
                transcripts[number] if said else "",
            )
        )
    talk = load(options, **kind.loading_of(settings[0]))
    with Bar("animate") as progress:
        return sample_people(talk, people, progress), sound


def _preview(options: argparse.Namespace) -> None:
    from dreamtalk_core.motion import Motion
    from dreamtalk_core.render.control.pictures import ControlPictures, Masked
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
        masked = Masked(options.mask, options.grow)
        pictures = ControlPictures(first, options.control, options.size, look, masked=masked)
        sound = None
    else:
        pictures = HeadPictures(motions if len(motions) > 1 else first, options.size, look)
    with Bar("preview") as progress:
        render(pictures, options.output, sound, progress, options.codec)
    print(options.output)

"""`dreamtalk track` and `dreamtalk portrait`: what a camera saw, as curves or as a crop."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamtalk_core.cli.common import Bar, add_outputs

if TYPE_CHECKING:
    from dreamtalk_core.tracking.tracker import Face


def add(commands: Any) -> None:
    """Add the commands to argparse's subparsers."""
    track = commands.add_parser("track", help="face curves of somebody in a video")
    track.set_defaults(run=_track)
    track.add_argument(
        "video",
        type=Path,
        help="video, GIF, photo, a folder of pictures, or of a take of Live Link Face",
    )
    add_outputs(track)
    add_face(track)
    track.add_argument(
        "--neutral",
        type=Path,
        metavar="FACE",
        help="photo, video or motion of the same person at rest, to take their own face off",
    )
    track.add_argument(
        "--raw", action="store_true", help="leave the person's own resting face in the curves"
    )
    track.add_argument(
        "--smoothing",
        type=float,
        default=1.0,
        metavar="X",
        help="0 none, 1 what the jitter of the tracker needs (default), 2 twice as much",
    )
    track.add_argument(
        "--fps", default="25", help="frame rate of a folder of pictures (default 25)"
    )
    track.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")

    portrait = commands.add_parser("portrait", help="find the face in a picture, and judge it")
    portrait.set_defaults(run=_portrait)
    portrait.add_argument("picture", type=Path, help="photo, painting or drawing of a face")
    portrait.add_argument(
        "-o", "--output", type=Path, metavar="PNG", help="write the face, cropped"
    )
    portrait.add_argument(
        "--size", type=int, default=512, metavar="PIXELS", help="of the crop (default 512)"
    )
    portrait.add_argument(
        "--numbered", type=Path, metavar="PNG", help="write the picture, its faces numbered"
    )
    add_points(portrait)
    add_face(portrait)


def add_face(parser: argparse.ArgumentParser) -> None:
    """Which of several faces."""
    parser.add_argument(
        "--face",
        type=face_number,
        default="largest",
        metavar="WHICH",
        help="of several faces: largest (default), or their number from the left, from 0 up",
    )


def face_number(text: str) -> str | int:
    """A number of a face, or a word such as largest."""
    return int(text) if text.isdecimal() else text


def add_points(parser: argparse.ArgumentParser) -> None:
    """Where the face is, told by hand."""
    parser.add_argument(
        "--points",
        metavar="POINTS",
        help="where the face is in a drawing in which none is found: both eyes and the mouth in "
        'pixels, "210,180 290,182 250,270"',
    )


def _track(options: argparse.Namespace) -> None:
    from dreamtalk_core.animation.calibration import calibrate
    from dreamtalk_core.formats import check_writable, start_in
    from dreamtalk_core.motion import parse_fps
    from dreamtalk_core.pipeline.performance import read_performance
    from dreamtalk_core.speech.timecode import start_of
    from dreamtalk_core.tracking import track_faces
    from dreamtalk_core.tracking.video import take_video

    for path in options.output:
        check_writable(path)
    neutral = read_performance(options.neutral, options.face)[0] if options.neutral else None
    with Bar("track") as progress:
        tracked = track_faces(
            options.video,
            choice=options.face,
            fps=parse_fps(options.fps),
            smoothing=options.smoothing,
            device=options.device,
            progress=progress,
        )
    motion = tracked.motion if options.raw else calibrate(tracked.motion, neutral)
    start = start_of(options.start, options.timecode_rate, motion.fps, take_video(options.video))
    for path in dict.fromkeys(options.output):
        motion.save(path, start=start_in(path, options.output, start))
        print(path)


def _portrait(options: argparse.Namespace) -> None:
    from dreamtalk_core.files import atomic_write, check_target
    from dreamtalk_core.formats.png import encode_png
    from dreamtalk_core.render.output.draw import number_boxes
    from dreamtalk_core.tracking.portrait import Points, read_portrait, read_portraits

    for path in filter(None, (options.output, options.numbered)):
        check_target(path)
    if options.points:
        portrait = read_portrait(options.picture, points=Points.parse(options.points))
        faces = [portrait.face]
    else:
        (portrait,), faces = read_portraits(options.picture, [options.face])
    if len(faces) > 1:
        for number, face in enumerate(faces):
            print(f"face {number}   {_box_of(face)}")
    pitch, yaw, roll = portrait.face.head_rotation
    print(f"face     {_box_of(portrait.face)}")
    print(f"head     {pitch:.0f} degrees down, {yaw:.0f} aside, {roll:.0f} tilted")
    written = []
    if options.output:
        written.append((options.output, portrait.crop(options.size)))
    if options.numbered:
        boxes = [face.box for face in faces]
        written.append((options.numbered, number_boxes(portrait.image, boxes)))
    for path, picture in written:
        data = encode_png(picture)
        with atomic_write(path) as temporary:
            temporary.write_bytes(data)
        print(path)


def _box_of(face: Face) -> str:
    left, top, right, bottom = face.box
    return f"{right - left:.0f} x {bottom - top:.0f} pixels at {left:.0f}, {top:.0f}"

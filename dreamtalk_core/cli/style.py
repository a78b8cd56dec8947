"""`dreamtalk style`: make styles from videos, voices and each other, keep and show them."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamtalk_core.cli.common import Bar, add_model, load
from dreamtalk_core.cli.track import add_face
from dreamtalk_core.errors import DreamTalkError, shown

if TYPE_CHECKING:
    from dreamtalk_core.pipeline.base import Pipeline
    from dreamtalk_core.style import Style


def add(commands: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = commands.add_parser("style", help="make, keep and list speaking styles")
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    extract = actions.add_parser("extract", help="take the style of somebody in a video")
    extract.set_defaults(run=_extract)
    extract.add_argument(
        "clip",
        type=Path,
        nargs="+",
        help="video or motion file of any kind, of a second or more; several make one style",
    )
    extract.add_argument(
        "--neutral",
        type=Path,
        metavar="FACE",
        help="photo, video or motion of the same person at rest, to take their own face off",
    )
    add_face(extract)
    _add_keeping(extract)

    mix = actions.add_parser("mix", help="make a style out of others")
    mix.set_defaults(run=_mix)
    mix.add_argument("style", metavar="STYLE", help="such as 'happy*0.7+surprise*0.3' or angry*1.5")
    _add_keeping(mix)

    predict = actions.add_parser("predict", help="hear a style in a voice")
    predict.set_defaults(run=_predict)
    predict.add_argument("speech", type=Path, help="sound file, or a video with sound")
    predict.add_argument(
        "--portrait", type=Path, metavar="FACE", help="the speaker's resting face, if there is one"
    )
    _add_keeping(predict)

    listing = actions.add_parser("list", help="list the styles that there are")
    listing.set_defaults(run=_list)
    add_model(listing)

    show = actions.add_parser("show", help="tell what a style is, and draw it")
    show.set_defaults(run=_show)
    show.add_argument("style", metavar="STYLE", help="a name or a style file")
    show.add_argument(
        "--picture", dest="drawn", type=Path, metavar="PNG", help="draw the built-in head in it"
    )
    add_model(show)


def _add_keeping(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", type=Path, metavar="SAFETENSORS", help="write a file")
    parser.add_argument("--keep", metavar="NAME", help="keep it in your library under a name")
    parser.add_argument(
        "--project",
        action="store_true",
        help="with --keep: in the project's library (the folder dreamtalk_styles)",
    )
    parser.add_argument(
        "--tag", action="append", default=[], metavar="WORD", help="a word to find it by"
    )
    add_model(parser)


def _extract(options: argparse.Namespace) -> None:
    talk = _ready(options)
    with Bar("track") as progress:
        style = talk.extract_style(
            options.clip, neutral=options.neutral, face=options.face, progress=progress
        )
    print(f"from {style.source}")
    _save(talk, style, options)


def _mix(options: argparse.Namespace) -> None:
    from dreamtalk_core.style import Style

    talk = _ready(options)
    style = talk.load_style(options.style)
    if not isinstance(style, Style):
        raise DreamTalkError("A style file holds one style. Leave the @ times to 'animate'.")
    _save(talk, style, options)


def _predict(options: argparse.Namespace) -> None:
    talk = _ready(options)
    style = talk.predict_style(talk.load_speech(options.speech), options.portrait)
    print(f"heard {style.heard or 'nobody'}, intensity {style.intensity:.2g}")
    _save(talk, style, options)


def _ready(options: argparse.Namespace) -> Pipeline:
    """The model, once it is sure that the result can be kept."""
    from dreamtalk_core.files import check_target
    from dreamtalk_core.style import StyleLibrary, check_style_path

    if not options.output and not options.keep:
        raise DreamTalkError("Say where to keep the style: -o FILE.safetensors, or --keep NAME.")
    if options.output:
        check_style_path(options.output)
    if options.keep:
        path = StyleLibrary.default().path(options.keep, _folder_name(options))
        if path.parent.is_dir():
            check_target(path)
    return load(options)


def _folder_name(options: argparse.Namespace) -> str:
    return "project" if options.project else "user"


def _save(talk: Pipeline, style: Style, options: argparse.Namespace) -> None:
    style = replace(style, tags=tuple(options.tag), thumbnail=talk.picture_style(style))
    if options.output:
        replace(style, name=options.keep or options.output.stem).save(options.output)
        print(options.output)
    if options.keep:
        print(talk.library.save(replace(style, name=options.keep), _folder_name(options)))


def _list(options: argparse.Namespace) -> None:
    talk = load(options)
    for name in talk.style_names:
        folder, path = talk.library.where(name)
        try:
            tags = ", ".join(talk.find_style(name).tags)
        except DreamTalkError:
            tags = f"cannot be used: try 'dreamtalk style show {path}'"
        # A file may have any name.
        print(f"{shown(name):20} {folder:8} {shown(tags)}".rstrip())


def _show(options: argparse.Namespace) -> None:
    from dreamtalk_core.files import atomic_write, check_target
    from dreamtalk_core.style import Style

    if options.drawn:
        check_target(options.drawn)
    talk = load(options)
    style = talk.load_style(options.style)
    if not isinstance(style, Style):
        raise DreamTalkError("Give the name or file of one style, without @ times.")
    _, path = talk.library.where(options.style)
    facts = {
        "name": style.name,
        "from": style.source,
        "file": str(path or ""),
        "tags": ", ".join(style.tags),
        "heard": str(style.heard or ""),
        "strength": f"{style.intensity:g}",
        "model": style.model,
        "clip": f"{float(style.clip.duration):.1f} s, kept for other models" if style.clip else "",
    }
    print("\n".join(f"{what:9}{fact}" for what, fact in facts.items() if fact))
    if options.drawn:
        picture = style.thumbnail or talk.picture_style(style)
        with atomic_write(options.drawn) as temporary:
            temporary.write_bytes(picture)
        print(options.drawn)

"""`dreamtalk shapes`: a head that has no face shapes gets them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dreamtalk_core.cli.common import Bar
from dreamtalk_core.files import check_not_read, check_target


def add(commands: Any) -> None:
    """Add the command to argparse's subparsers."""
    shapes = commands.add_parser(
        "shapes", help="give a head that has none the 52 ARKit shapes, and 16 of the tongue"
    )
    shapes.set_defaults(run=_shapes)
    shapes.add_argument("head", type=Path, help="a GLB, VRM or OBJ: a head, or a whole body")
    shapes.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="GLB",
        help="the same meshes and materials, with the shapes as morph targets",
    )
    shapes.add_argument(
        "--landmarks",
        type=Path,
        metavar="JSON",
        help="places on the face that are corrected by hand, by name: as --found writes them",
    )
    shapes.add_argument(
        "--found",
        type=Path,
        metavar="JSON",
        help="write where the landmarks are, to correct what lies wrong",
    )


def _shapes(options: argparse.Namespace) -> None:
    from dreamtalk_core.pipeline.shapes.by_hand import read_landmarks, save_landmarks
    from dreamtalk_core.pipeline.shapes.make import check_output, make_shapes, save_shapes

    check_output(options.head, options.output)
    if options.found:
        check_not_read([options.found], [options.head])
        check_target(options.found)
    by_hand = read_landmarks(options.landmarks) if options.landmarks else None
    with Bar("shapes") as progress:
        fitted = make_shapes(options.head, by_hand, progress)
    save_shapes(fitted, options.output)
    print(options.output)
    if options.found:
        save_landmarks(options.found, fitted.landmarks)
        print(options.found)

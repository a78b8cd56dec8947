"""What the commands share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from tqdm import tqdm

if TYPE_CHECKING:
    from dreamtalk_core.pipeline import DreamTalk


def add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        default="default",
        metavar="NAME|FILE",
        help="weights: default, research (for research only), or a file",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")


def add_outputs(parser: argparse.ArgumentParser) -> None:
    """Files of curves to write."""
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        action="append",
        required=True,
        metavar="FILE",
        help="curves: .csv (Live Link Face), .json, .npz, or .glb (animated head); may be repeated",
    )


def load(options: argparse.Namespace) -> DreamTalk:
    from dreamtalk_core.pipeline import DreamTalk

    return DreamTalk.load(options.model, options.device)


class Bar:
    """A progress bar that the core can drive: called with (done, total)."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.bar: tqdm[NoReturn] | None = None

    def __enter__(self) -> Callable[[int, int], None]:
        return self.update

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def update(self, done: int, total: int) -> None:
        # Not before there is progress: a mistake in the arguments is told in one line.
        if self.bar is None:
            form = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}"
            self.bar = tqdm(desc=self.title, total=total, bar_format=form, disable=None)
        self.bar.update(done - self.bar.n)

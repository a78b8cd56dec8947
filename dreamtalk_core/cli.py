"""The command line: parses, calls the pipeline, prints."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from tqdm import tqdm

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.version import __version__

if TYPE_CHECKING:
    from dreamtalk_core.pipeline import DreamTalk

# Torch and the renderer take seconds to import, so each command imports what it needs.


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except DreamTalkError as error:
        print(f"dreamtalk: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("dreamtalk: cancelled", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dreamtalk", description="Speech in, facial animation out."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    animate = commands.add_parser("animate", help="animate a face from speech")
    animate.set_defaults(run=_animate)
    animate.add_argument("speech", type=Path, help="sound file, or a video with sound")
    animate.add_argument(
        "-o",
        "--output",
        type=Path,
        action="append",
        required=True,
        metavar="FILE",
        help="curves: .csv (Live Link Face), .json, .npz, or .glb (animated head); may be repeated",
    )
    animate.add_argument(
        "--style",
        default="neutral",
        metavar="NAME|FILE",
        help="a named style (see 'dreamtalk styles') or a motion file to take it from",
    )
    animate.add_argument(
        "--guidance",
        type=float,
        default=1.0,
        metavar="X",
        help="strength of the style: 0 none, 1 as it is, up to 2 exaggerated (default 1)",
    )
    animate.add_argument(
        "--fps", default="25", help="frame rate: 24, 29.97, 24000/1001 (default 25)"
    )
    animate.add_argument("--seed", type=int, default=0, help="another seed is another take")
    animate.add_argument("--steps", type=int, help="denoising steps; more is slower")
    animate.add_argument("--preview", type=Path, metavar="MP4", help="video of the built-in head")
    _add_model(animate)

    styles = commands.add_parser("styles", help="list the named styles")
    styles.set_defaults(run=_styles)
    _add_model(styles)

    preview = commands.add_parser("preview", help="video of the built-in head from a motion file")
    preview.set_defaults(run=_preview)
    preview.add_argument("motion", type=Path)
    preview.add_argument("-o", "--output", type=Path, required=True, metavar="MP4")
    preview.add_argument("--audio", type=Path, metavar="SPEECH")

    evaluate = commands.add_parser("evaluate", help="measure the model on tracked faces")
    evaluate.set_defaults(run=_evaluate)
    evaluate.add_argument("--corpus", type=Path, required=True)
    evaluate.add_argument(
        "--split", help="a split of the manifest (default: speakers that were never trained on)"
    )
    evaluate.add_argument(
        "--json", type=Path, metavar="FILE", help="write the figures here as well"
    )
    _add_model(evaluate)

    train = commands.add_parser("train", help="train a motion model")
    train.set_defaults(run=_train)
    train.add_argument("config", type=Path, help="such as dreamtalk_core/training/default.json")
    train.add_argument("--corpus", type=Path, required=True)
    train.add_argument("--output", type=Path, required=True, metavar="FOLDER")
    train.add_argument("--device", default="auto")
    return parser


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, metavar="FILE", help="weights (default: the shipped)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")


def _animate(options: argparse.Namespace) -> None:
    from dreamtalk_core.audio import Speech
    from dreamtalk_core.formats import check_writable
    from dreamtalk_core.pipeline import DEFAULT_STEPS

    for path in options.output:
        check_writable(path)
    if options.preview:
        from dreamtalk_core.render.video import check_video_path

        check_video_path(options.preview)
    speech = Speech.load(options.speech)  # before the model: a wrong name is told at once
    talk = _load(options)
    with _Bar("animate") as progress:
        motion = talk.animate(
            speech,
            options.style,
            guidance=options.guidance,
            fps=options.fps,
            seed=options.seed,
            steps=DEFAULT_STEPS if options.steps is None else options.steps,
            progress=progress,
        )
    for path in dict.fromkeys(options.output):
        motion.save(path)
        print(path)
    if options.preview:
        with _Bar("preview") as progress:
            talk.render(motion, options.preview, options.speech, progress=progress)
        print(options.preview)


def _styles(options: argparse.Namespace) -> None:
    print("\n".join(_load(options).style_names))


def _preview(options: argparse.Namespace) -> None:
    from dreamtalk_core.motion import Motion
    from dreamtalk_core.render.preview import render_preview

    with _Bar("preview") as progress:
        render_preview(
            Motion.load(options.motion), options.output, options.audio, progress=progress
        )
    print(options.output)


def _evaluate(options: argparse.Namespace) -> None:
    from dreamtalk_core.audio import Speech
    from dreamtalk_core.evaluation.evaluate import evaluate, evaluation_clips

    talk = _load(options)
    clips = evaluation_clips(options.corpus, options.split)
    report = evaluate(
        lambda clip: talk.animate(Speech(clip.waveform(), clip.id)).weights,
        tqdm(clips, desc="evaluate", unit="clip"),
        name=str(options.model or "shipped model"),
    )
    print(report.table())
    if options.json:
        report.save(options.json)


def _train(options: argparse.Namespace) -> None:
    from dreamtalk_core.training.train import train

    print(train(options.config, options.corpus, options.output, options.device))


def _load(options: argparse.Namespace) -> DreamTalk:
    from dreamtalk_core.pipeline import DEFAULT_MODEL, DreamTalk

    return DreamTalk.load(options.model or DEFAULT_MODEL, options.device)


class _Bar:
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


if __name__ == "__main__":
    sys.exit(main())

"""The command line: parses, calls the pipeline, prints."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from tqdm import tqdm

from dreamtalk_core.cli import (
    animate,
    batch,
    convert,
    corpus,
    cues,
    dub,
    live,
    original,
    render,
    serve,
    shapes,
    style,
    track,
)
from dreamtalk_core.cli.common import add_model, guard_files
from dreamtalk_core.cli.ending import STATUS, exit_status, warn
from dreamtalk_core.cli.pipes import piped
from dreamtalk_core.errors import DreamTalkError, shown
from dreamtalk_core.version import __version__
from dreamtalk_core.warned import collect_warnings

# Torch and the renderer take seconds to import, so each command imports what it needs.


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status, see `ending.STATUS`."""
    return exit_status(lambda: _run(arguments))


def _run(arguments: Sequence[str] | None) -> None:
    options, rest = _parser().parse_known_args(arguments)
    if strange := [word for word in rest if word.startswith("-")]:
        raise DreamTalkError(f"There is no option {shown(strange[0])}. {SEE_HELP}")
    if rest:
        raise DreamTalkError(
            f"{shown(rest[0])} is one too many: this command takes one thing at a time. Run it "
            "once for each, and put quotes around a name with spaces."
        )
    warnings: list[str] = []
    try:
        with piped(options), collect_warnings(warnings.append):
            guard_files(options)
            options.run(options)
    finally:  # behind the progress bars
        for text in warnings:
            warn(text)


class _Parser(argparse.ArgumentParser):
    """Mistakes are errors like any other, in one line."""

    def error(self, message: str) -> NoReturn:
        raise DreamTalkError(f"{shown(message, 300)}. See '{self.prog} --help'.")


SEE_HELP = "'dreamtalk COMMAND --help' lists those that there are."


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="dreamtalk",
        description="Speech in, facial animation out.",
        epilog=STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    animate.add(commands)
    style.add(commands)
    track.add(commands)
    convert.add(commands)
    render.add(commands)
    dub.add(commands)
    cues.add(commands)
    live.add(commands)
    shapes.add(commands)
    batch.add(commands)
    serve.add(commands)
    original.add(commands)

    sync = commands.add_parser("sync", help="tell by how much lips are late for their speech")
    sync.set_defaults(run=_sync)
    sync.add_argument("speech", type=Path, help="sound file, or a video with sound")
    sync.add_argument("motion", type=Path, help="motion file, such as a face tracked from a video")

    evaluate = commands.add_parser("evaluate", help="measure the model on tracked faces")
    evaluate.set_defaults(run=_evaluate)
    evaluate.add_argument("--corpus", type=Path, required=True)
    evaluate.add_argument("--split", help="a split of the manifest (default: all but train)")
    evaluate.add_argument(
        "--json", type=Path, metavar="FILE", help="write the figures here as well"
    )
    evaluate.add_argument(
        "--page",
        type=Path,
        metavar="HTML",
        help="write a page of tables and plots (needs: pip install dreamtalk[evaluate])",
    )
    add_model(evaluate)

    corpus.add(commands)

    train = commands.add_parser("train", help="train a motion model or a style predictor")
    train.set_defaults(run=_train)
    train.add_argument(
        "config",
        type=Path,
        help="a file, or one that is shipped: default, actor, predictor, research, "
        "predictor_research",
    )
    train.add_argument("--corpus", type=Path, required=True)
    train.add_argument("--output", type=Path, required=True, metavar="FOLDER")
    add_model(train)
    for command in _commands(parser):
        command.add_argument(
            "--no-clobber", action="store_true", help="replace no file that is there already"
        )
    return parser


def _commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parsers of all commands that have none below them."""
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    for action in below:
        for command in action.choices.values():
            yield from _commands(command)
    if not below:
        yield parser


UNSURE = 1.0
"""Confidence below which the lip expert's offset means nothing: lips of another speech reach .6."""


def _sync(options: argparse.Namespace) -> None:
    from dreamtalk_core.motion import Motion
    from dreamtalk_core.pipeline.sync import measure_sync
    from dreamtalk_core.speech.audio import Speech

    sync = measure_sync(Speech.load(options.speech), Motion.load(options.motion))
    if sync.confidence < UNSURE:
        print(f"cannot tell: confidence {sync.confidence:.2f} (takes in sync have 2 to 5)")
        return
    late = f"{abs(sync.offset)} frames at 25 fps {'late' if sync.offset > 0 else 'early'}"
    print(f"offset      {sync.offset:+d} (lips {late if sync.offset else 'on time'})")
    print(f"confidence  {sync.confidence:.2f}")
    print(f"probability {sync.probability:.2f} that speech and lips belong together as they are")


def _evaluate(options: argparse.Namespace) -> None:
    from dreamtalk_core.evaluation.clips import evaluation_clips
    from dreamtalk_core.evaluation.evaluate import evaluate_model
    from dreamtalk_core.evaluation.page import check_page, write_page
    from dreamtalk_core.files import check_target
    from dreamtalk_core.pipeline.dreamtalk import DreamTalk

    if options.page:
        check_page(options.page)
    if options.json:
        check_target(options.json)
    talk = DreamTalk.load(options.model, options.device)
    clips = evaluation_clips(options.corpus, options.split)
    bar = tqdm(clips, desc="evaluate", unit="clip", disable=None)
    report = evaluate_model(talk, bar, f"DreamTalk ({options.model})")
    print(report.table())
    if options.json:
        report.save(options.json)
    if options.page:
        write_page(options.page, [report])
        print(options.page)


def _train(options: argparse.Namespace) -> None:
    from dreamtalk_core.training.config import find_config, read_config
    from dreamtalk_core.training.train import train

    config = find_config(options.config)
    if "trains" in read_config(config):
        from dreamtalk_core.training.predictor import train_predictor

        path = train_predictor(
            config, options.corpus, options.output, options.device, options.model
        )
    else:
        path = train(config, options.corpus, options.output, options.device)
    print(path)

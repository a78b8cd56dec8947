"""The command line, with arguments that nobody should give."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from random import Random

from dreamtalk_core.cli import _parser
from tests.fuzz.mutations import NUMBERS, TEXTS

FILES = (
    "voice.wav",
    "take.csv",
    "take.json",
    "photo.png",
    "clip.mp4",
    "head.glb",
    "mine.safetensors",
)
"""What lies in the folder in which a command is run; all of it sound, and none of it long."""
ENDLESS = {("live",), ("mcp",), ("serve",)}
"""Commands that go on until they are told to end."""
_GOOD = {"motion": "take.csv", "portrait": "photo.png", "clip": "take.json", "video": "clip.mp4"}
_PLACES = (".", "nowhere/a.csv", "empty.wav", "gibberish.bin", "/dev/null", "x" * 300 + ".csv")


def arguments(number: int) -> list[str]:
    """The arguments of a number."""
    random = Random(f"arguments {number}")
    commands = [command for command in _named(_parser(), ()) if command[0] not in ENDLESS]
    names, parser = commands[number % len(commands)]
    positional = [action for action in parser._actions if not action.option_strings]
    flags = [
        action for action in parser._actions if action.option_strings and action.dest != "help"
    ]
    given = list(names)
    for action in positional:
        given.append(_value(random, action))
    for action in random.sample(flags, min(len(flags), random.choice((0, 1, 1, 2, 4)))):
        given.append(random.choice(action.option_strings))
        if action.nargs != 0:
            given.append(_value(random, action))
    if random.random() < 0.9:
        for action in flags:
            if action.required and not set(action.option_strings) & set(given):
                given += [action.option_strings[0], _output(random, names)]
    if random.random() < 0.1:
        given.insert(
            random.randrange(len(given) + 1), random.choice(("--nope", "extra", "-x", "-"))
        )
    # What no system can hand to a program is no case.
    return [word.replace("\0", "").encode("utf-8", "replace").decode() for word in given]


def _named(
    parser: argparse.ArgumentParser, names: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    for action in below:
        for name, command in action.choices.items():
            yield from _named(command, (*names, name))
    if not below:
        yield names, parser


def _value(random: Random, action: argparse.Action) -> str:
    if random.random() < 0.5:
        if action.dest in ("output", "preview", "json", "page", "drawn"):
            return _output(random, ())
        if action.choices:
            return str(random.choice(list(action.choices)))
        good = _GOOD.get(action.dest, "voice.wav" if action.type is Path else "1")
        if action.dest in ("style", "model", "device", "face"):
            good = {"style": "happy", "model": "default", "device": "cpu", "face": "0"}[action.dest]
        return good
    return random.choice((*NUMBERS, *TEXTS, *_PLACES, *FILES))


def _output(random: Random, names: tuple[str, ...]) -> str:
    moving = bool({"render", "preview"} & set(names))
    sound = ("out.mp4", "out.####.png") if moving else ("out.csv", "out.npz", "out.safetensors")
    return random.choice((*sound, *sound, "nowhere/out.csv", "out.xyz", "NUL.csv", ".", "out"))

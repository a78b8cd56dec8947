"""What the documentation lists and the code already says: options, settings, names, nodes.

    python docs/make_reference.py

writes the end of each page in `PAGES` anew, behind `MARK`; what is above is written by hand.
"""

from __future__ import annotations

import argparse
import inspect
import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
MARK = "<!-- What follows is made by docs/make_reference.py. -->"


def command_line() -> Iterator[str]:
    """Every command with its options, then what the settings are and their ranges."""
    from dreamtalk_core.cli import _parser

    for parser, about in commands(_parser()):
        yield f"\n## {parser.prog.partition(' ')[2]}\n"
        yield f"{sentence(about)}\n"
        yield f"    {usage(parser)}\n"
        # In every Python the first two groups are what is written without and with a name.
        first, second, *others = parser._action_groups
        yield options("option", [*first._group_actions, *second._group_actions])
        for group in others:
            yield options(sentence(group.title or "")[:-1], group._group_actions)
    yield "\n## Settings\n"
    yield "The same in every entry point: an option, an input of a node, a slider in Blender.\n"
    yield settings()


def options(title: str, actions: Iterable[argparse.Action]) -> str:
    """A table of what a command takes. Stars and the like in helps are no Markdown."""
    rows = [
        (written(action), re.sub(r"([*_<])", r"\\\1", action.help or ""))
        for action in actions
        if not isinstance(action, argparse._HelpAction)
    ]
    return table((title, "meaning"), rows)


def commands(
    parser: argparse.ArgumentParser, about: str = ""
) -> Iterator[tuple[argparse.ArgumentParser, str]]:
    """The parsers of all commands that have none below them, with what each is for."""
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    for action in below:
        helps = {choice.dest: choice.help or "" for choice in action._choices_actions}
        for name, choice in action.choices.items():
            yield from commands(choice, helps[name])
    if not below:
        yield parser, about


def usage(parser: argparse.ArgumentParser) -> str:
    """Its name, what it takes in order, and the options that it needs."""
    needed = [action for action in parser._actions if action.required and action.option_strings]
    words = [value(action) for action in parser._actions if not action.option_strings]
    words += [f"{action.option_strings[0]} {value(action)}" for action in needed]
    return " ".join([parser.prog, *words, "[OPTION ...]"])


def written(action: argparse.Action) -> str:
    """An argument as it is written on the command line."""
    if not action.option_strings:
        return f"`{value(action)}`"
    takes = "" if action.nargs == 0 else f" {value(action)}"
    names = [f"`{name}`" for name in action.option_strings[:-1]]
    return ", ".join([*names, f"`{action.option_strings[-1]}{takes}`"])


def value(action: argparse.Action) -> str:
    """What stands for an argument's value."""
    if action.choices:
        name = "|".join(map(str, action.choices))
    else:
        name = str(action.metavar or action.dest.upper())
    return f"{name} ..." if action.nargs == "+" else name


def settings() -> str:
    """The tables of `parameters`, which all entry points are made from."""
    from dreamtalk_core.parameters import parameters, tables

    rows = [
        (
            f"`{setting.name}`",
            "the model's" if setting.default is None else f"{float(setting.default):g}",
            f"{setting.low:g} to {setting.high:g}".replace("to inf", "up")
            if setting.numeric
            else "",
            setting.label,
            setting.help,
        )
        for each in tables()
        for setting in parameters(each)
    ]
    return table(("setting", "default", "range", "label", "meaning"), rows)


def python() -> Iterator[str]:
    """The public names and what can be done with them."""
    import dreamtalk_core

    for name in dreamtalk_core.__all__:
        thing = getattr(dreamtalk_core, name)
        if not inspect.isclass(thing):
            continue
        yield f"\n## {name}\n"
        yield f"{first_line(thing)} `{thing.__module__}`\n"
        members = [(f"`{member}`", first_line(value)) for member, value in public(thing)]
        if members:
            yield table(("", "meaning"), members)


def public(thing: type) -> Iterator[tuple[str, Any]]:
    """Methods and properties of a class that are for users, as they are called."""
    members: dict[str, Any] = {}
    for each in inspect.getmro(thing):
        if each.__module__.startswith("dreamtalk_core"):
            members = {**members, **{k: v for k, v in vars(each).items() if k not in members}}
    for name, value in members.items():
        if name.startswith("_"):
            continue
        if isinstance(value, property):
            yield name, getattr(thing, name).fget
        elif inspect.isfunction(function := getattr(value, "__func__", value)):
            given = inspect.signature(function).parameters
            names = [taken(each) for each in given.values() if each.name not in ("self", "cls")]
            yield f"{name}({', '.join(names)})", function


def taken(parameter: inspect.Parameter) -> str:
    """A parameter as a call has it: `name`, `name=...` where it may be left out, `**names`."""
    stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
    return f"{stars}{parameter.name}" + ("" if parameter.default is parameter.empty else "=...")


def first_line(thing: Any) -> str:
    """The first paragraph of a docstring."""
    return " ".join((inspect.getdoc(thing) or "").partition("\n\n")[0].split())


def nodes(language: str) -> Iterator[str]:
    """Every node with what it does, and its help page."""
    pages = "../nodes/web/docs"
    path = ROOT / "locales" / language / "nodeDefs.json"
    text = path.read_text(encoding="utf-8").replace("{'@'}", "@")
    rows = []
    for kind, about in json.loads(text).items():
        page = f"{kind}.md" if language == "en" else f"{kind}/{language}.md"
        rows.append((f"[{about['display_name']}]({pages}/{page})", about["description"]))
    yield table(("node", "what it does") if language == "en" else ("节点", "用途"), rows)


def table(head: Sequence[str], rows: Iterable[Sequence[str | None]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    cells = [[(cell or "").replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells) + "\n"


def sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


PAGES = {
    "command_line.md": command_line,
    "python.md": python,
    "nodes.md": lambda: nodes("en"),
    "nodes.zh.md": lambda: nodes("zh"),
}


def page(name: str) -> str:
    """A page as it should be: what is written by hand, and what is made here."""
    by_hand = (DOCS / name).read_text(encoding="utf-8").partition(MARK)[0].rstrip()
    made = re.sub("\n{3,}", "\n\n", "\n".join(PAGES[name]()))
    return f"{by_hand}\n\n{MARK}\n\n{made.strip()}\n"


def main() -> None:
    for name in PAGES:
        (DOCS / name).write_text(page(name), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()

"""From tables to lines: what each row asks for, in terms of the one command line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Any

from dreamtalk_core.batch.table import WRONG, Cells
from dreamtalk_core.errors import BatchError, DreamTalkError, shown
from dreamtalk_core.files import name_key, unportable
from dreamtalk_core.formats import WRITABLE, is_written
from dreamtalk_core.formats.cues import CUES, is_cues
from dreamtalk_core.parameters import Parameter, parameters
from dreamtalk_core.pipeline.load import kinds
from dreamtalk_core.warned import warn

COLUMNS = (
    *("id", "audio", "character", "style", "portrait", "others", "outputs"),
    *("transcript", "scheme", "voice", "start", "timecode_rate"),
)
"""Columns besides the settings."""
SPELLINGS = {"guidance": "guidance_scale"}
"""Settings that may be written as options of the command line are."""
VIDEOS = (".mp4", ".mov")
OUTPUTS = "{id}.csv"
_FIELD = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Row:
    """A row of the table.

    number: from 1 up. id: what it is called in the ledger. audio, portrait, others: files, as they
    are written, seen from the table's folder. outputs: below the batch's folder, with "/" between.
    settings: of the model, by name. error: why it cannot be made, or nothing. transcript: what is
    said. scheme: of the rig. voice: the file that the style
    `auto` is heard in. start, timecode_rate: of the curves, as of `speech.timecode.start_of`.
    """

    number: int
    id: str
    audio: str = ""
    style: str = ""
    portrait: str = ""
    others: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    transcript: str = ""
    scheme: str = ""
    voice: str = ""
    start: str = ""
    timecode_rate: str = ""


def plan(
    lines: Sequence[Cells],
    characters: Sequence[Cells] = (),
    usual: Mapping[str, str] | None = None,
) -> list[Row]:
    """The rows of a batch, in order.

    characters: a row for each, with the column `character`; what it says holds for all lines of
    that character. usual: what holds where neither says anything.
    A row that cannot be used says so in its `error`. Raises BatchError for what concerns the whole
    table: columns with misspelt names, two rows with one id, two outputs of one name.
    """
    _check_columns(lines, characters, usual or {})
    about = _by_character(characters)
    rows = [
        _row(number, {**(usual or {}), **about.get(cells.get("character", ""), {}), **cells}, about)
        for number, cells in enumerate(lines, start=1)
    ]
    _check_unique((row.id, f"row {row.number}") for row in rows)
    _check_unique((name, row.id) for row in rows for name in row.outputs)
    return rows


def _settings() -> dict[str, Parameter]:
    """All settings that a row may have."""
    every = dict.fromkeys(table for kind in kinds() for table in kind.sampling)
    return {setting.name: setting for table in every for setting in parameters(table)}


def _check_columns(
    lines: Sequence[Cells], characters: Sequence[Cells], usual: Mapping[str, str]
) -> None:
    known = {*COLUMNS, *_settings(), *SPELLINGS}
    tables = (*lines, *characters)
    patterns = "".join(
        [OUTPUTS, usual.get("outputs", ""), *(row.get("outputs", "") for row in tables)]
    )
    named = set(_FIELD.findall(patterns))
    unused = []
    for name in dict.fromkeys(name for row in tables for name in row if name != WRONG):
        if name in known or name in named:
            continue
        if near := get_close_matches(name.casefold(), known, 1, 0.8):
            raise BatchError(f"There is no column '{shown(name)}'. Did you mean {near[0]}?")
        unused.append(shown(name))
    if unused:
        warn(f"Columns that say nothing to a batch are left alone: {', '.join(unused)}.")


def _by_character(characters: Sequence[Cells]) -> dict[str, Cells]:
    about: dict[str, Cells] = {}
    for number, cells in enumerate(characters, start=1):
        name = cells.get("character", "")
        if not name or WRONG in cells or name in about:
            wrong = cells.get(WRONG) or ("it is there twice" if name else "it has no 'character'")
            raise BatchError(f"Row {number} of the characters cannot be used: {wrong}.")
        about[name] = cells
    return about


def _row(number: int, cells: Cells, about: Mapping[str, Cells]) -> Row:
    audio = cells.get("audio", "")
    name = cells.get("id") or Path(audio).stem or f"row {number}"
    try:
        if WRONG in cells:
            raise DreamTalkError(f"The row cannot be used: {cells[WRONG]}.")
        if not audio:
            raise DreamTalkError("The row names no audio. Fill that column.")
        character = cells.get("character", "")
        if about and character and character not in about:
            raise DreamTalkError(
                f"There is no character '{shown(character)}'. Add it to the table of characters."
            )
        fields = {"character": "", **cells, "id": name}
        outputs = [_output(text, fields) for text in _parts(cells.get("outputs", OUTPUTS))]
        spellings: dict[str, str] = {}
        for output in outputs:
            if (other := spellings.setdefault(name_key(output), output)) != output:
                raise DreamTalkError(
                    f"'{shown(other)}' and '{shown(output)}' are one file on some disks. Change "
                    "the outputs."
                )
        return Row(
            number,
            name,
            audio,
            cells.get("style", "auto"),
            cells.get("portrait", ""),
            tuple(_parts(cells.get("others", ""))),
            tuple(dict.fromkeys(outputs)),
            _values(cells),
            transcript=cells.get("transcript", ""),
            scheme=cells.get("scheme", ""),
            voice=cells.get("voice", ""),
            start=cells.get("start", ""),
            timecode_rate=cells.get("timecode_rate", ""),
        )
    except DreamTalkError as error:
        return Row(number, name, error=str(error))


def _parts(text: str) -> list[str]:
    return [part for part in map(str.strip, text.split(";")) if part]


def _output(pattern: str, fields: Mapping[str, str]) -> str:
    """The name of a file below the batch's folder. Raises DreamTalkError."""
    for name in _FIELD.findall(pattern):
        if name not in fields:
            raise DreamTalkError(f"outputs names {{{shown(name)}}}, and that column is empty here.")
    # A name must not become a path: only the pattern, and an id, say where folders are.
    text = _FIELD.sub(lambda found: fields[found[1]], pattern)
    path = PurePosixPath(text.replace("\\", "/"))
    wrong = "it leads out of the folder" if path.is_absolute() or ".." in path.parts else ""
    wrong = wrong or next(filter(None, map(unportable, path.parts)), "")
    if not wrong and re.search(r'[:*?"<>|\x00-\x1f]', text):
        wrong = 'no file on Windows can have one of : * ? " < > | in its name'
    if not wrong and not (is_written(path) or is_cues(path) or path.suffix.lower() in VIDEOS):
        wrong = f"it ends in none of {', '.join((*WRITABLE, *CUES, *VIDEOS))}"
    if wrong:
        raise DreamTalkError(f"Cannot write '{shown(text)}': {wrong}. Change the outputs.")
    return str(path)


def _values(cells: Cells) -> dict[str, Any]:
    """The settings of a row, checked one by one. Raises DreamTalkError."""
    known, values = _settings(), {}
    for column, text in cells.items():
        setting = known.get(SPELLINGS.get(column, column))
        if setting is None:
            continue
        try:
            kind = setting.kind
            values[setting.name] = kind(text) if kind in (int, float, Path) else text
        except ValueError as error:
            raise DreamTalkError(f"{column} is '{shown(text)}', which is no number.") from error
    return values


def _check_unique(names: Iterable[tuple[str, str]]) -> None:
    seen: dict[str, str] = {}
    for name, where in names:
        if (before := seen.setdefault(name_key(name), where)) is not where:
            raise BatchError(
                f"'{shown(name)}' is there twice: {shown(before)} and {shown(where)}. Every id, "
                "and every output, must be there once; on some disks a and A are the same."
            )

"""A batch as an Open Job Description template, which AWS Deadline Cloud and other farms take.

One step makes the parts of the table, each a task; a second gathers them. Files: the table's folder
goes in, the folder of outputs comes out and, since parts are gathered there, goes in as well.
Format: the specification's revision 2023-09, as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dreamtalk_core.batch.files import placed
from dreamtalk_core.files import atomic_write

REVISION = "jobtemplate-2023-09"
LINES, FOLDER, RECORDINGS, AGAINST = "Lines", "Folder", "Recordings", "Against"


def write_template(path: Path, told: dict[str, Any]) -> None:
    """Write what `template` gives. Raises WriteError."""
    text = json.dumps(told, indent=2, ensure_ascii=False)
    with atomic_write(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8", newline="\n")


def template(
    beside: Path,
    lines: Path,
    folder: Path,
    parts: int,
    more: Sequence[str] = (),
    characters: Path | None = None,
    style: str | None = None,
    against: Path | None = None,
) -> dict[str, Any]:
    """A template.

    beside: the folder where it will be. lines: the table. folder: where outputs go. parts: tasks to
    make of it. more: further words of the command, as `dreamtalk batch` takes them. characters:
    their table, best beside that of the lines, where it goes along. style: of rows that name none;
    its files, seen from the working folder, are best there, too. against: the folder of an earlier
    run.
    """
    beside = beside.absolute()
    home = lines.absolute().parent
    words = ["batch", _of(LINES), "-o", _of(FOLDER), "--resume", *map(_escaped, more)]

    def along(path: Path) -> str:
        """A file as the farm's machines have it: most go along with the table."""
        path = path.absolute()
        if not path.is_relative_to(home):
            return _escaped(str(path))
        return f"{_of(RECORDINGS)}/{_escaped(path.relative_to(home).as_posix())}"

    if characters is not None:
        words += ["--characters", along(characters)]
    if style:
        words += ["--style", placed(_escaped(style), along)]
    task = [*words, "--part", f"{{{{Task.Param.Part}}}}/{parts}"]
    folders = []
    if against is not None:
        folders = [_path(AGAINST, "DIRECTORY", "IN", against, beside)]
        words += ["--against", _of(AGAINST)]
    return {
        "specificationVersion": REVISION,
        "name": f"DreamTalk {lines.stem}"[:64],
        "parameterDefinitions": [
            _path(LINES, "FILE", "IN", lines, beside),
            _path(RECORDINGS, "DIRECTORY", "IN", home, beside),
            _path(FOLDER, "DIRECTORY", "INOUT", folder, beside),
            *folders,
        ],
        "steps": [
            {
                "name": "Parts",
                "parameterSpace": {
                    "taskParameterDefinitions": [
                        {"name": "Part", "type": "INT", "range": f"1-{parts}"}
                    ]
                },
                "script": _run(task),
            },
            {"name": "Gather", "dependencies": [{"dependsOn": "Parts"}], "script": _run(words)},
        ],
    }


def _path(name: str, kind: str, flow: str, place: Path, beside: Path) -> dict[str, str]:
    """A parameter; what lies below the template's folder need not be given again."""
    found = {"name": name, "type": "PATH", "objectType": kind, "dataFlow": flow}
    if place.absolute().is_relative_to(beside):
        found["default"] = place.absolute().relative_to(beside).as_posix()
    return found


def _of(name: str) -> str:
    return f"{{{{Param.{name}}}}}"


def _escaped(word: str) -> str:
    """A word in which the specification's own marks are none; it has no way to write them."""
    return word.replace("{{", "{ {").replace("}}", "} }")


def _run(words: Sequence[str]) -> dict[str, Any]:
    return {"actions": {"onRun": {"command": "dreamtalk", "args": list(words)}}}

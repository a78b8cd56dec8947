"""Motion files: one module per format, and one table that says which there are.

Which format a file is written in, the ending of its name says. Which one a file that is read is
of, its content says: several kinds end in .json, or in .csv.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Protocol, cast

from dreamtalk_core.errors import MotionError
from dreamtalk_core.files import atomic_write, check_target, digest_of
from dreamtalk_core.formats._content import Content
from dreamtalk_core.formats._limits import LARGEST_MOTION, check_file, read_json, unreadable
from dreamtalk_core.formats.cues import is_cues
from dreamtalk_core.warned import warn

if TYPE_CHECKING:
    from dreamtalk_core.motion import Motion
    from dreamtalk_core.motion.timecode import Timecode


Provenance = Mapping[str, Any]
"""How a motion was made: names and values that JSON can hold. What makes the same again gives the
same values: no times, no folders."""


class _Module(Protocol):
    def read(self, path: Path) -> Content: ...

    def write(self, path: Path, motion: Motion, **options: Any) -> None: ...


@dataclass(frozen=True)
class Format:
    """A kind of motion file.

    ending: with which the name of one ends, in lower case: ".csv", ".a2f.json".
    module: of this package, with `read(path)` and `write(path, motion)`, or one
        of them. It is named, not imported: GLB pulls in the head, which most callers do not need.
    title: what to call it in a table.
    mark: what the text of one looks like at its beginning (a regular expression for bytes in
        lower case, see `_beginning`); None: it is not read.
    writes: whether it is written.
    provenance: whether `write` takes it; if not, it goes into a file beside.
    timecode: whether `write` takes `start`, the timecode of the first frame, and there is a
        `begins_at(path)` to read it.
    arkit: whether it is made of ARKit's shapes, whatever the channels of a rig are called.
    """

    ending: str
    module: str
    title: str
    mark: bytes | None = None
    writes: bool = True
    provenance: bool = False
    timecode: bool = False
    arkit: bool = False

    @property
    def reads(self) -> bool:
        """Whether it is read."""
        return self.mark is not None

    @property
    def suffix(self) -> str:
        """The last part of its ending: what a file dialogue can ask for."""
        return "." + self.ending.rpartition(".")[2]

    def load(self) -> _Module:
        """Its module."""
        return cast(_Module, import_module(f"{__name__}.{self.module}"))


def _json(*names: str) -> bytes:
    """The mark of a JSON document that has all these names, or texts, in it."""
    wanted = "".join(rf'(?=.*"{name}")' for name in names)
    return rf"\s*[\[{{]{wanted}".encode()


FORMATS: tuple[Format, ...] = (
    Format(
        ".csv",
        "livelink",
        "Live Link Face",
        rb"[^\n{]{0,999}\btimecode\b",
        timecode=True,
        arkit=True,
    ),
    Format(".txt", "facecap", "Face Cap", rb"(info|bs|k),", writes=False),
    Format(".txt", "ifacialmocap", "iFacialMocap", rb"[^\n={]{9,99999}\|=head#", writes=False),
    Format(
        ".metahuman.csv",
        "metahuman_csv",
        "MetaHuman controls",
        rb"[^\n{\[]{0,99999}(ctrl_expressions_|,headyaw,headpitch,headroll\n)",
        arkit=True,
    ),
    Format(
        ".csv",
        "columns",
        "tables of other tools",
        rb"[^\n{\[]{0,99999}jaw_?(open|drop)",
        writes=False,
    ),
    Format(".json", "json_motion", "DreamTalk's own", _json("dreamtalk-motion"), provenance=True),
    Format(".a2f.json", "a2f_json", "Audio2Face", _json("facsnames", "weightmat"), provenance=True),
    Format(
        ".lam.json",
        "lam_json",
        "LAM",
        _json("frames", "weights", "names"),
        provenance=True,
        arkit=True,
    ),
    Format(".talkinghead.json", "talkinghead", "TalkingHead", _json("dt", "vs"), provenance=True),
    Format(
        ".json",
        "mediapipe_json",
        "MediaPipe",
        rb'\s*[\[{].*"(category_?name|face_?blendshapes|blendshapes)"',
        writes=False,
    ),
    Format(".anim", "unity_anim", "Unity", rb".*\nanimationclip:", provenance=True),
    Format(".tres", "godot_tres", "Godot 4", rb'\[gd_resource type="animation"', provenance=True),
    Format(".ma", "maya_ascii", "Maya", rb"//maya ascii", provenance=True),
    Format(".vmd", "vmd", "MikuMikuDance", rb"vocaloid motion data 0002", arkit=True),
    Format(".motion3.json", "motion3_json", "Live2D", provenance=True, arkit=True),
    Format(".npz", "npz", "numpy archive", rb"pk\x03\x04", provenance=True),
    Format(".glb", "glb", "the built-in head, animated", provenance=True, arkit=True),
    Format(".usd", "usd", "the built-in head, as USD", provenance=True, arkit=True),
    Format(".usda", "usd", "the same as text", provenance=True, arkit=True),
    Format(".usdc", "usd", "the same in binary", provenance=True, arkit=True),
    Format(".abc", "alembic", "the built-in head, an Alembic cache", arkit=True),
    Format(".vrma", "vrma", "VRM animation", provenance=True),
)
"""All kinds. Of what is read, the first counts whose mark is there."""

WRITABLE: tuple[str, ...] = tuple(kind.ending for kind in FORMATS if kind.writes)
"""Endings of names that `write_motion` takes."""
READABLE: tuple[str, ...] = tuple(dict.fromkeys(kind.suffix for kind in FORMATS if kind.reads))
"""Suffixes that `read_motion` takes."""

_BESIDE = ".provenance.json"
_NO_MOTIONS = (_BESIDE, ".corrections.json")  # what lies beside one
_HEAD, _TAIL = 1 << 20, 1 << 16  # bytes of a file in which its mark is looked for


def is_written(path: PurePath) -> bool:
    """Whether a motion can be written to a file of this name."""
    return _format_of(path) is not None


def is_read(path: PurePath) -> bool:
    """Whether a file of this name may be a motion: by its suffix, before it is there.

    A name that a format has which is only written, such as "a.motion3.json", is none, nor is that
    of what lies beside one.
    """
    if is_cues(path) or path.name.lower().endswith(_NO_MOTIONS):
        return False
    kind = _format_of(path)
    return kind.reads if kind else path.suffix.lower() in READABLE


def is_of_arkit(path: PurePath) -> bool:
    """Whether a file of this name is made of ARKit's shapes, see `Format.arkit`."""
    kind = _format_of(path)
    return kind is not None and kind.arkit


def read_motion(path: str | os.PathLike[str]) -> Content:
    """What a motion file holds, for `Motion.load`; its content says which format it is.

    Raises `MotionError` if the suffix is unknown, the file is missing, or its content is that of
    no format (or empty, cut off, not UTF-8).
    """
    source = Path(path)
    if source.suffix.lower() not in READABLE:
        kind = _format_of(source)
        if kind is not None:
            raise MotionError(
                f"Cannot read {source.name}: {kind.suffix[1:].upper()} ({kind.title}) can only be "
                "written. Keep a .npz or .json as well."
            )
        raise _unknown(source, "read", READABLE)
    try:
        check_file(source, MotionError, "motion", LARGEST_MOTION)
        return _kind_of(source).load().read(source)
    except UnicodeDecodeError as error:
        raise MotionError(f"{source} is not UTF-8 text, so it is not a motion file.") from error
    except OSError as error:
        raise unreadable(source, error, MotionError) from error


def start_in(
    path: PurePath, outputs: Iterable[PurePath], start: Timecode | None
) -> Timecode | None:
    """The start to write into one of several outputs.

    None where it has no place for one and another of them has: nobody need be told.
    """
    timed = [output for output in outputs if (kind := _format_of(output)) and kind.timecode]
    return start if path in timed or not timed else None


def begins_at(path: Path) -> Timecode | None:
    """The timecode of a motion file's first frame; None where its format has none.

    Raises what `read_motion` does.
    """
    check_file(path, MotionError, "motion", LARGEST_MOTION)
    kind = _kind_of(path)
    found: Timecode | None = cast(Any, kind.load()).begins_at(path) if kind.timecode else None
    return found


def write_motion(
    path: str | os.PathLike[str],
    motion: Motion,
    provenance: Provenance | None = None,
    start: Timecode | None = None,
) -> None:
    """Write a motion file, whole or not at all; the ending of its name says which format.

    provenance: how it was made; beside a format that cannot hold it, NAME.provenance.json does.
    start: the timecode of its first frame, for formats that have one; others begin at 0, with a
    warning.

    Raises `MotionError` for an unknown ending or a motion the format cannot hold,
    `DreamTalkError` if the file cannot be written.
    """
    target = Path(path)
    kind = check_writable(target)
    options: dict[str, Any] = {}
    if provenance and kind.provenance:
        options["provenance"] = provenance
    if start is not None and kind.timecode:
        options["start"] = start
    elif start is not None:
        warn(f"{path} begins at 0: {kind.title} has no place for a timecode. Use .csv for it.")
    kind.load().write(target, motion, **options)
    if provenance and not kind.provenance:
        with atomic_write(provenance_beside(target)) as temporary:
            text = json.dumps({**provenance, "sha256": digest_of(target)}, ensure_ascii=False)
            temporary.write_text(text + "\n", encoding="utf-8", newline="")


def read_provenance(path: Path, content: Content) -> Provenance | None:
    """How a motion was made whose file was read: what it says itself, or what lies beside and means
    this very file. None where neither tells."""
    if isinstance(content.provenance, dict):
        return content.provenance
    beside = provenance_beside(path)
    if not beside.is_file():
        return None
    found = read_json(beside, MotionError, "provenance")
    if not isinstance(found, dict) or found.pop("sha256", None) != digest_of(path):
        return None
    return found


def provenance_beside(path: Path) -> Path:
    """Where it is told how a file was made that cannot hold it itself; the `sha256` there is that
    of the file it means."""
    return path.with_name(path.name + _BESIDE)


def check_writable(path: Path) -> Format:
    """The format that a file name asks for; for a check before any work.

    Raises `MotionError` for an unknown ending, `DreamTalkError` where no file can be written.
    """
    kind = _format_of(path)
    if kind is None:
        raise _unknown(path, "write", WRITABLE)
    check_target(path)
    return kind


def _format_of(path: PurePath) -> Format | None:
    """The format that is written under a name: that of the longest ending."""
    name = path.name.lower()
    fitting = [kind for kind in FORMATS if kind.writes and name.endswith(kind.ending)]
    if is_cues(path):  # "a.rhubarb.json" holds no curves
        return None
    return max(fitting, key=lambda kind: len(kind.ending), default=None)


def suffix_of(path: Path) -> str:
    """The suffix of the motion files whose content a file has; empty if it is of none."""
    kind = _found(path)
    return kind.suffix if kind else ""


def _found(path: Path) -> Format | None:
    beginning = _beginning(path)
    return next((k for k in FORMATS if k.mark and re.match(k.mark, beginning, re.DOTALL)), None)


def _kind_of(path: Path) -> Format:
    """The format that a file is of. Raises `MotionError` if it is of none."""
    found = _found(path)
    if found is not None:
        return found
    suffix = path.suffix.lower()
    titles = ", ".join(kind.title for kind in FORMATS if kind.reads and kind.suffix == suffix)
    raise MotionError(
        f"{path} holds no face curves of a kind that is known, or is damaged or cut off. Files in "
        f"{suffix} may be of: {titles}. Check that it is the right one, or export it again."
    )


def _beginning(path: Path) -> bytes:
    """The first megabyte of a file and the end of a longer one, in lower case."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
        rest = path.stat().st_size - len(head)
        if rest > 0:
            file.seek(-min(rest, _TAIL), os.SEEK_END)
            head += file.read(_TAIL)
    return head.removeprefix(b"\xef\xbb\xbf").lower()


def _unknown(path: Path, verb: str, endings: tuple[str, ...]) -> MotionError:
    what = f"the suffix {path.suffix!r}" if path.suffix else "no suffix"
    return MotionError(
        f"Cannot {verb} {path.name}: it has {what}. Use one of {', '.join(endings)}."
    )

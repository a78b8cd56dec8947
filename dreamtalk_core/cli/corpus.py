"""`dreamtalk corpus`: make a corpus of somebody's takes, and look at one."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamtalk_core.cli.ending import stop
from dreamtalk_core.errors import CorpusError, DreamTalkError, shown

if TYPE_CHECKING:
    from dreamtalk_core.corpus.add import About, Added
    from dreamtalk_core.corpus.takes import Take


def add(commands: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = commands.add_parser("corpus", help="make a corpus for training, and look at one")
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    adding = actions.add_parser("add", help="add somebody's takes, or a published corpus")
    adding.set_defaults(run=_add)
    adding.add_argument(
        "folder",
        type=Path,
        help="videos with sound, or Live Link Face takes (or .json, .npz) with their sound",
    )
    adding.add_argument("--corpus", type=Path, required=True, metavar="FOLDER")
    adding.add_argument("--speaker", metavar="NAME", help="who speaks")
    adding.add_argument(
        "--licence", metavar="L", help="what may be done with the takes, such as CC-BY-4.0, or mine"
    )
    adding.add_argument(
        "--as",
        dest="published",
        metavar="NAME",
        help="a published corpus, whose file names say the rest: crema-d, emozionalmente, grid, "
        "ravdess or subesco",
    )
    adding.add_argument("--language", default="und", metavar="L", help="such as en-GB")
    adding.add_argument("--emotion", default="", metavar="E", help="such as happy")
    adding.add_argument("--split", default="train", help="train (the default), or one to test on")

    checking = actions.add_parser("check", help="tell what is in a corpus and what is missing")
    checking.set_defaults(run=_check)
    checking.add_argument("corpus", type=Path, metavar="CORPUS")


def _add(options: argparse.Namespace) -> None:
    from dreamtalk_core.corpus.add import About, add_folder

    if options.published:
        _add_published(options)
        return
    for name in ("speaker", "licence"):
        value = getattr(options, name)
        if not value or not value.strip() or not value.isprintable():
            raise DreamTalkError(
                f"Say --{name}: it is kept with every clip. (With --as, a published corpus says it "
                "by itself.)"
            )
    about = About(
        options.speaker, options.licence, options.language, options.emotion, options.split
    )
    _tell(add_folder(options.folder, options.corpus, lambda take: about, _line, _check_stop))


def _add_published(options: argparse.Namespace) -> None:
    from dreamtalk_core.corpus import SOUNDS
    from dreamtalk_core.corpus.add import About, add_folder
    from dreamtalk_core.corpus.labelled import add_labelled
    from dreamtalk_core.corpus.published import PUBLISHED, facts_of, read_table
    from dreamtalk_core.corpus.takes import VIDEOS, files_below

    if options.published not in PUBLISHED:
        raise DreamTalkError(
            f"--as {shown(options.published, 40)} is none of {', '.join(sorted(PUBLISHED))}."
        )
    published = PUBLISHED[options.published]
    table = read_table(options.folder, published)

    def about(take: Take) -> About | None:
        facts = facts_of(take.sound, options.folder, published, table)
        if facts is None:
            return None
        return About(
            facts.speaker, published.licence, published.language, facts.emotion, options.split
        )

    if any(path.suffix.lower() in VIDEOS for path in files_below(options.folder)):
        added = add_folder(options.folder, options.corpus, about, _line, _check_stop)
        # Sounds beside the videos are no takes that went wrong.
        useless = {
            name: reason
            for name, reason in added.useless.items()
            if Path(name).suffix.lower() not in SOUNDS
        }
        _tell(replace(added, useless=useless))
        return
    count, useless = add_labelled(options.folder, options.corpus, options.published, _line)
    _useless(useless)
    print(f"{count} recordings added ({published.name}, {published.licence})")
    if not count and useless:
        raise CorpusError(f"{shown(options.folder)} holds no sound of {published.name}.")


def _check_stop(done: int, total: int) -> None:
    stop.check()


def _line(text: str) -> None:
    stop.check()
    print(shown(text), flush=True)


def _tell(added: Added) -> None:
    for name in added.known:
        print(f"{shown(name)}: in the corpus already")
    for name, rows in added.clips.items():
        seconds = sum(float(row["seconds"]) for row in rows)
        late = int(rows[0]["av_shift_frames"])
        moved = f", lips moved by {-late:+d} frames into sync" if late else ", in sync"
        print(
            f"{shown(name)}: {seconds:.1f} s in {len(rows)} clips{moved} "
            f"(confidence {rows[0]['sync_confidence']})"
        )
    for name, doubts in added.doubts.items():
        for doubt in doubts:
            print(f"{shown(name)}: doubtful: {doubt}")
    _useless(added.useless)
    total = sum(float(row["seconds"]) for rows in added.clips.values() for row in rows) / 60
    print(f"{total:.1f} minutes added")
    if not added.clips and not added.known:
        raise CorpusError("None of the takes can be used; the lines above say why.")


def _useless(reasons: dict[str, str]) -> None:
    for name, reason in reasons.items():
        print(f"{shown(name)}: not used: {reason}")


def _check(options: argparse.Namespace) -> None:
    from dreamtalk_core.corpus.check import check_corpus

    checked = check_corpus(options.corpus)
    for (speaker, licence, split), minutes in sorted(checked.minutes.items()):
        print(f"{minutes:7.1f} min  {shown(speaker, 40):24} {shown(licence, 40):18} {shown(split)}")
    print(f"{sum(checked.minutes.values()):7.1f} min")
    for fault in checked.faults:
        print(fault)
    if checked.faults:
        raise CorpusError(f"{len(checked.faults)} things are wrong; the lines above say what.")

"""What mkdocs is told besides `mkdocs.yml`: the site has more pages than this folder.

README.md is its first page. Whatever else a page links to in the repository, such as a picture or
the model card, is on the site below `repository/`. So there is no second copy of anything, and the
same links work on the site and in the repository.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"(?<=\]\()(?!\w+:|#)[^)#\s]+")
"""The target of a Markdown link to a file, without its anchor."""
CODE = re.compile(r"`[^`\n]+`")


def on_files(files: Files, config: Any) -> Files:
    """Add what lies elsewhere."""
    for name in sorted(linked()):
        if not name.startswith("docs/"):
            path = str(ROOT / name)
            files.append(File.generated(config, place(name), abs_src_path=path))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links, as they are in the repository, for the site; those to nothing stay as they are.

    A bar within code in a table is escaped for GitHub; mkdocs would show the escape.
    """
    here = page.file.src_uri
    name = next(name for name in linked() if place(name) == here)

    def on_site(link: re.Match[str]) -> str:
        target = resolved(name, link[0])
        there = (ROOT / target).is_file()
        return (
            quote(posixpath.relpath(place(target), posixpath.dirname(here))) if there else link[0]
        )

    markdown = CODE.sub(lambda code: code[0].replace("\\|", "|"), markdown)
    return LINK.sub(on_site, markdown)


def place(name: str) -> str:
    """Where a file of the repository is on the site."""
    if name == "README.md":
        return "index.md"
    return name[5:] if name.startswith("docs/") else f"repository/{name}"


def linked() -> set[str]:
    """The files of the repository that are on the site, by their names in it."""
    found: set[str] = set()
    waiting = {"README.md", *(f"docs/{path.name}" for path in ROOT.glob("docs/*.md"))}
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= {target for target in links(name) if (ROOT / target).is_file()} - found
    return found


def links(name: str) -> Iterator[str]:
    """What a file of the repository links to in it, if it is a page."""
    if name.endswith(".md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        yield from (resolved(name, target) for target in LINK.findall(text))


def resolved(name: str, target: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(target)))

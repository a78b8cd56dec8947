# SPDX-License-Identifier: GPL-3.0-or-later
"""The interface in other languages: a table of two columns for each, English and translated."""

from __future__ import annotations

import re
from pathlib import Path

from . import PACKAGE

LANGUAGES = ("zh_HANS",)
OWN = "DreamTalk"
"""The context of words that Blender itself translates otherwise than they are meant here."""
_CONTEXTS = ("*", "Operator", OWN)
"""Blender looks labels of buttons up in a context of their own."""


def table(language: str) -> dict[str, str]:
    """English text -> its translation; {} stands for what is put into a message."""
    lines = Path(__file__).with_name(f"{language}.tsv").read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t") for line in lines)


def told_by_core(language: str) -> dict[str, str]:
    """As `table`, for messages of `dreamtalk_core`: those that are met most often."""
    return table(f"{language}_core")


def sentences() -> list[tuple[re.Pattern[str], str]]:
    """What is a sentence in the tables, as a pattern; those that say most come first."""
    found = [text for text in table(LANGUAGES[0]) if "{}" in text or re.search("[.;]", text)]
    found += told_by_core(LANGUAGES[0])
    return [
        (re.compile("(.+?)".join(map(re.escape, text.split("{}"))), re.DOTALL), text)
        for text in sorted(found, key=len, reverse=True)
    ]


def register() -> None:
    import bpy

    bpy.app.translations.register(
        PACKAGE,
        {
            language: {
                (context, english): text
                for context in _CONTEXTS
                for english, text in (table(language) | told_by_core(language)).items()
            }
            for language in LANGUAGES
        },
    )


def unregister() -> None:
    import bpy

    bpy.app.translations.unregister(PACKAGE)

# SPDX-License-Identifier: GPL-3.0-or-later
"""DreamTalk in Blender: speech in, an expressive face out, as ordinary editable keys."""

from __future__ import annotations

from contextlib import ExitStack
from importlib import import_module

PACKAGE = __name__
"""What Blender calls the extension: its preferences and its folder go by this name."""

MODULES = (
    "ui.preferences",
    "client.service",
    "animation.tracks",
    "mapping.data",
    "mapping.operators",
    "mapping.panel",
    "animation.settings",
    "animation.styles",
    "client.jobs",
    "animation.animate",
    "animation.takes",
    "animation.batch",
    "animation.export",
    "rigs.sample_head",
    "ui.panels",
    "translations",
)
"""What has something to register, in order: a tuple CLASSES, and `register` and `unregister`."""


_taken = ExitStack()
"""What gives back all that has been registered, in reverse order, whatever fails on the way."""


def register() -> None:
    """Take the extension up; if a part of it fails, none of it stays."""
    # Not at the top: some parts need no Blender, and are tested without one.
    from bpy.utils import register_class, unregister_class

    try:
        for name in MODULES:
            module = import_module(f".{name}", PACKAGE)
            for cls in getattr(module, "CLASSES", ()):
                register_class(cls)
                _taken.callback(unregister_class, cls)
            if hasattr(module, "register"):
                module.register()
            if hasattr(module, "unregister"):
                _taken.callback(module.unregister)
    except BaseException:
        unregister()
        raise


def unregister() -> None:
    """Give everything back."""
    _taken.close()

# SPDX-License-Identifier: GPL-3.0-or-later
"""DreamTalk in Blender: speech in, an expressive face out, as ordinary editable keys."""

from __future__ import annotations

from importlib import import_module

PACKAGE = __name__
"""What Blender calls the extension: its preferences and its folder go by this name."""

MODULES = (
    "ui.preferences",
    "animation.take_settings",
    "rigs.properties",
    "rigs.seen",
    "mapping.operators",
    "mapping.drawings",
    "mapping.panel",
    "mapping.face_shapes",
    "animation.settings",
    "animation.styles",
    "client.job_operator",
    "animation.animate",
    "animation.trial",
    "animation.takes",
    "animation.imports",
    "animation.editing",
    "animation.together",
    "animation.subtitles",
    "animation.batch",
    "animation.export",
    "animation.controls",
    "rigs.sample_head",
    "live.settings",
    "live.operators",
    "ui.panels",
    "ui.live_panel",
    "translations",
)
"""What has something to register, in order: a tuple CLASSES, and `register` and `unregister`."""


def register() -> None:
    """Register the extension; if a part of it fails, none of it stays."""
    # Not at the top: some parts need no Blender, and are tested without one.
    from bpy.utils import register_class, unregister_class

    state = import_module(".state", PACKAGE)
    registered = state.begin().registered
    try:
        for name in MODULES:
            module = import_module(f".{name}", PACKAGE)
            for cls in getattr(module, "CLASSES", ()):
                register_class(cls)
                registered.callback(unregister_class, cls)
            if hasattr(module, "register"):
                module.register()
                registered.callback(module.unregister)
    except BaseException:
        state.end()
        raise


def unregister() -> None:
    """Give everything back, and close the state."""
    import_module(".state", PACKAGE).end()

"""What newer hosts know about nodes, for those that do: an unknown keyword would stop the pack."""

from __future__ import annotations

import inspect
from typing import Any

from comfy_api.latest import io


def supported(kind: Any, **keywords: Any) -> dict[str, Any]:
    """Those of the keywords that this host's `io.Schema`, or a kind of input, takes."""
    known = inspect.signature(kind).parameters
    return {name: value for name, value in keywords.items() if name in known}


def found_by(*words: str) -> dict[str, Any]:
    """For `io.Schema`: other words that a node is searched for by."""
    return supported(io.Schema, search_aliases=list(words))


ADVANCED = supported(io.Float.Input, advanced=True)
"""For inputs that few will turn: newer hosts fold them away."""

_AFTER = getattr(io, "ControlAfterGenerate", None)
SEED = {
    "default": 0,
    "min": 0,
    "max": 0xFFFFFFFFFFFFFFFF,
    "control_after_generate": True if _AFTER is None else _AFTER.fixed,
}
"""For the input of a seed. It stays from run to run where the host can, so that nothing is made
anew for nothing. Every host gets the widget: saved graphs hold values by the order of widgets."""

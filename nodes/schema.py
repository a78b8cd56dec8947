"""What hosts know about nodes, each of them: an unknown keyword would stop the pack."""

from __future__ import annotations

import inspect
from functools import wraps
from typing import Any

from comfy_api.latest import io

from dreamtalk_core.errors import DreamTalkError


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


def nothing_comes_in(name: str) -> DreamTalkError:
    """For an input that needs something."""
    return DreamTalkError(
        f"Nothing comes in at '{name}': the node that it is connected to gives nothing "
        "for it, as a clip without sound gives no AUDIO. Connect another one."
    )


def with_checked_inputs(node: type[io.ComfyNode]) -> type[io.ComfyNode]:
    """The node; it raises DreamTalkError where nothing comes in at an input that it needs.

    A node before it may give None: a switch, a clip without sound. For an optional input that is
    as if it were not connected.
    """
    execute = node.execute.__func__
    known = inspect.signature(node.execute).parameters.values()
    needed = [
        one.name for one in known if one.kind is not one.VAR_KEYWORD and one.default is one.empty
    ]

    @wraps(execute)
    def checked(cls: type[io.ComfyNode], **inputs: Any) -> io.NodeOutput:
        for name in needed:
            if inputs.get(name, name) is None:
                raise nothing_comes_in(name)
        return execute(cls, **inputs)

    node.execute = classmethod(checked)
    return node

"""Lines for the worker that no sound program would write, and what each must be answered."""

from __future__ import annotations

import json
import math
from random import Random
from typing import Any

from tests.fuzz import mutations

Id = int | float | str | None

_REQUESTS: tuple[dict[str, Any], ...] = (
    {"method": "hello", "params": {"protocol": 3}},
    {"method": "styles", "params": {"project": "/nowhere"}},
    {"method": "cancel", "params": {"id": 3}},
    {
        "method": "animate",
        "params": {
            "speech": "/nowhere.wav",
            "output": "/nowhere/a.npz",
            "style": "happy*0.5",
            "guidance_scale": 1.5,
            "fps": "25",
            "blinks": 1,
            "lips": 1.2,
        },
    },
    {"method": "track", "params": {"video": "/nowhere.mp4", "output": "/nowhere/a.npz", "face": 0}},
    {"method": "extract_style", "params": {"performance": ["/nowhere.csv"], "name": "Grandma"}},
)


def line(number: int) -> bytes:
    """The line of a number, without its end; its request has that number, unless that is broken."""
    random = Random(f"line {number}")
    request = json.loads(json.dumps({"id": number, **random.choice(_REQUESTS)}))
    how = random.randrange(10)
    if how < 2:
        return json.dumps(request).encode()
    if how < 8:
        broken = mutations.dumps(mutations.change_tree(random, request))
    else:
        broken = random.choice(mutations.BYTES)(random, json.dumps(request).encode())
    # What is long is sent now and then only: it is read at so many MB a second.
    broken = broken.replace(b"\n", b" ")
    return broken if len(broken) < 2000 or random.random() < 0.02 else broken[:2000]


NOBODY = object()
"""For a line that is answered with nothing."""


def answer_to(text: bytes) -> Id | object:
    """The id with which a line must be answered, once."""
    if not text.strip():
        return NOBODY
    try:
        request = json.loads(text, parse_constant=lambda word: 1 / 0)
    except (ValueError, RecursionError, ZeroDivisionError):
        return None
    if not isinstance(request, dict) or not _fits(request.get("id")):
        return None
    number: Id = request.get("id")
    params = request.get("params", {})
    if request.get("method") == "cancel" and isinstance(params, dict):
        asked = params.get("id")
        return NOBODY if asked is not None and _fits(asked) else None
    return number


def _fits(number: object) -> bool:
    """Whether the protocol takes this for an id, or for none."""
    if isinstance(number, str):
        return len(number) <= 100
    if isinstance(number, float):
        return math.isfinite(number)
    return number is None or (type(number) is int and abs(number) < 2**63)

"""What a motion file holds, not yet judged."""

from __future__ import annotations

from typing import Any, NamedTuple


class Content(NamedTuple):
    """What `Motion` is made of, and checks: rows of numbers, and a rate as text or number.

    provenance: how it was made, as far as the file says.
    """

    names: tuple[Any, ...]
    weights: Any
    fps: Any
    head_rotation: Any = ()
    provenance: Any = None

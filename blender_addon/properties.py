# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's properties, declared as a dataclass declares fields: `seed: int = IntProperty(...)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import bpy

T = TypeVar("T")
Class = TypeVar("Class", bound=type)


def properties(**more: Any) -> Callable[[Class], Class]:
    """Decorates a class to be registered whose properties are values of annotated fields.

    more: properties that are made from a table, by name.
    """

    def declare(cls: Class) -> Class:
        # Blender takes as properties what it finds in the place of the types.
        declared = {
            name: value
            for name, value in vars(cls).items()
            if isinstance(value, bpy.props._PropertyDeferred)
        }
        for name in declared:
            delattr(cls, name)
        cls.__annotations__.update(declared, **more)
        return cls

    return declare


if TYPE_CHECKING:
    from collections.abc import Sequence

    class Collection(Sequence[T], Generic[T]):
        """What a CollectionProperty is to the type checker."""

        def add(self) -> T: ...
        def clear(self) -> None: ...
        def remove(self, index: int) -> None: ...

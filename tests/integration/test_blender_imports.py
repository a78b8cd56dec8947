"""Files of face curves in real Blenders: as takes, and into takes that there are."""

from __future__ import annotations

import pytest

from tests.integration.blender import Blender, checks


@pytest.mark.parametrize("check", checks("imports"))
def test_imports(blender: Blender, check: str) -> None:
    blender.run("imports", check)

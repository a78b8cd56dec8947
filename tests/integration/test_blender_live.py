"""Faces over the network in real Blenders: followed, recorded, punched in, and let go."""

from __future__ import annotations

import pytest

from tests.integration.blender import Blender, checks


@pytest.mark.parametrize("check", checks("live"))
def test_live(blender: Blender, check: str) -> None:
    print(blender.run("live", check))

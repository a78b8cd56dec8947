"""Speech from the sequencer in real Blenders: strips, channels, takes that go along."""

from __future__ import annotations

import pytest

from tests.integration.blender import Blender, checks


@pytest.mark.parametrize("check", checks("sequencer"))
def test_sequencer(blender: Blender, check: str) -> None:
    blender.run("sequencer", check)

"""What the demo needs: a real voice, with its words, source and licence beside it."""

from __future__ import annotations

from pathlib import Path

DEMO_VOICE = Path(__file__).with_name("demo_voice.flac")

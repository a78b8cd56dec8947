"""What the demo needs: a real voice and a real face; NOTICE says where they are from."""

from __future__ import annotations

from pathlib import Path

DEMO_VOICE = Path(__file__).with_name("demo_voice.flac")
DEMO_PORTRAIT = Path(__file__).with_name("demo_portrait.jpg")

"""The weights that ship with the package; scripts here make those that come from elsewhere."""

from pathlib import Path

WEIGHTS = Path(__file__).parent

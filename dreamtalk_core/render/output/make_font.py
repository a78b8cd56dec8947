"""Bake `font.npz`, the letters that are drawn into pictures: DejaVu Sans, as matplotlib brings it.

    python -m dreamtalk_core.render.output.make_font

Needs matplotlib and Pillow (`pip install 'dreamtalk[evaluate]'`); made with matplotlib 3.11.2.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from dreamtalk_core.files import atomic_write
from dreamtalk_core.render.output.draw import FONT_FILE

# Latin-1, and a sign for everything else at the end.
SIZE = 40
CHARACTERS = [chr(code) for code in (*range(32, 127), *range(160, 256), 0xFFFD)]


def main() -> None:
    """Write one strip of letters, one beside the other, and where each begins."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    # Pixels: larger than it is usually drawn.
    font = ImageFont.truetype(str(folder / "DejaVuSans.ttf"), SIZE)
    ascent, descent = font.getmetrics()
    widths = [round(font.getlength(character)) for character in CHARACTERS]
    starts = np.concatenate([[0], np.cumsum(widths)])
    strip = Image.new("L", (int(starts[-1]), ascent + descent))
    for character, start, width in zip(CHARACTERS, starts, widths, strict=False):
        cell = Image.new("L", (width, ascent + descent))
        ImageDraw.Draw(cell).text((0, 0), character, fill=255, font=font)
        strip.paste(cell, (int(start), 0))
    codes = np.array([ord(character) for character in CHARACTERS], np.uint16)
    with atomic_write(FONT_FILE) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(
            stream, strip=np.asarray(strip), starts=starts.astype(np.int32), codes=codes
        )


if __name__ == "__main__":
    main()

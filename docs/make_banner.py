"""Make the banner that ComfyUI's registry shows, from the icon and the picture of the emotions.

    python -m docs.make_banner

Needs Chromium, as the tests do.
"""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from dreamtalk_core.files import atomic_write
from tests.integration.browser import chromium

ROOT = Path(__file__).resolve().parents[1]
BANNER = ROOT / "docs" / "banner.jpg"
WIDTH, HEIGHT = 1260, 540
TILE, LABEL = (216, 303), 30
"""Of the picture of the emotions, in pixels: one face, and the part of it that has a label."""
COLUMNS = (1, 4)
"""Those with the emotions as they are, neither weaker nor stronger."""

PAGE = """<style>
  body { margin: 0; width: %(width)dpx; height: %(height)dpx; display: flex; color: #fff;
    background: linear-gradient(#2b3350, #161a26); font-family: "DejaVu Sans", sans-serif; }
  #name { flex: 1; display: flex; flex-direction: column; align-items: center;
    justify-content: center; }
  #name svg { width: 210px; }
  h1 { font-size: 50px; margin: 26px 0 8px; }
  p { font-size: 19px; line-height: 1.5; margin: 0; text-align: center; color: #ccd3e6; }
</style>
<div id="name">%(icon)s<h1>DreamTalk</h1><p>Speech in,<br>an expressive face out</p></div>
<img src="data:image/png;base64,%(faces)s" height="%(height)d">"""


def faces() -> Image.Image:
    """Eight emotions, in two rows."""
    (width, height), columns = TILE, 4
    picture = Image.new("RGB", (columns * width, 2 * (height - LABEL)))
    with Image.open(ROOT / "benchmarks" / "pictures" / "emotions.jpg") as emotions:
        for number in range(2 * columns):
            left, top = COLUMNS[number // columns] * width, number % columns * height
            face = emotions.crop((left, top + LABEL, left + width, top + height))
            picture.paste(face, (number % columns * width, number // columns * face.height))
    return picture


def main() -> None:
    data = BytesIO()
    faces().save(data, "PNG")
    values = {
        "width": WIDTH,
        "height": HEIGHT,
        "icon": (ROOT / "nodes" / "web" / "icon.svg").read_text(encoding="utf-8"),
        "faces": b64encode(data.getvalue()).decode(),
    }
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.set_content(PAGE % values)
        with atomic_write(BANNER) as temporary:
            page.screenshot(path=temporary, type="jpeg", quality=88)
        browser.close()


if __name__ == "__main__":
    main()

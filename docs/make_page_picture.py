"""Make the picture of the page, docs/serve.jpg: the built-in head, and the photo, at one moment.

    python -m docs.make_page_picture

Needs Chromium, as the tests do.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from playwright.sync_api import sync_playwright

from dreamtalk_core.files import atomic_write
from tests.integration.browser import chromium
from tests.integration.test_serve_page import ARGUMENTS, TO
from tests.serve.server import serving

PICTURE = Path(__file__).with_name("serve.jpg")
MOMENT, STYLE = 2.58, "happy"


def main() -> None:
    with (
        TemporaryDirectory() as folder,
        serving(Path(folder) / "files", "--page") as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1000, "height": 750}, locale="en-US")
        page.goto(f"http://127.0.0.1:{server.port}/")
        page.wait_for_selector("html[data-ready]", timeout=60_000)
        page.select_option("#style", STYLE)
        shown = []
        for button, there in (
            ("#demo", "#downloads:not([hidden])"),
            ("#demo-photo", "#stage.film"),
        ):
            page.click(button)
            page.wait_for_selector(there, timeout=300_000)
            page.wait_for_selector("#stage:not(.busy)")
            page.evaluate(TO, MOMENT)
            page.mouse.move(10, 300)
            page.wait_for_timeout(500)
            picture = np.frombuffer(page.screenshot(), np.uint8)
            shown.append(cv2.imdecode(picture, cv2.IMREAD_COLOR))
        browser.close()
    both = cv2.resize(np.hstack(shown), (1600, 600), interpolation=cv2.INTER_AREA)
    _, content = cv2.imencode(".jpg", both, [cv2.IMWRITE_JPEG_QUALITY, 85])
    with atomic_write(PICTURE) as path:
        path.write_bytes(content.tobytes())


if __name__ == "__main__":
    main()

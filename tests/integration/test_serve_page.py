"""The page of `dreamtalk serve --page`, in Chromium, without a network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import FilePayload, Page, Request, sync_playwright

from dreamtalk_core.assets import DEMO_PORTRAIT, DEMO_VOICE
from dreamtalk_core.formats import FORMATS, WRITABLE
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.parameters import Listener, parameters, tables
from dreamtalk_core.rig.head import load_head
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech
from dreamtalk_core.speech.sound import write_wav
from tests.integration.browser import chromium
from tests.pipeline.live.waiting import until
from tests.serve.server import Server, serving

# Drawn without a graphics card; it plays without a click.
ARGUMENTS = [
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--autoplay-policy=no-user-gesture-required",
]
TO = """async (seconds) => {
  const player = document.getElementById("player");
  player.pause();
  player.currentTime = seconds;
  const apart = () => Math.abs(document.documentElement.dataset.seconds - seconds);
  const shown = () => !player.seeking && apart() < 1e-3;
  for (let i = 0; i < 400 && !shown(); i++) await new Promise((done) => setTimeout(done, 25));
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
}"""
# Brightness of the pixels where the mouth is: below so much of what is shown, in its middle.
_MOUTH = """([name, low]) => {
  const shown = document.getElementById(name), copy = document.createElement("canvas");
  const width = copy.width = shown.videoWidth ?? shown.width;
  const height = copy.height = shown.videoHeight ?? shown.height;
  const paint = copy.getContext("2d");
  paint.drawImage(shown, 0, 0);
  const size = Math.round(height * 0.11);
  const box = [Math.round(width / 2 - size / 2), Math.round(height * low), size, size];
  const { data } = paint.getImageData(...box);
  const light = (_, i) => data[4 * i] + data[4 * i + 1] + data[4 * i + 2];
  return Array.from({ length: size * size }, light);
}"""
_DROP = """async ([name]) => {
  const sound = await (await fetch("demo.flac")).blob();
  const files = new DataTransfer();
  files.items.add(new File([sound], name));
  dispatchEvent(new DragEvent("drop", { dataTransfer: files, cancelable: true }));
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("page") / "files", "--page") as found:
        yield found


@pytest.fixture(scope="module")
def page(server: Server) -> Iterator[Page]:
    strangers, errors = [], []

    def note(request: Request) -> None:
        if not request.url.startswith((f"http://127.0.0.1:{server.port}/", "blob:", "data:")):
            strangers.append(request.url)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 800}, locale="en-US")
        page.on("request", note)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"http://127.0.0.1:{server.port}/")
        page.wait_for_selector("html[data-ready]", timeout=60_000)
        page.evaluate(_DROP, ["my line.flac"])
        page.wait_for_selector("#downloads:not([hidden])", timeout=120_000)
        yield page
        browser.close()
    assert not strangers
    assert not errors


def curves(page: Page, folder: Path) -> Motion:
    """What the page has made, as it is downloaded."""
    with page.expect_download() as waiting:
        page.get_by_role("button", name=".npz").click()
    assert waiting.value.suggested_filename == "my line.npz"
    waiting.value.save_as(folder / "line.npz")
    return Motion.load(folder / "line.npz")


def test_a_sound_is_dropped_and_the_head_speaks_in_sync(page: Page, tmp_path: Path) -> None:
    """Where the curves shut the lips the picture is that of a shut mouth, to the frame."""
    change(page, "head", "0")
    motion = curves(page, tmp_path)
    gaps = load_head().lip_gap_mm(motion.over(ARKIT_NAMES).weights)
    order = np.argsort(gaps)
    seen: dict[str, list[list[int]]] = {"closed": [], "open": []}
    for name, frames in (("closed", order[:6]), ("open", order[-6:])):
        for frame in frames:
            page.evaluate(TO, (int(frame) + 0.5) / float(motion.fps))
            seen[name].append(page.evaluate(_MOUTH, ["head", 0.52]))
        page.screenshot(path=tmp_path / f"{name}.png")
    shut = np.median(seen["closed"], axis=0)
    apart = {name: np.abs(np.array(own) - shut).mean(axis=1) for name, own in seen.items()}
    assert apart["closed"].max() < apart["open"].min() / 2, apart
    with made(page):
        page.get_by_role("button", name="As it was").click()


def change(page: Page, name: str, value: str) -> None:
    """Moves a slider and waits for what comes of it."""
    with made(page):
        page.locator(f"input[name={name}]").fill(value)


@contextmanager
def made(page: Page) -> Iterator[None]:
    """Waits for the curves that what is done within asks for."""
    before = page.get_attribute("html", "data-rounds")
    yield
    page.wait_for_selector(f'html:not([data-rounds="{before}"])', timeout=60_000)


def test_a_setting_moves_the_head(page: Page, tmp_path: Path) -> None:
    before = curves(page, tmp_path).over(ARKIT_NAMES)
    change(page, "jaw", "0")
    after = curves(page, tmp_path).over(ARKIT_NAMES)
    jaw = ARKIT_NAMES.index("jawOpen")
    assert before.weights[:, jaw].max() > 0.2
    assert after.weights[:, jaw].max() < 0.05
    with made(page):
        page.get_by_role("button", name="As it was").click()


def test_every_format_and_the_video_are_downloaded(page: Page, tmp_path: Path) -> None:
    reads = {kind.ending for kind in FORMATS if kind.writes and kind.reads}
    for ending in (*WRITABLE, ".mp4"):
        with page.expect_download(timeout=120_000) as waiting:
            name = ".mp4 video" if ending == ".mp4" else ending
            page.get_by_role("button", name=name, exact=True).click()
        path = tmp_path / f"a{ending}"
        waiting.value.save_as(path)
        assert waiting.value.suggested_filename == f"my line{ending}"
        assert path.stat().st_size > 1000
        if ending in reads:
            assert float(Motion.load(path).duration) == pytest.approx(346 / 25, abs=1 / 25)


def test_the_page_is_chinese_too(page: Page) -> None:
    page.click("#language")
    shown = page.inner_text("aside")
    assert {"风格", "下颌", "下载"} <= set(shown.split())
    page.click("#language")


def test_every_setting_has_a_name_in_chinese() -> None:
    texts = Path(__file__).parents[2] / "dreamtalk_core" / "serve" / "page" / "texts.js"
    known = texts.read_text(encoding="utf-8").partition("export const ZH")[2]
    own = [one.name for table in tables() if table is not Listener for one in parameters(table)]
    assert not [name for name in own if f"  {name}: " not in known]


def test_what_goes_wrong_is_told(page: Page) -> None:
    page.locator("#file").set_input_files(
        {"name": "a.wav", "mimeType": "audio/wav", "buffer": b"no sound at all"}
    )
    page.wait_for_selector("#state.wrong", timeout=30_000)
    assert "The sound is not a sound" in page.inner_text("#state")
    for gone in ("#downloads", "#transport"):
        assert page.locator(gone).is_hidden(), "what was made of another sound is not kept as this"
    page.locator("#file").set_input_files(DEMO_VOICE)
    page.wait_for_selector("#state:not(.wrong)", timeout=30_000)
    page.wait_for_selector("#stage:not(.busy)", timeout=60_000)


def picture(name: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": "image/jpeg", "buffer": content}


@pytest.fixture
def portrait(page: Page, tmp_path: Path) -> Iterator[Page]:
    """The page while a photo speaks three seconds; at its end the head speaks again."""
    path = tmp_path / "my line.wav"
    voice = Speech.load(DEMO_VOICE).waveform[: 3 * SAMPLE_RATE]
    write_wav(path, voice[None], SAMPLE_RATE)
    sound: FilePayload = {"name": path.name, "mimeType": "audio/wav", "buffer": path.read_bytes()}
    change(page, "head", "0")
    with made(page):
        face = picture("me.jpg", DEMO_PORTRAIT.read_bytes())
        page.locator("#file").set_input_files([face, sound])
        page.wait_for_selector("#stage.film", timeout=120_000)
    yield page
    with made(page):
        page.get_by_role("button", name="Back to the built-in head").press("Enter")
    assert page.locator("#player").is_hidden()
    with made(page):
        page.get_by_role("button", name="As it was").click()


def test_a_photo_speaks_in_sync_with_its_sound(portrait: Page, tmp_path: Path) -> None:
    motion = curves(portrait, tmp_path)
    gaps = load_head().lip_gap_mm(motion.over(ARKIT_NAMES).weights)
    span = range(20, 56)
    seen = []
    for frame in span:
        portrait.evaluate(TO, (frame + 0.5) / float(motion.fps))
        seen.append(portrait.evaluate(_MOUTH, ["player", 0.5]))
    portrait.screenshot(path=tmp_path / "photo.png")
    apart = np.abs(np.array(seen) - seen[gaps[span.start : span.stop].argmin()]).mean(axis=1)
    late = {lag: np.corrcoef(apart, gaps[lag + np.array(span)])[0, 1] for lag in range(-4, 5)}
    assert late[0] > 0.6, late
    assert abs(max(late, key=lambda lag: late[lag])) <= 1, late
    with portrait.expect_download() as waiting:
        portrait.get_by_role("button", name=".mp4 video").click()
    assert waiting.value.suggested_filename == "my line.mp4"
    waiting.value.save_as(tmp_path / "film.mp4")
    sound, voice = (Speech.load(one).waveform for one in (tmp_path / "film.mp4", DEMO_VOICE))
    reach = SAMPLE_RATE // 10
    middle = voice[reach : 2 * SAMPLE_RATE]
    found = np.correlate(sound[: 2 * SAMPLE_RATE + reach], middle, "valid").argmax()
    assert abs(found - reach) <= SAMPLE_RATE // 100, "the sound of the video is where it was"


def test_a_photo_fits_a_narrow_window(portrait: Page, tmp_path: Path) -> None:
    portrait.set_viewport_size({"width": 380, "height": 700})
    portrait.screenshot(path=tmp_path / "narrow.png")
    assert portrait.evaluate("document.documentElement.scrollWidth") == 380
    box = portrait.locator("#player").bounding_box()
    assert box is not None
    assert box["width"] == 380
    portrait.set_viewport_size({"width": 1280, "height": 800})


def test_what_is_drawn_can_be_cancelled(portrait: Page, server: Server) -> None:
    portrait.locator("input[name=jaw]").fill("0.5")
    portrait.wait_for_selector("#stage.busy #cancel")
    portrait.keyboard.press("Escape")
    portrait.wait_for_selector("#stage:not(.busy)")
    assert portrait.inner_text("#state") == "Cancelled."
    until(lambda: server.ask("GET", "/v1/health").data["running"] == 0, 60)
    assert portrait.locator("#stage.film").count() == 1, "what was there is there"


def test_a_picture_without_a_face_is_told_in_a_sentence(portrait: Page) -> None:
    done, sky = cv2.imencode(".jpg", np.full((200, 200, 3), 200, np.uint8))
    assert done
    portrait.locator("#file").set_input_files(picture("sky.jpg", sky.tobytes()))
    portrait.wait_for_selector("#state.wrong", timeout=60_000)
    told = portrait.inner_text("#state")
    assert "The picture" in told
    assert "face" in told
    assert portrait.locator("#downloads").is_hidden()

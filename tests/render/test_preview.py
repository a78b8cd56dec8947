"""Previews and contact sheets."""

from __future__ import annotations

import threading
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from dreamtalk_core.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.errors import RenderError
from dreamtalk_core.motion import Motion
from dreamtalk_core.render.preview import contact_sheet, render_preview


def motion(frames: int = 12, fps: str = "25") -> Motion:
    weights = np.zeros((frames, 52), np.float32)
    weights[:, INDEX["jawOpen"]] = np.linspace(0, 0.8, frames)
    turn = np.zeros((frames, 3), np.float32)
    turn[:, 1] = np.linspace(-10, 10, frames)
    return Motion(ARKIT_NAMES, weights, fps, turn)  # type: ignore[arg-type]


def test_preview_has_every_frame_in_order(tmp_path: Path, demo_voice: Path) -> None:
    path = tmp_path / "Vorschau é.mp4"
    steps: list[tuple[int, int]] = []
    moving = motion(fps="24000/1001")
    render_preview(
        moving, path, demo_voice, size=128, progress=lambda done, total: steps.append((done, total))
    )
    assert steps == [(i, 12) for i in range(1, 13)]
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert video.average_rate == Fraction(24000, 1001)
        assert (video.width, video.height) == (128, 128)
        assert video.duration * video.time_base == moving.duration
        assert abs(audio.duration * audio.time_base - moving.duration) < Fraction(1, 8000)
        pictures = [
            frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)
        ]
    assert len(pictures) == 12
    # The head turns one way all the time: pictures differ more the further apart they are.
    change = [np.abs(picture - pictures[0]).mean() for picture in pictures]
    assert change[11] > change[6] > change[2] > 0


def test_cancelling_leaves_nothing(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 3:
            raise InterruptedError("stop")

    before = threading.active_count()
    with pytest.raises(Exception, match="stop"):
        render_preview(motion(40), tmp_path / "v.mp4", size=96, progress=stop)
    assert list(tmp_path.iterdir()) == []
    assert threading.active_count() <= before


def test_other_channels_do_not_matter(tmp_path: Path) -> None:
    some = Motion(("jawOpen", "extra"), np.full((3, 2), 0.5, np.float32), Fraction(25))
    render_preview(some, tmp_path / "v.mp4", size=64)
    assert (tmp_path / "v.mp4").stat().st_size > 0


def test_contact_sheet(tmp_path: Path) -> None:
    path = tmp_path / "Übersicht 表.png"
    contact_sheet(motion(), [0.0, 0.2, 0.47, 9.0], path, columns=3, size=96)
    with av.open(str(path)) as picture:
        sheet = next(picture.decode(video=0)).to_ndarray(format="rgb24")
    assert sheet.shape == (2 * 96, 3 * 96, 3)
    cells = [sheet[:96, :96], sheet[:96, 96:192], sheet[:96, 192:]]
    # They differ because the head moves.
    assert np.abs(cells[0].astype(int) - cells[2]).mean() > 2
    # Past the end the last frame is held; unused cells are plain.
    assert np.abs(cells[2].astype(int) - sheet[96:, :96]).max() == 0
    assert sheet[96:, 96:].std() == 0


@pytest.mark.parametrize(("times", "columns"), [([], 3), ([0.1], 0)])
def test_impossible_sheets(tmp_path: Path, times: list[float], columns: int) -> None:
    with pytest.raises(RenderError, match="contact sheet"):
        contact_sheet(motion(), times, tmp_path / "s.png", columns)
    assert list(tmp_path.iterdir()) == []

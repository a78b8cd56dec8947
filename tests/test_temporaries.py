"""Whose half-made files are, what is swept, and swaps that are killed at every step."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from threading import Timer

import numpy as np
import pytest
from numpy.typing import NDArray

from dreamtalk_core import temporaries
from dreamtalk_core.errors import WriteError
from dreamtalk_core.files import atomic_write
from dreamtalk_core.temporaries import is_left_over, new_folder, new_name, remove, swap, sweep, tidy

posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def gone() -> int:
    """The number of a process that has ended."""
    child = subprocess.Popen([sys.executable, "-S", "-c", ""])
    child.wait()
    return child.pid


def left_over(suffix: str = "") -> str:
    """The name that a process which has ended gave a temporary."""
    return new_name(Path(), suffix).name.replace(f"-{os.getpid()}-", f"-{gone()}-")


def test_only_what_this_machine_has_left_is_left_over() -> None:
    mine = new_name(Path(), ".csv").name
    assert not is_left_over(mine)
    assert is_left_over(left_over(".csv"))
    assert is_left_over(left_over(".c\nsv"))
    start, host, rest = mine.split("-", 2)
    assert not is_left_over(left_over().replace(host, "0" * 8)), "another machine's"
    # A process of today may have the number of one of yesterday.
    number, _, more = rest.split("-", 2)
    assert is_left_over(f"{start}-{host}-{number}-00000000-{more}")
    assert not is_left_over(mine.replace(f"-{os.getpid()}-", f"-{os.getppid()}-"))
    assert not is_left_over(mine.replace(f"-{os.getpid()}-", f"-{10**30}-"))
    for other in (".dreamtalk-list", ".take-1234abcd.csv", "take.csv", mine[1:]):
        assert not is_left_over(other)


def test_the_next_one_who_writes_there_sweeps(tmp_path: Path) -> None:
    (tmp_path / left_over(".csv")).write_text("half", encoding="utf-8")
    (tmp_path / left_over()).mkdir()
    (tmp_path / left_over() / "new").mkdir(parents=True)
    alive = tmp_path / new_name(Path(), ".csv").name
    alive.touch()
    with atomic_write(tmp_path / "take.csv") as temporary:
        temporary.write_text("whole", encoding="utf-8")
    assert sorted(tmp_path.iterdir()) == sorted([alive, tmp_path / "take.csv"])


def test_what_cannot_be_swept_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporaries, "_PATIENCE", 0.0)
    monkeypatch.setattr(os, "unlink", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    old = tmp_path / left_over()
    old.touch()
    with atomic_write(tmp_path / "take.csv") as temporary:
        temporary.write_text("whole", encoding="utf-8")
    assert sorted(tmp_path.iterdir()) == sorted([old, tmp_path / "take.csv"])


def refuse(*_: object, **__: object) -> None:
    raise PermissionError(13, "Access is denied")


def test_at_its_end_a_process_takes_its_own_away(tmp_path: Path) -> None:
    (tmp_path / "swap").mkdir()
    new_name(tmp_path, ".csv").touch()
    new_folder(tmp_path)
    go, other = begin(tmp_path / "swap"), tmp_path / left_over()
    other.touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(temporaries, "_release", lambda claim: None)
        go()
    assert list((tmp_path / "swap").glob(".dreamtalk-swap-*"))
    tidy()
    assert sorted(tmp_path.iterdir()) == sorted([other, tmp_path / "swap"])
    assert content(tmp_path / "swap") == {**NEW, "b.1": "another's"}


@pytest.mark.usefixtures("like_windows")
class TestFilesThatAreOpen:
    def test_a_reader_who_lets_go_in_time_is_waited_for(self, tmp_path: Path) -> None:
        target = tmp_path / "take.csv"
        target.write_text("old", encoding="utf-8")
        reader = target.open(encoding="utf-8")
        with atomic_write(target) as temporary:
            temporary.write_text("new", encoding="utf-8")
            Timer(0.2, reader.close).start()
        assert target.read_text(encoding="utf-8") == "new"
        assert list(tmp_path.iterdir()) == [target]

    def test_one_who_does_not_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(temporaries, "_PATIENCE", 0.1)
        target = tmp_path / "take.csv"
        target.write_text("old", encoding="utf-8")
        with (
            target.open(encoding="utf-8") as reader,
            pytest.raises(WriteError, match="open in another program"),
            atomic_write(target) as temporary,
        ):
            temporary.write_text("new", encoding="utf-8")
        assert reader.closed
        assert target.read_text(encoding="utf-8") == "old"
        assert list(tmp_path.iterdir()) == [target]

    def test_removing_never_fails(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(temporaries, "_PATIENCE", 0.0)
        path = tmp_path / "sound.wav"
        with path.open("wb"):
            remove(path)
            assert path.exists()
        remove(path)
        remove(path)
        assert not path.exists()


OLD, NEW = {"a.1": "old", "a.2": "old", "a.3": "old"}, {"a.1": "new", "a.2": "new"}


def content(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def begin(folder: Path) -> Callable[[], None]:
    """A folder with an old set of files; returns what swaps them for a new one."""
    for name, text in {**OLD, "b.1": "another's"}.items():
        (folder / name).write_text(text, encoding="utf-8")
    new = new_folder(folder)
    for name, text in NEW.items():
        (new / name).write_text(text, encoding="utf-8")
    return lambda: swap(new, "a", lambda: list(folder.glob("a.*")))


def test_a_swap(tmp_path: Path) -> None:
    begin(tmp_path)()
    assert content(tmp_path) == {**NEW, "b.1": "another's"}


def steps(monkeypatch: pytest.MonkeyPatch, at: int, action: Callable[[], None]) -> None:
    """Before the step of this number (a move, a rename, a deletion), something happens."""
    count = 0

    def counted(function: Callable[..., None]) -> Callable[..., None]:
        def call(*arguments: object, **more: object) -> None:
            nonlocal count
            count += 1
            if count == at:
                action()
            function(*arguments, **more)

        return call

    for name in ("replace", "rename", "unlink", "rmdir"):
        monkeypatch.setattr(os, name, counted(getattr(os, name)))
    # Python 3.10 has copies of the functions.
    monkeypatch.setattr(Path, "rename", lambda path, to: os.rename(path, to))  # noqa: PTH104


LAST = 7
"""Steps of the swap above until all is in its place: claim, three aside, rename, two placed."""


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("at", range(1, LAST + 1))
def test_a_swap_that_fails_changes_nothing(
    at: int, error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise error

    go = begin(tmp_path)
    with monkeypatch.context() as patch:
        steps(patch, at, fail)
        with pytest.raises(type(error)):
            go()
    for half in tmp_path.glob(".dreamtalk-*"):
        assert at == 1, "before that it is its maker's"
        remove(half)
    assert content(tmp_path) == {**OLD, "b.1": "another's"}


@posix
@pytest.mark.parametrize("at", range(1, LAST + 8))
def test_a_swap_that_is_killed_is_done_or_undone(
    at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = os.fork()
    if child == 0:
        # What the parent's name would be does not count: it has another number.
        steps(monkeypatch, at, lambda: os._exit(9))
        begin(tmp_path)()
        os._exit(0)
    assert os.waitpid(child, 0)[0] == child
    sweep.cache_clear()
    sweep(tmp_path)
    whole = OLD if at <= 5 else NEW
    assert content(tmp_path) == {**whole, "b.1": "another's"}


@posix
@pytest.mark.parametrize("at", range(1, 9))
@pytest.mark.parametrize("first", [3, 6])
def test_whoever_finishes_it_may_be_killed_as_well(
    first: int, at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for turn, killed in enumerate((first, at)):
        if (child := os.fork()) == 0:
            steps(monkeypatch, killed, lambda: os._exit(9))
            (partial(sweep, tmp_path) if turn else begin(tmp_path))()
            os._exit(0)
        os.waitpid(child, 0)
    sweep(tmp_path)
    assert content(tmp_path) == {**(OLD if first <= 5 else NEW), "b.1": "another's"}


@posix
def test_swaps_of_one_name_wait_for_each_other(tmp_path: Path) -> None:
    names = [f"a.{n}" for n in range(40)]
    children = []
    for writer in "xyz":
        if (child := os.fork()) == 0:
            for _ in range(5):
                new = new_folder(tmp_path)
                for name in names:
                    (new / name).write_text(writer, encoding="utf-8")
                swap(new, "a", lambda: list(tmp_path.glob("a.*")))
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    found = content(tmp_path)
    assert sorted(found) == sorted(names)
    assert len(set(found.values())) == 1


def test_a_swap_that_does_not_end_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(temporaries, "_SWAP_PATIENCE", 0.1)
    go = begin(tmp_path)

    def never() -> list[Path]:
        with pytest.raises(TimeoutError, match="delete"):
            go()
        return []

    new = new_folder(tmp_path)
    swap(new, "A", never)


@pytest.mark.usefixtures("like_windows")
@pytest.mark.parametrize("name", ["out.mp4", "out.mov", "out.####.png"])
def test_a_video_that_is_cancelled_lets_go_of_its_sound(name: str, tmp_path: Path) -> None:
    """It may be a temporary of a host, which deletes it while the exception is on its way."""
    import shutil
    from fractions import Fraction

    from dreamtalk_core.assets import DEMO_VOICE
    from dreamtalk_core.render.output.video import write_video

    sound = Path(shutil.copy(DEMO_VOICE, tmp_path))

    def frames() -> Iterator[NDArray[np.uint8]]:
        yield np.zeros((64, 64, 3), np.uint8)
        yield np.zeros((64, 64, 3), np.uint8)
        raise KeyboardInterrupt

    try:
        write_video(tmp_path / name, frames(), Fraction(25), sound)
    except KeyboardInterrupt:
        sound.unlink()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.usefixtures("like_windows")
def test_tracking_that_is_cancelled_lets_go_of_its_video(tmp_path: Path) -> None:
    from fractions import Fraction

    from dreamtalk_core.render.output.video import write_video
    from dreamtalk_core.tracking import track_faces

    video = tmp_path / "video.mp4"
    write_video(video, [np.zeros((64, 64, 3), np.uint8)] * 40, Fraction(25))

    def cancel(done: int, total: int) -> None:
        raise KeyboardInterrupt

    try:
        track_faces(video, progress=cancel)
    except KeyboardInterrupt:
        video.unlink()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.usefixtures("like_windows")
@pytest.mark.parametrize(
    "name", ["a.csv", "a.json", "a.npz", "a.glb", "a.mp4", "a.mov", "a.##.png", "a.##.exr"]
)
def test_writers_close_what_they_write(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fractions import Fraction

    from dreamtalk_core import Motion
    from dreamtalk_core.assets import DEMO_VOICE
    from dreamtalk_core.motion.arkit import ARKIT_NAMES
    from dreamtalk_core.render.output.video import write_video

    monkeypatch.setattr(temporaries, "_PATIENCE", 0.0)
    for _ in range(2):  # the second one replaces the first
        if name.endswith((".mp4", ".mov", ".png", ".exr")):
            write_video(
                tmp_path / name, [np.zeros((64, 64, 3), np.uint8)] * 3, Fraction(25), DEMO_VOICE
            )
        else:
            Motion(ARKIT_NAMES, np.zeros((3, 52)), 25).save(tmp_path / name)
    assert not list(tmp_path.glob(".*"))
    assert len(list(tmp_path.iterdir())) == (4 if "#" in name else 1)

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from dreamtalk_core.errors import DreamTalkError, MotionError
from dreamtalk_core.files import atomic_write, unportable


def test_replaces_the_old_file_only_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "take é 1.csv"
    target.write_text("old", encoding="utf-8")
    with atomic_write(target) as temporary:
        assert temporary.parent == target.parent
        assert temporary.suffix == ".csv"
        temporary.write_text("new", encoding="utf-8")
        assert target.read_text(encoding="utf-8") == "old"
    assert target.read_text(encoding="utf-8") == "new"
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


@pytest.mark.parametrize("failure", [MotionError("no"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, failure: BaseException
) -> None:
    target = tmp_path / "take.csv"
    target.write_text("old", encoding="utf-8")

    def write_half() -> None:
        with atomic_write(target) as temporary:
            temporary.write_text("half", encoding="utf-8")
            raise failure

    with pytest.raises(type(failure)):
        write_half()
    assert target.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    with pytest.raises(DreamTalkError, match="No space"), atomic_write(tmp_path / "a.csv"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(DreamTalkError, match="does not exist"),
        atomic_write(tmp_path / "gone" / "a.csv"),
    ):
        pytest.fail("the body must not run")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DreamTalkError, match="is a folder"), atomic_write(tmp_path):
        pytest.fail("the body must not run")


def test_very_long_names_fit(tmp_path: Path) -> None:
    target = tmp_path / ("ä" * 120 + ".npz")
    with atomic_write(target) as temporary:
        temporary.write_bytes(b"x")
    assert target.read_bytes() == b"x"


@pytest.mark.parametrize(
    "name",
    ["con", "NUL.csv", "aux.x", "com1", "lpt9.tar.gz", "Prn .csv", "com\xb9.csv", "conin$.csv"],
)
def test_names_of_devices_are_refused_everywhere(name: str, tmp_path: Path) -> None:
    with pytest.raises(DreamTalkError, match="device"), atomic_write(tmp_path / name):
        pytest.fail("the body must not run")


@pytest.mark.parametrize("name", ["take.", "take.csv ", "..."])
def test_names_that_windows_would_change_are_refused(name: str) -> None:
    assert unportable(name)


@pytest.mark.parametrize("name", ["console.csv", "com10.csv", "a.con", "nul1", ".csv", "con1.csv"])
def test_names_that_only_look_so_are_not(name: str) -> None:
    assert not unportable(name)

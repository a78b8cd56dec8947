from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from dreamtalk_core import installing
from dreamtalk_core.installing import (
    PYTORCH_CPU,
    Installation,
    InstallationError,
    Step,
    pytorch_step,
)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def finish(installation: Installation) -> None:
    until = time.monotonic() + 60
    while not installation.poll():
        assert time.monotonic() < until
        time.sleep(0.01)


class TestPyTorch:
    def test_without_a_card_the_makers_index_is_asked_first(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(installing.sys, "platform", "linux")
        monkeypatch.setattr(installing.shutil, "which", lambda name: None)
        from_pytorch, usual = pytorch_step(
            "python", ["torch==2.13.0"], "--constraint", "pins.txt"
        ).commands
        assert from_pytorch[from_pytorch.index("--index-url") + 1] == PYTORCH_CPU
        assert "--index-url" not in usual
        for command in (from_pytorch, usual):
            assert command[-3:] == ["--constraint", "pins.txt", "torch==2.13.0"]

    @pytest.mark.parametrize(("platform", "card"), [("linux", True), ("darwin", False)])
    def test_elsewhere_pip_chooses(
        self, monkeypatch: pytest.MonkeyPatch, platform: str, card: bool
    ) -> None:
        monkeypatch.setattr(installing.sys, "platform", platform)
        monkeypatch.setattr(installing.shutil, "which", lambda name: name if card else None)
        (usual,) = pytorch_step("python", ["torch"]).commands
        assert "--index-url" not in usual


class TestInstallation:
    def test_steps_run_in_order_each_until_a_command_goes_well(self, tmp_path: Path) -> None:
        log = tmp_path / "ein Ordner" / "setup.log"
        steps = [
            Step(
                "First", [python("print('one'); raise SystemExit(1)"), python("print('two')")], ""
            ),
            Step("Second", [python("print('three')"), python("print('never')")], ""),
        ]
        steps[0] = Step(steps[0].label, steps[0].commands, "", "First, the other way")
        installation = Installation(steps, log, os.environ)
        seen = [installation.message]
        while not installation.poll():
            seen.append(installation.message)
        assert list(dict.fromkeys(seen)) == ["First", "First, the other way", "Second"]
        assert log.read_text(encoding="utf-8").split() == ["one", "two", "three"]

    def test_a_step_that_fails_says_what_to_do_and_how_the_log_ends(self, tmp_path: Path) -> None:
        noise = (
            "WARNING: Retrying (Retry(total=0)) after connection broken\n"
            "To fix this you could try to:\n"
            "1. loosen the range of package versions you've specified\n"
            "2. remove package versions to allow pip attempt to solve the dependency conflict\n\n"
            "ERROR: ResolutionImpossible: for help visit https://pip.pypa.io/"
        )
        code = f"print('cause'); print({noise!r}); raise SystemExit(2)"
        steps = [
            Step("First", [python(code), python(code)], "Try again."),
            Step("Second", [python("print('never')")], ""),
        ]
        with pytest.raises(InstallationError) as caught:
            finish(Installation(steps, tmp_path / "log", os.environ))
        assert str(caught.value) == "Try again.\ncause\ncause"

    def test_message_names_what_is_fetched_and_how_much_has_been(self, tmp_path: Path) -> None:
        printed = (
            "Collecting numpy\n"
            "  Downloading numpy-2.5.5-cp313-cp313-manylinux_2_27_x86_64.whl (15.7 MB)\n"
            "Collecting torch==2.13.0\n"
            "  Downloading https://somewhere/whl/cpu/torch-2.13.0%2Bcpu-cp313.whl (190.2 MB)\n"
        )
        steps = [Step("Fetching", [python(f"print({printed!r})")], "")]
        installation = Installation(steps, tmp_path / "log", os.environ)
        assert installation.message == "Fetching"
        finish(installation)
        assert installation.message == "Fetching: torch (206 MB so far)"

    def test_cancelled_it_ends_what_runs(self, tmp_path: Path) -> None:
        begun, ended = tmp_path / "begun", tmp_path / "ended"
        code = (
            f"import pathlib, time; pathlib.Path({str(begun)!r}).touch(); time.sleep(60); "
            f"pathlib.Path({str(ended)!r}).touch()"
        )
        installation = Installation([Step("", [python(code)], "")], tmp_path / "log", os.environ)
        while not begun.exists():
            assert not installation.poll()
        before = time.monotonic()
        installation.cancel()
        assert time.monotonic() - before < 30
        assert installation.poll()
        assert not ended.exists()

    def test_a_program_that_is_not_there(self, tmp_path: Path) -> None:
        steps = [Step("", [[str(tmp_path / "nothing")]], "")]
        with pytest.raises(InstallationError, match="could not be started"):
            Installation(steps, tmp_path / "log", os.environ)

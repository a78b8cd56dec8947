"""What run.py decides, without network and without making an environment."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.integration import hosts
from tests.pipeline.live.waiting import until

ROOT = Path(__file__).resolve().parents[1]


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("dreamtalk_run", ROOT / "run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # dataclasses look their module up there.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


run = load()


def interpreter(version: tuple[int, int] = (3, 11), **changes: Any) -> Any:
    fields = {"path": "python", "version": version, "is_64_bit": True, "can_make_venv": True}
    return run.Interpreter(**{**fields, **changes})


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what run.py looks at, in a folder with a space and an umlaut."""
    root = tmp_path / "räum e"
    root.mkdir()
    for name in ("pyproject.toml", "constraints.txt"):
        (root / name).write_bytes((ROOT / name).read_bytes())
    venv = root / ".venv-run"
    for name, value in (
        ("ROOT", root),
        ("VENV", venv),
        ("STAMP", venv / "setup.json"),
        ("CONSTRAINTS", root / "constraints.txt"),
        ("OUT", root / "out"),
    ):
        monkeypatch.setattr(run, name, value)
    # Defaults are bound when the functions are made.
    monkeypatch.setattr(run, "fingerprint", lambda python: fingerprint(python, root))
    monkeypatch.setattr(run, "choose_interpreter", interpreter)
    monkeypatch.setattr(run, "answers", lambda python: True)
    return root


fingerprint = run.fingerprint


class Commands(list[list[str]]):
    """Takes the place of `run.run`: keeps the commands, makes what `python -m venv` would make."""

    fail_on: str = ""

    def __call__(
        self, command: Sequence[str], env: object = None, failure: str | None = None
    ) -> int:
        self.append(list(command))
        if "venv" in command:
            Path(command[-1]).mkdir()
        if self.fail_on and self.fail_on in command:
            if failure is not None:
                raise run.SetupError(failure)
            return 1
        return 0

    def install(self, steps: Sequence[Any], log: Path) -> None:
        """Takes the place of `run.install`: the last of each step's commands goes well."""
        for step in steps:
            self(step.commands[-1], failure=step.failure)

    @property
    def made_venv(self) -> bool:
        return any("venv" in command for command in self)


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Commands:
    recorded = Commands()
    monkeypatch.setattr(run, "run", recorded)
    monkeypatch.setattr(run, "install", recorded.install)
    return recorded


class TestInterpreter:
    @pytest.mark.parametrize(
        ("version", "fits"),
        [((3, 9), False), ((3, 10), True), ((3, 14), True), ((3, 15), False), ((2, 7), False)],
    )
    def test_versions(self, version: tuple[int, int], fits: bool) -> None:
        assert interpreter(version).fits is fits

    def test_32_bit_does_not_fit(self) -> None:
        assert not interpreter(is_64_bit=False).fits

    def test_this_python_answers(self) -> None:
        found = run.ask([sys.executable])
        assert found.version == sys.version_info[:2]
        assert Path(found.path).exists()

    def test_no_python_does_not(self, tmp_path: Path) -> None:
        assert run.ask([str(tmp_path / "nothing here")]) is None

    def test_this_one_is_asked_first(self) -> None:
        assert run.candidates()[0] == [sys.executable]
        assert ["python3.13"] in run.candidates()

    def test_those_of_pyenv_are_known(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its own command python3.12 answers only where 3.12 is the chosen one."""
        program = tmp_path / "versions" / "3.12.1" / "bin" / "python"
        program.parent.mkdir(parents=True)
        program.touch()
        monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
        commands = run.candidates(windows=False)
        assert commands.index([str(program)]) == commands.index(["python3.12"]) + 1

    def test_windows_has_the_launcher(self) -> None:
        assert ["py", "-3.12"] in run.candidates(windows=True)
        assert ["py", "-3.12"] not in run.candidates(windows=False)

    def test_takes_the_first_that_fits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        answers = {sys.executable: interpreter((3, 15)), "python3.12": interpreter((3, 12))}
        monkeypatch.setattr(run, "ask", lambda command: answers.get(command[0]))
        assert run.choose_interpreter().version == (3, 12)

    def test_prefers_one_that_makes_environments(self, monkeypatch: pytest.MonkeyPatch) -> None:
        answers = {
            sys.executable: interpreter((3, 13), can_make_venv=False),
            "python3.11": interpreter((3, 11)),
        }
        monkeypatch.setattr(run, "ask", lambda command: answers.get(command[0]))
        assert run.choose_interpreter().version == (3, 11)

    def test_none_fits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(run, "ask", lambda command: interpreter((3, 9)))
        with pytest.raises(run.SetupError, match=r"3\.10 to 3\.14"):
            run.choose_interpreter()


class TestDebian:
    def test_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(run, "privileges", lambda: None)
        with pytest.raises(run.SetupError, match=r"apt-get install python3\.11-venv"):
            run.install_venv_module(interpreter(can_make_venv=False))

    def test_installs_it_as_root(self, monkeypatch: pytest.MonkeyPatch, commands: Commands) -> None:
        monkeypatch.setattr(run, "privileges", list)
        monkeypatch.setattr(run.shutil, "which", lambda name: name)
        run.install_venv_module(interpreter(can_make_venv=False))
        assert commands[-1][0] == "apt-get"
        assert commands[-1][-1] == "python3.11-venv"

    def test_sudo_only_in_ci(self, monkeypatch: pytest.MonkeyPatch, commands: Commands) -> None:
        monkeypatch.setattr(run.os, "geteuid", lambda: 1000, raising=False)
        monkeypatch.setattr(run.shutil, "which", lambda name: name)
        monkeypatch.delenv("CI", raising=False)
        assert run.privileges() is None
        monkeypatch.setenv("CI", "true")
        assert run.privileges() == ["sudo", "-n"]


class TestStamp:
    stamp = run.Stamp("key", "torch==1", ("dev",))

    def test_round_trip(self, tmp_path: Path) -> None:
        self.stamp.write(tmp_path / "setup.json")
        assert run.Stamp.read(tmp_path / "setup.json") == self.stamp
        assert [path.name for path in tmp_path.iterdir()] == ["setup.json"]

    @pytest.mark.parametrize("content", [None, "", "{", "[]", "{}", '{"key": 1}', "\udcff"])
    def test_anything_else_is_no_stamp(self, tmp_path: Path, content: str | None) -> None:
        path = tmp_path / "setup.json"
        if content is not None:
            path.write_text(content, encoding="utf-8", errors="surrogateescape")
        assert run.Stamp.read(path) is None

    def test_more_extras_cover_fewer(self) -> None:
        demo = run.Stamp("key", "torch==1", ())
        assert self.stamp.covers(demo)
        assert not demo.covers(self.stamp)
        assert demo.matches(self.stamp)

    def test_another_torch_covers_nothing(self) -> None:
        assert not self.stamp.covers(run.Stamp("key", "torch==2", ("dev",)))

    def test_fingerprint(self, project: Path, tmp_path: Path) -> None:
        before = fingerprint("3.11", project)
        assert fingerprint("3.11", project) == before
        assert fingerprint("3.12", project) != before

        pyproject = project / "pyproject.toml"
        pyproject.write_bytes(pyproject.read_bytes().replace(b"\n", b"\r\n"))
        assert fingerprint("3.11", project) == before, "line ends do not matter"
        pyproject.write_bytes(pyproject.read_bytes() + b"# changed")
        assert fingerprint("3.11", project) != before

    def test_fingerprint_knows_the_place(self, project: Path) -> None:
        before = fingerprint("3.11", project)
        moved = project.rename(project.with_name("elsewhere"))
        assert fingerprint("3.11", moved) != before


class TestTorch:
    def test_is_pinned(self) -> None:
        text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
        assert run.pinned_torch(text).startswith("torch==")
        assert "torch==" not in run.without_torch(text)
        assert "ruff==" in run.without_torch(text)

    def test_only_torch_itself_is_meant(self) -> None:
        assert (
            run.without_torch("torchmetrics==1\ntorch==2\n# torch\n")
            == "torchmetrics==1\n# torch\n"
        )

    @pytest.mark.parametrize("text", ["", "torch==1\ntorch==2\n"])
    def test_must_be_pinned_once(self, text: str) -> None:
        with pytest.raises(run.SetupError, match="exactly once"):
            run.pinned_torch(text)

    def test_a_wheel_file_is_found_from_anywhere(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "torch.whl").touch()
        monkeypatch.chdir(tmp_path)
        assert Path(run.absolute("torch.whl")).is_absolute()
        assert run.absolute("torch==2.12.1") == "torch==2.12.1"


class TestPrepare:
    def test_from_nothing(self, project: Path, commands: Commands) -> None:
        run.prepare(["dev"], None)
        assert commands.made_venv
        assert run.pinned_torch((project / "constraints.txt").read_text("utf-8")) in commands[1]
        assert commands[-1][-1] == ".[dev]"
        assert run.STAMP.exists()

    def test_again_does_nothing(self, project: Path, commands: Commands) -> None:
        run.prepare(["dev"], None)
        commands.clear()
        run.prepare(["dev"], None)
        run.prepare([], None)
        assert not commands

    def test_the_demo_then_the_tests(self, project: Path, commands: Commands) -> None:
        run.prepare([], None)
        commands.clear()
        run.prepare(["dev"], None)
        assert commands
        assert not commands.made_venv

    def test_interrupted(self, project: Path, commands: Commands) -> None:
        commands.fail_on = "--editable"
        with pytest.raises(run.SetupError, match="run it again"):
            run.prepare([], None)
        assert not run.STAMP.exists()
        leftover = run.VENV / "leftover"
        leftover.touch()
        commands.clear()
        commands.fail_on = ""
        run.prepare([], None)
        assert commands.made_venv
        assert not leftover.exists()

    def test_interrupted_while_adding(self, project: Path, commands: Commands) -> None:
        run.prepare([], None)
        commands.fail_on = "--editable"
        with pytest.raises(run.SetupError):
            run.prepare(["dev"], None)
        assert not run.STAMP.exists()

    def test_the_project_changed(self, project: Path, commands: Commands) -> None:
        run.prepare([], None)
        commands.clear()
        with (project / "pyproject.toml").open("a", encoding="utf-8") as file:
            file.write("# changed\n")
        run.prepare([], None)
        assert commands.made_venv

    def test_its_python_is_gone(
        self, project: Path, commands: Commands, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run.prepare([], None)
        commands.clear()
        monkeypatch.setattr(run, "answers", lambda python: False)
        run.prepare([], None)
        assert commands.made_venv

    def test_a_chosen_torch_is_remembered(self, project: Path, commands: Commands) -> None:
        run.prepare([], "torch==2.12.1+cu130")
        assert "torch==2.12.1+cu130" in commands[1]
        assert "torch==" not in (run.VENV / "constraints.txt").read_text(encoding="utf-8")
        commands.clear()
        run.prepare([], None)
        assert not commands

    def test_a_folder_in_use(
        self, project: Path, commands: Commands, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run.VENV.mkdir()

        def refuse(path: Path) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(run.shutil, "rmtree", refuse)
        with pytest.raises(run.SetupError, match="Close the programs"):
            run.prepare([], None)


class TestInstall:
    """With real processes, in place of pip."""

    @staticmethod
    def step(code: str, *, failure: str = "It went wrong.") -> Any:
        return run.Step("Working", [[sys.executable, "-c", code]], failure)

    def test_prints_what_it_does_and_leaves_the_rest_in_the_log(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        log = project / "setup.log"
        lines = r"  Downloading big-2.0-cp311-x.whl (30.5 MB)\n  Downloading small-1-y.whl (500 kB)"
        run.install([self.step(f"print('{lines}')"), self.step("print('noise')")], log)
        shown = capsys.readouterr().out
        assert shown.startswith("  Working\n  31 MB in ")
        assert "noise" not in shown
        assert "noise" in log.read_text(encoding="utf-8")

    def test_failure_shows_the_end_of_the_log(self, project: Path) -> None:
        code = "print('\\n'.join(map(str, range(100)))); raise SystemExit('no such package')"
        with pytest.raises(run.SetupError) as caught:
            run.install([self.step(code)], project / "setup.log")
        message = str(caught.value)
        assert message.startswith("It went wrong.\n")
        assert "\n99\nno such package\n" in message
        assert "\n50\n" not in message
        assert str(project / "setup.log") in message

    def test_the_size_is_printed_before(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for cuda_for_nothing, message in ((True, f"about {run.CPU_MEGABYTES} MB"), (False, " MB")):
            monkeypatch.setattr(run, "takes_cuda_for_nothing", lambda it=cuda_for_nothing: it)
            run.announce(True)
            assert message in capsys.readouterr().out


class TestCommands:
    def test_demo(self, tmp_path: Path) -> None:
        command, portrait = run.demo_commands(Path("dreamtalk"), tmp_path)
        assert command[:2] == ["dreamtalk", "animate"]
        assert Path(command[2]) == run.VOICE
        assert run.VOICE.is_file()
        assert command.count("-o") == 2
        assert portrait[:2] == ["dreamtalk", "render"]
        assert Path(portrait[2]) == run.PORTRAIT
        assert run.PORTRAIT.is_file()

    def test_demo_says_where(
        self, project: Path, commands: Commands, capsys: pytest.CaptureFixture[str]
    ) -> None:
        run.OUT.mkdir()
        for name in ("demo.mp4", "portrait.mp4", "demo.csv", "demo.glb"):
            (run.OUT / name).touch()
        assert run.demo(None) == 0
        assert str(run.OUT) in capsys.readouterr().out

    def test_demo_passes_failure_on(self, project: Path, commands: Commands) -> None:
        for command in ("animate", "render"):
            commands.fail_on = command
            assert run.demo(None) == 1

    def test_the_page(self, project: Path, commands: Commands) -> None:
        assert run.page(None) == 0
        assert any(".[serve]" in argument for argument in commands[-2])
        assert commands[-1][1:3] == ["serve", "--page"]

    @pytest.mark.slow
    @pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to send")
    def test_what_is_stopped_may_tidy_up(self, project: Path, tmp_path: Path) -> None:
        """What takes a second to delete its files has that second."""
        code = (
            "import pathlib, signal, sys, time\n"
            "place = pathlib.Path(sys.argv[1])\n"
            "def end(*_):\n    time.sleep(1); place.unlink(); sys.exit(143)\n"
            "signal.signal(signal.SIGTERM, end)\n"
            "place.touch(); time.sleep(60)\n"
        )
        mark = tmp_path / "begun"
        stop = threading.Thread(
            target=lambda: (until(mark.exists), os.kill(os.getpid(), signal.SIGINT))
        )
        stop.start()
        with pytest.raises(KeyboardInterrupt):
            run.run([sys.executable, "-c", code, str(mark)])
        stop.join()
        assert not mark.exists()

    def test_tests_run_last(self) -> None:
        commands = run.check_commands(Path("python"))
        names = [command[2] for command in commands]
        assert names == ["tests.integration.hosts", "ruff", "ruff", "mypy", "tests.legs", "pytest"]

    def test_a_full_disk_is_said_before_anything_is_fetched(self, tmp_path: Path) -> None:
        hosts.check_disk(tmp_path, 0.001)
        with pytest.raises(hosts.SetupError, match="about 1000000 GB more of disk"):
            hosts.check_disk(tmp_path, 1e6)

    def test_fast_ones_need_no_host(self) -> None:
        commands = run.check_commands(Path("python"), fast=True)
        assert [command[2] for command in commands] == ["ruff", "ruff", "mypy", "pytest"]
        assert commands[-1][-2:] == ["-m", "not host and not slow"]

    @pytest.mark.parametrize("tool", ["ruff", "mypy", "tests.legs", "pytest"])
    def test_one_failure_is_a_failure(
        self, project: Path, commands: Commands, capsys: pytest.CaptureFixture[str], tool: str
    ) -> None:
        commands.fail_on = tool
        assert run.test(None, fast=False) == 1
        assert commands[-1][2] == "pytest"
        assert capsys.readouterr().out.splitlines()[-1].startswith("pytest"), (
            "nothing after pytest's own"
        )

    def test_programs_by_system(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert run.venv_program("dreamtalk", Path("v")).parent.name in ("bin", "Scripts")

    def test_no_other_python_leaks_in(self) -> None:
        cleaned = run.clean_environment({"PYTHONPATH": "x", "VIRTUAL_ENV": "y", "HOME": "z"})
        assert cleaned["HOME"] == "z"
        assert not {"PYTHONPATH", "VIRTUAL_ENV"} & set(cleaned)
        assert cleaned["PIP_USER"] == "0"

    def test_spaces_and_umlauts_arrive_whole(
        self, project: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        code = "import sys, os; print(ascii(sys.argv[1]), ascii(os.path.basename(os.getcwd())))"
        assert run.run([sys.executable, "-c", code, "ä b"]) == 0
        assert capfd.readouterr().out.strip() == r"'\xe4 b' 'r\xe4um e'"

    def test_a_program_that_is_not_there(self, project: Path) -> None:
        with pytest.raises(run.SetupError, match="could not be started"):
            run.run(["no such program"])


@pytest.mark.slow
def test_help_and_wrong_use() -> None:
    for arguments, status in ((["--help"], 0), ([], 2), (["dance"], 2)):
        done = subprocess.run(
            [sys.executable, str(ROOT / "run.py"), *arguments], capture_output=True, check=False
        )
        assert done.returncode == status


def test_errors_are_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(torch: str | None) -> int:
        raise run.SetupError("what to do")

    monkeypatch.setattr(run, "demo", fail)
    assert run.main(["demo"]) == 1
    assert capsys.readouterr().err == "what to do\n"


def test_interrupt(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(torch: str | None) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "demo", interrupt)
    assert run.main(["demo"]) == 130

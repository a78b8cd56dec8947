#!/usr/bin/env python3
"""Set up DreamTalk from a bare Python, then show it or test it.

    python run.py demo    a head and a photo that speak: videos, a CSV and a GLB in out/
    python run.py page    a page for the browser: drop a sound, and a photo, of your own
    python run.py test    lint, format, types, then the tests, in a real ComfyUI and Blender too
    python run.py test --fast    the same without hosts and slow tests: a minute
    python run.py extension    Blender's extension as a zip in out/

Standard library only. The first run makes a virtual environment in `.venv-run` (network, a few
minutes); later runs reuse it and need no network. An environment that is half made, broken, or
made for another version of this project is thrown away and made again.
"""

# The body runs on old Pythons too: one that cannot run DreamTalk must get as far as saying so.
from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from dreamtalk_core.installing import (
    CPU_MEGABYTES,
    CUDA_MEGABYTES,
    PIP,
    Installation,
    InstallationError,
    Step,
    pytorch_step,
    takes_cuda_for_nothing,
)

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv-run"
STAMP = VENV / "setup.json"
CONSTRAINTS = ROOT / "constraints.txt"
VOICE = ROOT / "dreamtalk_core" / "assets" / "demo_voice.flac"
PORTRAIT = VOICE.with_name("demo_portrait.jpg")
OUT = ROOT / "out"

STOP_SECONDS = 10

OLDEST = (3, 10)
NEWEST = (3, 14)

PROBE = (
    "import json, sys, importlib.util as u; "
    "print(json.dumps([list(sys.version_info[:2]), sys.maxsize > 2**32, "
    "getattr(sys, '_base_executable', sys.executable), "
    "all(u.find_spec(name) for name in ('venv', 'ensurepip'))]))"
)


class SetupError(Exception):
    """Something that the user can put right; the message says how."""


@dataclass(frozen=True)
class Interpreter:
    """A Python that was asked about itself."""

    path: str
    version: tuple[int, int]
    is_64_bit: bool
    can_make_venv: bool

    @property
    def fits(self) -> bool:
        return self.is_64_bit and OLDEST <= self.version <= NEWEST

    @property
    def name(self) -> str:
        return "{}.{}".format(*self.version)


@dataclass(frozen=True)
class Stamp:
    """What an environment was made from. It is written last: no stamp, no environment."""

    key: str
    torch: str
    extras: tuple[str, ...]

    def covers(self, wanted: Stamp) -> bool:
        """Is this environment, as it stands, good for what is wanted?"""
        return self.matches(wanted) and set(wanted.extras) <= set(self.extras)

    def matches(self, wanted: Stamp) -> bool:
        """Was it made from the same things, so that extras can be added to it?"""
        return (self.key, self.torch) == (wanted.key, wanted.torch)

    def write(self, path: Path) -> None:
        draft = path.with_name(path.name + ".new")
        draft.write_text(json.dumps(asdict(self)), encoding="utf-8")
        os.replace(draft, path)

    @staticmethod
    def read(path: Path) -> Stamp | None:
        """The stamp at `path`, or None where there is none that can be read."""
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
            return Stamp(str(fields["key"]), str(fields["torch"]), tuple(fields["extras"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None


# ---------------------------------------------------------------------- which Python


def ask(command: Sequence[str]) -> Interpreter | None:
    """What the Python behind `command` says of itself; None if there is none that answers."""
    try:
        answer = subprocess.run(
            [*command, "-I", "-c", PROBE], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            timeout=60, check=True,
        ).stdout  # fmt: skip
        version, is_64_bit, path, can_make_venv = json.loads(answer.decode("utf-8"))
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return Interpreter(path, (version[0], version[1]), is_64_bit, can_make_venv)


def candidates(windows: bool = os.name == "nt") -> list[list[str]]:
    """Commands that may start a fitting Python: this one first, then newest to oldest."""
    commands = [[sys.executable]]
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        if windows:
            commands.append(["py", f"-3.{minor}"])
        commands.append([f"python3.{minor}"])
        # pyenv's own command answers only for the version that is chosen at the moment.
        pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
        program = "python.exe" if windows else "bin/python"
        commands += [[str(path)] for path in sorted(pyenv.glob(f"versions/3.{minor}.*/{program}"))]
    return commands


def choose_interpreter() -> Interpreter:
    """The first candidate that fits, preferring one that can make environments."""
    second_best = None
    for command in candidates():
        found = ask(command)
        if found is None or not found.fits:
            continue
        if found.can_make_venv:
            return found
        second_best = second_best or found
    if second_best is not None:
        return second_best
    raise SetupError(
        "DreamTalk needs a 64-bit Python {}.{} to {}.{}; this is {} ({}), and no other was found. "
        "Install one of those and start run.py with it.".format(
            *OLDEST, *NEWEST, platform.python_version(), sys.executable
        )
    )


def install_venv_module(python: Interpreter) -> None:
    """On Debian and Ubuntu the venv module is a package of its own: install it where we may."""
    package = f"python{python.name}-venv"
    become_root = privileges()
    if become_root is None or shutil.which("apt-get") is None:
        raise SetupError(
            f"This Python ({python.path}) cannot make virtual environments. On Debian and Ubuntu: "
            f"sudo apt-get install {package}; then run this again."
        )
    print_line(f"Installing {package}, which Debian keeps apart from Python")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run([*become_root, "apt-get", "update"], env=quiet)
    run(
        [*become_root, "apt-get", "install", "-y", "--no-install-recommends", package],
        env=quiet,
        failure=f"apt-get could not install {package}; install it by hand, then run this again.",
    )


def privileges() -> list[str] | None:
    """The prefix that makes a command run as root; None where that would mean to ask a person.

    sudo is used only on CI machines, where nobody is surprised by it.
    """
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return []
    if os.environ.get("CI") and shutil.which("sudo") and run(["sudo", "-n", "true"]) == 0:
        return ["sudo", "-n"]
    return None


# ---------------------------------------------------------------------- the environment


def venv_program(name: str, venv: Path = VENV) -> Path:
    """A program inside the environment, named as this system names it."""
    if os.name == "nt":
        return venv / "Scripts" / f"{name}.exe"
    return venv / "bin" / name


def fingerprint(python: str, root: Path = ROOT) -> str:
    """Changes when the environment has to be made again.

    The place counts as well: neither a virtual environment nor an editable install can be moved.
    """
    digest = hashlib.sha256()
    for name in ("pyproject.toml", "constraints.txt"):
        # Line ends must not matter, or a checkout with others would throw its environment away.
        digest.update((root / name).read_bytes().replace(b"\r\n", b"\n"))
        digest.update(b"\0")
    digest.update(f"{python}\0{root}".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def pinned_torch(constraints: str) -> str:
    """The line of a constraints file that pins PyTorch."""
    pins = [line.strip() for line in constraints.splitlines() if is_torch(line)]
    if len(pins) != 1:
        raise SetupError(f"constraints.txt must pin torch exactly once, not {len(pins)} times.")
    return pins[0]


def without_torch(constraints: str) -> str:
    """The same constraints for someone who chose a PyTorch of their own."""
    return "".join(line for line in constraints.splitlines(keepends=True) if not is_torch(line))


def absolute(spec: str) -> str:
    """A wheel file by its full path, since pip runs in another folder; anything else as it is."""
    return str(Path(spec).resolve()) if Path(spec).is_file() else spec


def is_torch(line: str) -> bool:
    return re.match(r"\s*torch\s*[=<>!~@\[]", line) is not None


def install_steps(
    python: Path, torch: str, constraints: Path, extras: Sequence[str], chosen: bool
) -> list[Step]:
    """What pip does: first PyTorch, then the package itself.

    The package is built without isolation, or pip would fetch the build tools a second time.
    chosen: the user named this PyTorch, and gets it from where pip finds it.
    """
    pip = [str(python), *PIP, "--constraint", str(constraints)]
    failure = (
        "pip could not install what is needed. The first run needs the network and up to 2 GB of "
        "disk; run it again, and it starts over cleanly."
    )
    if chosen:
        pytorch = Step("Fetching the chosen PyTorch", [[*pip, torch]], failure)
    else:
        pytorch = pytorch_step(str(python), [torch], "--constraint", str(constraints))
    package = "." + (f"[{','.join(extras)}]" if extras else "")
    return [
        pytorch,
        Step("Fetching the tools to build with", [[*pip, "setuptools>=77.0.3"]], failure),
        Step("Fetching the rest", [[*pip, "--no-build-isolation", "--editable", package]], failure),
    ]


def install(steps: Sequence[Step], log: Path) -> None:
    """Do it, showing what is going on in one line. Raises SetupError with the end of the log."""
    environ = {**clean_environment(os.environ), "PYTHONUTF8": "1"}
    live, shown, begin = sys.stdout.isatty(), "", time.monotonic()
    installation = None
    try:
        installation = Installation(steps, log, environ, cwd=str(ROOT))
        while not installation.poll():
            message = installation.message
            if live:
                line = f"  {message}, {time.monotonic() - begin:.0f} s"
                print(f"\r{line:<{len(shown)}}", end="", flush=True)
                shown = line
            elif (label := message.partition(":")[0]) != shown:
                print_line(f"  {label}")
                shown = label
            time.sleep(0.2)
    except InstallationError as error:
        raise SetupError(f"{error}\nThe whole log: {log}") from error
    finally:
        if live:
            print()
        if installation is not None:
            installation.cancel()
    print_line(f"  {installation.megabytes:.0f} MB in {time.monotonic() - begin:.0f} s")


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Our own environment without what would leak another Python into this one."""
    dropped = {"PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__"}
    inherited = {name: value for name, value in environ.items() if name.upper() not in dropped}
    return {**inherited, "PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def answers(python: Path) -> bool:
    """Does the environment's Python still start? The one it was made from may be gone."""
    return ask([str(python)]) is not None


def prepare(extras: Sequence[str], torch: str | None) -> Path:
    """The Python of an environment with the package and `extras` in it, made if need be."""
    python = choose_interpreter()
    found = Stamp.read(STAMP)
    constraints = CONSTRAINTS.read_text(encoding="utf-8")
    pin = pinned_torch(constraints)
    chosen = absolute(torch) if torch else found.torch if found else pin
    wanted = Stamp(fingerprint(python.name), chosen, tuple(extras))

    inside = venv_program("python")
    alive = found is not None and answers(inside)
    if found is not None and alive and found.covers(wanted):
        return inside
    if found is not None and alive and found.matches(wanted):
        print_line(f"Adding {', '.join(extras)} to {VENV.name}")
        STAMP.unlink()
        wanted = Stamp(wanted.key, wanted.torch, tuple(sorted({*found.extras, *extras})))
    else:
        make_venv(python)
    announce(chosen == pin)
    local = VENV / "constraints.txt"
    local.write_text(constraints if chosen == pin else without_torch(constraints), encoding="utf-8")
    install(install_steps(inside, chosen, local, wanted.extras, chosen != pin), VENV / "setup.log")
    wanted.write(STAMP)
    return inside


def make_venv(python: Interpreter) -> None:
    """An empty virtual environment in place of whatever is there."""
    if not python.can_make_venv:
        install_venv_module(python)
    print_line(f"Setting up {VENV.name} with Python {python.name} (once; a few minutes)")
    try:
        if VENV.exists():
            # Without its stamp first: should this be cut short, nobody takes the rest for whole.
            if STAMP.exists():
                STAMP.unlink()
            shutil.rmtree(VENV)
    except OSError as error:
        raise SetupError(
            f"{VENV} is in use or protected ({error.strerror}). Close the programs that use it, "
            "or delete it, and run this again."
        ) from error
    run(
        [python.path, "-m", "venv", str(VENV)],
        failure=f"{python.path} could not make a virtual environment (see above).",
    )


def announce(usual: bool) -> None:
    """How much will be fetched, before it is. usual: not a PyTorch of the user's choice."""
    if not usual:
        print_line("Fetching the PyTorch that you chose, and about 310 MB besides.")
    elif takes_cuda_for_nothing():
        print_line(
            f"Fetching about {CPU_MEGABYTES} MB: there is no NVIDIA driver here, so PyTorch's "
            "build for the CPU. Where PyTorch's own index of those cannot be reached, pip takes "
            f"the one with CUDA, about {CUDA_MEGABYTES} MB."
        )
    else:
        least = CPU_MEGABYTES if sys.platform != "linux" else CUDA_MEGABYTES
        print_line(f"Fetching about {least} MB.")


# ---------------------------------------------------------------------- what to run


def demo_commands(dreamtalk: Path, out: Path) -> list[list[str]]:
    """A head that speaks with its curves, and a photo that speaks."""
    return [
        [
            str(dreamtalk), "animate", str(VOICE),
            "-o", str(out / "demo.csv"),
            "-o", str(out / "demo.glb"),
            "--preview", str(out / "demo.mp4"),
        ],
        [
            str(dreamtalk), "render", str(PORTRAIT), str(VOICE),
            "-o", str(out / "portrait.mp4"),
        ],
    ]  # fmt: skip


def check_commands(python: Path, fast: bool = False) -> list[list[str]]:
    """Everything a change must pass, the tests last: their closing line is the verdict.

    fast: what takes a minute, to be run while one works; it needs no host.
    """
    tool = [str(python), "-m"]
    looks = [
        [*tool, "ruff", "check", "."],
        [*tool, "ruff", "format", "--check", "."],
        [*tool, "mypy"],
    ]
    if fast:
        return [*looks, [*tool, "pytest", "-q", "-n", "2", "-m", "not host and not slow"]]
    return [
        [*tool, "tests.integration.hosts"],
        *looks,
        [*tool, "tests.legs"],
        # A file stays together: its hosts are started once.
        [*tool, "pytest", "-n", "2", "--dist", "loadfile", "--durations", "12"],
    ]


def demo(torch: str | None) -> int:
    if not VOICE.is_file():
        raise SetupError(f"{VOICE} is missing: this copy of the project is not complete.")
    prepare([], torch)
    OUT.mkdir(exist_ok=True)
    dreamtalk = venv_program("dreamtalk")
    status = next(filter(None, map(run, demo_commands(dreamtalk, OUT))), 0)
    if status == 0:
        print_line(f"The demo is in {OUT}")
        for name, what in (
            ("demo.mp4", "a head that speaks"),
            ("portrait.mp4", "a photo that speaks"),
            ("demo.csv", "Live Link Face take"),
            ("demo.glb", "animated head for any 3D program"),
        ):
            print_line(f"  {name}  {what}, {(OUT / name).stat().st_size / 1e6:.1f} MB")
        print_line("With a sound and a photo of your own, in the browser: python run.py page")
    return status


def page(torch: str | None) -> int:
    """Serves the page until Ctrl-C; the server tells its address."""
    prepare(["serve"], torch)
    print_line("Starting the page. Open its address in a browser; Ctrl-C ends it.")
    return run([str(venv_program("dreamtalk")), "serve", "--page", "--port", "0"])


def extension(folder: Path) -> int:
    """Needs nothing but this Python."""
    script = ROOT / "blender_addon" / "make_extension.py"
    return run([sys.executable, str(script), "-o", str(folder.resolve())])


def test(torch: str | None, fast: bool) -> int:
    """Runs every check, or the fast ones; failure if any of them fails."""
    python = prepare(["dev"], torch)
    # Tests that need a host fail without it here; elsewhere they are skipped.
    environ = {**os.environ, **({} if fast else {"DREAMTALK_HOSTS": "required"})}
    statuses = []
    for command in check_commands(python, fast):
        print_line(" ".join(command[2:]))
        statuses.append(run(command, env=environ))
        # Said now, because pytest's own line has to be the last.
        if statuses[-1] != 0 and command[2] != "pytest":
            print_line(f"FAILED: {' '.join(command[2:])}")
    return next((status for status in statuses if status != 0), 0)


def run(
    command: Sequence[str], env: Mapping[str, str] | None = None, failure: str | None = None
) -> int:
    """Runs a command in the project's folder; its exit status, or SetupError with `failure`."""
    sys.stdout.flush()
    try:
        process = subprocess.Popen(
            command, cwd=str(ROOT), env=clean_environment(os.environ if env is None else env)
        )
    except OSError as error:
        raise SetupError(f"{command[0]} could not be started: {error.strerror}.") from error
    with process:
        try:
            status = process.wait()
        except BaseException:
            # Ctrl-C has reached it, too; other signals have not. It deletes what it has begun.
            if os.name != "nt":
                process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
            process.kill()
            raise
    if failure is not None and status != 0:
        raise SetupError(failure)
    return status


def print_line(text: str) -> None:
    print(text, flush=True)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Set up DreamTalk, then show, test or pack it.")
    parser.add_argument("what", choices=("demo", "extension", "page", "test"))
    parser.add_argument(
        "-o", "--output", metavar="FOLDER", type=Path, default=OUT, help="where the extension goes"
    )
    parser.add_argument(
        "--torch",
        metavar="SPEC",
        help="the PyTorch to install, as pip names it ('torch==2.12.1+cu130', or a wheel file); "
        "remembered until another is named",
    )
    parser.add_argument(
        "--fast", action="store_true", help="test without hosts and slow tests, in a minute"
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    for stream in (sys.stdout, sys.stderr):
        # A path that the console cannot show must not end the run.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    options = parse(arguments)
    for name in ("SIGTERM", "SIGHUP", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)  # as Ctrl-C: what was begun is ended
    try:
        if options.what == "extension":
            return extension(options.output)
        if options.what == "demo":
            return demo(options.torch)
        if options.what == "page":
            return page(options.torch)
        return test(options.torch, options.fast)
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. Run it again: what was half done is done anew.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

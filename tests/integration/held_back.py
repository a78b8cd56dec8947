"""Which of some packages have a newer release than is installed here, and what holds it back.

    python held_back.py NAME...

A line each. Run by the Python of the environment in question; its pip's own libraries read names
and versions.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import distributions

from pip._vendor.packaging.requirements import Requirement
from pip._vendor.packaging.utils import canonicalize_name


def main() -> None:
    wanted = {canonicalize_name(name) for name in sys.argv[1:]}
    command = [sys.executable, "-m", "pip", "list", "--outdated", "--format", "json"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for found in json.loads(listed):
        if canonicalize_name(found["name"]) in wanted:
            reasons = ", ".join(sorted(who_holds(found["name"], found["latest_version"])))
            print(
                f"{found['name']} {found['version']} was tested, not {found['latest_version']}: "
                + (f"held back by {reasons}" if reasons else "pip would not install it here")
            )


def who_holds(name: str, version: str) -> set[str]:
    """The packages here that do not allow a version, with what they ask for."""
    holders = set()
    for package in distributions():
        for line in package.requires or []:
            need = Requirement(line)
            if canonicalize_name(need.name) != canonicalize_name(name):
                continue
            applies = need.marker is None or need.marker.evaluate({"extra": ""})
            if applies and not need.specifier.contains(version, prereleases=True):
                holders.add(f"{package.metadata['Name']} ({need.name}{need.specifier})")
    return holders


if __name__ == "__main__":
    main()

"""Where something is sent to or comes from: `vmc://192.168.1.20:39539?shapes=vrm0`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from dreamtalk_core.errors import DreamTalkError, shown


@dataclass(frozen=True)
class Address:
    """scheme: such as "vmc". options: what stands behind the question mark."""

    scheme: str
    host: str
    port: int
    options: dict[str, str]

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    def choice(self, name: str, choices: Collection[str]) -> str:
        """An option that is one of some; without it the first."""
        value = self.options.get(name, next(iter(choices)))
        if value not in choices:
            raise DreamTalkError(
                f"{self}?{name}={shown(value, 40)}: {name} is one of {', '.join(choices)}."
            )
        return value


def parse_address(text: str, ports: dict[str, int], options: dict[str, tuple[str, ...]]) -> Address:
    """An address of one of the schemes of `ports`, scheme -> port where none is given (0: it must
    be). options: scheme -> those that there are. Raises DreamTalkError."""
    known = ", ".join(f"{scheme}://" for scheme in ports)
    try:
        parts = urlsplit(text)
        port = parts.port
        given = dict(
            parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        )
    except ValueError as error:
        raise DreamTalkError(f"{shown(text)} is no address: {shown(error, 80)}.") from error
    scheme = parts.scheme.casefold()
    if scheme not in ports:
        raise DreamTalkError(f"{shown(text)} is no address here. Those begin with {known}.")
    port = port or ports[scheme]
    if not parts.hostname or not port or parts.path not in ("", "/"):
        raise DreamTalkError(
            f"{shown(text)} must name a host, and may name a port: "
            f"{scheme}://127.0.0.1:{ports[scheme] or 5000}."
        )
    if strange := [name for name in given if name not in options.get(scheme, ())]:
        there = ", ".join(options.get(scheme, ())) or "none"
        raise DreamTalkError(
            f"{shown(text)}: there is no option {shown(strange[0], 40)}; there are {there}."
        )
    return Address(scheme, parts.hostname, port, given)

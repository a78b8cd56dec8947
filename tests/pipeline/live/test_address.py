from __future__ import annotations

import pytest

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.pipeline.live.address import parse_address
from dreamtalk_core.pipeline.live.outlets import OPTIONS, PORTS, open_outlet


def test_ports_are_those_of_the_protocols() -> None:
    for scheme, port in PORTS.items():
        assert parse_address(f"{scheme}://host", PORTS, OPTIONS).port == port
    address = parse_address("vmc://[::1]:40000?shapes=vrm1", PORTS, OPTIONS)
    assert (address.host, address.port, address.options) == ("::1", 40000, {"shapes": "vrm1"})
    assert str(address) == "vmc://[::1]:40000"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("http://host", "livelink://"),
        ("host:11111", "livelink://"),
        ("vmc://", "must name a host"),
        ("vmc://host:99999", "no address"),
        ("vmc://host/path", "must name a host"),
        ("vmc://host?shape=vrm1", "no option shape"),
        ("vmc://host?shapes=vrm2", "arkit, vrm0, vrm1"),
        ("livelink://host?order=x", "unreal, app"),
        ("ifacialmocap://host?version=3", "1, 2"),
        ("vmc://no.such.host.invalid", "no host"),
    ],
)
def test_what_is_wrong_is_said(text: str, says: str) -> None:
    with pytest.raises(DreamTalkError, match=says):
        open_outlet(text, print)

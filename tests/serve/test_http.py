"""`dreamtalk serve`, asked over its socket."""

from __future__ import annotations

import random
import socket
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from dreamtalk_core import DreamTalk
from dreamtalk_core.assets import DEMO_PORTRAIT, DEMO_VOICE
from dreamtalk_core.formats import FORMATS, WRITABLE
from dreamtalk_core.motion import Motion
from dreamtalk_core.parameters import parameters, tables
from tests.pipeline.live.waiting import until
from tests.serve.server import Answer, Server, serving

pytestmark = pytest.mark.slow
VOICE = DEMO_VOICE.read_bytes()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("serve") / "own files") as found:
        yield found


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One that takes little, listens everywhere, and wants to be told a token."""
    little = ("--max-file", "0.5", "--max-speech", "8", "--max-queue", "1", "--max-work", "60")
    folder = tmp_path_factory.mktemp("strict") / "files"
    with serving(folder, "--host", "0.0.0.0", *little) as found:
        yield found


def busy(server: Server) -> tuple[int, int]:
    """How many jobs wait, and how many are worked at."""
    health = server.ask("GET", "/v1/health").data
    return health["queued"], health["running"]


def refused(answer: Answer, status: int, word: str) -> None:
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.data) == {"error"}
    assert word in answer.data["error"]["message"]


def test_a_sound_becomes_the_curves_that_the_pipeline_makes(server: Server, tmp_path: Path) -> None:
    answer = server.ask("POST", "/v1/curves?format=npz&style=happy&seed=3&jaw=0.5", VOICE)
    assert answer.status == 200, answer.body[:500]
    (tmp_path / "a.npz").write_bytes(answer.body)
    made = Motion.load(tmp_path / "a.npz")
    expected = DreamTalk.load().animate(DEMO_VOICE, style="happy", seed=3, jaw=0.5)
    assert made.names == expected.names
    assert made.fps == expected.fps
    np.testing.assert_allclose(made.weights, expected.weights, atol=1e-6)
    assert not list(server.folder.rglob("uploads/*"))
    until(lambda: not list(server.folder.rglob("jobs/*")))


def test_whoever_hangs_up_leaves_no_job(server: Server) -> None:
    """Neither the one that is worked at nor those that wait for it."""
    head = b"POST /v1/curves HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
    links = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(4)]
    for link in links:
        link.sendall(head % len(VOICE) + VOICE)
    until(lambda: busy(server)[0] > 0)
    for link in links:
        link.close()
    until(lambda: busy(server) == (0, 0))
    assert not list(server.folder.rglob("uploads/*"))


def test_a_request_that_is_no_file_is_short(server: Server) -> None:
    pieces = (b'{"speech":"' + b"x" * 10_000 for _ in range(20))
    answer = server.ask("POST", "/v1/jobs", pieces, {"Content-Type": "application/json"})
    refused(answer, 413, "65536 bytes")


def test_a_job_gives_every_format_and_a_video(server: Server, tmp_path: Path) -> None:
    order = {
        "speech": server.upload(VOICE),
        "portrait": server.upload(DEMO_PORTRAIT.read_bytes()),
        "settings": {"fps": 10, "seed": 7.0},
        "video": True,
    }
    answer = server.ask("POST", "/v1/jobs", order)
    assert answer.status == 202
    state = server.finished(answer.data["id"])
    assert (state["state"], state["fps"], state["error"]) == ("done", 10, None)
    assert set(state["curves"]) == {ending[1:] for ending in WRITABLE}
    reads = {kind.ending: kind for kind in FORMATS if kind.writes and kind.reads}
    lengths, speech = set(), [order["speech"]]
    for ending, place in state["curves"].items():
        path = tmp_path / f"a.{ending}"
        path.write_bytes(server.ask("GET", place).body)
        assert path.stat().st_size > 1000, ending
        if kind := reads.get(f".{ending}"):
            motion, made = Motion.load_with_provenance(path)
            lengths.add(motion.duration)
            assert not kind.provenance or made is not None, ending
            assert made is None or (made["parameters"]["seed"], made["speech"]) == (7, speech), (
                ending
            )
    # Of MMD there are more frames, as it knows one rate.
    assert lengths == {Fraction(state["frames"], 10)}
    video = server.ask("GET", state["video"])
    assert video.headers["content-type"] == "video/mp4"
    assert video.body[4:8] == b"ftyp"
    assert server.ask("DELETE", f"/v1/jobs/{state['id']}").status == 204
    refused(server.ask("GET", state["video"]), 404, "no such job")
    assert not [path for path in server.folder.rglob("*") if state["id"] in path.name]


def test_health_answers_while_work_is_done_and_work_can_be_cancelled(server: Server) -> None:
    order = {"speech": server.upload(VOICE), "video": True, "settings": {"fps": 240}}
    job = server.ask("POST", "/v1/jobs", order).data["id"]
    until(lambda: busy(server) == (0, 1))
    assert [busy(server) for _ in range(20)] == [(0, 1)] * 20, "while thousands of frames are drawn"
    refused(server.ask("GET", f"/v1/jobs/{job}/video"), 409, "not done yet")
    assert server.ask("DELETE", f"/v1/jobs/{job}").status == 204
    until(lambda: busy(server) == (0, 0), 60)
    refused(server.ask("GET", f"/v1/jobs/{job}"), 404, "no such job")


def test_what_can_be_set_is_the_one_table(server: Server) -> None:
    known = {own.name: own for table in tables() for own in parameters(table)}
    told = server.ask("GET", "/v1/parameters").data
    assert [one["name"] for one in told] == list(known)
    assert all(one["help"] == known[one["name"]].help for one in told)
    schema = server.ask("GET", "/openapi.json").data["components"]["schemas"]["Settings"]
    assert list(schema["properties"]) == list(known)
    assert set(server.ask("GET", "/v1/styles").data) >= {"happy", "neutral"}


@pytest.mark.parametrize(
    ("query", "body", "status", "word"),
    [
        ("", b"abc", 422, "The sound is not a sound"),
        ("", b"", 422, "empty"),
        ("", DEMO_PORTRAIT.read_bytes(), 422, "The sound has no sound track"),
        ("?style=pyproject.toml", VOICE, 422, "no style"),
        ("?style=C:%5Csecret.csv", VOICE, 422, "no style"),
        ("?style=happpy", VOICE, 422, "no style 'happpy'"),
        ("?jaw=-1", VOICE, 422, "jaw"),
        ("?jaw=nan", VOICE, 422, "jaw"),
        ("?jam=1", VOICE, 422, "jam"),
        ("?format=exe", VOICE, 422, "format"),
    ],
)
def test_what_cannot_be_used_is_told(
    server: Server, query: str, body: bytes, status: int, word: str
) -> None:
    answer = server.ask("POST", f"/v1/curves{query}", body)
    refused(answer, status, word)
    assert str(server.folder) not in answer.body.decode()


def test_pages_of_others_are_refused(server: Server) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example", "", "localhost.evil.example:80"):
        refused(server.ask("GET", "/v1/styles", headers={"Host": host}), 421, "own machine")
    for host in ("localhost", "127.0.0.1:1", "[::1]:80"):
        assert server.ask("GET", "/v1/styles", headers={"Host": host}).status == 200
    for origin in ("http://evil.example", "null", "http://localhost:1"):
        answer = server.ask("POST", "/v1/files", b"abc", {"Origin": origin})
        refused(answer, 403, "other servers")
    own = f"http://127.0.0.1:{server.port}"
    assert server.ask("POST", "/v1/files", b"abc", {"Origin": own}).status == 201


def test_nothing_listens_beyond_this_machine(server: Server) -> None:
    assert server.host == "127.0.0.1"
    for family, *_, address in socket.getaddrinfo(socket.gethostname(), server.port):
        if str(address[0]).startswith(("127.", "::1")):
            continue
        with socket.socket(family, socket.SOCK_STREAM) as link:
            link.settimeout(5)
            assert link.connect_ex(address) != 0


def test_beyond_this_machine_a_token_is_needed(strict: Server) -> None:
    assert len(strict.token) >= 32
    assert strict.ask("GET", "/v1/health").status == 200
    for headers in ({}, {"Authorization": "Bearer"}, {"Authorization": "Bearer x"}):
        refused(strict.ask("GET", "/v1/styles", headers=headers), 401, "Bearer")
    own = {"Authorization": f"Bearer {strict.token}", "Host": "our.example"}
    assert strict.ask("GET", "/v1/styles", headers=own).status == 200
    told = strict.ask("GET", "/openapi.json").data
    assert told["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert told["paths"]["/v1/styles"]["get"]["security"] == [{"token": []}]
    assert "security" not in told["paths"]["/v1/health"]["get"]


def test_what_is_too_much_is_refused(strict: Server) -> None:
    own = {"Authorization": f"Bearer {strict.token}"}
    big = b"x" * 600_000
    refused(strict.ask("POST", "/v1/files", big, own), 413, "500000 bytes")
    pieces = (b"x" * 10_000 for _ in range(60))  # in chunks: nothing is declared
    refused(strict.ask("POST", "/v1/files", pieces, own), 413, "500000 bytes")
    refused(strict.ask("POST", "/v1/curves", VOICE, own), 422, "longer than the 8 seconds")
    assert not list(strict.folder.rglob("uploads/*"))


def test_a_full_queue_says_so(strict: Server) -> None:
    own = {"Authorization": f"Bearer {strict.token}"}
    number = strict.ask("POST", "/v1/files", VOICE, own).data["id"]
    answers = [strict.ask("POST", "/v1/jobs", {"speech": number}, own) for _ in range(30)]
    full = [answer for answer in answers if answer.status != 202]
    assert full
    refused(full[0], 429, "full")
    assert "retry-after" in full[0].headers


def test_a_thousand_bad_requests_break_nothing(server: Server) -> None:
    """Nothing answers with a fault, and afterwards all is as before."""
    chance = random.Random(1)
    places = ["/v1/curves", "/v1/jobs", "/v1/files", "/v1/jobs/x/curves/csv", "/v1/health", "/x"]
    statuses = []
    for number in range(1000):
        text = bytes(chance.randrange(256) for _ in range(chance.randrange(60)))
        query = "".join(chance.choice("&=?%20aZ9_-.+*@") for _ in range(chance.randrange(30)))
        body = chance.choice([text, b'{"speech":' + text, VOICE[: chance.randrange(2000)], None])
        if number % 4 == 0:
            with socket.create_connection(("127.0.0.1", server.port), 10) as link:
                link.sendall(b"POST /v1/curves HTTP/1.1\r\nHost: localhost\r\n" + text)
            continue
        answer = server.ask(
            chance.choice(["GET", "POST", "DELETE", "PUT", "PATCH"]),
            chance.choice(places) + chance.choice(["", "?" + query]),
            body,
            {"Content-Type": chance.choice(["application/json", "text/plain", "a/b; c=d"])},
        )
        statuses.append(answer.status)
    assert not [status for status in statuses if status >= 500]
    assert server.process.poll() is None
    assert server.ask("POST", "/v1/curves?style=neutral", VOICE).status == 200


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to send")
def test_it_ends_when_it_is_asked_and_leaves_nothing(tmp_path: Path) -> None:
    with serving(tmp_path / "files") as own:
        order = {"speech": own.upload(VOICE), "video": True}
        own.ask("POST", "/v1/jobs", order)
        time.sleep(1)
        assert own.end() == 143
        assert not [path for path in own.folder.iterdir() if "serve" in path.name]


def test_a_port_that_is_taken_is_told(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    from dreamtalk_core.cli import main

    assert main(["serve", "--port", str(server.port)]) == 2
    assert "Give another --host or --port" in capsys.readouterr().err

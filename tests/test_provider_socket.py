"""Faults that happen on the socket, seen by a plain HTTP client; and a server that leaves nothing behind."""

import asyncio
import contextlib
import gc
import json
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from http.client import HTTPConnection

import httpx
import pytest
from practice_case import DECISION, bearer, chat_body, messages_body

from labkit.lab.provider import FAULTS, NeedsSocket, Provider, State, create_app, practice


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with practice() as provider:
        yield provider


@pytest.fixture
def provider(running: Provider) -> Provider:
    running.reset()
    return running


@pytest.fixture
def http(provider: Provider) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=provider.base_url, headers=bearer(provider), timeout=5) as client:
        yield client


def ask(http: httpx.Client) -> httpx.Response:
    """One Chat Completions call."""
    return http.post("/v1/chat/completions", json=chat_body())


def settled(provider: Provider, index: int = -1) -> str:
    """How the exchange ended, once the server has noticed."""
    deadline = time.monotonic() + 3
    while provider.requests[index].ended == "open" and time.monotonic() < deadline:
        time.sleep(0.002)
    return provider.requests[index].ended


def connected(provider: Provider) -> socket.socket:
    """A bare connection to the provider."""
    return socket.create_connection(("127.0.0.1", int(provider.base_url.rpartition(":")[2])))


@pytest.mark.parametrize(
    ("fault", "error", "ended"),
    [
        ("reset_before", httpx.ReadError, "reset"),
        ("reset_before_body", httpx.ReadError, "reset"),
        ("reset_during_body", httpx.ReadError, "reset"),
        ("close_before", httpx.RemoteProtocolError, "closed"),
        ("truncated", httpx.RemoteProtocolError, "truncated"),
        ("truncated_chunked", httpx.RemoteProtocolError, "truncated"),
    ],
)
def test_broken_exchanges(
    provider: Provider, http: httpx.Client, fault: str, error: type[Exception], ended: str
) -> None:
    """Each way to break an exchange is a transport error to the client, and still a counted request."""
    for path, body in (("/v1/chat/completions", chat_body()), ("/v1/messages", messages_body())):
        provider.script([fault])
        with pytest.raises(error):
            http.post(path, json=body)
        assert settled(provider) == ended
    assert provider.count == 2


def test_a_truncated_body_really_was_begun(provider: Provider, http: httpx.Client) -> None:
    """Half the body arrives before the connection ends, and Content-Length had promised all of it."""
    provider.script(["truncated"])
    pieces = []
    with http.stream("POST", "/v1/chat/completions", json=chat_body()) as response:
        promised = int(response.headers["content-length"])
        with pytest.raises(httpx.RemoteProtocolError):
            pieces.extend(response.iter_raw())
    assert promised // 2 in (len(b"".join(pieces)), response.num_bytes_downloaded)


def test_a_reset_after_the_body(provider: Provider) -> None:
    """All of the answer arrives, yet its end is never marked: only the missing mark tells."""
    provider.script(["reset_after_body"])
    body = json.dumps(chat_body()).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {provider.key}\r\n"
    got = b""
    with connected(provider) as sock, contextlib.suppress(ConnectionResetError):
        sock.sendall(head.encode() + b"content-length: %d\r\n\r\n" % len(body) + body)
        while piece := sock.recv(65536):
            got += piece
    assert settled(provider) == "reset"
    assert b"\r\n0\r\n" not in got
    with httpx.Client(base_url=provider.base_url, headers=bearer(provider)) as http:
        provider.script(["reset_after_body"])
        with pytest.raises(httpx.ReadError):
            ask(http)


def test_a_reset_of_an_idle_connection_costs_nothing(provider: Provider, http: httpx.Client) -> None:
    """A complete answer is complete; the dead connection is not used for the next call."""
    provider.script(["reset_idle", "ok"])
    first = ask(http)
    assert settled(provider) == "reset"
    assert ask(http).json()["choices"] == first.json()["choices"]


def test_a_late_first_byte(provider: Provider, http: httpx.Client) -> None:
    """The first byte comes when the fault says, not before."""
    provider.script(["slow_first_byte:0.2"])
    started = time.monotonic()
    assert ask(http).status_code == 200
    assert time.monotonic() - started >= 0.2


def test_a_drip_outlives_a_read_timeout(provider: Provider, http: httpx.Client) -> None:
    """Bytes that come one by one never trip a per-read timeout, however long the whole takes."""
    provider.script(["drip:0.003"])
    started = time.monotonic()
    reply = http.post("/v1/chat/completions", json=chat_body(), timeout=0.9)
    assert time.monotonic() - started > 0.9
    assert json.loads(reply.json()["choices"][0]["message"]["content"]) == DECISION
    assert settled(provider) == "answered"
    assert provider.requests[0].sent_chunks == len(reply.content)


def test_silence_ends_when_the_client_leaves(provider: Provider, http: httpx.Client) -> None:
    """A client that gives up is noticed at once; nothing keeps waiting for it."""
    provider.script(["silence"])
    with pytest.raises(httpx.ReadTimeout):
        http.post("/v1/chat/completions", json=chat_body(), timeout=0.05)
    assert settled(provider) == "client_gone"


@pytest.mark.parametrize(
    ("fault", "body"),
    [("empty_body", b""), ("empty_object", b"{}"), ("not_an_object", b"[1, 2, 3]")],
)
def test_wrong_bodies_with_status_200(
    provider: Provider, http: httpx.Client, fault: str, body: bytes
) -> None:
    """Status 200 promises nothing about the body."""
    provider.script([fault])
    reply = ask(http)
    assert (reply.status_code, reply.content) == (200, body)


def test_html_and_broken_json(provider: Provider, http: httpx.Client) -> None:
    """A page and half a JSON document both arrive whole, with status 200."""
    provider.script(["html_200", "invalid_json", "bad_gateway"])
    page, half, gateway = ask(http), ask(http), ask(http)
    assert page.headers["content-type"].startswith("text/html")
    assert (half.status_code, half.headers["content-type"]) == (200, "application/json")
    with pytest.raises(json.JSONDecodeError):
        half.json()
    assert (gateway.status_code, gateway.headers["content-type"][:9]) == (502, "text/html")


@pytest.mark.parametrize(
    ("fault", "header", "value"),
    [
        ("rate_limit", "retry-after", None),
        ("rate_limit_after:7", "retry-after", "7"),
        ("rate_limit_after:0.5", "retry-after", "0.5"),
        ("rate_limit_after_ms:250", "retry-after-ms", "250"),
        ("rate_limit_after_zero", "retry-after", "0"),
        ("rate_limit_after_huge", "retry-after", "86400"),
        ("rate_limit_after_garbage", "retry-after", "soon; maybe"),
    ],
)
def test_every_form_of_retry_after(
    provider: Provider, http: httpx.Client, fault: str, header: str, value: str | None
) -> None:
    """Each form is sent exactly as named."""
    provider.script([fault])
    reply = ask(http)
    assert (reply.status_code, reply.headers.get(header)) == (429, value)


def test_retry_after_as_a_date() -> None:
    """The date is counted from the provider's own clock."""
    with practice(script=["rate_limit_after_date:5"], clock=lambda: 1_000_000_000.0) as provider:
        reply = httpx.post(f"{provider.openai_url}/chat/completions", headers=bearer(provider), json={})
    assert reply.headers["retry-after"] == "Sun, 09 Sep 2001 01:46:45 GMT"


def test_keep_alive(provider: Provider) -> None:
    """Calls in a row share one connection, errors among them."""
    provider.script(["ok", "503", "ok"])
    connection = HTTPConnection(provider.base_url.removeprefix("http://"))
    sockets = set()
    for _ in range(3):
        connection.request("POST", "/v1/chat/completions", json.dumps(chat_body()), bearer(provider))
        sockets.add(connection.sock)
        connection.getresponse().read()
    connection.close()
    assert len(sockets) == 1
    assert provider.count == 3


def test_answers_do_not_wait_for_delayed_acknowledgements(provider: Provider, http: httpx.Client) -> None:
    """A call takes a few milliseconds: no write waits 40 ms for an acknowledgement."""
    took = []
    for _ in range(20):
        started = time.monotonic()
        ask(http)
        took.append(time.monotonic() - started)
    assert min(took[1:]) < 0.035


def test_nothing_private_is_kept(provider: Provider, http: httpx.Client) -> None:
    """No key, no customer text and no unknown model name is left in what the provider remembers."""
    http.post("/v1/chat/completions", json=chat_body(model="my secret model name"))
    kept = json.dumps(http.get("/_lab/requests").json())
    assert provider.key not in kept
    assert "stale" not in kept
    assert "secret" not in kept


def test_equal_bodies_share_a_digest(provider: Provider, http: httpx.Client) -> None:
    """The digest tells a repeat from a change, and only on its own provider: it is keyed."""
    for temperature in (0, 0, 1):
        http.post("/v1/chat/completions", json=chat_body(temperature=temperature))
    first, second, third = (seen.digest for seen in provider.requests)
    assert first == second != third
    with practice() as other:
        httpx.post(
            f"{other.openai_url}/chat/completions", headers=bearer(other), json=chat_body(temperature=1)
        )
        assert other.requests[0].digest != third


def test_the_control_endpoints(provider: Provider, http: httpx.Client) -> None:
    """Faults set over HTTP are used up one per request, and the requests can be read back."""
    assert http.post("/_lab/faults", json={"script": ["503", "ok"]}).json() == {"waiting": 2}
    assert [ask(http).status_code for _ in range(3)] == [503, 200, 200]
    rows = http.get("/_lab/requests").json()
    assert (rows["count"], rows["requests"][0]["fault"]) == (3, "status:503")
    assert {row["name"] for row in http.get("/_lab/faults").json()["faults"]} == set(FAULTS)
    assert "drip" in http.post("/_lab/faults", json={"script": ["drib"]}).json()["error"]
    assert http.post("/_lab/faults", content=b"[").status_code == 400
    http.post("/_lab/reset")
    assert provider.count == 0


def test_chances_are_seeded() -> None:
    """Faults by probability come in the same order under the same seed, and in about the asked share."""

    def statuses(seed: int) -> list[int]:
        with (
            practice(seed=seed, faults={"503": 0.5}) as provider,
            httpx.Client(base_url=provider.base_url, headers=bearer(provider)) as http,
        ):
            return [ask(http).status_code for _ in range(40)]

    assert statuses(1) == statuses(1) != statuses(2)
    assert 8 < statuses(1).count(503) < 32


def test_chances_above_one_are_refused() -> None:
    """Shares that add up to more than 1 are a mistake, named with their sum."""
    with pytest.raises(ValueError, match=r"add up to 1\.2"):
        State(chances={"503": 0.6, "429": 0.6})


def test_in_process_needs_a_socket_for_socket_faults() -> None:
    """Without a socket, answers and status faults work; a reset says what it needs."""
    state = State()
    state.script(["ok", "503", "reset_before"])

    async def three() -> list[int]:
        transport = httpx.ASGITransport(create_app(state))
        headers = {"authorization": f"Bearer {state.key}"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://practice", headers=headers
        ) as http:
            codes = [
                (await http.post("/v1/chat/completions", json=chat_body())).status_code for _ in range(2)
            ]
            with pytest.raises(NeedsSocket, match="reset_before"):
                await http.post("/v1/chat/completions", json=chat_body())
            return codes

    assert asyncio.run(three()) == [200, 503]


def test_start_and_stop_are_quick_and_clean() -> None:
    """Twenty providers, one with a client stuck in silence, start and stop fast without a trace."""
    before = threading.active_count()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        took = []
        for _ in range(20):
            started = time.monotonic()
            with practice(script=["silence"]) as provider:
                sock = connected(provider)
                head = f"POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: {provider.key}\r\n"
                sock.sendall(head.encode() + b"content-length: 2\r\n\r\n{}")
                while not provider.count:
                    time.sleep(0.001)
            took.append(time.monotonic() - started)
            sock.close()
            assert provider.requests[0].ended == "shut_down"
        assert min(took) < 0.3
        gc.collect()
    assert threading.active_count() == before


def test_a_crowd_of_streams_leaves_nothing_behind() -> None:
    """Under random faults and cancels, every socket closes and every task of the server ends."""
    faults = ["ok", "stall:2", "silence", "drop:2", "reset_before", "pace:0.01", "stream_error:3", "no_done"]

    async def one(http: httpx.AsyncClient, number: int) -> None:
        body = {**chat_body(), "stream": True}
        with contextlib.suppress(httpx.TransportError):
            async with http.stream("POST", "/v1/chat/completions", json=body) as reply:
                async for _ in reply.aiter_bytes():
                    if number % 4 == 0:
                        return

    async def crowd(provider: Provider) -> None:
        options = {"base_url": provider.base_url, "headers": bearer(provider)}
        limits, timeout = httpx.Limits(max_connections=None), httpx.Timeout(60, read=1.5)
        async with httpx.AsyncClient(limits=limits, timeout=timeout, **options) as http:
            await asyncio.gather(*(one(http, number) for number in range(120)))

    with practice(seed=5, faults={name: 1 / len(faults) for name in faults}) as provider:
        asyncio.run(crowd(provider))
        deadline = time.monotonic() + 10
        while (provider.connections or provider.running) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert (provider.connections, provider.running) == (0, 0)
        ends = Counter(seen.ended for seen in provider.requests)
    assert "open" not in ends
    assert ends["answered"] > 10
    assert ends["client_gone"] > 10


def test_a_taken_port_is_an_error() -> None:
    """Two providers cannot share a port, and the second says so."""
    with practice() as provider:
        port = int(provider.base_url.rpartition(":")[2])
        with pytest.raises(OSError, match="is taken; wanted a free one"):
            practice(port=port).__enter__()


def test_serve_runs_until_interrupted() -> None:
    """`serve` prints where it listens, answers, and ends quietly on Ctrl-C."""
    code = "from labkit.lab.provider import serve; serve(port=0, faults='503,ok')"
    child = subprocess.Popen(
        [sys.executable, "-X", "dev", "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout is not None
        url = child.stdout.readline().split()[3]
        headers = {"authorization": "Bearer practice-key-not-a-secret"}
        codes = [
            httpx.post(f"{url}/v1/chat/completions", headers=headers, json=chat_body()).status_code
            for _ in range(2)
        ]
    finally:
        child.send_signal(2)
        _, errors = child.communicate(timeout=10)
    assert codes == [503, 200]
    assert "Traceback" not in errors
    assert "Warning" not in errors
    assert child.returncode == 0

"""Exchanges over real sockets: each ends in time, and in a response or a named fault."""

from __future__ import annotations

import asyncio
import gzip
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest
from raw_server import CLOSE, RESET, Step, ok, serving

from labkit.deadline import Phases
from labkit.failures import Kind, LabkitError
from labkit.providers import Fault, Request, Response
from labkit.transport import MOST_BODY_BYTES, AsyncHttp, Http

REQUEST = Request("/v1/chat/completions", {"model": "m"})
GRACE = 0.05  # seconds that an exchange may overrun its end
TRIES = 5  # a busy machine delays one of them; an exchange without an end overruns in all

Exchange = Callable[..., Response | Fault]


def sync_exchange(base_url: str, seconds: float, phases: Phases = Phases(), **http: Any) -> Response | Fault:
    with Http(base_url, **http) as transport:
        return transport.exchange(REQUEST, seconds, phases)


def async_exchange(base_url: str, seconds: float, phases: Phases = Phases(), **http: Any) -> Response | Fault:
    async def run() -> Response | Fault:
        async with AsyncHttp(base_url, **http) as transport:
            return await transport.exchange(REQUEST, seconds, phases)

    return asyncio.run(run())


both = pytest.mark.parametrize("exchange", [sync_exchange, async_exchange], ids=["sync", "async"])
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n"


@both
def test_a_whole_response(exchange: Exchange) -> None:
    """Status, lower-case headers and body come back as they were sent."""
    with serving([b"HTTP/1.1 429 Slow\r\nX-Request-ID: r1\r\ncontent-length: 2\r\n\r\nhi"]) as url:
        assert Response(429, {"x-request-id": "r1", "content-length": "2"}, b"hi") == exchange(url, 2.0)


@both
def test_a_compressed_response(exchange: Exchange) -> None:
    """We offer gzip, so we read gzip."""
    body = gzip.compress(b"{}")
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(body)
    with serving([head + body]) as url:
        got = exchange(url, 2.0)
    assert isinstance(got, Response)
    assert b"{}" == got.body


@both
@pytest.mark.parametrize(
    ("script", "fault"),
    [
        ([RESET], Fault(Kind.CONNECT, "lost_before_reply")),
        ([CLOSE], Fault(Kind.CONNECT, "lost_before_reply")),
        ([HEAD + b"half", RESET], Fault(Kind.CONNECT, "lost_in_body")),
        ([HEAD + b"half", CLOSE], Fault(Kind.PROTOCOL, "truncated_body")),
        (
            [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n", CLOSE],
            Fault(Kind.PROTOCOL, "truncated_body"),
        ),
        ([b"SSH-2.0-OpenSSH\r\n\r\n", CLOSE], Fault(Kind.PROTOCOL, "not_http")),
        (
            [b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nnope"],
            Fault(Kind.PROTOCOL, "bad_encoding"),
        ),
    ],
)
def test_what_the_network_does_has_a_name(exchange: Exchange, script: Sequence[Step], fault: Fault) -> None:
    """Reset, hang-up, half a body, another protocol: each is a fault with a name, none an exception."""
    with serving(script) as url:
        # A reset can overtake the bytes before it; then the loss is seen before the reply.
        assert exchange(url, 2.0) in {fault, Fault(Kind.CONNECT, "lost_before_reply")}


@both
def test_nobody_listens(exchange: Exchange) -> None:
    """A refused connection is a fault, too."""
    with serving([CLOSE]) as url:
        pass
    assert Fault(Kind.CONNECT, "connect") == exchange(url, 2.0)


@both
@pytest.mark.alone
@pytest.mark.parametrize(
    "script",
    [
        [5.0],
        [HEAD, 5.0],
        [HEAD, *[b"x", 0.005] * 99],
        [*[bytes([byte]) if i % 2 else 0.02 for byte in HEAD for i in (0, 1)]],
    ],
    ids=["silent", "silent after the head", "drips its body", "drips its head"],
)
def test_no_exchange_outlives_its_end(exchange: Exchange, script: Sequence[Step]) -> None:
    """Silence, or a byte every few milliseconds: after 0.2 s it is over, whatever the read timeout says."""
    took = []
    for _ in range(TRIES):
        with serving(script) as url:
            began = time.monotonic()
            got = exchange(url, 0.2)
            took.append(time.monotonic() - began)
        assert Fault(Kind.TIMEOUT, "deadline") == got
        if took[-1] <= 0.2 + GRACE:
            break
    assert 0.2 - 0.01 <= min(took) <= 0.2 + GRACE


@both
def test_a_phase_limit_finds_a_dead_peer_early(exchange: Exchange) -> None:
    """A read limit of 0.1 s ends the exchange long before its 5 s are up."""
    with serving([5.0]) as url:
        began = time.monotonic()
        assert Fault(Kind.TIMEOUT, "read") == exchange(url, 5.0, Phases(read=0.1))
        assert time.monotonic() - began < 1.0


@both
def test_a_body_without_end_is_cut(exchange: Exchange) -> None:
    """A provider cannot fill our memory."""
    chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    with serving([head, *[chunk] * (MOST_BODY_BYTES // 0x100000 + 2)]) as url:
        assert Fault(Kind.PROTOCOL, "body_too_large") == exchange(url, 10.0)


def test_a_connection_is_kept_alive() -> None:
    """Two exchanges, one connection; after a fault, a new one."""
    with serving([ok(b"one")], [ok(b"two"), CLOSE], [ok(b"three")]) as url, Http(url) as http:
        bodies = [http.exchange(REQUEST, 2.0) for _ in range(2)]
    assert [b"one", b"one"] == [got.body for got in bodies if isinstance(got, Response)]


def test_an_old_deadline_does_not_bind_a_new_exchange() -> None:
    """Threads and connections are reused; each exchange brings its own end."""
    with serving([0.1, ok(b"late")]) as url, Http(url) as http:
        assert isinstance(http.exchange(REQUEST, 0.05), Fault)
        assert isinstance(http.exchange(REQUEST, 2.0), Response)


def test_threads_share_one_pool() -> None:
    """Eight threads over two connections: each gets its answer within its own time."""
    with serving([0.01, ok(b"x")]) as url, Http(url, connections=2) as http:
        got: list[Response | Fault] = []
        threads = [threading.Thread(target=lambda: got.append(http.exchange(REQUEST, 5.0))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert 8 == sum(isinstance(item, Response) for item in got)


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("http://h", "http://h/v1/chat/completions"),
        ("http://h/v1", "http://h/v1/chat/completions"),
        ("http://h/v1/", "http://h/v1/chat/completions"),
        ("http://h/gateway/v1", "http://h/gateway/v1/chat/completions"),
    ],
)
def test_both_conventions_for_a_base_url(base: str, url: str) -> None:
    """With or without /v1: the request goes to the same place."""
    seen: list[httpx.Request] = []
    answer = httpx.MockTransport(lambda request: seen.append(request) or httpx.Response(200))
    sync_exchange(base, 1.0, transport=answer)
    assert [url] == [str(request.url) for request in seen]


@pytest.mark.parametrize(
    "base", ["ftp://h", "h", "", "http://user:password@h", "http://h?key=k", "http://h#f"]
)
def test_a_base_url_that_leaks_or_leads_nowhere_is_refused(base: str) -> None:
    """Credentials in a URL end up in logs; the message does not repeat them."""
    with pytest.raises(LabkitError) as caught:
        Http(base)
    assert "password" not in str(caught.value).replace("user, password", "")


def test_a_key_that_no_header_can_carry_is_refused_without_being_shown() -> None:
    """A key cut badly out of a file, with its line end, says so and stays secret."""
    with pytest.raises(LabkitError, match="character") as caught:
        Http("http://h", {"authorization": "Bearer 4815162342\n"})
    assert "4815162342" not in str(caught.value)


def test_redirects_are_not_followed_and_urls_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A redirect could carry the key to another host, and httpx's own client logs every URL."""
    caplog.set_level(logging.INFO)
    with serving([b"HTTP/1.1 302 Found\r\nlocation: http://elsewhere/\r\ncontent-length: 0\r\n\r\n"]) as url:
        got = sync_exchange(url, 2.0)
    assert isinstance(got, Response)
    assert 302 == got.status
    assert [] == caplog.records


def test_a_proxy_from_the_environment_is_used_but_never_for_loopback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """HTTP_PROXY counts for a provider; the practice provider is reached directly."""
    with serving([ok(b"via proxy")]) as proxy, serving([ok(b"direct")]) as direct:
        monkeypatch.setenv("http_proxy", proxy)
        monkeypatch.delenv("no_proxy", raising=False)
        bodies = [sync_exchange("http://provider.example", 2.0), sync_exchange(direct, 2.0)]
    assert [b"via proxy", b"direct"] == [got.body for got in bodies if isinstance(got, Response)]

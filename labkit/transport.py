"""Bytes out, bytes in, within a number of seconds: the only module that knows httpx.

An HTTP client's timeouts are per phase: a server that drips one byte at a time renews a read timeout for
ever. And a cancelled call can take its connection's place in the pool with it, until nothing gets through
(measured: 0 of 10 probes alive after five seconds of cancellations). Here every exchange has an end, by the
clock, and ends in a `Response` or a named `Fault`, never in an exception from the network.

    http = Http("http://127.0.0.1:8000", adapter.auth_headers(key))
    http.exchange(request, seconds=2.0)      # Response(status=200, …) or Fault(TIMEOUT, "deadline")

It works on httpx's transports, below its client: no redirect can carry the key elsewhere, no cookie is kept,
and no log line of httpx shows a URL.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import anyio
import httpcore
import httpx

from labkit.deadline import Phases
from labkit.failures import Kind, LabkitError
from labkit.incoming import AsyncIncoming, Canceller, Incoming
from labkit.providers.base import Fault, Request, Response

MOST_BODY_BYTES = 8 * 1024 * 1024
DEFAULT_PHASES = Phases()


class Http:
    """Exchanges over a pool of keep-alive connections, for threads.

    `transport` replaces the socket (httpx.MockTransport and the like). A proxy is taken from the environment
    as usual, except for loopback addresses. Threads may share one object.
    """

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str] | None = None,
        *,
        connections: int = 10,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._target = _Target(base_url, headers or {})
        self._ends = threading.local()
        if transport is None:
            socket = httpx.HTTPTransport(limits=_limits(connections), proxy=_proxy(base_url))
            pool: Any = socket._pool  # noqa: SLF001 - httpx has no public way to hand in a network backend
            pool._network_backend = _Backend(pool._network_backend, self._ends)  # noqa: SLF001
            transport = socket
        self._transport = transport

    def exchange(self, request: Request, seconds: float, phases: Phases = DEFAULT_PHASES) -> Response | Fault:
        """Send a request and read the whole response, in at most `seconds`."""
        ends = self._limit(seconds)
        response: httpx.Response | None = None
        try:
            response = self._transport.handle_request(self._target.build(request, seconds, phases))
            body = bytearray()
            for part in response.iter_bytes():
                body += part
                if time.monotonic() >= ends:
                    return Fault(Kind.TIMEOUT, "deadline")
                if len(body) > MOST_BODY_BYTES:
                    return Fault(Kind.PROTOCOL, "body_too_large")
            return Response(response.status_code, _lower(response.headers), bytes(body))
        except httpx.RequestError as error:
            return _fault(error, began=response is not None, late=time.monotonic() >= ends)
        finally:
            if response is not None:
                response.close()

    def open(
        self,
        request: Request,
        seconds: float,
        phases: Phases = DEFAULT_PHASES,
        canceller: Canceller | None = None,
    ) -> Incoming | Fault:
        """Send a request and read the head of its response in at most `seconds`; the body is left to read."""
        ends = self._limit(seconds, canceller)
        try:
            response = self._transport.handle_request(self._target.build(request, seconds, phases))
        except httpx.RequestError as error:
            return _fault(error, began=False, late=time.monotonic() >= ends)
        head = Response(response.status_code, _lower(response.headers))
        return Incoming(head, self._parts(response), self._limit, response.close, canceller)

    def _limit(self, seconds: float, canceller: Canceller | None = None) -> float:
        """Set what holds for this thread's next reads and writes, until it is set again."""
        self._ends.canceller = canceller
        ends: float = time.monotonic() + seconds
        self._ends.at = ends
        return ends

    def _parts(self, response: httpx.Response) -> Iterator[bytes | Fault]:
        try:
            yield from response.iter_bytes()
        except httpx.RequestError as error:
            yield _fault(error, began=True, late=time.monotonic() >= self._ends.at)

    def close(self) -> None:
        """Close every connection."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncHttp:
    """Exchanges over a pool of keep-alive connections, for one event loop.

    A call waits for its turn at a limiter of the pool's size, never in the pool's own queue, and runs in a
    task group, which turns a native cancel into a scope's cancel that httpcore's clean-up survives. Neither
    alone keeps a pool alive under cancellation; both together do (tests/test_cancellation.py).
    """

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str] | None = None,
        *,
        connections: int = 10,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._target = _Target(base_url, headers or {})
        self._turn = anyio.Semaphore(connections)
        self._transport = transport or httpx.AsyncHTTPTransport(
            limits=_limits(connections), proxy=_proxy(base_url)
        )

    async def exchange(
        self, request: Request, seconds: float, phases: Phases = DEFAULT_PHASES
    ) -> Response | Fault:
        """Send a request and read the whole response, in at most `seconds`."""
        result: list[Response | Fault | Exception] = []
        with anyio.move_on_after(seconds):
            async with self._turn, anyio.create_task_group() as group:
                group.start_soon(self._send, self._target.build(request, seconds, phases), result)
        if not result:
            return Fault(Kind.TIMEOUT, "deadline")
        if isinstance(result[0], Exception):
            raise result[0]
        return result[0]

    async def _send(self, request: httpx.Request, result: list[Response | Fault | Exception]) -> None:
        response: httpx.Response | None = None
        try:
            response = await self._transport.handle_async_request(request)
            body = bytearray()
            async for part in response.aiter_bytes():
                body += part
                if len(body) > MOST_BODY_BYTES:
                    result.append(Fault(Kind.PROTOCOL, "body_too_large"))
                    return
            result.append(Response(response.status_code, _lower(response.headers), bytes(body)))
        except httpx.RequestError as error:
            result.append(_fault(error, began=response is not None, late=False))
        except Exception as error:  # noqa: BLE001 - handed over, so that it leaves the task group as itself
            result.append(error)
        finally:
            if response is not None:
                await response.aclose()

    async def open(
        self, request: Request, seconds: float, phases: Phases, group: anyio.abc.TaskGroup
    ) -> AsyncIncoming | Fault:
        """Send a request and read the head of its response; a task in `group` reads the body ahead."""
        incoming = AsyncIncoming()
        group.start_soon(self._pump, self._target.build(request, seconds, phases), incoming)
        try:
            head = await incoming.read(seconds, "deadline")
        except BaseException:
            incoming.scope.cancel()
            raise
        if isinstance(head, Response):
            incoming.head = head
            return incoming
        await incoming.close()
        fault: Fault = head
        return fault

    async def _pump(self, request: httpx.Request, incoming: AsyncIncoming) -> None:
        response: httpx.Response | None = None
        try:
            with incoming.scope:
                async with self._turn:
                    try:
                        response = await self._transport.handle_async_request(request)
                        await incoming.put(Response(response.status_code, _lower(response.headers)))
                        async for part in response.aiter_bytes():
                            await incoming.put(part)
                        await incoming.put(b"")
                    except Exception as error:  # noqa: BLE001 - handed over: the reader raises what has no name
                        await incoming.put(_named(error, began=response is not None))
                    finally:
                        if response is not None:
                            await response.aclose()
        finally:
            incoming.finish()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class _Target:
    """Where requests go, and the headers that all of them carry."""

    def __init__(self, base_url: str, headers: Mapping[str, str]) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise LabkitError("base_url must look like https://host or http://127.0.0.1:8000")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise LabkitError("base_url must hold no user, password, query or fragment: they end up in logs")
        if not all(value.isascii() and value.isprintable() for value in headers.values()):
            raise LabkitError("a header value has a character that HTTP cannot carry; was the key cut badly?")
        self._base = base_url.rstrip("/")
        self._headers = {"accept-encoding": "gzip", "user-agent": "labkit", **headers}
        self._urls: dict[str, httpx.URL] = {}

    def build(self, request: Request, seconds: float, phases: Phases) -> httpx.Request:
        url = self._urls.get(request.path) or self._url(request.path)
        headers = {"content-type": "application/json", **self._headers, **request.headers}
        timeout = {
            "connect": min(phases.connect, seconds),
            "write": min(phases.write, seconds),
            "read": min(phases.read, seconds),
            "pool": seconds,
        }
        return httpx.Request(
            request.method, url, headers=headers, content=request.content, extensions={"timeout": timeout}
        )

    def _url(self, path: str) -> httpx.URL:
        # OpenAI's convention puts /v1 into the base URL, Anthropic's does not: both are accepted.
        base = self._base.removesuffix("/v1") if path.startswith("/v1/") else self._base
        return self._urls.setdefault(path, httpx.URL(base + path))


class _Backend(httpcore.NetworkBackend):
    """Opens connections whose every read and write ends when the exchange does, even under a drip."""

    def __init__(self, inner: httpcore.NetworkBackend, ends: threading.local) -> None:
        self._inner = inner
        self._ends = ends

    def connect_tcp(  # type: ignore[override]  # the rest is handed on as it comes
        self, host: str, port: int, timeout: float | None = None, **rest: Any
    ) -> httpcore.NetworkStream:
        inner = self._inner.connect_tcp(host, port, _left(self._ends, timeout), **rest)
        return _Stream(inner, self._ends)

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, ends: threading.local) -> None:
        self._inner = inner
        self._ends = ends

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        canceller: Canceller | None = getattr(self._ends, "canceller", None)
        if canceller is not None and canceller.watch(self.get_extra_info("socket")):
            raise httpcore.ReadError("cancelled")
        return self._inner.read(max_bytes, _left(self._ends, timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(self._ends, timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> Any:
        limit = _left(self._ends, timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, limit), self._ends)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _left(
    ends: threading.local, timeout: float | None, late: type[Exception] = httpcore.ConnectTimeout
) -> float | None:
    """The phase's own limit, cut to what is left of this thread's exchange."""
    at: float | None = getattr(ends, "at", None)
    if at is None:
        return timeout
    left = at - time.monotonic()
    if left <= 0:
        raise late("the exchange's time is up")
    return left if timeout is None else min(timeout, left)


def _fault(error: httpx.RequestError, *, began: bool, late: bool) -> Fault:
    """Name what the network did. `began` says that the response's head had come."""
    if isinstance(error, httpx.TimeoutException):
        phase = type(error).__name__.removesuffix("Timeout").lower()  # ReadTimeout: read
        return Fault(Kind.TIMEOUT, "deadline" if late else phase)
    if isinstance(error, httpx.ConnectError | httpx.ProxyError):
        return Fault(Kind.CONNECT, "connect")
    if isinstance(error, httpx.DecodingError):
        return Fault(Kind.PROTOCOL, "bad_encoding")
    if isinstance(error, httpx.NetworkError):
        return Fault(Kind.CONNECT, "lost_in_body" if began else "lost_before_reply")
    if isinstance(error, httpx.RemoteProtocolError):
        if began:
            return Fault(Kind.PROTOCOL, "truncated_body")
        lost = "disconnected" in str(error)
        return Fault(*((Kind.CONNECT, "lost_before_reply") if lost else (Kind.PROTOCOL, "not_http")))
    raise error  # UnsupportedProtocol, LocalProtocolError: ours to fix


def _named(error: Exception, *, began: bool) -> Fault | Exception:
    try:
        return _fault(error, began=began, late=False) if isinstance(error, httpx.RequestError) else error
    except httpx.RequestError as ours:
        return ours


def _lower(headers: httpx.Headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _limits(connections: int) -> httpx.Limits:
    return httpx.Limits(max_connections=connections, max_keepalive_connections=connections)


def _proxy(base_url: str, loopback: Iterable[str] = ("localhost", "127.0.0.1", "::1")) -> str | None:
    host = urlsplit(base_url).hostname or ""
    return None if host in loopback or proxy_bypass(host) else getproxies().get(urlsplit(base_url).scheme)

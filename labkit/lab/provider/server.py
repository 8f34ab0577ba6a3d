"""Serving the practice provider: in a thread beside a notebook, or in the foreground.

Server threads in tests are known for leaving sockets, warnings and half-answered requests behind.
This one owns its listening socket, starts in a few milliseconds and, when told to stop, cancels
what is still running instead of waiting for it.

    with practice(script=["429", "ok"]) as provider:
        OpenAI(base_url=provider.openai_url, api_key=provider.key)
    serve(host="127.0.0.1", port=8000)
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from labkit.failures import LabkitError
from labkit.lab.provider.app import create_app
from labkit.lab.provider.capacity import Capacity
from labkit.lab.provider.faults import Entry
from labkit.lab.provider.rotations import Rotations
from labkit.lab.provider.state import MODELS, PRACTICE_KEY, Seen, State
from labkit.lab.provider.wire import TRANSPORT, WAIT


class _Protocol(H11Protocol):
    """uvicorn's own protocol, which also tells the app what it stands on."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        app: Any = self.app

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, "extensions": {TRANSPORT: self.transport}}, receive, send)

        self.app = with_transport


class _Server(uvicorn.Server):
    """uvicorn's server, which stops at once: what is still running is a fault's silence."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = threading.Event()
        self._stop = asyncio.Event()
        self.loop: asyncio.AbstractEventLoop | None = None

    def stop(self) -> None:
        """Ask the server to end, from any thread."""
        if self.loop is not None and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._stop.set)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ctrl-C ends the wait below at once."""
        super().handle_exit(sig, frame)
        self.stop()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        await super().startup(sockets)
        await self.on_tick(0)
        self.up.set()

    async def main_loop(self) -> None:
        counter = 0
        while not await self.on_tick(counter):
            # One second, not uvicorn's tenth: only the Date header needs the tick.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), 1.0)
                break
            counter += 10

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 uvicorn's own signature
        for server in self.servers:
            server.close()
        tasks = set(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=2.0)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        # An aborted transport tells its protocol in the loop's next round, and is closed after it.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await self.lifespan.shutdown()


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
    )


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket whose connections send small answers at once.

    The protocol is named because asyncio turns Nagle's algorithm off only for a socket that says TCP;
    otherwise every answer waits 40 ms for the client's delayed acknowledgement.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform != "win32":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(2048)
        sock.setblocking(False)
    except OSError as exc:
        sock.close()
        if exc.errno == errno.EADDRINUSE:
            raise PortTaken(host, port) from None
        raise
    return sock


class PortTaken(LabkitError, OSError):
    """Another program listens on the port that was asked for."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"port {port} on {host} is taken; wanted a free one: name another, or 0 for any")


class Provider:
    """A running practice provider, as a notebook or a test sees it."""

    def __init__(self, app: Starlette, server: _Server, host: str, port: int) -> None:
        self._server = server
        state: State = app.state.practice
        self.state = state
        self.rotations: Rotations = app.state.rotations
        self.key = state.key
        self.base_url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @property
    def openai_url(self) -> str:
        """What the openai SDK calls base_url."""
        return self.base_url + "/v1"

    @property
    def count(self) -> int:
        """How many requests really arrived."""
        return self.state.count

    @property
    def requests(self) -> list[Seen]:
        """Every request that arrived, in order."""
        return self.state.requests

    @property
    def connections(self) -> int:
        """How many connections are open right now."""
        return len(self._server.server_state.connections)

    @property
    def running(self) -> int:
        """How many tasks are answering a request, or waiting for one, right now."""
        waiting = [task for task in asyncio.all_tasks(self._server.loop) if task.get_name() == WAIT]
        return len(self._server.server_state.tasks) + len(waiting)

    def script(self, entries: Iterable[Entry] | str, *, on: str = "calls") -> None:
        """Faults for the next requests, one each: ``["429", "ok"]``."""
        self.state.script(entries, on=on)

    def chances(self, chances: Mapping[str, float]) -> None:
        """Faults by probability: ``{"503": 0.2}``; ``{"503": 1}`` is an outage."""
        self.state.chances(chances)

    def advance(self, seconds: float) -> None:
        """Move the provider's clock."""
        self.state.advance(seconds)

    def reset(self) -> None:
        """Forget requests, scripts and counters."""
        self.state.reset()

    def __repr__(self) -> str:
        return f"<practice provider at {self.base_url}, {self.count} requests>"


@contextlib.contextmanager
def practice(
    *,
    script: Iterable[Entry] | str = (),
    faults: Mapping[str, float] | None = None,
    seed: int = 0,
    key: str = PRACTICE_KEY,
    models: Iterable[str] = MODELS,
    host: str = "127.0.0.1",
    port: int = 0,
    clock: Callable[[], float] = time.time,
    background_seconds: float = 0.2,
    batch_seconds: float = 2.0,
    capacity: Capacity | None = None,
) -> Iterator[Provider]:
    """Serve in a thread for as long as the block lasts. Port 0 takes a free one."""
    state = State(
        seed=seed,
        key=key,
        models=models,
        chances=faults,
        clock=clock,
        background_seconds=background_seconds,
        batch_seconds=batch_seconds,
    )
    state.script(script)
    sock = _listen(host, port)
    app = create_app(state, capacity=capacity)
    server = _Server(_config(app))
    thread = threading.Thread(
        target=lambda: asyncio.run(server.serve([sock])), name="practice-provider", daemon=True
    )
    thread.start()
    try:
        if not server.up.wait(10):
            raise RuntimeError("the practice provider did not start within 10 s")
        yield Provider(app, server, host, sock.getsockname()[1])
    finally:
        server.stop()
        thread.join(10)
        sock.close()


def serve(
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    seed: int = 0,
    faults: str = "",
    chances: Mapping[str, float] | None = None,
    capacity: Capacity | None = None,
    ready: Callable[[Provider], None] | None = None,
) -> None:
    """Serve in the foreground until Ctrl-C.

    `faults` is a script in one line, such as "429,ok,529"; `chances` are faults by probability.
    `ready` is called with the provider once it listens, and by default its address is printed.
    """
    state = State(seed=seed, chances=chances)
    state.script([part.strip() for part in faults.split(",") if part.strip()])
    sock = _listen(host, port)
    app = create_app(state, capacity=capacity)
    server = _Server(_config(app))
    (ready or _announce)(Provider(app, server, host, sock.getsockname()[1]))
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(server.serve([sock]))
    finally:
        sock.close()


def _announce(provider: Provider) -> None:
    lines = (
        f"practice provider at {provider.base_url}   key: {provider.key}   Ctrl-C ends it",
        f"OpenAI base_url: {provider.openai_url}   Anthropic base_url: {provider.base_url}",
        f"faults: POST {provider.base_url}/_lab/faults   what arrived: GET {provider.base_url}/_lab/requests",
    )
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()

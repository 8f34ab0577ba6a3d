"""The boundary: the one door between an application and any provider.

Two routes that call an SDK directly soon differ: one retries, the other logs raw prompts, a third spins for
ninety seconds. Behind one boundary, every call has a deadline, named ends, validated results and a record.

    with Boundary.open("openai", base_url, key, model="practice-1") as boundary:
        outcome = boundary.call(task, evidence)

`Boundary` and `AsyncBoundary` are two faces of one flow (labkit/flow.py): they only send, sleep and emit.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol, Self

import anyio

from labkit.background import background_flow
from labkit.contracts import Evidence, Outcome, Task
from labkit.deadline import Clock, Phases
from labkit.failures import LabkitError
from labkit.flow import Effect, Emit, Flow, Policy, Send, Senses, Sleep, call_flow
from labkit.live import AsyncStream, Stream
from labkit.prompts import Models
from labkit.providers import ADAPTERS
from labkit.providers.base import Adapter, Fault, Request, Response
from labkit.records import CallRecord, Sink
from labkit.streaming import StreamFlow, stream_flow
from labkit.transport import AsyncHttp, Http

log = logging.getLogger("labkit")


class Transport(Protocol):
    """What `Boundary` sends through: `Http`, a replay, or a stand-in of yours."""

    def exchange(self, request: Request, seconds: float, phases: Phases) -> Response | Fault:
        """Answer within `seconds`, with a response or a named fault."""

    def close(self) -> None:
        """Let go of every connection."""


class AsyncTransport(Protocol):
    """What `AsyncBoundary` sends through."""

    async def exchange(self, request: Request, seconds: float, phases: Phases) -> Response | Fault:
        """Answer within `seconds`, with a response or a named fault."""

    async def aclose(self) -> None:
        """Let go of every connection."""


class _Face:
    """What both faces share: the adapter, the policy, the senses and the sinks."""

    def __init__(
        self,
        adapter: Adapter,
        policy: Policy,
        *,
        sinks: Iterable[Sink] = (),
        clock: Clock = time.monotonic,
        wall: Callable[[], float] = time.time,
        random: Callable[[], float] = random.random,
    ) -> None:
        self.adapter = adapter
        self.policy = policy
        self.sinks = tuple(sinks)
        self.senses = Senses(clock, wall, random)

    def flow(self, task: Task, evidence: Evidence) -> Flow:
        """The call as a generator, for drivers of your own: step through it, replay it, simulate it."""
        make = background_flow if getattr(self.adapter, "background", False) else call_flow
        flow: Flow = make(task, evidence, self.adapter, self.policy, self.senses)  # type: ignore[arg-type]
        return flow

    def stream_flow(self, task: Task, evidence: Evidence) -> StreamFlow:
        """The same for a streamed call."""
        return stream_flow(task, evidence, self.adapter, self.policy, self.senses)

    def emit(self, record: CallRecord) -> None:
        """Hand the record to every sink. A sink that fails costs its record, never the product's answer."""
        for sink in self.sinks:
            try:
                sink(record)
            except Exception as error:  # noqa: BLE001 - any sink, any fault: the answer is worth more
                log.error(  # noqa: TRY400 - a traceback could carry what the sink was given
                    "record_sink_failed", extra={"sink": type(sink).__name__, "error": type(error).__name__}
                )


def opens(transport: Any) -> Any:
    """The transport, if it can stream. Raises `LabkitError` if not."""
    if not hasattr(transport, "open"):
        raise LabkitError(
            f"{type(transport).__name__} has no `open`, so it cannot stream; use Http or AsyncHttp"
        )
    return transport


def adapter_named(provider: str) -> Adapter:
    """The adapter for a provider's name. Raises `LabkitError` for an unknown one."""
    if provider not in ADAPTERS:
        raise LabkitError(f"provider is {provider!r}; wanted one of {', '.join(ADAPTERS)}")
    return ADAPTERS[provider]()


class Boundary(_Face):
    """Calls for threads. Share one object over a process: it keeps connections alive and the retry budget."""

    def __init__(
        self,
        adapter: Adapter,
        transport: Transport,
        policy: Policy,
        *,
        sleep: Callable[[float], None] = time.sleep,
        **face: Any,
    ) -> None:
        super().__init__(adapter, policy, **face)
        self.transport = transport
        self._sleep = sleep

    @classmethod
    def open(cls, provider: str, base_url: str, key: str, *, model: str, **options: Any) -> Self:
        """Connect to a provider over HTTP, with the default policy unless `policy` says otherwise."""
        adapter = adapter_named(provider)
        policy = options.pop("policy", None) or Policy(Models(model))
        return cls(adapter, Http(base_url, adapter.auth_headers(key)), policy, **options)

    def call(self, task: Task, evidence: Evidence) -> Outcome[Any]:
        """Make one call: a validated `Answer`, or a `Failure` with a name, each with its record.

        Raises `ContractError` when the task and the evidence do not fit together: then nothing was sent.
        """
        flow = self.flow(task, evidence)
        reply: Response | Fault | None = None
        error: BaseException | None = None
        while True:
            try:
                effect = flow.throw(error) if error else flow.send(reply)
            except StopIteration as end:
                outcome: Outcome[Any] = end.value
                return outcome
            try:
                reply, error = self._perform(effect), None
            except BaseException as raised:  # noqa: BLE001 - the flow records every end, then raises it again
                reply, error = None, raised

    def stream(self, task: Task, evidence: Evidence) -> Stream:
        """Make one call whose answer comes in pieces: iterate over drafts, then read the outcome."""
        return Stream(self.stream_flow(task, evidence), self.emit, opens(self.transport), self._sleep)

    def _perform(self, effect: Effect) -> Response | Fault | None:
        match effect:
            case Send(request, seconds, phases, via):
                transport: Transport = via or self.transport
                return transport.exchange(request, seconds, phases)
            case Sleep(seconds):
                self._sleep(seconds)
            case Emit(record):
                self.emit(record)
        return None

    def close(self) -> None:
        """Close the transport."""
        self.transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncBoundary(_Face):
    """Calls for one event loop."""

    def __init__(
        self,
        adapter: Adapter,
        transport: AsyncTransport,
        policy: Policy,
        *,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        **face: Any,
    ) -> None:
        super().__init__(adapter, policy, **face)
        self.transport = transport
        self._sleep = sleep

    @classmethod
    def open(cls, provider: str, base_url: str, key: str, *, model: str, **options: Any) -> Self:
        """Connect to a provider over HTTP, with the default policy unless `policy` says otherwise."""
        adapter = adapter_named(provider)
        policy = options.pop("policy", None) or Policy(Models(model))
        connections = options.pop("connections", 10)
        http = AsyncHttp(base_url, adapter.auth_headers(key), connections=connections)
        return cls(adapter, http, policy, **options)

    async def call(self, task: Task, evidence: Evidence) -> Outcome[Any]:
        """Make one call, as `Boundary.call` does. Cancelling it leaves a record and a whole pool."""
        flow = self.flow(task, evidence)
        reply: Response | Fault | None = None
        error: BaseException | None = None
        while True:
            try:
                effect = flow.throw(error) if error else flow.send(reply)
            except StopIteration as end:
                outcome: Outcome[Any] = end.value
                return outcome
            try:
                reply, error = await self._perform(effect), None
            except BaseException as raised:  # noqa: BLE001 - the flow records every end, then raises it again
                reply, error = None, raised

    def stream(self, task: Task, evidence: Evidence) -> AsyncStream:
        """Make one call whose answer comes in pieces, as `Boundary.stream` does."""
        return AsyncStream(self.stream_flow(task, evidence), self.emit, opens(self.transport), self._sleep)

    async def _perform(self, effect: Effect) -> Response | Fault | None:
        match effect:
            case Send(request, seconds, phases, via, shielded):
                transport: AsyncTransport = via or self.transport
                with anyio.CancelScope(shield=shielded):
                    return await transport.exchange(request, seconds, phases)
            case Sleep(seconds):
                await self._sleep(seconds)
            case Emit(record):
                self.emit(record)
        return None

    async def aclose(self) -> None:
        """Close the transport."""
        await self.transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

"""A stream while it runs: drafts to iterate over, a way to stop it, and at the end one outcome.

A generator of text chunks has no place for what comes after them: whether the answer was whole, what it cost,
and whether anything may now be done.
One that is simply dropped leaves its connection open and its call unrecorded.
So a stream is a context: leaving it, in any way, closes the connection and writes the record.

    with boundary.stream(task, evidence) as stream:
        stream.when_approved(lambda answer: create_job(answer.value))
        for draft in stream:
            show(draft.text)
    stream.outcome

`Stream` is for threads, `AsyncStream` for an event loop. Both run the flow in labkit/streaming.py.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, Self

import anyio

from labkit.contracts import Answer, Failure, Outcome
from labkit.deadline import Phases
from labkit.failures import Kind, LabkitError
from labkit.flow import Emit, Sleep
from labkit.incoming import AsyncIncoming, Canceller, Incoming
from labkit.providers.base import Fault, Request
from labkit.records import CallRecord
from labkit.streaming import Close, Draft, Open, Read, Show, State, StreamEffect, StreamFlow

Emitter = Callable[[CallRecord], None]


class ReaderLeft(BaseException):
    """Thrown into the flow when nobody reads on. It is no error, and never leaves this module."""


class Opens(Protocol):
    """What `Stream` reads from: `labkit.transport.Http`, a replay, or a stand-in of yours."""

    def open(
        self, request: Request, seconds: float, phases: Phases, canceller: Canceller | None = None
    ) -> Incoming | Fault:
        """Answer with a response to read, within `seconds`."""


class AsyncOpens(Protocol):
    """What `AsyncStream` reads from."""

    async def open(
        self, request: Request, seconds: float, phases: Phases, group: anyio.abc.TaskGroup
    ) -> AsyncIncoming | Fault:
        """Answer with a response to read, within `seconds`. `group` lives as long as the stream."""


class _Live:
    """What both faces share: stepping the flow, and turning its end into an outcome and a last draft."""

    def __init__(self, flow: StreamFlow, emit: Emitter) -> None:
        self._flow = flow
        self._emit = emit
        self._reply: Any = None
        self._error: BaseException | None = None
        self._stop = False  # somebody asked for it
        self._thrown = False  # and the flow was told
        self._crashed = False  # the flow broke before it could say how the call ended
        self._first: Draft | None = None
        self._record: CallRecord | None = None
        self._outcome: Outcome[Any] | None = None
        self._text = ""
        self._entered = False
        self._actions: list[Callable[[Answer[Any]], Any]] = []

    @property
    def outcome(self) -> Outcome[Any]:
        """How the stream ended. Raises `LabkitError` while it has not."""
        if self._outcome is None:
            raise LabkitError("the stream has not ended; read it to its end or leave its `with` block first")
        return self._outcome

    def when_approved(self, action: Callable[[Answer[Any]], Any]) -> None:
        """Hold an action: it runs with the answer once that has passed final validation, and else never."""
        self._actions.append(action)

    def _begin(self) -> None:
        """Take the flow to its first draft. A task that is refused raises here, before anything is sent."""
        effect = self._step()
        self._first = effect.draft if isinstance(effect, Show) else None
        self._entered = True

    def _step(self) -> StreamEffect | None:
        """The flow's next effect; None when it has ended."""
        if self._stop and not self._thrown:
            self._thrown = True
            self._error = ReaderLeft()
        try:
            effect = self._flow.throw(self._error) if self._error else self._flow.send(self._reply)
        except StopIteration as end:
            self._outcome = end.value
            return None
        except BaseException as error:
            record = self._record
            self._crashed = record is None
            if record is not None:
                self._outcome = Failure(record.status, record.reason, record)
            if isinstance(error, ReaderLeft):
                return None
            raise
        finally:
            self._reply = self._error = None
        if isinstance(effect, Emit):
            self._record = effect.record
            self._emit(effect.record)
        return effect

    def _last_draft(self) -> Draft:
        """The draft that says how it ended. What was held runs now, or is dropped."""
        actions, self._actions = self._actions, []
        outcome = self.outcome
        if isinstance(outcome, Answer):
            for action in actions:
                action(outcome)
            return Draft(State.COMPLETED, "", self._text)
        state = State.CANCELLED if outcome.kind is Kind.CANCELLED else State.FAILED
        return Draft(state, "", self._text, outcome.reason)


class Stream(_Live):
    """One streamed call, for threads. Iterate inside its `with` block."""

    def __init__(
        self, flow: StreamFlow, emit: Emitter, transport: Opens, sleep: Callable[[float], None]
    ) -> None:
        super().__init__(flow, emit)
        self._transport = transport
        self._sleep = sleep
        self._incoming: Incoming | None = None
        self._canceller = Canceller()

    def __enter__(self) -> Self:
        self._begin()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop = True
        while self._outcome is None and not self._crashed:
            self._advance()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Draft:
        if not self._entered:
            raise LabkitError("use `with boundary.stream(…) as stream:`; every end then leaves a record")
        if self._outcome is not None:
            raise StopIteration
        first, self._first = self._first, None
        return first or self._advance()

    def cancel(self) -> None:
        """Stop now, from any thread: the connection is closed, and a last draft says cancelled."""
        self._stop = True
        self._canceller.cancel()

    def _advance(self) -> Draft:
        while (effect := self._step()) is not None:
            if isinstance(effect, Show):
                self._text = effect.draft.text
                return effect.draft
            try:
                self._reply = self._perform(effect)
            except BaseException as error:  # noqa: BLE001 - the flow records every end, then raises it again
                self._error = error
            if self._error or self._stop:
                self._close()
        self._close()
        return self._last_draft()

    def _perform(self, effect: StreamEffect) -> Any:
        match effect:
            case Open(request, seconds, phases):
                got = self._transport.open(request, seconds, phases, self._canceller)
                if isinstance(got, Fault):
                    return got
                self._incoming = got
                return got.head
            case Read(seconds) if self._incoming is not None:
                return self._incoming.read(seconds)
            case Close():
                self._close()
            case Sleep(seconds) if self._sleep is time.sleep:
                self._canceller.cancelled.wait(seconds)  # the same wait, but one that a cancel ends
            case Sleep(seconds):
                self._sleep(seconds)
        return None

    def _close(self) -> None:
        incoming, self._incoming = self._incoming, None
        if incoming is not None:
            incoming.close()


class AsyncStream(_Live):
    """One streamed call, for an event loop. Iterate inside its `async with` block."""

    def __init__(
        self,
        flow: StreamFlow,
        emit: Emitter,
        transport: AsyncOpens,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        super().__init__(flow, emit)
        self._transport = transport
        self._sleep = sleep
        self._incoming: AsyncIncoming | None = None
        self._wait: anyio.CancelScope | None = None

    async def __aenter__(self) -> Self:
        self._begin()
        self._group = anyio.create_task_group()
        await self._group.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop = True
        # First the network, whatever happens next; then the record, which needs no waiting.
        self._group.cancel_scope.cancel()
        while self._outcome is None and self._step() is not None:
            pass
        # Not with the body's exception: the group would wrap it, and it is not the group's.
        await self._group.__aexit__(None, None, None)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Draft:
        if not self._entered:
            raise LabkitError(
                "use `async with boundary.stream(…) as stream:`; every end then leaves a record"
            )
        if self._outcome is not None:
            raise StopAsyncIteration
        first, self._first = self._first, None
        return first or await self._advance()

    def cancel(self) -> None:
        """Stop now, from the stream's own loop: the connection is closed, a last draft says cancelled."""
        self._stop = True
        if self._incoming is not None:
            self._incoming.interrupt()
        if self._wait is not None:
            self._wait.cancel()

    async def _advance(self) -> Draft:
        while (effect := self._step()) is not None:
            if isinstance(effect, Show):
                self._text = effect.draft.text
                return effect.draft
            try:
                if isinstance(effect, Read) and self._incoming is not None:
                    self._reply = await self._incoming.read(effect.seconds)
                else:
                    with anyio.CancelScope() as self._wait:
                        self._reply = await self._perform(effect)
            except BaseException as error:  # noqa: BLE001 - the flow records every end, then raises it again
                self._error = error
                if self._incoming is not None:
                    self._incoming.scope.cancel()
        await self._close()
        return self._last_draft()

    async def _perform(self, effect: StreamEffect) -> Any:
        match effect:
            case Open(request, seconds, phases):
                got = await self._transport.open(request, seconds, phases, self._group)
                if isinstance(got, Fault):
                    return got
                self._incoming = got
                return got.head
            case Close():
                await self._close()
            case Sleep(seconds):
                await self._sleep(seconds)
        return None

    async def _close(self) -> None:
        incoming, self._incoming = self._incoming, None
        if incoming is not None:
            await incoming.close()

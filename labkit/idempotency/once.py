"""Claim, act, record: the one course of an action, and its two faces.

Without it every caller invents its own order of steps, and most orders are wrong:
recorded before its effect, an action dies with its worker; checked before the claim, it happens twice.
Here the order is one generator, driven by ordinary code or by asyncio:

    once = Once(ledger, Promise.DOWNSTREAM_HONOURS_KEY)
    job, first = once.run(key, payload, create_job)         # create_job(claim) sends claim.key downstream
    job, first = await AsyncOnce(ledger, promise).run(key, payload, create_job)
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, TypeVar, cast

from labkit.idempotency.ledger import Ledger
from labkit.idempotency.outcomes import (
    Acted,
    ActionFailed,
    ClaimLost,
    NeedsReconcile,
    NotApplied,
    OnFailure,
    answer,
    checked,
    doubtful,
    fingerprint,
    to_json,
)
from labkit.idempotency.rules import Ask, Claim, Promise, Row, State


@dataclass(frozen=True, slots=True)
class Store:
    """A step: short work on the ledger, never cut short."""

    work: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Call:
    """A step: the caller's own code, such as the effect."""

    work: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Wait:
    """A step: sleep this many seconds."""

    seconds: float


Flow = Generator[Store | Call | Wait, Any, Any]


@dataclass(frozen=True, slots=True)
class Rules:
    """How one kind of action runs. Seconds throughout.

    `lease_s`: how long an effect may take. `keep_s`: how long answers are kept; None is for ever. After
    that the key acts again. `settle_s`: how long a sent request may still land after its worker has gone.
    """

    promise: Promise
    lease_s: float = 60.0
    keep_s: float | None = None
    on_failure: OnFailure = OnFailure.FORGET
    settle_s: float = 60.0
    random: Callable[[], float] = random.random


class _Unsent(NotApplied):
    """The caller went away before the effect began."""


@dataclass(frozen=True, slots=True)
class Action:
    """What to do once: under which key, with which payload, and the effect itself."""

    key: str
    payload: Mapping[str, Any]
    effect: Callable[[Claim], Any]

    def ask(self, rules: Rules) -> Ask:
        """Say what this action brings to the ledger."""
        return Ask(checked(self.key), fingerprint(self.payload), rules.promise, rules.lease_s)


def act_flow(ledger: Ledger, rules: Rules, action: Action, wait_s: float) -> Flow:
    """Claim, act, record; say what an interrupted effect means under the promise."""
    ask = action.ask(rules)
    delay, waited = 0.005, 0.0
    while not isinstance(got := (yield Store(partial(ledger.claim, ask))), Claim):
        if got.state != State.IN_PROGRESS or got.fingerprint != ask.fingerprint or waited >= wait_s:
            return answer(got, ask, ledger.clock())
        pause = min(delay * (0.5 + rules.random() / 2), wait_s - waited)
        yield Wait(pause)
        delay, waited = min(delay * 1.5, 0.1), waited + pause
    try:
        text = to_json((yield Call(partial(action.effect, got))), "the effect's result")
    except NotApplied as failure:
        yield Store(partial(_not_applied, ledger, rules, got, failure))
        raise ActionFailed(ask.key, failure.reason, stored=False) from failure
    except GeneratorExit:  # a driver that was thrown away, as a process is killed: nothing more is written
        raise
    except BaseException as error:
        yield Store(partial(_in_doubt, ledger, rules, got, type(error).__name__))
        if rules.promise is Promise.PLAIN_DOWNSTREAM and isinstance(error, Exception):
            raise NeedsReconcile(doubtful(ask.key)) from error
        raise
    if (yield Store(partial(ledger.finish, got, State.DONE, text, keep_s=rules.keep_s))):
        return Acted(json.loads(text), first=True)
    row = yield Store(partial(ledger.row, ask.key))
    if row is None or row.state != State.DONE:
        raise ClaimLost(f"the claim on {ask.key!r} (fence {got.fence}) ended before its record; call again")
    return answer(row, ask, ledger.clock())._replace(first=row.owner == got.owner)


def one_transaction(ledger: Ledger, rules: Rules, action: Action) -> Acted:
    """Claim, act and record in one transaction of the ledger's database: all of it, or nothing."""
    ask = action.ask(rules)
    try:
        with ledger.transaction() as tx:
            got = ledger.claim(ask)
            if isinstance(got, Row):
                return answer(got, ask, ledger.clock())
            text = to_json(action.effect(replace(got, tx=tx)), "the effect's result")
            if not ledger.finish(got, State.DONE, text, keep_s=rules.keep_s):
                raise ClaimLost(
                    f"the transaction on {ask.key!r} ended before its record; nothing was written"
                )
        return Acted(json.loads(text), first=True)
    except NotApplied as failure:
        if rules.on_failure is OnFailure.STORE and isinstance(late := ledger.claim(ask), Claim):
            _not_applied(ledger, rules, late, failure)
        raise ActionFailed(ask.key, failure.reason, stored=False) from failure


def _not_applied(ledger: Ledger, rules: Rules, claim: Claim, failure: NotApplied) -> None:
    if claim.took_over:  # this attempt did nothing, but the one before it may have
        _in_doubt(ledger, rules, claim, "not_applied")
    elif rules.on_failure is OnFailure.FORGET or isinstance(failure, _Unsent):
        ledger.release(claim)
    else:
        ledger.finish(claim, State.FAILED, error=failure.reason, keep_s=rules.keep_s)


def _in_doubt(ledger: Ledger, rules: Rules, claim: Claim, error: str) -> None:
    if rules.promise is Promise.PLAIN_DOWNSTREAM:
        ledger.finish(claim, State.NEEDS_RECONCILE, error=error)
    else:  # the downstream knows the key, so the next call may send it again at once
        ledger.finish(claim, State.IN_PROGRESS, error=error, lease_until=ledger.clock())


SleepT = TypeVar("SleepT")


class _Face(Generic[SleepT]):
    """What both faces are made with; see `Rules` for the options."""

    def __init__(
        self,
        ledger: Ledger,
        promise: Promise,
        *,
        lease_s: float = 60.0,
        keep_s: float | None = None,
        on_failure: OnFailure = OnFailure.FORGET,
        settle_s: float = 60.0,
        random: Callable[[], float] = random.random,
        sleep: Callable[[float], SleepT] | None = None,
    ) -> None:
        self.ledger = ledger
        self.rules = Rules(promise, lease_s, keep_s, on_failure, settle_s, random)
        self._sleep = sleep


class Once(_Face[None]):
    """The face for ordinary code."""

    def run(
        self, key: str, payload: Mapping[str, Any], effect: Callable[[Claim], Any], *, wait_s: float = 0.0
    ) -> Acted:
        """Act once under `key`, or return what an earlier call got. `wait_s`: patience with another worker.

        Raises an `ActionError` when there is no result to give, a `LedgerError` when the store is in trouble.
        """
        action = Action(key, payload, effect)
        if self.rules.promise is Promise.SAME_TRANSACTION:
            return one_transaction(self.ledger, self.rules, action)
        return cast(Acted, self.drive(act_flow(self.ledger, self.rules, action, wait_s)))

    def drive(self, flow: Flow) -> Any:
        """Run a flow's steps in this thread."""
        resume: Callable[[], Any] = partial(next, flow)
        while True:
            try:
                step = resume()
            except StopIteration as end:
                return end.value
            try:
                work = (
                    partial(self._sleep or time.sleep, step.seconds) if isinstance(step, Wait) else step.work
                )
                value = work()
            except BaseException as error:  # noqa: BLE001 - the flow decides what an error means
                resume = partial(flow.throw, error)
            else:
                resume = partial(flow.send, value)


class AsyncOnce(_Face[Awaitable[None]]):
    """The face for asyncio. Ledger work runs in a thread, and a cancel never cuts it short."""

    async def run(
        self, key: str, payload: Mapping[str, Any], effect: Callable[[Claim], Any], *, wait_s: float = 0.0
    ) -> Acted:
        """As `Once.run`. The effect is a coroutine function; in the same transaction, a plain function."""
        action = Action(key, payload, effect)
        if self.rules.promise is Promise.SAME_TRANSACTION:
            outcome, cancelled = await _uncut(partial(one_transaction, self.ledger, self.rules, action))
            if cancelled:
                raise cancelled
            return cast(Acted, outcome)
        return cast(Acted, await self.drive(act_flow(self.ledger, self.rules, action, wait_s)))

    async def drive(self, flow: Flow) -> Any:
        """Run a flow's steps; after a cancel, only those that keep the ledger true."""
        resume: Callable[[], Any] = partial(next, flow)
        cancelled: asyncio.CancelledError | None = None
        while True:
            try:
                step = resume()
            except (StopIteration, Exception) as end:
                if cancelled:
                    raise cancelled from None
                if isinstance(end, StopIteration):
                    return end.value
                raise
            try:
                if isinstance(step, Store):
                    value, cut = await _uncut(step.work)
                    cancelled = cancelled or cut
                else:
                    value = await self._perform(step, cancelled)
            except BaseException as error:  # noqa: BLE001 - the flow decides what an error means
                resume = partial(flow.throw, error)
            else:
                resume = partial(flow.send, value)

    async def _perform(self, step: Call | Wait, cancelled: BaseException | None) -> Any:
        if cancelled:
            raise _Unsent("cancelled")
        if isinstance(step, Wait):
            return await (self._sleep or asyncio.sleep)(step.seconds)
        return await step.work()


async def _uncut(work: Callable[[], Any]) -> tuple[Any, asyncio.CancelledError | None]:
    """Run work in a thread to its end; return the cancel that came meanwhile instead of raising it."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    cancelled = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as cut:
            if task.cancelled():
                raise
            cancelled = cut
        except BaseException:  # noqa: BLE001 - the result below raises it
            break
    return task.result(), cancelled

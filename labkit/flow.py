"""The life of one call, as a generator that does no I/O.

Written once for threads and once for asyncio, a retry loop drifts apart, and neither version can be
stepped through, replayed, or run ten thousand times in a second. So the flow only *yields* what should
happen (`Send`, `Sleep`, `Emit`) and is handed what came of it. Whoever runs it decides what that means:

    labkit.boundary     over real sockets, with threads or asyncio
    labkit.lab.world    in virtual time, thousands at once

    receive → attempt → classify ─┬─ retry? time left? budget left? → wait → attempt …
                                  └─ reply → finish reason → schema gate → business gate → answer
    every end, a cancelled or crashed one too → one CallRecord with all its attempts
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from labkit.backoff import Backoff, Random, RetryBudget, retry_after
from labkit.contracts import Answer, Evidence, Failure, Outcome, Task
from labkit.costs import CostError, RateCard, cost
from labkit.deadline import Clock, Deadline, Phases
from labkit.failures import Advice, Kind, Verdict, classify, judge
from labkit.fallback import Fallback
from labkit.prompts import Models, Prompt, prompt_for
from labkit.providers.base import Adapter, Fault, Malformed, Reply, Request, Response
from labkit.reask import Reask, correction
from labkit.records import Attempt, CallRecord, total_usage
from labkit.validation import Rejected, gate


@dataclass(frozen=True, slots=True)
class Send:
    """Send this request, and answer with a `Response` or a `Fault` within `seconds`.

    `via` is the transport of a second route; None is whatever the driver sends through.
    """

    request: Request
    seconds: float
    phases: Phases
    via: Any = None
    shielded: bool = False  # to be sent even by a caller who is being cancelled


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait this long, then go on."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Emit:
    """The call has ended: hand its record to the sinks."""

    record: CallRecord


Effect = Send | Sleep | Emit
Flow = Generator[Effect, Any, Outcome[Any]]


@dataclass(frozen=True, slots=True)
class Policy:
    """How calls are made: which model serves a task, how long parts may take, how waits grow, what it costs.

    `budget` is shared by every call that uses this policy; None leaves retries to each task's `max_retries`.
    Without a `card`, records carry usage and no cost. `fallback` names a second route, and `reask` asks again
    after invalid output, both for calls that are not streamed. With a `fingerprint` (labkit.fingerprints) a
    record knows a repeated question again.
    """

    models: Models
    backoff: Backoff = field(default_factory=Backoff)
    phases: Phases = field(default_factory=Phases)
    budget: RetryBudget | None = None
    card: RateCard | None = None
    fallback: Fallback | None = None
    reask: Reask | None = None
    fingerprint: Callable[[str], str] | None = None


@dataclass(frozen=True, slots=True)
class Senses:
    """What a flow may know of the world: time, the date, and chance. All three can be replaced."""

    clock: Clock = time.monotonic
    wall: Callable[[], float] = time.time
    random: Random = random.random


@dataclass(frozen=True, slots=True)
class Ended:
    """One attempt, judged: a typed value, or the failure's name and what to do about it."""

    kind: Kind
    reason: str = ""
    advice: Advice = Advice.INSPECT
    at_most: int | None = None
    asked_wait: float | None = None
    value: Any = None
    reply: Reply | None = None


def call_flow(task: Task, evidence: Evidence, adapter: Adapter, policy: Policy, senses: Senses) -> Flow:
    """Run one call to its named end. Raises `ContractError` before anything is sent, and nothing after."""
    outcome = yield from run(Call(task, evidence, adapter, policy, senses))
    return outcome


def run(call: Call) -> Generator[Any, Any, Outcome[Any]]:
    """Let a call take its course, and emit one record however that ends."""
    try:
        outcome = yield from call.attempts()
    except GeneratorExit:
        raise
    except BaseException as error:
        crashed = isinstance(error, Exception)
        kind = Kind.UNKNOWN if crashed else Kind.CANCELLED
        yield Emit(call.record(kind, f"{'crashed' if crashed else 'cancelled'}:{type(error).__name__}"))
        raise
    yield Emit(outcome.record)
    return outcome


class Call:
    """The state of one call, and the steps that its flow is made of."""

    streamed = False
    via: Any = None
    earlier = 0  # attempts that an earlier route had
    reasked = 0

    def __init__(
        self, task: Task, evidence: Evidence, adapter: Adapter, policy: Policy, senses: Senses
    ) -> None:
        self.task, self.evidence, self.adapter, self.policy, self.senses = (
            task,
            evidence,
            adapter,
            policy,
            senses,
        )
        self.prompt: Prompt = prompt_for(task)
        self.model = policy.models.serving(task)
        self.request = self.prepare()
        self.at = senses.wall()
        self.began = senses.clock()
        self.deadline = Deadline(self.began + task.timeout_seconds, senses.clock)
        self.log: list[Attempt] = []
        self.reply: Reply | None = None

    def prepare(self) -> Request:
        """The request that every attempt sends."""
        return self.adapter.request(self.task, self.evidence, self.model)

    def attempts(self) -> Generator[Effect, Any, Outcome[Any]]:
        """Try the route, and the second one if there is one and the first has failed as a route."""
        if self.policy.budget is not None:
            self.policy.budget.called()
        second, whole = self.policy.fallback, self.deadline
        if second is None or self.streamed:
            return (yield from self.tries())
        self.deadline = Deadline(whole.at - second.keep * self.task.timeout_seconds, whole.clock)
        outcome = yield from self.tries()
        if isinstance(outcome, Answer) or outcome.kind not in second.on or whole.expired:
            return outcome
        self.adapter, self.model, self.via = second.adapter, second.model, second.transport
        self.request, self.deadline, self.earlier = self.prepare(), whole, len(self.log)
        return (yield from self.tries())

    def tries(self) -> Generator[Effect, Any, Outcome[Any]]:
        """Attempt, judge, wait, and again, while it makes sense."""
        ceiling = delay = 0.0
        while True:
            ended = yield from self.attempt(ceiling, delay)
            if ended.kind is Kind.OK:
                return Answer(ended.value, self.record(Kind.OK))
            if ended.advice is not Advice.RETRY:
                return self.fail(ended.kind, ended.reason)
            retry = len(self.log) - self.earlier
            ceiling = self.policy.backoff.ceiling(retry)
            delay = self.wait(ended.asked_wait, retry, delay)
            stop = self.why_stop(ended, delay)
            if stop:
                return self.fail(ended.kind, stop)
            yield Sleep(delay)
            if self.deadline.expired:  # a sleep may overshoot: nothing starts after the deadline
                return self.fail(ended.kind, "deadline")

    def wait(self, asked: float | None, retry: int, previous: float) -> float:
        """Seconds until the next attempt: jitter below the ceiling, or what was asked for and some jitter."""
        backoff, draw = self.policy.backoff, self.senses.random
        if asked is None:
            return backoff.delay(retry, draw, previous)
        if asked == 0:
            return 0.0
        # All clients were told the same number: obeyed to the digit, it brings the herd back as one.
        room = max(0.0, self.deadline.remaining() - asked) / 2
        return asked + draw() * min(backoff.ceiling(retry), room)

    def why_stop(self, ended: Ended, delay: float) -> str | None:
        """Why no further attempt is made, as a code; None when one is. Nobody waits in vain."""
        most = self.task.max_retries
        allowed = most if ended.at_most is None else min(most, ended.at_most)
        if self.deadline.expired:
            return "deadline"
        if len(self.log) - self.earlier > allowed:
            return ended.reason if most == 0 else "retries_exhausted"
        if not self.deadline.fits(delay):
            return "delay_exceeds_deadline" if ended.asked_wait is None else "retry_after_exceeds_deadline"
        if self.policy.budget is not None and not self.policy.budget.take():
            return "retry_budget_empty"
        return None

    def attempt(self, ceiling: float, delay: float) -> Generator[Effect, Any, Ended]:
        """Send once, judge what came, and log it whatever it was."""
        clock = self.senses.clock
        started = clock()
        limit = self.policy.phases.limit(max(0.0, self.deadline.at - started))
        got: Response | Fault | None = None
        ended = Ended(Kind.CANCELLED, "cancelled")
        try:
            got = yield from self.send(self.request, limit)
            ended = self.judge(got)
        finally:
            self.note(ended, started, got if isinstance(got, Response) else None, ceiling, delay)
        return ended

    def send(self, request: Request, seconds: float) -> Generator[Effect, Any, Response | Fault]:
        """One exchange, in at most `seconds`."""
        got: Response | Fault = yield Send(request, seconds, self.policy.phases, self.via)
        return got

    def note(
        self,
        ended: Ended,
        started: float,
        head: Response | None,
        ceiling: float,
        delay: float,
        **stream: Any,
    ) -> None:
        """Log an attempt, whatever came of it. `head` is the response, or as much of it as there was."""
        reply = ended.reply
        self.reply = reply or self.reply
        attempt = Attempt(
            number=len(self.log) + 1,
            started_ms=_ms(started - self.began),
            latency_ms=_ms(self.senses.clock() - started),
            status="ok" if ended.kind is Kind.OK else "failed",
            kind=ended.kind,
            reason=ended.reason,
            http_status=head.status if head else None,
            provider=self.adapter.name,
            model=self.model,
            request_id=_request_id(head),
            ceiling_s=ceiling,
            delay_s=delay,
            usage=reply.usage if reply else None,
            finish_reason=reply.finish if reply else None,
            **stream,
        )
        self.log.append(attempt)

    def judge(self, got: Response | Fault) -> Ended:
        """Name what came back, before anything reads its content."""
        if isinstance(got, Fault):
            return Ended(got.kind, got.reason, classify(None, got.kind))
        if not 200 <= got.status < 300:
            codes = self.adapter.error_codes(got)
            verdict: Verdict = judge(got.status, codes, got.headers.get("x-should-retry"))
            asked = retry_after(got.headers, self.senses.wall)
            return Ended(verdict.kind, f"http_{got.status}", verdict.advice, verdict.at_most, asked)
        reply = self.adapter.reply(got)
        if isinstance(reply, Malformed):
            if reply.codes:  # a failure that came with status 200 is judged as the 500 that it is
                verdict = judge(500, reply.codes)
                return Ended(verdict.kind, reply.reason, verdict.advice, verdict.at_most)
            return Ended(Kind.PROTOCOL, reply.reason, classify(got.status, Kind.PROTOCOL))
        return self.read(reply)

    def read(self, reply: Reply) -> Ended:
        """Why the model stopped comes first, then the two gates."""
        if reply.refused:
            return Ended(Kind.REFUSED, "refused", reply=reply)
        if reply.incomplete:
            return Ended(Kind.INCOMPLETE, f"finish_{_code(reply.finish)}", reply=reply)
        value = gate(reply.text, self.prompt.result, self.evidence, self.prompt.rules)
        if isinstance(value, Rejected):
            return self.rejected(value, reply)
        return Ended(Kind.OK, value=value, reply=reply)

    def rejected(self, rejected: Rejected, reply: Reply) -> Ended:
        """An answer that a gate refused is the end, unless the policy asks again and there is room for it."""
        ended = Ended(rejected.kind, rejected.reason, reply=reply)
        reask, ask = self.policy.reask, getattr(self.adapter, "reask", None)
        spent = [
            *(attempt.usage for attempt in self.log if attempt.http_status == HTTPStatus.OK),
            reply.usage,
        ]
        if reask is None or ask is None or self.streamed or not reask.allows(ended.kind, self.reasked, spent):
            return ended
        self.reasked += 1
        self.request = ask(self.prepare(), correction(rejected.detail))
        return replace(ended, advice=Advice.RETRY)

    def fail(self, kind: Kind, reason: str) -> Failure:
        """End the call by a name."""
        return Failure(kind, reason, self.record(kind, reason))

    def _fingerprint(self) -> str | None:
        """What recognises a repeated question without holding it."""
        make = self.policy.fingerprint
        return None if make is None else make(self.task.customer_question)

    def record(self, status: Kind, reason: str = "") -> CallRecord:
        """What operations needs of this call. Made once, at its end."""
        attempts = tuple(self.log)
        usage, unreported = total_usage(attempts)
        reply = self.reply
        record = CallRecord(
            trace_id=self.task.trace_id,
            task=self.task.task,
            model=self.model,
            prompt_version=self.task.prompt_version,
            latency_ms=_ms(self.senses.clock() - self.began),
            status=status,
            reason=reason,
            provider=self.adapter.name,
            response_model=reply.model if reply else None,
            response_id=reply.id if reply else None,
            finish_reason=reply.finish if reply else None,
            streamed=self.streamed,
            attempts=attempts,
            usage=usage,
            unreported_attempts=unreported,
            at=self.at,
            question_fingerprint=self._fingerprint(),
        )
        return record if self.policy.card is None else _priced(record, self.policy.card)


def _priced(record: CallRecord, card: RateCard) -> CallRecord:
    """Add the cost; a record whose usage or model the card cannot price keeps None: unknown, never 0."""
    known = [attempt for attempt in record.attempts if attempt.usage is not None]
    try:
        costs = [cost(attempt.usage, attempt.model, card) for attempt in known]
    except CostError:
        costs = []
    return replace(record, cost=sum(costs, Decimal(0)) if costs else None, rate_card=card.stamp)


def _ms(seconds: float) -> float:
    """Milliseconds to the microsecond: finer digits of a clock are noise."""
    return round(seconds * 1000, 3)


def _request_id(got: Response | None) -> str | None:
    if got is None:
        return None
    found = got.headers.get("x-request-id") or got.headers.get("request-id")
    return found[:128] if found and found.isprintable() else None


def _code(text: str | None) -> str:
    """A provider's word as a code: anything but a short identifier could be content."""
    return text if text and len(text) <= 32 and text.isidentifier() else "unknown"

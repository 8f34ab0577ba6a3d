"""Virtual time: thousands of real calls against a provider that has a capacity.

A retry policy that looks kind in one call can bring a provider down when ten thousand make it at once,
and nobody can try that on a real provider. Here nothing sleeps and nothing is sent: a clock jumps from
event to event, and every caller runs the flow that `Boundary` runs, adapter, gates and records included::

    crowd = Crowd(callers=200)
    run = simulate(crowd, Provider(per_second=20, burst=6), Policy(Models("practice-model")), seed=7)
    run.summary()                  # finished, attempts, peak, finish time, wasted work, cost
    run.attempts()                 # tidy frame, one row for each attempt: what the herd plot draws
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from heapq import heapify, heappop, heappush
from random import Random
from typing import Any

import pandas as pd

from labkit.backoff import Backoff, RetryBudget
from labkit.contracts import Evidence, Outcome, Task
from labkit.failures import Kind
from labkit.flow import Emit, Flow, Policy, Send, Senses, Sleep, call_flow
from labkit.lab.case import EVIDENCE, TASK
from labkit.lab.jitter import JITTERS
from labkit.lab.station import EPOCH, Answers, Station
from labkit.prompts import Models
from labkit.providers.base import Adapter, Fault, Malformed, Reply, Request, Response
from labkit.providers.openai_chat import OpenAIChat
from labkit.records import CallRecord

OK_STATUS = 200


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who calls: how many, over how many seconds they start (0: all at once), and what each asks.

    `layers` is how many layers retry, each `max_retries` times: 1 is the boundary alone. An outer layer
    (a gateway, a job runner) sees only that the call failed, and makes the whole call again.
    """

    callers: int = 200
    over_s: float = 0.0
    task: Task = TASK
    evidence: Evidence = EVIDENCE
    layers: int = 1

    def __post_init__(self) -> None:
        if self.callers < 1 or self.over_s < 0 or self.layers < 1:
            raise ValueError(
                f"callers {self.callers}, over_s {self.over_s}, layers {self.layers}: wanted at least one "
                "caller and one layer, and no negative time"
            )


def simulate(
    crowd: Crowd,
    provider: Answers,
    policy: Policy,
    *,
    adapter: Adapter | None = None,
    seed: int = 0,
    draw: Callable[[], float] | None = None,
) -> Run:
    """Let the crowd call until every call has ended. One seed gives one history, to the last digit.

    `draw` replaces the callers' chance, which the seed decides otherwise: `lambda: 0.5` halves every ceiling.
    A retry budget starts full in every run, so that no run depends on the one before. The `transport` of a
    fallback is a provider like this one.
    """
    if policy.budget is not None:
        policy = replace(policy, budget=RetryBudget(policy.budget.capacity, policy.budget.per_call))
    world = _World(crowd, provider, policy, adapter or OpenAIChat(), seed=seed, draw=draw)
    world.run()
    served = sum(station.served for station in world.stations.values())
    return Run(crowd, policy, tuple(world.records), tuple(world.outcomes), served, world.unread)


@dataclass(frozen=True, slots=True)
class Run:
    """What happened: every record with its caller and the time its call began, and what callers got.

    `served` counts the replies that the provider worked for; `unread` those whose caller had gone.
    """

    crowd: Crowd
    policy: Policy
    records: tuple[tuple[int, float, CallRecord], ...]
    outcomes: tuple[Outcome[Any], ...]
    served: int
    unread: int

    def attempts(self) -> pd.DataFrame:
        """One row for each attempt, in order of time."""
        made = [(who, began, attempt) for who, began, record in self.records for attempt in record.attempts]
        # By columns: a table of ten thousand small dicts takes longer to read than the run that made it.
        frame = pd.DataFrame(
            {
                "caller": [who for who, _, _ in made],
                "number": [attempt.number for *_, attempt in made],
                "at_s": [round(began + attempt.started_ms / 1000, 6) for _, began, attempt in made],
                "took_s": [attempt.latency_ms / 1000 for *_, attempt in made],
                "kind": [attempt.kind.value for *_, attempt in made],
                "http_status": pd.array([attempt.http_status for *_, attempt in made], dtype="Int64"),
                "ceiling_s": [attempt.ceiling_s for *_, attempt in made],
                "delay_s": [attempt.delay_s for *_, attempt in made],
            }
        )
        return frame.sort_values("at_s", kind="stable", ignore_index=True)

    def calls(self) -> pd.DataFrame:
        """One row for each call, in the order in which they ended."""
        rows = [
            {
                "caller": caller,
                "began_s": began,
                "ended_s": round(began + record.latency_ms / 1000, 6),
                "status": str(record.status),
                "reason": record.reason,
                "attempts": len(record.attempts),
                "cost": record.cost,
            }
            for caller, began, record in self.records
        ]
        return pd.DataFrame(rows)

    def summary(self, window_s: float = 0.1, attempts: pd.DataFrame | None = None) -> dict[str, Any]:
        """The run in a row. Peaks are attempts in one window of `window_s`, of all and of retries alone.

        `wasted` counts the attempts that brought nobody an answer. `billed` is what the provider charges
        for all that it served, `recorded` what the callers' records know of: a reply that came too late
        is billed, and no record shows it. Both are None without a rate card.
        """
        attempts = self.attempts() if attempts is None else attempts
        answered = {
            caller: began + r.latency_ms / 1000 for caller, began, r in self.records if r.status == Kind.OK
        }
        at = attempts["at_s"]
        return {
            "callers": self.crowd.callers,
            "finished": len(answered),
            "attempts": len(attempts),
            "peak": _peak(at, window_s),
            "retry_peak": _peak(at[attempts["number"] > 1], window_s),
            "last_answer_s": round(max(answered.values()), 3) if answered else None,
            "last_attempt_s": round(float(at.max()), 3),
            "wasted": len(attempts) - len(answered),
            "unread": self.unread,
            **self._money(),
        }

    def _money(self) -> dict[str, Any]:
        card = self.policy.card
        if card is None:
            return {"billed": None, "recorded": None}
        known = [record.cost for *_, record in self.records if record.cost is not None]
        # Every caller asks the same, so every reply costs the same (of one route; a fallback may differ).
        each = max(known, default=None)
        return {"billed": None if each is None else each * self.served, "recorded": sum(known, Decimal(0))}


def _peak(at: pd.Series[float], window_s: float) -> int:
    # A tenth of a microsecond keeps an attempt at 0.3 in the window that begins at 0.3.
    return int(((at + 1e-7) // window_s).value_counts().max()) if len(at) else 0


def jitter_policies(
    base: float = 0.5,
    cap: float = 8.0,
    names: Sequence[str] = ("none", "quarter", "full", "decorrelated"),
    model: str = "practice-model",
) -> dict[str, Policy]:
    """A policy for each jitter, alike in everything else."""
    return {name: Policy(Models(model), Backoff(base, cap, JITTERS[name])) for name in names}


def compare(
    policies: Mapping[str, Policy],
    crowd: Crowd,
    provider: Answers,
    *,
    seed: int = 0,
    window_s: float = 0.1,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Run one crowd under each policy. Two frames: all attempts with their policy, a summary row each."""
    frames, rows = [], []
    for name, policy in policies.items():
        run = simulate(crowd, provider, policy, seed=seed)
        attempts = run.attempts()
        frames.append(attempts.assign(policy=name))
        rows.append({"policy": name, **run.summary(window_s, attempts)})
    return pd.concat(frames, ignore_index=True), pd.DataFrame(rows)


@dataclass(frozen=True, slots=True)
class _Caller:
    number: int
    flow: Flow


class _Remembering:
    """An adapter that translates each request and each response once.

    Its methods are pure and a crowd asks one thing, so the calls cannot tell the difference; the time
    that is saved is what lets a slider redraw while it is dragged.
    """

    def __init__(self, inner: Adapter) -> None:
        self.name = inner.name
        self.auth_headers = inner.auth_headers
        self._inner = inner
        self._requests: dict[str, Request] = {}
        self._known: dict[int, tuple[Response, Any]] = {}

    def request(self, task: Task, evidence: Evidence, model: str) -> Request:
        # Callers differ in their trace ids only, and no trace id is ever sent.
        if model not in self._requests:
            self._requests[model] = self._inner.request(task, evidence, model)
        return self._requests[model]

    def reply(self, response: Response) -> Reply | Malformed:
        known: Reply | Malformed = self._once(response, self._inner.reply)
        return known

    def error_codes(self, response: Response) -> tuple[str, ...]:
        known: tuple[str, ...] = self._once(response, self._inner.error_codes)
        return known

    def _once(self, response: Response, read: Callable[[Response], Any]) -> Any:
        # The response is kept beside its reading: while it lives, no other can have its id.
        known = self._known.get(id(response))
        if known is None:
            known = self._known[id(response)] = (response, read(response))
        return known[1]


class _World:
    """The clock, the queue of events, and the callers."""

    def __init__(
        self,
        crowd: Crowd,
        provider: Answers,
        policy: Policy,
        adapter: Adapter,
        *,
        seed: int,
        draw: Callable[[], float] | None,
    ) -> None:
        self.now = 0.0
        self.crowd, self.policy, self.adapter = crowd, policy, _Remembering(adapter)
        luck, nature = Random(f"luck {seed}"), Random(f"nature {seed}")
        self.nature = nature
        self.senses = Senses(lambda: self.now, lambda: EPOCH + self.now, draw or luck.random)
        self.stations: dict[Answers | None, Station] = {}
        self.stations[None] = self._open(provider, self.adapter, policy.models.serving(crowd.task))
        if policy.fallback is not None:
            second = replace(policy.fallback, adapter=_Remembering(policy.fallback.adapter))
            self.policy = replace(policy, fallback=second)
            if second.transport is not None:
                self.stations[second.transport] = self._open(second.transport, second.adapter, second.model)
        self.unread = 0
        self.records: list[tuple[int, float, CallRecord]] = []
        self.outcomes: list[Outcome[Any]] = []
        # When, in which order among equals, who, and what they are told.
        self.queue: list[tuple[float, int, _Caller, Any]] = []
        for number in range(crowd.callers):
            caller = _Caller(number, self._start(crowd, number))
            self.queue.append((nature.random() * crowd.over_s, number, caller, None))
        heapify(self.queue)

    def _open(self, provider: Answers, adapter: Adapter, model: str) -> Station:
        request = adapter.request(self.crowd.task, self.crowd.evidence, model)
        return provider.open(adapter.name, request, self.nature)

    def _start(self, crowd: Crowd, number: int) -> Flow:
        task = replace(crowd.task, trace_id=f"{crowd.task.trace_id[:100]}.{number}")

        def call() -> Flow:
            return call_flow(task, crowd.evidence, self.adapter, self.policy, self.senses)

        for _ in range(crowd.layers - 1):
            call = _again(call, task.max_retries, self.policy.backoff, self.senses.random)
        # The generator runs nothing yet: a flow looks at the clock when its caller starts.
        return call()

    def run(self) -> None:
        """Go from event to event until none is left."""
        queue, order = self.queue, len(self.queue)
        while queue:
            self.now, _, caller, value = heappop(queue)
            try:
                effect = caller.flow.send(value)
                while isinstance(effect, Emit):
                    # Records count in whole microseconds, so the start is known to one as well.
                    began = round(self.now - effect.record.latency_ms / 1000, 6)
                    self.records.append((caller.number, began, effect.record))
                    effect = caller.flow.send(None)
            except StopIteration as end:
                self.outcomes.append(end.value)
                continue
            if isinstance(effect, Send):
                at, value = self._exchange(effect)
            else:
                at, value = self.now + effect.seconds, None
            order += 1
            heappush(queue, (at, order, caller, value))

    def _exchange(self, effect: Send) -> tuple[float, Response | Fault]:
        """When the caller hears something, and what."""
        at, heard = self.stations[effect.via].hear(self.now)
        phase = effect.phases.read < effect.seconds
        gives_up_at = self.now + (effect.phases.read if phase else effect.seconds)
        if heard is not None and at < gives_up_at:
            return at, heard
        self.unread += isinstance(heard, Response) and heard.status == OK_STATUS
        return gives_up_at, Fault(Kind.TIMEOUT, "read" if phase else "deadline")


def _again(
    call: Callable[[], Flow], retries: int, backoff: Backoff, luck: Callable[[], float]
) -> Callable[[], Flow]:
    """A layer around a call that makes it again when it fails, as if the call below did not retry."""

    def layer() -> Flow:
        outcome = yield from call()
        delay = 0.0
        for retry in range(1, retries + 1):
            if outcome.ok:
                break
            delay = backoff.delay(retry, luck, delay)
            yield Sleep(delay)
            outcome = yield from call()
        return outcome

    return layer

"""A call whose answer is made in the background: start it, ask for it, and cancel what nobody waits for.

A slow answer over one open connection is lost with the connection, and paid for.
In background mode the provider gives an id at once and works on; the answer is fetched when it is there.
But then nobody may forget to cancel: the provider would finish an answer that no one reads.

    adapter = OpenAIResponses(background=True)
    boundary.call(task, evidence)      # the same outcome, the same deadline, the same record
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Protocol

from labkit.contracts import Evidence, Outcome, Task
from labkit.failures import RETRYABLE_STATUS, Kind
from labkit.flow import Call, Effect, Ended, Flow, Policy, Send, Senses, Sleep, run
from labkit.providers.base import Adapter, Fault, Request, Response

FIRST_POLL_S = 0.25
LONGEST_POLL_S = 5.0
CANCEL_S = 2.0
TOO_LATE = Fault(Kind.TIMEOUT, "deadline")


class BackgroundAdapter(Adapter, Protocol):
    """An adapter whose provider can work in the background."""

    background: bool

    def poll(self, response: Response) -> Request | None:
        """The request that asks again; None when the answer is there."""

    def cancel(self, poll: Request) -> Request:
        """The request that stops it."""


def background_flow(
    task: Task, evidence: Evidence, adapter: BackgroundAdapter, policy: Policy, senses: Senses
) -> Flow:
    """Run one background call to its named end."""
    outcome: Outcome[Any] = yield from run(BackgroundCall(task, evidence, adapter, policy, senses))
    return outcome


class BackgroundCall(Call):
    """A call that starts an answer, and asks for it at growing intervals, until it is there or time is up."""

    adapter: BackgroundAdapter

    def send(self, request: Request, seconds: float) -> Generator[Effect, Any, Response | Fault]:
        """Send, then poll. A lost poll is no lost answer: it is asked for again while there is time."""
        ends = self.senses.clock() + seconds
        got = yield from super().send(request, seconds)
        poll, wait = self._unfinished(got), FIRST_POLL_S
        if poll is None:
            return got
        try:
            while poll is not None:
                left = ends - self.senses.clock()
                if left <= FIRST_POLL_S:
                    late, poll = poll, None
                    yield from self._cancel(late)
                    return TOO_LATE
                yield Sleep(min(wait, left - FIRST_POLL_S))  # so that the last look is just before the end
                wait = min(wait * 2, LONGEST_POLL_S)
                got = yield from super().send(poll, max(0.0, ends - self.senses.clock()))
                lost = isinstance(got, Fault) or got.status in RETRYABLE_STATUS
                poll = poll if lost else self._unfinished(got)
        except BaseException:  # cancelled or interrupted: the provider must hear of it
            if poll is not None:
                yield from self._cancel(poll)
            raise
        return got

    def judge(self, got: Response | Fault) -> Ended:
        """An answer that took too long would take as long again: that is no reason to start a second one."""
        return Ended(TOO_LATE.kind, TOO_LATE.reason) if got is TOO_LATE else super().judge(got)

    def _unfinished(self, got: Response | Fault) -> Request | None:
        return self.adapter.poll(got) if isinstance(got, Response) and got.status < 300 else None

    def _cancel(self, poll: Request) -> Generator[Effect, Any, None]:
        yield Send(self.adapter.cancel(poll), CANCEL_S, self.policy.phases, self.via, shielded=True)

"""Ten failures to sort, and a reason for each wrong choice.

"Wrong, it is fail_and_fix_quota" teaches a word. What teaches is what the wrong choice would have done:
three more requests to an empty account, or an engineer woken for a limit that passes in a second::

    sorter = failure_sorter()
    sorter                          # one cell: sort
    sorter.answers                  # the next: where each belongs, and what your choice would have done

The right places are not written here: the library's own table says them.
"""

from __future__ import annotations

from dataclasses import dataclass

from labkit.failures import Advice, Kind, classify, judge
from labkit.lab.widgets.base import Item, Sorter
from labkit.lab.wire import problem_response
from labkit.providers import ADAPTERS


@dataclass(frozen=True, slots=True)
class Case:
    """A failure as a learner meets it. `fault` is what the practice provider plays."""

    label: str
    fault: str
    because: str
    provider: str = "openai"
    kind: Kind | None = None

    @property
    def advice(self) -> Advice:
        """What the library does about it."""
        if self.kind is not None:
            return classify(None, self.kind)
        response = problem_response(self.provider, self.fault)
        codes = ADAPTERS[self.provider]().error_codes(response)
        return judge(response.status, codes, response.headers.get("x-should-retry")).advice


CASES = (
    Case(
        "503, the service is unavailable",
        "unavailable",
        "The provider has trouble now. In a moment it may not.",
    ),
    Case(
        "429, code rate_limit_exceeded",
        "rate_limit",
        "Too many requests in this minute. The next minute has room again.",
    ),
    Case(
        "429, code insufficient_quota",
        "quota",
        "The money is used up. Time does not refill it; a person does.",
    ),
    Case(
        "429, type rate_limit_error, error_code enforced_spend_limit_reached",
        "enforced_spend_limit",
        "The type says rate limit, the more specific word says that the month's money is spent. Read the "
        "most specific word first.",
        provider="anthropic",
    ),
    Case(
        "529, overloaded",
        "overloaded",
        "The provider has too much to do, for everybody. It passes.",
        provider="anthropic",
    ),
    Case(
        "401, the key is not accepted",
        "bad_key",
        "The same key is refused again. Somebody has to put in another one.",
    ),
    Case(
        "400, the request is malformed",
        "bad_request",
        "The same bytes are malformed again. The code that made them has to change.",
    ),
    Case(
        "404, no such model",
        "not_found",
        "A wrong name, a retired model, or a missing right: someone has to look which.",
    ),
    Case(
        "no answer, the connection was reset",
        "reset_before",
        "Networks lose connections. For a read-only question a second try is safe; for an action, see "
        "lesson 08.",
        kind=Kind.CONNECT,
    ),
    Case(
        "200, and the body is a sign-in page in HTML",
        "html_200",
        "Something between you and the provider answered. It is no reply, so it counts as a lost one.",
        kind=Kind.PROTOCOL,
    ),
)

# What a wrong choice would have done: (chosen, right) -> the consequence.
CONSEQUENCES: dict[tuple[Advice, Advice], str] = {
    (Advice.RETRY, Advice.FIX_QUOTA): (
        "Retrying sends the same request to an empty account again and again, and the user waits for it."
    ),
    (Advice.RETRY, Advice.FIX_REQUEST): (
        "Retrying sends the same mistake again. It adds load, takes the user's time, and may lock the key."
    ),
    (Advice.RETRY, Advice.INSPECT): (
        "Retrying hides a failure that nobody has understood yet behind a longer wait."
    ),
    (Advice.FIX_QUOTA, Advice.RETRY): (
        "You would wake someone who pays the bills for a trouble that is over in a second."
    ),
    (Advice.FIX_QUOTA, Advice.FIX_REQUEST): (
        "More quota does not help: the request would be refused with any."
    ),
    (Advice.FIX_QUOTA, Advice.INSPECT): "More quota does not help: nothing here speaks of money.",
    (Advice.FIX_REQUEST, Advice.RETRY): (
        "There is nothing to fix: the same request is answered a moment later. The user gets an error "
        "that a short wait would have saved."
    ),
    (Advice.FIX_REQUEST, Advice.FIX_QUOTA): (
        "An engineer searches the code for a mistake, while the account is simply empty."
    ),
    (Advice.FIX_REQUEST, Advice.INSPECT): (
        "Maybe, but the status alone does not say that the request is at fault. Look first."
    ),
    (Advice.INSPECT, Advice.RETRY): (
        "A person looks at what passes by itself, and the user has an error instead of an answer."
    ),
    (Advice.INSPECT, Advice.FIX_QUOTA): (
        "It is known already: the error's own word says that the quota is spent. Tell those who can raise it."
    ),
    (Advice.INSPECT, Advice.FIX_REQUEST): (
        "It is known already: the request, or its key, has to change before it can succeed."
    ),
}


class FailureSorter(Sorter):
    """A sorter whose wrong choices are answered with what they would have done."""

    def _line(self, item: Item) -> dict[str, str]:
        line = super()._line(item)
        yours = self.chosen.get(item.label)
        if yours is not None and yours != item.bin:
            would = CONSEQUENCES[Advice(yours), Advice(item.bin)]
            line["why"] = f"{would} {item.because}"
        return line


def failure_sorter(name: str = "06-sort") -> FailureSorter:
    """The ten failures of lesson 06, to be sorted into the four things that can be done."""
    items = [Item(case.label, str(case.advice), case.because) for case in CASES]
    bins = [str(advice) for advice in Advice]
    return FailureSorter("What does the boundary do about each of these?", bins, items, name=name)

"""Which shape a piece of work should have: sync, stream, background, batch, and whether its prefix is cached.

One shape for everything is the beginner's mistake: a person watches a spinner for a job that should have been
queued, or a nightly run of 50,000 records pays the price of answers that nobody waits for.
So describe the work, and get the shape with its reasons and the thing to watch out for:

    choice = choose(Workload(records=50_000, someone_waits=False, can_wait_s=24 * 3600))
    choice.shape      # Shape.BATCH
    choice.reasons    # ("nobody waits for the answers", …)

Caching is not a fifth place to run work but a property of its prompts, so it can join any of the other four.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from labkit.failures import LabkitError

BATCH_WINDOW_S = 24 * 3600.0  # both providers promise a batch within 24 hours
CACHE_FROM_TOKENS = 1024  # shorter prefixes are not cached (OpenAI and Anthropic, most models)
CACHE_LIVES_S = 300.0  # a cached prefix that is not used for five minutes is forgotten
PATIENCE_S = 10.0  # longer than this, a person in front of a screen wants to do something else
FEW_RECORDS = 20


class Shape(StrEnum):
    """How a piece of work runs."""

    SYNC = "sync"
    STREAM = "stream"
    BACKGROUND = "background"
    BATCH = "batch"
    CACHED = "cached"


WATCH_OUT = {
    Shape.SYNC: "give it a deadline and the screen a loading state",
    Shape.STREAM: "partial text can fail later: show it as a draft, act only on the validated whole",
    Shape.BACKGROUND: "the job must outlive its process: poll its status, keep its state in a file",
    Shape.BATCH: "results come unordered, with errors and gaps: reconcile them by custom_id",
    Shape.CACHED: "only an exact prefix hits: stable content first, and watch cached tokens in the usage",
}


@dataclass(frozen=True, slots=True)
class Workload:
    """What the work is like. Times in seconds; `prefix_tokens` is the part that every prompt starts with.

    `one_object`: the result is one validated value, of no use in parts. `uses_every_s`: how often the same
    prefix is sent; None when it is sent once.
    """

    records: int = 1
    someone_waits: bool = True
    reads_along: bool = False
    one_object: bool = True
    call_s: float = 2.0
    can_wait_s: float = 0.0
    prefix_tokens: int = 0
    uses_every_s: float | None = None

    def __post_init__(self) -> None:
        if self.records < 1:
            raise LabkitError(f"Workload.records is {self.records}; wanted 1 or more")
        for name in ("call_s", "can_wait_s", "prefix_tokens"):
            if getattr(self, name) < 0:
                raise LabkitError(f"Workload.{name} is {getattr(self, name)}; wanted 0 or more")


@dataclass(frozen=True, slots=True)
class Choice:
    """A shape, whether its prefix should be cached, why, and what to watch out for."""

    shape: Shape
    cached: bool
    reasons: tuple[str, ...]
    watch_out: tuple[str, ...]

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shape, and CACHED when the prefix should be."""
        return (self.shape, Shape.CACHED) if self.cached else (self.shape,)


def choose(work: Workload) -> Choice:
    """Choose the shape of a workload, with reasons. Pure; the numbers above are the whole policy."""
    shape, reasons = _shape(work)
    cached, cache_reason = _caching(work)
    told = (*reasons, cache_reason) if cache_reason else reasons
    watch = (WATCH_OUT[shape], WATCH_OUT[Shape.CACHED]) if cached else (WATCH_OUT[shape],)
    return Choice(shape, cached, told, watch)


def _shape(work: Workload) -> tuple[Shape, tuple[str, ...]]:
    return _watched(work) if work.someone_waits else _unwatched(work)


def _unwatched(work: Workload) -> tuple[Shape, tuple[str, ...]]:
    many, patient = work.records > FEW_RECORDS, work.can_wait_s >= BATCH_WINDOW_S
    if many and patient:
        return Shape.BATCH, (
            "nobody waits for the answers",
            f"{work.records:,} records can wait the 24 hours that a batch may take",
            "a batch costs about half; it is cheaper, not faster",
        )
    hurry = "the results are wanted sooner than a batch promises"
    return Shape.BACKGROUND, (
        "nobody waits for the answers",
        hurry if many else f"{work.records:,} records are too few to be worth a batch",
        "a job retries, resumes and reports while the caller does something else",
    )


def _watched(work: Workload) -> tuple[Shape, tuple[str, ...]]:
    seconds = work.records * work.call_s
    if work.records > 1 and seconds > PATIENCE_S:
        return Shape.BACKGROUND, (
            f"{work.records:,} records of {work.call_s:g} s take {seconds:,.0f} s: too long for one request",
            "the person sees progress instead of a spinner",
        )
    if work.one_object and work.call_s > PATIENCE_S:
        return Shape.BACKGROUND, (
            f"one call of {work.call_s:g} s outlasts a person's patience",
            "the result is of no use in parts, so streaming would only show what may still be refused",
        )
    if not work.one_object and (work.reads_along or work.call_s > PATIENCE_S):
        reads = "a person reads the text as it comes"
        return Shape.STREAM, (
            reads if work.reads_along else f"text that takes {work.call_s:g} s is better read than awaited",
            "parts of it are useful, and the reader may stop it",
        )
    why = "one validated object is of no use in parts" if work.one_object else "the text is short"
    return Shape.SYNC, ("a person waits for the answer", why)


def _caching(work: Workload) -> tuple[bool, str]:
    if not work.prefix_tokens:
        return False, ""
    if work.prefix_tokens < CACHE_FROM_TOKENS:
        return (
            False,
            f"a prefix of {work.prefix_tokens:,} tokens is below the {CACHE_FROM_TOKENS:,} that are cached",
        )
    if work.records == 1 and work.uses_every_s is None:
        return False, "the prefix is sent once: a cache would only cost its writing"
    if work.uses_every_s is not None and work.uses_every_s > CACHE_LIVES_S:
        return (
            False,
            f"sent every {work.uses_every_s:,.0f} s, the prefix is forgotten before it is used again",
        )
    return (
        True,
        f"{work.prefix_tokens:,} tokens of prefix repeat: written once, then read at a fraction of the price",
    )

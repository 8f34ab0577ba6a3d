"""The stories of the course, as cassettes: one call each, recorded from the practice provider.

A story that has to be arranged before it can be seen is told once and never looked at again.

    for story in STORIES.values():
        print(story.name, story.says)
    record = play(STORIES["recovered_429"])         # the same events every time, without a network

`python tools/cassettes.py` records them anew; the data is made up, so their text is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from labkit.boundary import Boundary, adapter_named
from labkit.contracts import Task
from labkit.deadline import Phases
from labkit.failures import LabkitError
from labkit.flow import Policy
from labkit.lab.case import EVIDENCE, TASK
from labkit.lab.cassette import Cassette
from labkit.lab.clock import LESSON_DAY, LessonClock
from labkit.lab.provider import practice
from labkit.lab.tape import Player, Recorder
from labkit.prompts import Models
from labkit.providers.base import Fault, Request, Response
from labkit.records import CallRecord
from labkit.transport import Http

SHELF = Path(__file__).parent / "cassettes"
MODEL = "practice-model"
SALT = "stories-of-the-course"  # the data is made up: nothing to hide, and the files stay the same
DRAFT = replace(TASK, task="draft_reply", prompt_version="reply_draft@1", max_retries=0)


class UnknownStory(LabkitError):
    """There is no story of this name, and no file."""


@dataclass(frozen=True, slots=True)
class Story:
    """One call worth seeing. `script` is what the provider was told to do."""

    name: str
    says: str
    script: tuple[str, ...]
    provider: str = "openai"
    task: Task = TASK
    stream: bool = False
    file: Path | None = None  # a cassette of one's own; None: the course's

    @property
    def path(self) -> Path:
        """Where its cassette is."""
        return self.file or SHELF / f"{self.name}.jsonl"


def _stories() -> dict[str, Story]:
    quick = replace(TASK, timeout_seconds=0.3, max_retries=0)
    told = (
        Story("recovered_429", "A rate limit, a jittered wait, and the decision.", ("429", "ok")),
        Story("exhausted_quota", "The same status, and no retry: a quota does not refill.", ("quota",)),
        Story(
            "unknown_429", "A 429 of no known kind is tried once more, and then left.", ("unknown_429",) * 2
        ),
        Story(
            "retry_after", "The provider names the wait; it is never undercut.", ("rate_limit_after:2", "ok")
        ),
        Story("outage", "Three 503s use up the retries; the call ends by its name.", ("503",) * 3),
        Story("overloaded", "Anthropic's 529: busy for everyone, and it passes.", ("529", "ok"), "anthropic"),
        Story("wrong_key", "A refused key: nothing to wait for.", ("bad_key",)),
        Story("drip", "A byte every 5 ms never times out, and a deadline ends it.", ("drip",), task=quick),
        Story("lost_connection", "Half a body, a reset, and a second try.", ("reset_during_body", "ok")),
        Story("page_with_200", "A gateway's page with status 200 is no answer.", ("html_200", "ok")),
        Story("ninety_days", "Valid JSON, and wrong: P-7 says 30 days.", ("window_90",)),
        Story("invented_source", "A policy line that nobody supplied.", ("wrong_citation",), "anthropic"),
        Story("refusal", "The model declines; no text is parsed.", ("refusal",)),
        Story("cut_answer", "Stopped by the token limit in the middle.", ("length",)),
        Story("draft", "A reply grows, unapproved until it is whole.", ("ok",), task=DRAFT, stream=True),
        Story(
            "truncated_stream",
            "The text looks finished; the end mark never came.",
            ("no_marker",),
            task=DRAFT,
            stream=True,
        ),
        Story(
            "error_midway",
            "An error event after the first words.",
            ("stream_error:6",),
            "anthropic",
            DRAFT,
            stream=True,
        ),
    )
    return {story.name: story for story in told}


STORIES = _stories()


class _Paced:
    """Counts time by what happens, not by this machine: 40 ms an exchange, 5 ms a chunk."""

    def __init__(self, inner: Http, clock: LessonClock) -> None:
        self._inner, self._clock = inner, clock

    def exchange(self, request: Request, seconds: float, phases: Phases) -> Response | Fault:
        got = self._inner.exchange(request, seconds, phases)
        late = isinstance(got, Fault) and got.reason == "deadline"
        self._clock.sleep(seconds if late else min(self._clock.exchange_s, seconds))
        return got

    def open(self, request: Request, seconds: float, phases: Phases, canceller: Any = None) -> Any:
        got = self._inner.open(request, seconds, phases, canceller)
        self._clock.sleep(min(self._clock.exchange_s, seconds))
        if not isinstance(got, Fault):
            read = got.read

            def paced(seconds: float) -> bytes | Fault:
                self._clock.sleep(0.005)
                return read(seconds)

            got.read = paced  # type: ignore[method-assign]
        return got

    def close(self) -> None:
        self._inner.close()


def record(story: Story, path: Path) -> CallRecord:
    """Record a story from the practice provider. The same file on every machine."""
    clock = LessonClock()
    with practice(script=list(story.script), clock=lambda: LESSON_DAY) as server:
        adapter = adapter_named(story.provider)
        http = Http(server.base_url, adapter.auth_headers(server.key))
        about = {"provider": story.provider, "model": MODEL, "script": list(story.script)}
        with Recorder(
            _Paced(http, clock),
            path,
            salt=SALT,
            synthetic=True,
            story=story.says,
            about=about,
            clock=clock,
        ) as tape:
            return _call(story, tape, clock)


def play(story: Story, wait: Any = None) -> CallRecord:
    """Play a story's cassette. `wait` is called with seconds, to play at the recorded pace."""
    clock = LessonClock()

    def both(seconds: float) -> None:
        clock.sleep(seconds)
        if wait is not None:
            wait(seconds)

    return _call(story, Player(Cassette.load(story.path), both), clock, both)


def _call(story: Story, transport: Any, clock: LessonClock, sleep: Any = None) -> CallRecord:
    boundary = Boundary(
        adapter_named(story.provider),
        transport,
        Policy(Models(MODEL)),
        clock=clock,
        wall=clock.wall,
        sleep=sleep or clock.sleep,
        random=lambda: 0.5,
    )
    if not story.stream:
        return boundary.call(story.task, EVIDENCE).record
    with boundary.stream(story.task, EVIDENCE) as stream:
        for _ in stream:
            pass
    return stream.outcome.record


def find(name: str) -> Story:
    """The story of this name. Raises `UnknownStory`, with the names that there are."""
    if name not in STORIES:
        raise UnknownStory(f"there is no story {name!r}; there are: {', '.join(STORIES)}")
    return STORIES[name]

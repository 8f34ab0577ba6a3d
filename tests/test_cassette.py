"""Cassettes: the same outcome, record and chunks from a file, and nothing in it that must not be kept."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.boundary import Boundary, adapter_named
from labkit.contracts import Task
from labkit.flow import Policy
from labkit.keykinds import find_keys
from labkit.lab.case import EVIDENCE, QUESTION, TASK
from labkit.lab.cassette import Cassette, CassetteError, Exchange, Print
from labkit.lab.clock import LessonClock
from labkit.lab.provider import Provider, practice
from labkit.lab.tape import NotSynthetic, Player, Recorder, UnknownRequest
from labkit.prompts import Models
from labkit.providers import Fault, Request
from labkit.transport import Http

MODEL = "practice-1"
SALT = "0123456789abcdef"
DRAFT = replace(TASK, task="draft_reply", prompt_version="reply_draft@1", max_retries=0)


def boundary(name: str, transport: Any, clock: LessonClock) -> Boundary:
    return Boundary(
        adapter_named(name),
        transport,
        Policy(Models(MODEL)),
        clock=clock,
        wall=clock.wall,
        sleep=clock.sleep,
        random=lambda: 0.5,
    )


class Ticking(LessonClock):
    """A clock that moves 5 ms whenever it is read, so that recorded times differ, alike on every machine."""

    def __call__(self) -> float:
        self.now += 0.005
        return self.now


def record(name: str, provider: Provider, path: Path, task: Task = TASK, **options: Any) -> Any:
    clock = LessonClock()
    adapter = adapter_named(name)
    http = Http(provider.base_url, adapter.auth_headers(provider.key))
    with Recorder(clock.over(http), path, salt=SALT, clock=clock, **options) as tape:
        return boundary(name, tape, clock).call(task, EVIDENCE)


def play(name: str, path: Path, task: Task = TASK) -> Any:
    clock = LessonClock()
    return boundary(name, Player(Cassette.load(path), clock.sleep), clock).call(task, EVIDENCE)


SCRIPTS = [
    ["ok"],
    ["429", "ok"],
    ["quota"],
    ["rate_limit_after", "overloaded", "ok"],
    ["reset_during_body", "ok"],
    ["html_200", "ok"],
    ["window_90"],
    ["refusal"],
    ["bad_key"],
]


@pytest.mark.parametrize("name", ["openai", "anthropic", "openai_responses"])
@pytest.mark.parametrize("script", SCRIPTS, ids="+".join)
def test_a_call_plays_as_it_was_recorded(name: str, script: list[str], tmp_path: Path) -> None:
    """The same outcome and the same record, clock included, in virtual time."""
    path = tmp_path / "call.jsonl"
    with practice(script=script) as provider:
        recorded = record(name, provider, path)
    assert recorded == play(name, path)


def test_a_timeout_plays_in_virtual_time(tmp_path: Path) -> None:
    """An attempt that took longer than the deadline leaves is cut there."""
    path = tmp_path / "call.jsonl"
    with practice() as provider:
        record("openai", provider, path)
    outcome = play("openai", path, replace(TASK, timeout_seconds=0.02))
    assert ("timeout", 20.0) == (outcome.kind, outcome.record.latency_ms)


def drafts(stream: Any) -> tuple[list[tuple[str, str]], Any]:
    with stream:
        seen = [(str(draft.state), draft.text) for draft in stream]
    return seen, stream.outcome


@pytest.mark.parametrize(
    "fault", ["ok", "split_utf8", "split_bytes:7", "stream_error", "end_early", "no_marker"]
)
@pytest.mark.parametrize("name", ["openai", "anthropic", "openai_responses"])
def test_a_stream_plays_with_its_chunks_and_times(name: str, fault: str, tmp_path: Path) -> None:
    """The same drafts, the same outcome, chunk by chunk at the same times."""
    path = tmp_path / "stream.jsonl"
    clock = Ticking()
    with practice(script=[fault]) as provider:
        adapter = adapter_named(name)
        http = Http(provider.base_url, adapter.auth_headers(provider.key))
        with Recorder(http, path, salt=SALT, synthetic=True, clock=clock) as tape:
            seen, outcome = drafts(boundary(name, tape, clock).stream(DRAFT, EVIDENCE))
    (exchange,) = Cassette.load(path).exchanges
    still = LessonClock()
    player = Player(Cassette.load(path), still.sleep)
    played, again = drafts(boundary(name, player, still).stream(DRAFT, EVIDENCE))
    assert seen == played
    assert (outcome.ok, outcome.record.status) == (again.ok, again.record.status)
    assert round(still.now * 1000, 3) == max(at for at, _ in exchange.chunks) or exchange.fault
    assert [a.chunks for a in outcome.record.attempts] == [a.chunks for a in again.record.attempts]


def test_an_unknown_request_names_the_difference(tmp_path: Path) -> None:
    """One byte changed in the question: the place is named, its content is not, and nothing is sent."""
    path = tmp_path / "call.jsonl"
    with practice() as provider:
        record("openai", provider, path)
    with pytest.raises(
        UnknownRequest, match=r"exchange 1, which differs in: messages\[1\].content"
    ) as caught:
        play("openai", path, replace(TASK, customer_question=QUESTION.replace("Can", "can")))
    assert QUESTION not in str(caught.value)


def test_one_send_too_many_is_named(tmp_path: Path) -> None:
    """A flow that now retries more often than when it was recorded says so."""
    path = tmp_path / "call.jsonl"
    with practice(script=["503"]) as provider:
        record("openai", provider, path, replace(TASK, max_retries=0))
    with pytest.raises(UnknownRequest, match="once more"):
        play("openai", path, TASK)


def test_a_replay_needs_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With sockets forbidden, a cassette still plays."""
    path = tmp_path / "call.jsonl"
    with practice(script=["429", "ok"]) as provider:
        record("openai", provider, path)

    def forbidden(*_: Any, **__: Any) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", forbidden)
    assert play("openai", path).ok


def test_no_key_and_no_customer_text_on_a_cassette(tmp_path: Path) -> None:
    """A canary in key, question and an echoing error is nowhere in the file, and the call still plays."""
    canary = "sk-" + "proj-" + "C4nary" * 8
    question = f"My name is Ottoline Brand, my key is {canary}.\nCan I rotate it?"
    task = replace(TASK, customer_question=question)

    class Echo:
        """A provider that repeats what it was sent."""

        def exchange(self, request: Request, seconds: float, phases: Any) -> Any:
            from labkit.providers import Response

            told = {"error": {"message": f"cannot read: {question} {canary}", "code": "rate_limit_exceeded"}}
            headers = {"x-request-id": "req_1", "set-cookie": canary, "authorization": canary}
            return Response(429, headers, json.dumps(told).encode())

        def close(self) -> None:
            pass

    path, clock = tmp_path / "call.jsonl", LessonClock()
    with Recorder(Echo(), path, salt=SALT, clock=clock) as tape:
        recorded = boundary("openai", tape, clock).call(task, EVIDENCE)
    text = path.read_text("utf-8")
    assert not list(find_keys(text))
    for secret in (canary, "C4nary", "Ottoline", "authorization", "set-cookie"):
        assert secret not in text
    again = play("openai", path, task)
    assert (recorded.kind, recorded.reason) == (again.kind, again.reason)


def test_prose_is_recorded_from_made_up_data_only(tmp_path: Path) -> None:
    """A drafted reply may say anything about anyone: without `synthetic`, it is refused before it is sent."""
    with practice() as provider:
        with pytest.raises(NotSynthetic):
            record("openai", provider, tmp_path / "a.jsonl", DRAFT)
        assert 0 == provider.count
        assert record("openai", provider, tmp_path / "b.jsonl", DRAFT, synthetic=True).ok


def test_a_torn_last_line_is_left_out_and_counted(tmp_path: Path) -> None:
    """A recording that was killed in the middle still plays what it has."""
    path = tmp_path / "call.jsonl"
    with practice(script=["429", "ok"]) as provider:
        record("openai", provider, path)
    whole = path.read_text("utf-8")
    path.write_text(whole[: whole.rindex("{", 0, len(whole) - 60) + 40], "utf-8")
    cassette = Cassette.load(path)
    assert (1, 1) == (len(cassette.exchanges), cassette.torn)


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", "not json", '{"format": "labkit-cassette", "version": 99}']
)
def test_what_is_no_cassette_says_so(text: str, tmp_path: Path) -> None:
    """Another file, or another version, is a clear error."""
    path = tmp_path / "x.jsonl"
    path.write_text(text)
    with pytest.raises(CassetteError, match=r"x\.jsonl"):
        Cassette.load(path)


def test_a_recording_overwrites_nothing(tmp_path: Path) -> None:
    """A cassette that is there stays."""
    path = tmp_path / "call.jsonl"
    path.write_text("precious")
    with pytest.raises(FileExistsError):
        Recorder(None, path, salt=SALT)
    assert "precious" == path.read_text()


@given(
    parts=st.lists(st.tuples(st.floats(0, 1e6), st.binary(max_size=20)), max_size=5),
    kind=st.sampled_from(["timeout", "connect"]),
)
def test_any_bytes_survive_the_file(parts: list[tuple[float, bytes]], kind: str) -> None:
    """Chunks come back byte for byte, half a character too."""
    from labkit.failures import Kind

    exchange = Exchange(
        Print("POST", "/v1", {"a": "b"}), 1.0, 200, {}, tuple(parts), Fault(Kind(kind), "read"), 2.0, True
    )
    assert exchange == Exchange.from_line(exchange.as_line())

"""Batches: every item ends in done, failed or missing, and only what is missing is sent again."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import anthropic
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.batch import (
    AnthropicBatch,
    BatchError,
    Item,
    Line,
    OpenAIBatch,
    Wire,
    check_items,
    read_lines,
    reconcile_batch,
)
from labkit.batchrun import Batches, BatchLate, BatchUnsure
from labkit.failures import Kind
from labkit.flow import Call, Policy, Senses
from labkit.lab.case import EVIDENCE, TASK
from labkit.lab.provider import Provider, practice
from labkit.prompts import Models
from labkit.providers import OpenAIChat, OpenAIResponses, Response
from labkit.records import CallRecord
from labkit.transport import Http

POLICY = Policy(Models("practice-model"))
WIRES = {
    "openai": OpenAIBatch,
    "openai_responses": lambda: OpenAIBatch(OpenAIResponses()),
    "anthropic": AnthropicBatch,
}
GOOD = json.dumps({"decision": "eligible", "rotation_window_days": 30, "source_line_ids": ["P-7"]})


def items(count: int) -> list[Item]:
    """Give the lesson's task for many accounts; every third key is not stale."""
    made = []
    for number in range(count):
        account = f"acct_{number:05d}"
        facts = {**EVIDENCE.facts, "account_id": account, "key_stale": number % 3 != 0}
        task = replace(TASK, account_id=account, trace_id=f"trace_{account}")
        made.append(Item(account, task, replace(EVIDENCE, facts=facts)))
    return made


def completion(text: str) -> bytes:
    """Give a chat completion as a line of an output file holds it."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"content": text}}
    usage = {"prompt_tokens": 250, "completion_tokens": 80, "total_tokens": 330}
    return json.dumps({"id": "c1", "model": "practice-model", "choices": [choice], "usage": usage}).encode()


@pytest.fixture
def provider() -> Iterator[Provider]:
    with practice(batch_seconds=100.0) as provider:
        yield provider


@pytest.fixture(params=list(WIRES))
def wire(request: pytest.FixtureRequest) -> Wire:
    """Give each provider's batch API."""
    return WIRES[request.param]()


@pytest.fixture
def batches(provider: Provider, wire: Wire) -> Iterator[Batches]:
    """Give batches whose waiting moves the provider's clock, so that no test waits for real."""
    with Http(provider.base_url, wire.adapter.auth_headers(provider.key)) as http:
        yield Batches(wire, http, POLICY, every_s=30.0, sleep=provider.advance)


# ── sorting out ──────────────────────────────────────────────────────────────────────────────────────


def calls(names: list[str]) -> dict[str, Call]:
    """Give a fresh call for each id."""
    return {name: Call(TASK, EVIDENCE, OpenAIChat(), POLICY, Senses()) for name in names}


ENDS = {
    "good": Response(200, {}, completion(GOOD)),
    "wrong": Response(200, {}, completion(GOOD.replace("30", "90"))),
    "error": Response(500, {}, b'{"error": {"code": "server_error"}}'),
    "never": None,
}


@given(
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(list(ENDS))), max_size=12),
    st.sets(st.sampled_from("abcdef"), min_size=1),
)
def test_every_item_ends_in_exactly_one_place(came: list[tuple[str, str]], sent: set[str]) -> None:
    """Whatever the order, the gaps, the repeats and the strangers: nothing is lost and nothing is double."""
    sorted_out = reconcile_batch(calls(sorted(sent)), [Line(name, ENDS[end]) for name, end in came])
    placed = [*sorted_out.done, *sorted_out.failed, *sorted_out.missing]
    assert sorted(sent) == sorted(placed)
    assert set(sorted_out.done) == {name for name, end in came if end == "good"} & sent
    assert Counter(sorted_out.strangers) == Counter(name for name, _ in came if name not in sent)


def test_a_batch_answer_passes_both_gates() -> None:
    """Valid JSON with the wrong window is a failure here as anywhere, with its usage in the record."""
    sorted_out = reconcile_batch(calls(["a", "b"]), [Line("a", ENDS["wrong"]), Line("b", ENDS["good"])])
    failure = sorted_out.failed["a"]
    assert (Kind.UNSUPPORTED_DECISION, "unsupported window") == (failure.kind, failure.reason)
    assert 330 == failure.record.input_tokens + failure.record.output_tokens
    assert 30 == sorted_out.done["b"].value.rotation_window_days


def test_a_broken_line_costs_only_its_own_item() -> None:
    """Half a line, a blank one, another encoding: their items are missing, the others are there."""
    row = json.dumps(
        {"custom_id": "b", "response": {"status_code": 200, "body": json.loads(completion(GOOD))}}
    )
    content = b'{"custom_id": "a", "resp\n\n\xff\xfe\n' + row.encode() + b"\n[]\n{}\n"
    assert ["b"] == [line.custom_id for line in read_lines(OpenAIBatch(), content)]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([], "no items"),
        ([replace(items(1)[0], custom_id="a b")], "is no id"),
        ([replace(items(1)[0], custom_id="x" * 65)], "is no id"),
        (items(1) * 2, "comes twice"),
    ],
)
def test_items_that_would_fail_hours_later_fail_now(wrong: list[Item], message: str) -> None:
    """A duplicate id fails a whole batch after it was created; here it is never sent."""
    with pytest.raises(BatchError, match=message):
        check_items(wrong)


# ── against the practice provider ────────────────────────────────────────────────────────────────────


def test_a_batch_comes_back_whole(batches: Batches) -> None:
    """Every account gets its own decision, whatever the order of the lines."""
    sorted_out = batches.run(items(9))
    assert (9, {}, ()) == (len(sorted_out.done), sorted_out.failed, sorted_out.missing)
    decided = {name: answer.value.decision for name, answer in sorted_out.done.items()}
    assert {f"acct_{n:05d}": "eligible" if n % 3 else "not_eligible" for n in range(9)} == decided


def test_errors_and_gaps_are_told_apart(batches: Batches, provider: Provider) -> None:
    """Failed items are named, lost ones are missing, and only the missing ones are sent again."""
    provider.script(["batch_fails:4+batch_loses:2"], on="batches")
    sent: list[tuple[str, ...]] = []
    sorted_out = batches.run(items(12), remember=lambda _id, ids: sent.append(ids))
    assert 12 == len(sorted_out.done) + len(sorted_out.failed)
    assert () == sorted_out.missing
    assert {Kind.PROVIDER_ERROR} == {failure.kind for failure in sorted_out.failed.values()}
    first, again = sent
    assert (12, 2) == (len(first), len(again))
    assert not set(again) & set(sorted_out.failed)


def test_a_batch_of_failures_has_no_output_file(batches: Batches, provider: Provider) -> None:
    """It counts as completed all the same; every item is failed, none missing."""
    provider.script(["batch_all_fail"], on="batches")
    sorted_out = batches.run(items(3))
    assert (0, 3, ()) == (len(sorted_out.done), len(sorted_out.failed), sorted_out.missing)


def test_what_expired_was_never_run(batches: Batches, provider: Provider) -> None:
    """After 24 hours the rest of a slow batch is missing, not failed, and the next round does it."""
    provider.script(["batch_takes:172800"], on="batches")
    batches.every_s = 3600.0
    sent: list[tuple[str, ...]] = []
    sorted_out = batches.run(items(10), remember=lambda _id, ids: sent.append(ids))
    assert (10, ()) == (len(sorted_out.done), sorted_out.missing)
    assert 0 < len(sent[1]) < 10


def test_a_cancelled_batch_keeps_what_was_done(batches: Batches, provider: Provider) -> None:
    """Some items are done, the others missing; nothing is called failed that never ran."""
    batch_id = batches.submit(items(20))
    provider.advance(60)
    batches.cancel(batch_id)
    sorted_out = batches.collect(batches.wait(batch_id), items(20))
    assert {} == sorted_out.failed
    assert 0 < len(sorted_out.missing) < 20
    assert 20 == len(sorted_out.done) + len(sorted_out.missing)


def test_another_process_can_collect(batches: Batches, provider: Provider) -> None:
    """The id is all that is needed: a new object, as after a crash, reads the same results."""
    kept: list[str] = []

    def crash(batch_id: str, _ids: tuple[str, ...]) -> None:
        kept.append(batch_id)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batches.run(items(3), remember=crash)
    later = Batches(batches.wire, batches.transport, POLICY, sleep=provider.advance)
    assert 3 == len(later.collect(later.wait(kept[0]), items(3)).done)


def test_a_batch_that_is_late_is_named(batches: Batches, provider: Provider) -> None:
    """Waiting ends when you say so, and the batch is still there to be collected."""
    provider.script(["batch_takes:9000"], on="batches")
    batch_id = batches.submit(items(2))
    with pytest.raises(BatchLate, match="collect it later"):
        batches.wait(batch_id, timeout_s=60)
    assert "ended" == batches.wait(batch_id).state


def test_many_items_go_in_several_batches(batches: Batches) -> None:
    """A batch is no larger than its result file may be."""
    batches.size = 4
    sent: list[int] = []
    sorted_out = batches.run(items(10), remember=lambda _id, ids: sent.append(len(ids)))
    assert ([4, 4, 2], 10) == (sent, len(sorted_out.done))


def test_a_lost_answer_to_create_is_not_repeated(batches: Batches, provider: Provider) -> None:
    """A batch may be running by then; a second one would be paid for as well."""
    provider.script(["reset_before"], on="batches")
    with pytest.raises(BatchUnsure, match="look for the label 'nightly-1-1'"):
        batches.run(items(2), label="nightly")
    assert 1 == sum(seen.path.endswith("/batches") and seen.method == "POST" for seen in provider.requests)


def test_a_lost_look_is_repeated(batches: Batches, provider: Provider) -> None:
    """Looking and fetching cost nothing, so a reset or a 503 there is waited out."""
    provider.script(["503", "reset_before", "ok", "503"], on="polls")
    assert 3 == len(batches.run(items(3)).done)


def test_every_item_leaves_a_record(provider: Provider) -> None:
    """Failed ones too, each with the trace id of its own task."""
    records: list[CallRecord] = []
    provider.script(["batch_fails:2"], on="batches")
    with Http(provider.base_url, OpenAIChat().auth_headers(provider.key)) as http:
        Batches(OpenAIBatch(), http, POLICY, sleep=provider.advance, sinks=[records.append]).run(items(4))
    assert {f"trace_acct_{n:05d}" for n in range(4)} == {record.trace_id for record in records}
    assert {Kind.OK: 2, Kind.PROVIDER_ERROR: 2} == Counter(record.status for record in records)


def test_a_bad_input_file_names_its_lines(provider: Provider) -> None:
    """The batch is created, and fails later; the error says which line and why."""
    with openai.OpenAI(base_url=provider.openai_url, api_key=provider.key) as client:
        file = client.files.create(file=("r.jsonl", b'{"custom_id": "a"\n'), purpose="batch")
        made = client.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
        )
    http = Http(provider.base_url, OpenAIChat().auth_headers(provider.key))
    with http, pytest.raises(BatchError, match="invalid_json_line in line 1"):
        Batches(OpenAIBatch(), http, POLICY, sleep=provider.advance).wait(made.id)


def test_the_official_sdks_see_the_same_batches(provider: Provider) -> None:
    """What our requests created is what the openai and anthropic SDKs read back."""
    for name, wire in (("openai", OpenAIBatch()), ("anthropic", AnthropicBatch())):
        with Http(provider.base_url, wire.adapter.auth_headers(provider.key)) as http:
            made = Batches(wire, http, POLICY, sleep=provider.advance)
            batch_id = made.submit(items(2), label="nightly")
            made.wait(batch_id)
        if name == "openai":
            with openai.OpenAI(base_url=provider.openai_url, api_key=provider.key) as client:
                batch = client.batches.retrieve(batch_id)
                content = client.files.content(batch.output_file_id).text
                assert {"labkit": "nightly"} == batch.metadata
                assert 2 == len(content.splitlines())
        else:
            with anthropic.Anthropic(base_url=provider.base_url, api_key=provider.key) as client:
                assert 2 == len(list(client.messages.batches.results(batch_id)))

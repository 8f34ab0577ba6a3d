"""Files and batches of both providers, through the official SDKs and the provider's own clock."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anthropic
import httpx
import openai
import pytest
from practice_case import (
    DECISION,
    MODEL,
    anthropic_client,
    bearer,
    chat_body,
    messages_body,
    openai_client,
    user,
)

from labkit.lab.provider import Provider, practice
from labkit.lab.provider.batchinput import read_lines

DAY = 86_400


@pytest.fixture
def provider() -> Iterator[Provider]:
    with practice(clock=lambda: 1_800_000_000.0, batch_seconds=100) as provider:
        yield provider


@pytest.fixture
def gpt(provider: Provider) -> Iterator[openai.OpenAI]:
    with openai_client(provider) as client:
        yield client


@pytest.fixture
def claude(provider: Provider) -> Iterator[anthropic.Anthropic]:
    with anthropic_client(provider) as client:
        yield client


def line(custom_id: str, **changes: Any) -> dict[str, Any]:
    """One request line of a batch file."""
    body = chat_body(**changes)
    return {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body}


def submit(gpt: openai.OpenAI, lines: list[dict[str, Any]], **changes: Any) -> Any:
    """Upload a batch file and start the batch."""
    content = "\n".join(json.dumps(row) for row in lines).encode()
    file = gpt.files.create(file=("requests.jsonl", content), purpose="batch")
    wanted = {"endpoint": "/v1/chat/completions", "completion_window": "24h", "input_file_id": file.id}
    return gpt.batches.create(**wanted | changes)


def rows(gpt: openai.OpenAI, file_id: str | None) -> list[dict[str, Any]]:
    """The lines of a batch's output or error file."""
    return (
        [] if file_id is None else [json.loads(row) for row in gpt.files.content(file_id).text.splitlines()]
    )


def ids(found: list[dict[str, Any]]) -> list[str]:
    """The custom ids of some lines."""
    return [row["custom_id"] for row in found]


TWENTY = [f"row-{number}" for number in range(20)]


def test_a_batch_from_start_to_end(provider: Provider, gpt: openai.OpenAI) -> None:
    """It is validated, works, finalises and completes as the clock moves; the output holds every answer."""
    batch = submit(gpt, [line(name) for name in TWENTY], metadata={"job": "nightly"})
    seen = [(batch.status, batch.request_counts.completed)]
    for _ in range(4):
        provider.advance(25)
        batch = gpt.batches.retrieve(batch.id)
        seen.append((batch.status, batch.request_counts.completed))
    assert seen == [
        ("validating", 0),
        ("in_progress", 4),
        ("in_progress", 10),
        ("in_progress", 16),
        ("completed", 20),
    ]
    output = rows(gpt, batch.output_file_id)
    assert sorted(ids(output)) == sorted(TWENTY)
    assert ids(output) != TWENTY
    assert batch.error_file_id is None
    message = output[0]["response"]["body"]["choices"][0]["message"]
    assert json.loads(message["content"]) == DECISION
    assert batch.metadata == {"job": "nightly"}
    assert [found.id for found in gpt.batches.list()] == [batch.id]


def test_the_order_is_the_same_under_one_seed() -> None:
    """The output is unordered, yet the same on every run."""

    def order(seed: int) -> list[str]:
        with practice(seed=seed, batch_seconds=0) as provider, openai_client(provider) as gpt:
            return ids(rows(gpt, submit(gpt, [line(name) for name in TWENTY]).output_file_id))

    assert order(1) == order(1) != order(2)


def test_errors_are_in_their_own_file(provider: Provider, gpt: openai.OpenAI) -> None:
    """Requests that fail, by fault or by their own fault, are in the error file and nowhere else."""
    provider.script(["batch_fails:5"], on="batches")
    lines = [line(name) for name in TWENTY]
    lines[0] = line("row-0", temperature="hot")
    batch = submit(gpt, lines)
    provider.advance(100)
    batch = gpt.batches.retrieve(batch.id)
    good, bad = rows(gpt, batch.output_file_id), rows(gpt, batch.error_file_id)
    assert sorted(ids(bad)) == ["row-0", "row-14", "row-19", "row-4", "row-9"]
    assert sorted(ids(good) + ids(bad)) == sorted(TWENTY)
    assert {row["response"]["status_code"] for row in bad} == {400, 500}
    assert (batch.request_counts.completed, batch.request_counts.failed) == (15, 5)


def test_all_failed_is_completed_without_output(provider: Provider, gpt: openai.OpenAI) -> None:
    """When everything fails the batch is completed all the same, and there is no output file."""
    provider.script(["batch_all_fail"], on="batches")
    batch = submit(gpt, [line(name) for name in TWENTY])
    provider.advance(100)
    batch = gpt.batches.retrieve(batch.id)
    assert (batch.status, batch.output_file_id) == ("completed", None)
    assert sorted(ids(rows(gpt, batch.error_file_id))) == sorted(TWENTY)


def test_some_requests_turn_up_nowhere(provider: Provider, gpt: openai.OpenAI) -> None:
    """What is neither in the output nor in the errors is missing, and only the input tells."""
    provider.script(["batch_loses:3"], on="batches")
    batch = submit(gpt, [line(name) for name in TWENTY])
    provider.advance(100)
    batch = gpt.batches.retrieve(batch.id)
    found = ids(rows(gpt, batch.output_file_id)) + ids(rows(gpt, batch.error_file_id))
    assert len(set(TWENTY) - set(found)) == 3


def test_a_batch_that_expires(provider: Provider, gpt: openai.OpenAI) -> None:
    """After 24 hours what is not done is an error named batch_expired; what is done is kept."""
    provider.script([f"batch_takes:{2 * DAY}"], on="batches")
    batch = submit(gpt, [line(name) for name in TWENTY])
    provider.advance(DAY)
    batch = gpt.batches.retrieve(batch.id)
    good, bad = rows(gpt, batch.output_file_id), rows(gpt, batch.error_file_id)
    assert (batch.status, batch.expired_at) == ("expired", batch.expires_at)
    assert (len(good), len(bad)) == (10, 10)
    assert {row["error"]["code"] for row in bad} == {"batch_expired"}


def test_a_batch_that_is_cancelled(provider: Provider, gpt: openai.OpenAI) -> None:
    """Cancel keeps what is done; the rest is in no file; a batch that is over cannot be cancelled."""
    batch = submit(gpt, [line(name) for name in TWENTY])
    provider.advance(50)
    assert gpt.batches.cancel(batch.id).status == "cancelling"
    provider.advance(10)
    batch = gpt.batches.retrieve(batch.id)
    assert batch.status == "cancelled"
    assert len(rows(gpt, batch.output_file_id)) == 10
    assert batch.error_file_id is None
    with pytest.raises(openai.ConflictError):
        gpt.batches.cancel(batch.id)


def test_bad_input_fails_later(provider: Provider, gpt: openai.OpenAI) -> None:
    """A batch of bad lines is created, and fails at validation with the reason and the line of each."""
    batch = submit(gpt, [line("a"), line("b"), line("a"), {**line("c"), "method": "GET"}])
    assert batch.status == "validating"
    provider.advance(10)
    batch = gpt.batches.retrieve(batch.id)
    assert batch.status == "failed"
    assert [(error.code, error.line) for error in batch.errors.data] == [
        ("duplicate_custom_id", 3),
        ("invalid_method", 4),
    ]


@pytest.mark.parametrize(
    ("content", "code", "number"),
    [
        (b"", "empty_file", None),
        (b"\n\n", "empty_file", None),
        (b"{\n", "invalid_json_line", 1),
        (b"[]", "invalid_json_line", 1),
        (b"\xff\xfe", "invalid_json_line", 1),
        (b'{"custom_id": ""}', "missing_required_parameter", 1),
        (json.dumps({**line("a"), "url": "/v1/responses"}).encode(), "mismatched_endpoint", 1),
        (b"x\n" * 50_001, "too_many_requests", None),
    ],
)
def test_every_way_to_write_a_bad_file(content: bytes, code: str, number: int | None) -> None:
    """Each fault of the input has its code and its line."""
    _, errors = read_lines(content, "/v1/chat/completions")
    assert (errors[0].code, errors[0].line) == (code, number)


def test_a_batch_of_responses(provider: Provider, gpt: openai.OpenAI) -> None:
    """The Responses API can be batched too."""
    request = {"model": MODEL, "input": user()}
    row = {"custom_id": "a", "method": "POST", "url": "/v1/responses", "body": request}
    batch = submit(gpt, [row], endpoint="/v1/responses")
    provider.advance(100)
    output = rows(gpt, gpt.batches.retrieve(batch.id).output_file_id)
    assert output[0]["response"]["body"]["object"] == "response"


def test_files(provider: Provider, gpt: openai.OpenAI) -> None:
    """Files are kept, listed, read back byte for byte, and deleted."""
    file = gpt.files.create(file=("a.jsonl", b"\x00one\r\ntwo"), purpose="batch")
    assert gpt.files.content(file.id).content == b"\x00one\r\ntwo"
    assert [found.id for found in gpt.files.list(purpose="batch")] == [file.id]
    assert gpt.files.retrieve(file.id).filename == "a.jsonl"
    assert gpt.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError):
        gpt.files.retrieve(file.id)
    with pytest.raises(openai.BadRequestError):
        gpt.files.create(file=("a.jsonl", b"x"), purpose="poetry")  # type: ignore[arg-type]
    bad = httpx.post(f"{provider.openai_url}/files", headers=bearer(provider), content=b"no form")
    assert bad.status_code == 400


def test_batches_are_checked_when_they_are_made(gpt: openai.OpenAI) -> None:
    """An unknown file, a wrong purpose and a wrong window are refused at once."""
    other = gpt.files.create(file=("a.txt", b"x"), purpose="user_data")
    with pytest.raises(openai.NotFoundError):
        submit(gpt, [line("a")], input_file_id="file-unknown")
    with pytest.raises(openai.BadRequestError):
        submit(gpt, [line("a")], input_file_id=other.id)
    with pytest.raises(openai.BadRequestError):
        submit(gpt, [line("a")], completion_window="1h")


# ── message batches ──


def requests(names: list[str], **changes: Any) -> list[Any]:
    """Requests of a message batch."""
    return [{"custom_id": name, "params": messages_body(**changes)} for name in names]


def test_a_message_batch_from_start_to_end(provider: Provider, claude: anthropic.Anthropic) -> None:
    """It is in progress, then ended; results come unordered and complete."""
    batch = claude.messages.batches.create(requests=requests(TWENTY))
    assert (batch.processing_status, batch.request_counts.processing) == ("in_progress", 20)
    with pytest.raises(anthropic.AnthropicError):
        claude.messages.batches.results(batch.id)
    provider.advance(100)
    batch = claude.messages.batches.retrieve(batch.id)
    assert (batch.processing_status, batch.request_counts.succeeded) == ("ended", 20)
    results = list(claude.messages.batches.results(batch.id))
    names = [result.custom_id for result in results]
    assert sorted(names) == sorted(TWENTY)
    assert names != TWENTY
    assert results[0].result.message.content[0].input == DECISION
    assert [found.id for found in claude.messages.batches.list()] == [batch.id]
    assert claude.messages.batches.delete(batch.id).id == batch.id


def test_message_batch_errors(provider: Provider, claude: anthropic.Anthropic) -> None:
    """Requests that fail are errored results, each with the provider's error."""
    provider.script(["batch_fails:4"], on="batches")
    asked = [*requests(TWENTY[:8]), *requests(["odd"], max_tokens="many")]
    batch = claude.messages.batches.create(requests=asked)
    provider.advance(100)
    kinds = {
        result.custom_id: result.result.error.error.type
        for result in claude.messages.batches.results(batch.id)
        if result.result.type == "errored"
    }
    assert kinds == {"row-3": "api_error", "row-7": "api_error", "odd": "invalid_request_error"}


@pytest.mark.parametrize(("expires", "kind"), [(True, "expired"), (False, "canceled")])
def test_message_batches_cut_short(
    provider: Provider, claude: anthropic.Anthropic, expires: bool, kind: str
) -> None:
    """Expired and cancelled batches have ended too, and name the requests that never ran."""
    if expires:
        provider.script([f"batch_takes:{2 * DAY}"], on="batches")
    batch = claude.messages.batches.create(requests=requests(TWENTY))
    if expires:
        provider.advance(DAY)
    else:
        provider.advance(50)
        assert claude.messages.batches.cancel(batch.id).processing_status == "canceling"
        provider.advance(10)
    batch = claude.messages.batches.retrieve(batch.id)
    results = [result.result.type for result in claude.messages.batches.results(batch.id)]
    assert batch.processing_status == "ended"
    assert sorted(set(results)) == sorted({"succeeded", kind})
    assert results.count(kind) == 10


def test_message_batches_are_checked_when_they_are_made(claude: anthropic.Anthropic) -> None:
    """Doubled and impossible ids are refused at once."""
    for names in (["a", "a"], ["has space"], []):
        with pytest.raises(anthropic.BadRequestError):
            claude.messages.batches.create(requests=requests(names))


def test_a_large_batch_lets_others_through() -> None:
    """While 3,000 requests are worked off at once, another client's calls are still answered."""
    with practice(batch_seconds=0) as provider, openai_client(provider, timeout=60) as gpt:
        lines = [line(f"row-{number}") for number in range(3000)]
        with ThreadPoolExecutor(1) as pool, httpx.Client(headers=bearer(provider)) as http:
            batch = pool.submit(submit, gpt, lines)
            while not any(seen.path == "/v1/batches" for seen in provider.requests):
                time.sleep(0.002)
            meanwhile = 0
            while not batch.done():
                http.post(f"{provider.openai_url}/chat/completions", json=chat_body())
                meanwhile += 1
        assert batch.result().status == "completed"
        assert len(rows(gpt, batch.result().output_file_id)) == 3000
    assert meanwhile > 3

"""Prompt caching by exact prefix, and a provider that can be full."""

import asyncio
import time
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from practice_case import MODEL, anthropic_client, bearer, chat_body, messages_body, openai_client, user

from labkit.lab.provider import Capacity, Provider, practice
from labkit.lab.provider.prompt import Segment
from labkit.lab.provider.promptcache import PromptCache

LONG = "Policy text that stays the same. " * 200  # 6,600 bytes: 1,650 tokens


def chat(provider: Provider, system: str, **changes: Any) -> tuple[int, int, int]:
    """Input, cached and written tokens of one chat completion."""
    turns = [{"role": "system", "content": system}, {"role": "user", "content": user()}]
    with openai_client(provider) as client:
        usage = client.chat.completions.create(model=MODEL, messages=turns, **changes).usage
    assert usage is not None
    assert usage.prompt_tokens_details is not None
    return (
        usage.prompt_tokens,
        usage.prompt_tokens_details.cached_tokens,
        usage.prompt_tokens_details.cache_write_tokens,
    )


def test_a_repeated_prefix_is_cached() -> None:
    """The second call reads from the cache, in steps of 128 tokens, what the first one wrote."""
    with practice() as provider:
        first, second = chat(provider, LONG), chat(provider, LONG)
    total, cached, written = first
    assert (cached, written) == (0, total // 128 * 128)
    assert second == (total, written, 0)


def test_a_changed_beginning_is_never_cached() -> None:
    """One different character at the top, and nothing of the rest counts."""
    with practice() as provider:
        chat(provider, "1 " + LONG)
        assert chat(provider, "2 " + LONG)[1] == 0


def test_a_changed_end_is_cached_up_to_it() -> None:
    """A difference late in the prompt leaves the prefix before it cached."""
    with practice() as provider:
        chat(provider, LONG + "one" + LONG)
        cached = chat(provider, LONG + "two" + LONG)[1]
    assert 1024 <= cached <= 1650
    assert cached % 128 == 0


def test_a_short_common_beginning_is_not_cached() -> None:
    """Two long prompts that share fewer than 1,024 tokens share nothing."""
    with practice() as provider:
        chat(provider, LONG[:2000] + "one" * 2000)
        assert chat(provider, LONG[:2000] + "two" * 2000)[1] == 0


@pytest.mark.parametrize("changes", [{"prompt_cache_key": "other"}])
def test_caches_are_apart(changes: dict[str, Any]) -> None:
    """Another cache key is another cache; so is another model; so is a later hour."""
    with practice(clock=lambda: 1000.0) as provider:
        chat(provider, LONG)
        assert chat(provider, LONG, **changes)[1] == 0
        provider.advance(601)
        assert chat(provider, LONG)[1] == 0


def test_short_prompts_are_not_cached() -> None:
    """Below 1,024 tokens nothing is read and nothing is written."""
    with practice() as provider:
        assert [chat(provider, "Short.")[1:] for _ in range(2)] == [(0, 0), (0, 0)]


def test_responses_report_caching_in_their_own_field() -> None:
    """The Responses API tells the same numbers under input_tokens_details."""
    with practice() as provider, openai_client(provider) as client:
        for _ in range(2):
            usage = client.responses.create(model=MODEL, instructions=LONG, input=user()).usage
        assert usage.input_tokens_details.cached_tokens >= 1024


def message(provider: Provider, **changes: Any) -> tuple[int, int, int, int]:
    """Uncached, read, written and written-for-an-hour tokens of one message."""
    with anthropic_client(provider) as client:
        usage = client.messages.create(**messages_body(**changes)).usage
    hour = usage.cache_creation.ephemeral_1h_input_tokens if usage.cache_creation else 0
    return (
        usage.input_tokens,
        usage.cache_read_input_tokens or 0,
        usage.cache_creation_input_tokens or 0,
        hour,
    )


def marked(text: str, ttl: str | None = None) -> list[dict[str, Any]]:
    """A system prompt that ends in a cache mark."""
    control = {"type": "ephemeral"} | ({"ttl": ttl} if ttl else {})
    return [{"type": "text", "text": text, "cache_control": control}]


def test_anthropic_caches_what_is_marked() -> None:
    """The first call writes the marked prefix, the second reads it; the rest is plain input."""
    with practice() as provider:
        bare = message(provider, system=LONG)
        first, second = (message(provider, system=marked(LONG)) for _ in range(2))
    assert bare[1:] == (0, 0, 0)
    assert first[1] == second[2] == 0
    assert first[2] == second[1] > 1600
    assert sum(first[:3]) == sum(second[:3]) == bare[0]


def test_anthropic_lifetimes() -> None:
    """Five minutes by default and one hour on request; a hit renews the lifetime."""
    with practice(clock=lambda: 0.0) as provider:
        assert message(provider, system=marked(LONG))[3] == 0
        provider.advance(200)
        assert message(provider, system=marked(LONG))[1] > 0
        provider.advance(200)
        assert message(provider, system=marked(LONG))[1] > 0
        provider.advance(301)
        hour = message(provider, system=marked(LONG, "1h"))
        assert hour[2] == hour[3] > 0
        provider.advance(3000)
        assert message(provider, system=marked(LONG, "1h"))[1] > 0


def test_a_hit_through_a_later_mark_renews_the_older_prefix() -> None:
    """A prefix that is read stays alive, also when the mark has moved on."""
    turn = {"role": "user", "content": marked(LONG)}
    later = [turn, {"role": "assistant", "content": "Yes."}, {"role": "user", "content": marked("Next?")}]
    with practice(clock=lambda: 0.0) as provider:
        written = message(provider, messages=[turn])[2]
        provider.advance(200)
        later[0] = {"role": "user", "content": [{"type": "text", "text": LONG}]}
        assert message(provider, messages=later)[1] == written
        provider.advance(200)
        assert message(provider, messages=[turn])[1] == written


def test_a_growing_conversation_reads_its_old_prefix() -> None:
    """A mark that moves on finds the prefix that an earlier mark wrote."""
    turn = {"role": "user", "content": marked(LONG)}
    later = {"role": "user", "content": marked("And the next?")}
    answer = {"role": "assistant", "content": "Yes."}
    with practice() as provider:
        first = message(provider, messages=[turn])
        second = message(provider, messages=[turn, answer, later])
    assert second[1] == first[2]
    assert second[2] > 0


@given(st.lists(st.text(min_size=1, max_size=4000), min_size=1, max_size=5), st.integers(0, 5))
def test_cache_counts_never_exceed_the_input(parts: list[str], mark: int) -> None:
    """Cached and written tokens are parts of the input, first time and second time."""
    segments = [Segment(part * 3, 300 if index == mark else None) for index, part in enumerate(parts)]
    total = -(-sum(len(segment.text.encode("utf-8", "surrogatepass")) for segment in segments) // 4)
    cache = PromptCache(lambda: 0.0)
    for read in (cache.anthropic, lambda parts, model: cache.openai(parts, model, "")):
        before, after = read(segments, MODEL), read(segments, MODEL)
        assert 0 <= sum(before[:2]) <= total
        assert 0 <= sum(after[:2]) <= total
        assert before[2] <= before[1]
        assert after[0] >= before[0]


def post_many(provider: Provider, count: int) -> list[httpx.Response]:
    """That many calls at once."""

    async def run() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=provider.base_url, headers=bearer(provider)) as http:
            calls = [http.post("/v1/chat/completions", json=chat_body()) for _ in range(count)]
            return list(await asyncio.gather(*calls))

    return asyncio.run(run())


def test_a_rate_limit_says_when_to_come_back() -> None:
    """Calls beyond the burst are 429s; the wait that they name is enough."""
    with practice(capacity=Capacity(per_second=2, burst=3), clock=lambda: 0.0) as provider:
        replies = post_many(provider, 8)
        assert sorted(reply.status_code for reply in replies) == [200] * 3 + [429] * 5
        waits = {reply.headers["retry-after-ms"] for reply in replies if reply.status_code == 429}
        assert waits == {"500"}
        provider.advance(0.5)
        assert sorted(reply.status_code for reply in post_many(provider, 2)) == [200, 429]


def test_a_queue_and_its_end() -> None:
    """Two at once, two in the queue, the rest turned away with a 529; the queued ones wait."""
    with practice(capacity=Capacity(at_once=2, queue=2, seconds=0.5)) as provider:
        started = time.monotonic()
        codes = sorted(reply.status_code for reply in post_many(provider, 7))
        assert time.monotonic() - started >= 1.0
    assert codes == [200] * 4 + [529] * 3


def test_places_are_given_back() -> None:
    """After a crowd, and after faults, every place is free again."""
    with practice(capacity=Capacity(at_once=2, queue=20, seconds=0.01)) as provider:
        provider.script(["503", "reset_before", "ok"])
        with httpx.Client(base_url=provider.base_url, headers=bearer(provider)) as http:
            assert http.post("/v1/chat/completions", json=chat_body()).status_code == 503
            with pytest.raises(httpx.ReadError):
                http.post("/v1/chat/completions", json=chat_body())
        assert [reply.status_code for reply in post_many(provider, 12)] == [200] * 12


def test_a_capacity_that_makes_no_sense() -> None:
    """Nonsense is refused with the values seen."""
    with pytest.raises(ValueError, match="per_second=0"):
        Capacity(per_second=0)

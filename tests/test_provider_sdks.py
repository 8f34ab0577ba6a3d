"""The official SDKs against the practice provider, strict response validation on."""

import asyncio
import json
from collections.abc import Iterator

import anthropic
import openai
import pydantic
import pytest
from practice_case import (
    ACTION_SCHEMA,
    DECISION,
    FACTS,
    MODEL,
    SCHEMA,
    anthropic_client,
    chat_body,
    messages_body,
    openai_client,
    user,
)

from labkit.lab.provider import Provider, practice


class Decision(pydantic.BaseModel):
    """The result type, as a learner would write it for an SDK."""

    model_config = pydantic.ConfigDict(extra="forbid", title="rotation_decision")
    decision: str
    rotation_window_days: int
    source_line_ids: list[str]


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with practice() as provider:
        yield provider


@pytest.fixture
def provider(running: Provider) -> Provider:
    running.reset()
    return running


@pytest.fixture
def gpt(provider: Provider) -> Iterator[openai.OpenAI]:
    with openai_client(provider) as client:
        yield client


@pytest.fixture
def claude(provider: Provider) -> Iterator[anthropic.Anthropic]:
    with anthropic_client(provider) as client:
        yield client


def test_openai_answers_the_case(gpt: openai.OpenAI) -> None:
    """The openai SDK gets the decision that follows from the supplied line."""
    reply = gpt.chat.completions.create(**chat_body())
    assert json.loads(reply.choices[0].message.content or "") == DECISION
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage is not None
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens


def test_anthropic_answers_the_case(claude: anthropic.Anthropic) -> None:
    """The anthropic SDK gets the same decision as the input of the forced tool."""
    reply = claude.messages.create(**messages_body())
    assert reply.stop_reason == "tool_use"
    assert [(block.type, block.input) for block in reply.content] == [("tool_use", DECISION)]


def test_anthropic_output_format_answers_in_text(claude: anthropic.Anthropic) -> None:
    """Structured output without a tool comes back as a text block."""
    config = {"format": {"type": "json_schema", "schema": SCHEMA}}
    reply = claude.messages.create(**messages_body(tools=None, tool_choice=None, output_config=config))
    assert json.loads(reply.content[0].text) == DECISION
    assert reply.stop_reason == "end_turn"


def test_models_are_listed(gpt: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    """Both SDKs list the models and find one, each in its own shape."""
    assert "practice-model" in [model.id for model in gpt.models.list()]
    assert "practice-model" in [model.id for model in claude.models.list()]
    assert gpt.models.retrieve("practice-model").owned_by == "practice"
    assert claude.models.retrieve("practice-model").lifecycle == "active"
    with pytest.raises(openai.NotFoundError):
        gpt.models.retrieve("retired-model")


def test_plain_text_is_a_sentence(gpt: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    """Without a schema and without the word JSON the model answers in a sentence."""
    turns = [{"role": "user", "content": user()}]
    text = gpt.chat.completions.create(model="practice-model", messages=turns)
    assert text.choices[0].message.content == "Account acct_10234 is eligible under P-7."
    block = claude.messages.create(model="practice-model", max_tokens=50, messages=turns).content[0]
    assert block.text == "Account acct_10234 is eligible under P-7."


def test_the_same_seed_gives_the_same_ids() -> None:
    """Ids, times and counts repeat exactly under one seed and one clock."""

    def one(seed: int) -> str:
        with practice(seed=seed, clock=lambda: 1_000_000.5) as provider, openai_client(provider) as client:
            return client.chat.completions.create(**chat_body()).to_json()

    assert one(3) == one(3)
    assert one(3) != one(4)


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ("rate_limit", openai.RateLimitError, "rate_limit_exceeded"),
        ("slow_down", openai.RateLimitError, "slow_down"),
        ("quota", openai.RateLimitError, "insufficient_quota"),
        ("credit_balance", openai.RateLimitError, "credit_balance_exhausted"),
        ("org_spend_limit", openai.RateLimitError, "organization_spend_limit_exceeded"),
        ("unknown_429", openai.RateLimitError, "lunar_phase_exceeded"),
        ("bad_key", openai.AuthenticationError, "invalid_api_key"),
        ("forbidden", openai.PermissionDeniedError, "permission_denied"),
        ("not_found", openai.NotFoundError, "model_not_found"),
        ("content_policy", openai.BadRequestError, "content_policy_violation"),
        ("bad_request", openai.BadRequestError, "invalid_value"),
        ("server_error", openai.InternalServerError, None),
        ("unavailable", openai.InternalServerError, "service_unavailable"),
        ("529", openai.InternalServerError, None),
        ("409", openai.ConflictError, None),
        ("422", openai.UnprocessableEntityError, None),
    ],
)
def test_openai_sees_status_faults(
    provider: Provider, gpt: openai.OpenAI, fault: str, error: type[openai.APIStatusError], code: str | None
) -> None:
    """Each status fault is the exception that the openai SDK documents, with its code and a request id."""
    provider.script([fault])
    with pytest.raises(error) as caught:
        gpt.chat.completions.create(**chat_body())
    assert caught.value.code == code
    assert caught.value.request_id
    assert provider.count == 1


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ("rate_limit", anthropic.RateLimitError, None),
        ("quota", anthropic.RateLimitError, "enforced_spend_limit_reached"),
        ("contract_spend_limit", anthropic.RateLimitError, "contract_spend_limit_reached"),
        ("ramp_limit", anthropic.RateLimitError, "ramp_limit_exceeded"),
        ("bad_key", anthropic.AuthenticationError, None),
        ("forbidden", anthropic.PermissionDeniedError, None),
        ("not_found", anthropic.NotFoundError, None),
        ("content_policy", anthropic.BadRequestError, None),
        ("server_error", anthropic.InternalServerError, None),
        ("unavailable", anthropic.InternalServerError, None),
        ("overloaded", anthropic.InternalServerError, None),
    ],
)
def test_anthropic_sees_status_faults(
    provider: Provider,
    claude: anthropic.Anthropic,
    fault: str,
    error: type[anthropic.APIStatusError],
    code: str | None,
) -> None:
    """Each status fault is the exception that the anthropic SDK documents, with its error_code."""
    provider.script([fault])
    with pytest.raises(error) as caught:
        claude.messages.create(**messages_body())
    assert caught.value.error_code == code
    assert caught.value.request_id
    assert caught.value.body["type"] == "error"


def test_the_quota_is_sent_again_by_the_sdk(provider: Provider) -> None:
    """An SDK with its default retries sends a spent quota three times: the provider's count shows it."""
    provider.script(["quota", "quota", "quota"])
    with openai_client(provider, max_retries=2) as client, pytest.raises(openai.RateLimitError):
        client.chat.completions.create(**chat_body())
    assert [seen.retry_count for seen in provider.requests] == ["0", "1", "2"]


@pytest.mark.parametrize(("told", "sent"), [("should_retry_false", 1), ("should_retry_true", 2)])
def test_should_retry_is_obeyed(provider: Provider, told: str, sent: int) -> None:
    """`x-should-retry` overrules the status, in both directions."""
    provider.script([told])
    with openai_client(provider, max_retries=1) as client:
        try:
            client.chat.completions.create(**chat_body())
        except openai.APIStatusError:
            assert told == "should_retry_false"
    assert provider.count == sent


def test_refusal_and_stops(provider: Provider, gpt: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    """Refusal, length and filter arrive as each API's own finish reasons."""
    provider.script(["refusal", "length", "content_filter"])
    replies = [gpt.chat.completions.create(**chat_body()).choices[0] for _ in range(3)]
    assert [reply.finish_reason for reply in replies] == ["stop", "length", "content_filter"]
    assert replies[0].message.refusal
    assert replies[0].message.content is None
    provider.script(["refusal", "length"])
    stops = [claude.messages.create(**messages_body()) for _ in range(2)]
    assert [reply.stop_reason for reply in stops] == ["refusal", "max_tokens"]
    assert stops[0].stop_details is not None


def test_the_token_limit_is_observed(gpt: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    """A small max_tokens cuts the answer, says so, and bills only what was written."""
    reply = gpt.chat.completions.create(**chat_body(max_completion_tokens=5))
    assert reply.choices[0].finish_reason == "length"
    assert reply.usage is not None
    assert reply.usage.completion_tokens == 5
    assert claude.messages.create(**messages_body(max_tokens=3)).stop_reason == "max_tokens"


def test_a_tool_is_proposed(gpt: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    """Offered the action, the model proposes it for the account in the facts."""
    function = {"name": "create_rotation_job", "strict": True, "parameters": ACTION_SCHEMA}
    tools = [{"type": "function", "function": function}]
    choice = gpt.chat.completions.create(**chat_body(tools=tools, response_format=None)).choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.tool_calls is not None
    wanted = {"account_id": "acct_10234", "policy_line_id": "P-7"}
    assert json.loads(choice.message.tool_calls[0].function.arguments) == wanted
    offered = [{"name": "create_rotation_job", "input_schema": ACTION_SCHEMA}]
    reply = claude.messages.create(**messages_body(tools=offered, tool_choice=None))
    assert reply.content[0].input == wanted


def test_no_tool_for_a_key_that_is_not_stale(gpt: openai.OpenAI) -> None:
    """The action is not proposed when the facts do not support it."""
    function = {"name": "create_rotation_job", "parameters": ACTION_SCHEMA}
    turns = [{"role": "user", "content": user(facts=FACTS.replace("true", "false"))}]
    body = chat_body(tools=[{"type": "function", "function": function}], messages=turns)
    assert gpt.chat.completions.create(**body).choices[0].message.tool_calls is None


@pytest.mark.parametrize("name", ["tool_other_account", "tool_unknown", "tool_bad_json", "tool_injected"])
def test_bad_tool_calls_on_command(provider: Provider, gpt: openai.OpenAI, name: str) -> None:
    """Each kind of wrong proposal reaches the caller as a tool call."""
    provider.script([name])
    function = {"name": "create_rotation_job", "parameters": ACTION_SCHEMA}
    body = chat_body(
        tools=[{"type": "function", "function": function}],
        messages=[{"role": "user", "content": user(facts=FACTS.replace("true", "false"))}],
    )
    call = (gpt.chat.completions.create(**body).choices[0].message.tool_calls or [])[0]
    if name == "tool_bad_json":
        with pytest.raises(json.JSONDecodeError):
            json.loads(call.function.arguments)
    elif name == "tool_unknown":
        assert call.function.name == "delete_account"
    else:
        account = json.loads(call.function.arguments)["account_id"]
        assert (account == "acct_10234") is (name == "tool_injected")


def test_html_with_status_200_passes_the_sdk_as_text(provider: Provider, claude: anthropic.Anthropic) -> None:
    """A page with status 200 is not an answer, whatever an SDK makes of it."""
    provider.script(["html_200"])
    with pytest.raises(anthropic.APIResponseValidationError):
        claude.messages.create(**messages_body())


def test_the_sdks_own_helpers(gpt: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    """`parse`, and the stream helpers of all three APIs, end in the same decision."""
    turns = chat_body()["messages"]
    parsed = gpt.chat.completions.parse(model=MODEL, messages=turns, response_format=Decision)
    with gpt.chat.completions.stream(model=MODEL, messages=turns, response_format=Decision) as stream:
        streamed = stream.until_done().get_final_completion()
    with gpt.responses.stream(model=MODEL, input=user(), text_format=Decision) as events:
        response = events.until_done().get_final_response()
    with claude.messages.stream(**messages_body()) as blocks:
        message = blocks.get_final_message()
    wanted = Decision(**DECISION)
    assert parsed.choices[0].message.parsed == streamed.choices[0].message.parsed == wanted
    assert response.output_parsed == wanted
    assert message.content[0].input == DECISION


def test_the_turn_after_a_tool_call(gpt: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    """Given the tool's result, the model answers instead of proposing the action again."""
    function = {"name": "create_rotation_job", "strict": True, "parameters": ACTION_SCHEMA}
    tools = [{"type": "function", "function": function}]
    turns = [{"role": "user", "content": user()}]
    proposal = gpt.chat.completions.create(model=MODEL, messages=turns, tools=tools).choices[0].message
    result = {"role": "tool", "tool_call_id": proposal.tool_calls[0].id, "content": "{}"}
    after = gpt.chat.completions.create(model=MODEL, messages=[*turns, proposal, result], tools=tools)
    assert after.choices[0].message.content == "Account acct_10234 is eligible under P-7."

    offered = [{"name": "create_rotation_job", "input_schema": ACTION_SCHEMA}]
    options = {"model": MODEL, "max_tokens": 100, "tools": offered}
    proposed = claude.messages.create(messages=turns, **options)
    done = {"type": "tool_result", "tool_use_id": proposed.content[0].id, "content": "done"}
    later = [{"role": "assistant", "content": proposed.content}, {"role": "user", "content": [done]}]
    assert claude.messages.create(messages=[*turns, *later], **options).stop_reason == "end_turn"


def test_the_async_sdks(provider: Provider) -> None:
    """The async clients complete calls and see faults as the sync ones do."""

    async def run() -> tuple[int, str | None]:
        options = {"api_key": provider.key, "max_retries": 0, "_strict_response_validation": True}
        async with openai.AsyncOpenAI(base_url=provider.openai_url, **options) as gpt:
            chunks = [chunk async for chunk in await gpt.chat.completions.create(**chat_body(stream=True))]
            provider.script(["quota"])
            with pytest.raises(openai.RateLimitError):
                await gpt.chat.completions.create(**chat_body())
        async with anthropic.AsyncAnthropic(base_url=provider.base_url, **options) as claude:
            message = await claude.messages.create(**messages_body())
        return len(chunks), message.stop_reason

    count, stop = asyncio.run(run())
    assert count > 6
    assert stop == "tool_use"

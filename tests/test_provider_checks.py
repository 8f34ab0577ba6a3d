"""Requests that a real provider refuses are refused here too, in its own shape and words."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from practice_case import SCHEMA, bearer, chat_body, messages_body

from labkit.lab.provider import Provider, practice


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with practice() as provider:
        yield provider


@pytest.fixture
def http(provider: Provider) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=provider.base_url, headers=bearer(provider)) as client:
        yield client


def loose(**changes: Any) -> dict[str, Any]:
    """A response format whose schema breaks strict mode."""
    schema = {**SCHEMA, **changes}
    return {"type": "json_schema", "json_schema": {"name": "loose", "strict": True, "schema": schema}}


@pytest.mark.parametrize(
    ("changes", "param", "code"),
    [
        ({"model": None}, "model", "missing_required_parameter"),
        ({"messages": None}, "messages", "missing_required_parameter"),
        ({"messages": "hello"}, "messages", "invalid_type"),
        ({"messages": []}, "messages", "invalid_value"),
        ({"messages": [{"role": "user"}]}, "messages.0.content", "missing_required_parameter"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role", "invalid_value"),
        ({"messages": ["hello"]}, "messages.0", "invalid_type"),
        ({"temperature": 3}, "temperature", "invalid_value"),
        ({"temperature": "hot"}, "temperature", "invalid_type"),
        ({"max_completion_tokens": 0}, "max_completion_tokens", "invalid_value"),
        ({"max_tokens": True}, "max_tokens", "invalid_type"),
        ({"stream": "yes"}, "stream", "invalid_type"),
        ({"stream_options": {"include_usage": True}}, "stream_options", "invalid_value"),
        ({"timeout": 3}, "timeout", "unknown_parameter"),
        ({"tool_choice": "auto"}, "tool_choice", "invalid_value"),
        ({"response_format": {"type": "yaml"}}, "response_format.type", "invalid_value"),
        ({"response_format": loose(additionalProperties=True)}, "response_format", "invalid_json_schema"),
        (
            {"response_format": loose(properties={"a": {"type": "object"}}, required=["a"])},
            "response_format",
            "invalid_json_schema",
        ),
        ({"response_format": loose(required=["decision"])}, "response_format", "invalid_json_schema"),
        (
            {
                "response_format": {"type": "json_object"},
                "messages": [{"role": "user", "content": "Hi"}],
            },
            "messages",
            "invalid_value",
        ),
    ],
)
def test_openai_refuses(http: httpx.Client, changes: dict[str, Any], param: str, code: str) -> None:
    """A wrong Chat Completions request is a 400 that names the field."""
    reply = http.post("/v1/chat/completions", json=chat_body(**changes))
    error = reply.json()["error"]
    assert (reply.status_code, error["type"]) == (400, "invalid_request_error")
    assert (error["param"], error["code"]) == (param, code)
    assert reply.headers["x-request-id"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"messages": None}, "messages: Field required"),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages.0.role: "),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "messages: "),
        ({"messages": [{"role": "user", "content": ""}]}, "messages.0.content: "),
        ({"messages": [{"role": "user", "content": [{"type": "poem"}]}]}, "messages.0.content.0.type: "),
        ({"response_format": {}}, "response_format: Extra inputs are not permitted"),
        ({"temperature": 1.5}, "temperature: "),
        ({"tools": [{"name": "x"}], "tool_choice": None}, "tools.0.input_schema: Field required"),
        ({"tool_choice": {"type": "tool", "name": "other"}}, "tool_choice.name: "),
        ({"system": 3}, "system: Input should be a valid string or array, not integer"),
    ],
)
def test_anthropic_refuses(http: httpx.Client, changes: dict[str, Any], message: str) -> None:
    """A wrong Messages request is a 400 whose message opens with the field."""
    reply = http.post("/v1/messages", json=messages_body(**changes))
    body = reply.json()
    assert (reply.status_code, body["type"]) == (400, "error")
    assert body["error"]["type"] == "invalid_request_error"
    assert body["error"]["message"].startswith(message)
    assert body["request_id"] == reply.headers["request-id"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"[" * 100_000])
def test_bodies_that_are_not_an_object(http: httpx.Client, body: bytes) -> None:
    """Anything but a JSON object is a 400, never a crash."""
    assert http.post("/v1/chat/completions", content=body).status_code == 400
    assert http.post("/v1/messages", content=body).status_code == 400


def test_an_unknown_model(http: httpx.Client) -> None:
    """A model that is not served is a 404 in each provider's words."""
    first = http.post("/v1/chat/completions", json=chat_body(model="retired"))
    assert (first.status_code, first.json()["error"]["code"]) == (404, "model_not_found")
    second = http.post("/v1/messages", json=messages_body(model="retired"))
    assert (second.status_code, second.json()["error"]["type"]) == (404, "not_found_error")


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong-key-value"}, {"x-api-key": "no"}])
def test_keys_are_checked_and_never_echoed(provider: Provider, headers: dict[str, str]) -> None:
    """A missing or wrong key is a 401 that does not repeat it."""
    for path in ("/v1/chat/completions", "/v1/messages", "/v1/models"):
        call = httpx.get if path.endswith("models") else httpx.post
        reply = call(provider.base_url + path, headers=headers)
        assert reply.status_code == 401
        assert "wrong-key-value" not in reply.text


def test_both_forms_of_key(provider: Provider) -> None:
    """Anthropic's endpoint takes the key as x-api-key and as a bearer token; OpenAI's as a bearer only."""
    version = {"anthropic-version": "2023-06-01"}
    by_header = {"x-api-key": provider.key}
    url = f"{provider.base_url}/v1/messages"
    assert httpx.post(url, json=messages_body(), headers=version | by_header).status_code == 200
    assert httpx.post(url, json=messages_body(), headers=bearer(provider)).status_code == 200
    assert httpx.post(url, json=messages_body(), headers=by_header).status_code == 400
    chat = f"{provider.base_url}/v1/chat/completions"
    assert httpx.post(chat, json=chat_body(), headers=by_header).status_code == 401


def test_unknown_paths_answer_in_json(http: httpx.Client) -> None:
    """A wrong path or method is an API error, not a framework's page."""
    wrong = http.get("/v1/nothing")
    assert (wrong.status_code, wrong.json()["type"]) == (404, "error")
    assert http.get("/v1/chat/completions").status_code == 405

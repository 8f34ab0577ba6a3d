"""Schema, JSON mode, tool or plain text: what a server can be asked for changes, the gates do not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from labkit.boundary import Boundary
from labkit.contracts import Task
from labkit.flow import Policy
from labkit.lab.case import EVIDENCE, QUESTION, TASK
from labkit.lab.provider import Provider, practice
from labkit.prompts import Models
from labkit.providers import AnthropicMessages, OpenAIChat, OpenAIResponses
from labkit.transport import Http

ADAPTERS: dict[str, Any] = {
    "chat schema": OpenAIChat(),
    "chat json": OpenAIChat("json"),
    "chat text": OpenAIChat("text"),
    "responses schema": OpenAIResponses(),
    "responses json": OpenAIResponses("json"),
    "responses text": OpenAIResponses("text"),
    "messages tool": AnthropicMessages(),
    "messages schema": AnthropicMessages("schema"),
    "messages text": AnthropicMessages("text"),
}
every_form = pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=ADAPTERS)


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    """One practice provider for all of them."""
    with practice() as running:
        yield running


def boundary(adapter: Any, provider: Provider) -> Boundary:
    """A boundary over a real socket."""
    return Boundary(
        adapter, Http(provider.base_url, adapter.auth_headers(provider.key)), Policy(Models("practice-1"))
    )


@every_form
@pytest.mark.parametrize("fault", ["ok", "window_90", "code_fence"])
def test_the_gates_are_the_same(adapter: Any, fault: str, provider: Provider) -> None:
    """The right answer passes, 90 days and a fence do not, whatever the provider was asked to enforce."""
    provider.reset()
    provider.script([fault])
    with boundary(adapter, provider) as opened:
        record = opened.call(TASK, EVIDENCE).record
    expected = {"ok": "ok", "window_90": "unsupported_decision", "code_fence": "invalid_output"}[fault]
    assert expected == record.status


@every_form
def test_every_form_can_be_streamed(adapter: Any, provider: Provider) -> None:
    """The same decision, in pieces."""
    provider.reset()
    with boundary(adapter, provider) as opened, opened.stream(TASK, EVIDENCE) as stream:
        drafts = list(stream)
    assert stream.outcome.unwrap().rotation_window_days == 30
    assert len(drafts) > 3


@every_form
def test_prose_asks_for_no_form(adapter: Any) -> None:
    """A draft for a person has no form, in any of them."""
    task = Task("draft_reply", "acct_10234", ("P-7",), QUESTION, "trace_1", "reply_draft@1")
    body = adapter.request(task, EVIDENCE, "m").body
    assert not {"text", "tools", "response_format", "output_config"} & set(body)

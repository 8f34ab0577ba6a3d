"""The model endpoints: Chat Completions, Messages, and the list of models.

Reading, answering and wrapping are separate modules; without one place that joins them in order, an
endpoint would answer before it has checked.

    calls = Calls(state)
    reply = await calls.chat(incoming)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from labkit.lab.provider import (
    anthropic_messages,
    anthropic_stream,
    openai_chat,
    openai_chat_stream,
    openai_responses,
    openai_responses_stream,
)
from labkit.lab.provider.answers import answer
from labkit.lab.provider.background import Background
from labkit.lab.provider.desk import Incoming
from labkit.lab.provider.dialects import ANTHROPIC_API, OPENAI_API, Dialect
from labkit.lab.provider.draft import Draft
from labkit.lab.provider.envelope import Counted, Envelope
from labkit.lab.provider.events import Event, spoiled
from labkit.lab.provider.faults import names
from labkit.lab.provider.problems import Problem
from labkit.lab.provider.prompt import Prompt
from labkit.lab.provider.promptcache import PromptCache
from labkit.lab.provider.reply import Reply, json_reply, stream_reply
from labkit.lab.provider.state import State
from labkit.lab.provider.tokens import count_tokens

_TROUBLE = Problem(529, "server_overloaded", "The provider is overloaded.")
RELEASED = 1_767_225_600  # 2026-01-01, the birthday of every practice model


class Calls:
    """One method per endpoint; each reads, answers and wraps."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.background = Background()
        self.cache = PromptCache(state.now)
        state.on_reset(self.background.clear)
        state.on_reset(self.cache.clear)

    async def chat(self, incoming: Incoming) -> Reply:
        """POST /v1/chat/completions."""
        body, draft, envelope = self.work(incoming, openai_chat.read, "chatcmpl-")
        if not incoming.seen.stream:
            return json_reply(openai_chat.complete(draft, envelope))
        include_usage = bool((body.get("stream_options") or {}).get("include_usage"))
        events = openai_chat_stream.events(draft, envelope, include_usage=include_usage)
        return _stream(events, incoming, openai_chat_stream.error(_TROUBLE), openai_chat_stream.PING)

    async def messages(self, incoming: Incoming) -> Reply:
        """POST /v1/messages."""
        _, draft, envelope = self.work(incoming, anthropic_messages.read, "msg_")
        if not incoming.seen.stream:
            return Reply(200, [anthropic_messages.message(draft, envelope).encode()])
        error = anthropic_stream.error(_TROUBLE, incoming.request_id)
        return _stream(anthropic_stream.events(draft, envelope), incoming, error, anthropic_stream.PING)

    async def responses(self, incoming: Incoming) -> Reply:
        """POST /v1/responses."""
        body, draft, envelope = self.work(incoming, openai_responses.read, "resp_")
        if incoming.seen.stream:
            events = openai_responses_stream.events(draft, envelope, body)
            error = openai_responses_stream.error(_TROUBLE, len(events))
            return _stream(events, incoming, error, openai_responses_stream.PING)
        final = openai_responses.respond(draft, envelope, body)
        if not body.get("background"):
            if final["store"]:
                self.background.add(final, self.state.now(), 0.0)
            return json_reply(final)
        if "background_failed" in names(incoming.plan):
            told = {"code": "server_error", "message": "The model could not finish this response."}
            final |= {"status": "failed", "error": told, "output": [], "usage": None}
        return json_reply(self.background.add(final, self.state.now(), self.state.background_seconds))

    async def response(self, incoming: Incoming) -> Reply:
        """GET /v1/responses/{id}."""
        return json_reply(self.background.current(incoming.part("id"), self.state.now()))

    async def cancel_response(self, incoming: Incoming) -> Reply:
        """POST /v1/responses/{id}/cancel."""
        return json_reply(self.background.cancel(incoming.part("id"), self.state.now()))

    async def delete_response(self, incoming: Incoming) -> Reply:
        """DELETE /v1/responses/{id}."""
        return json_reply(self.background.delete(incoming.part("id")))

    async def models(self, incoming: Incoming) -> Reply:
        """GET /v1/models, in the manner of whoever asks."""
        names = self.state.models
        if incoming.dialect.name == "openai":
            return json_reply({"object": "list", "data": [_openai_model(name) for name in names]})
        data = [_anthropic_model(name) for name in names]
        return json_reply({"data": data, "has_more": False, "first_id": names[0], "last_id": names[-1]})

    async def model(self, incoming: Incoming) -> Reply:
        """GET /v1/models/{id}."""
        name = incoming.part("id")
        self.require_model(incoming.dialect, name)
        return json_reply(
            _openai_model(name) if incoming.dialect.name == "openai" else _anthropic_model(name)
        )

    def work(
        self, incoming: Incoming, read: Callable[[Mapping[str, Any]], Prompt], prefix: str
    ) -> tuple[dict[str, Any], Draft, Envelope]:
        """Check the body, let the model answer, and count the tokens."""
        body = incoming.json()
        incoming.seen.stream = body.get("stream") is True
        incoming.seen.model = self.state.known_model(body.get("model"))
        prompt = read(body)
        self.require_model(incoming.dialect, body["model"])
        draft = answer(prompt, incoming.plan)
        return body, draft, self.envelope(prompt, draft, body["model"], prefix)

    def batched(self, url: str, body: dict[str, Any]) -> dict[str, Any]:
        """One request of an OpenAI batch."""
        read, prefix, wrap = {
            "/v1/chat/completions": (openai_chat.read, "chatcmpl-", openai_chat.complete),
            "/v1/responses": (openai_responses.read, "resp_", None),
        }[url]
        prompt = read(body)
        self.require_model(OPENAI_API, body["model"])
        draft = answer(prompt)
        envelope = self.envelope(prompt, draft, body["model"], prefix)
        return wrap(draft, envelope) if wrap else openai_responses.respond(draft, envelope, body)

    def batched_message(self, body: dict[str, Any]) -> str:
        """One request of a message batch, as JSON text."""
        prompt = anthropic_messages.read(body)
        self.require_model(ANTHROPIC_API, body["model"])
        draft = answer(prompt)
        return anthropic_messages.message(draft, self.envelope(prompt, draft, body["model"], "msg_"))

    def require_model(self, dialect: Dialect, model: str) -> None:
        """404 for a model that is not served here."""
        if model not in self.state.models:
            raise dialect.unknown_model(model[:64])

    def envelope(self, prompt: Prompt, draft: Draft, model: str, prefix: str) -> Envelope:
        """Id, time and usage of one answer."""
        tokens = count_tokens("".join(segment.text for segment in prompt.segments))
        if prefix == "msg_":
            hit = self.cache.anthropic(prompt.segments, model)
        else:
            hit = self.cache.openai(prompt.segments, model, prompt.cache_key)
        counted = Counted(max(1, tokens), draft.output_tokens, *hit)
        return Envelope(self.state.next_id(prefix), int(self.state.now()), model, counted, self.state.next_id)


def _openai_model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": RELEASED, "owned_by": "practice"}


def _anthropic_model(name: str) -> dict[str, Any]:
    created = datetime.fromtimestamp(RELEASED, UTC).isoformat().replace("+00:00", "Z")
    return {
        "type": "model",
        "id": name,
        "display_name": name.replace("-", " ").title(),
        "created_at": created,
        "lifecycle": "active",
    }


def _stream(events: list[Event], incoming: Incoming, error: bytes, ping: bytes) -> Reply:
    return stream_reply(spoiled(events, incoming.plan, error=error, ping=ping))

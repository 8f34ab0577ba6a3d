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

from labkit.lab.provider import anthropic_messages, openai_chat
from labkit.lab.provider.answers import Draft, answer
from labkit.lab.provider.desk import Incoming
from labkit.lab.provider.envelope import Counted, Envelope
from labkit.lab.provider.prompt import Prompt
from labkit.lab.provider.reply import Reply, json_reply
from labkit.lab.provider.state import State
from labkit.lab.provider.tokens import count_tokens

RELEASED = 1_767_225_600  # 2026-01-01, the birthday of every practice model


class Calls:
    """One method per endpoint; each reads, answers and wraps."""

    def __init__(self, state: State) -> None:
        self.state = state

    async def chat(self, incoming: Incoming) -> Reply:
        """POST /v1/chat/completions."""
        _, draft, envelope = self.work(incoming, openai_chat.read, "chatcmpl-")
        return json_reply(openai_chat.complete(draft, envelope))

    async def messages(self, incoming: Incoming) -> Reply:
        """POST /v1/messages."""
        _, draft, envelope = self.work(incoming, anthropic_messages.read, "msg_")
        return Reply(200, [anthropic_messages.message(draft, envelope).encode()])

    async def models(self, incoming: Incoming) -> Reply:
        """GET /v1/models, in the manner of whoever asks."""
        names = self.state.models
        if incoming.dialect.name == "openai":
            return json_reply({"object": "list", "data": [_openai_model(name) for name in names]})
        data = [_anthropic_model(name) for name in names]
        return json_reply({"data": data, "has_more": False, "first_id": names[0], "last_id": names[-1]})

    def work(
        self, incoming: Incoming, read: Callable[[Mapping[str, Any]], Prompt], prefix: str
    ) -> tuple[Prompt, Draft, Envelope]:
        """Check the body, let the model answer, and count the tokens."""
        body = incoming.json()
        incoming.seen.stream = body.get("stream") is True
        incoming.seen.model = self.state.known_model(body.get("model"))
        prompt = read(body)
        self.require_model(incoming, body["model"])
        draft = answer(prompt, incoming.plan)
        return prompt, draft, self.envelope(prompt, draft, body["model"], prefix)

    def require_model(self, incoming: Incoming, model: str) -> None:
        """404 for a model that is not served here."""
        if model not in self.state.models:
            raise incoming.dialect.unknown_model(model[:64])

    def envelope(self, prompt: Prompt, draft: Draft, model: str, prefix: str) -> Envelope:
        """Id, time and usage of one answer."""
        tokens = count_tokens("".join(segment.text for segment in prompt.segments))
        counted = Counted(max(1, tokens), draft.output_tokens)
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

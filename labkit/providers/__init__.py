"""Adapters: one contract in, one provider's payload out, and its reply back, all in pure functions.

Without an adapter, a provider's SDK objects leak into every route, and a second provider means a second app.

    adapter = OpenAIChat()
    request = adapter.request(task, evidence, model="practice-1")   # no I/O, no key
    reply = adapter.reply(response)                                 # Reply, or Malformed
"""

from labkit.providers.anthropic_messages import AnthropicMessages
from labkit.providers.base import Adapter, Fault, Malformed, Reply, Request, Response
from labkit.providers.openai_chat import OpenAIChat
from labkit.providers.openai_responses import OpenAIResponses

ADAPTERS: dict[str, type[Adapter]] = {
    "openai": OpenAIChat,
    "openai_responses": OpenAIResponses,
    "anthropic": AnthropicMessages,
}

__all__ = [
    "ADAPTERS",
    "Adapter",
    "AnthropicMessages",
    "Fault",
    "Malformed",
    "OpenAIChat",
    "OpenAIResponses",
    "Reply",
    "Request",
    "Response",
]

"""The practice provider: a model provider on your own machine that breaks on command.

Without it, the failures that matter (a spent quota, half a body, a reset after the answer) are met
for the first time in production. It speaks the real wire formats over a real socket, so any client
works against it, and it counts what really arrived.

    with practice(script=["429", "ok"]) as provider:
        client = OpenAI(base_url=provider.openai_url, api_key=provider.key)
        provider.count, provider.requests
"""

from labkit.lab.provider.app import create_app
from labkit.lab.provider.capacity import Capacity
from labkit.lab.provider.faults import FAULTS, Fault, UnknownFault
from labkit.lab.provider.server import Provider, practice, serve
from labkit.lab.provider.state import MODELS, PRACTICE_KEY, Seen, State
from labkit.lab.provider.wire import NeedsSocket

__all__ = [
    "FAULTS",
    "MODELS",
    "PRACTICE_KEY",
    "Capacity",
    "Fault",
    "NeedsSocket",
    "Provider",
    "Seen",
    "State",
    "UnknownFault",
    "create_app",
    "practice",
    "serve",
]

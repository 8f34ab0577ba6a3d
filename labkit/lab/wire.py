"""What the practice provider would answer, as a response in memory.

A simulation whose replies are invented tests nothing: the adapter must parse what a provider sends.
These are the practice provider's own bodies, without its socket::

    ok_response("openai", request)                    # status 200, the decision that the evidence supports
    problem_response("anthropic", "overloaded")       # status 529 in Anthropic's words
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labkit.lab.provider import anthropic_messages, openai_chat
from labkit.lab.provider.answers import answer
from labkit.lab.provider.draft import Draft, dumps
from labkit.lab.provider.envelope import Counted, Envelope
from labkit.lab.provider.faults import parse
from labkit.lab.provider.problems import anthropic_error, openai_error, problem_for
from labkit.lab.provider.prompt import Prompt
from labkit.lab.provider.tokens import count_tokens
from labkit.providers.base import Request, Response


def ok_response(provider: str, request: Request, fault: str = "ok") -> Response:
    """The answer to a request. `fault` may name one that spoils the answer, such as window_90."""
    api = anthropic_messages if provider == "anthropic" else openai_chat
    prompt = api.read(request.body)
    draft = answer(prompt, parse(fault))
    envelope = _envelope(request.body, prompt, draft)
    body = (
        anthropic_messages.message(draft, envelope)
        if provider == "anthropic"
        else dumps(openai_chat.complete(draft, envelope))
    )
    return Response(200, {"content-type": "application/json"}, body.encode())


def problem_response(provider: str, fault: str, now: float = 0.0) -> Response:
    """The error response of a fault by its name. `now` is epoch seconds, for HTTP dates."""
    problem = problem_for(parse(fault)[0], now)
    body = anthropic_error(problem, "req_1") if provider == "anthropic" else openai_error(problem)
    headers = {"content-type": "application/json", **problem.headers}
    return Response(problem.status, headers, dumps(body).encode())


def _envelope(body: Mapping[str, Any], prompt: Prompt, draft: Draft) -> Envelope:
    sent = sum(count_tokens(segment.text) for segment in prompt.segments)
    return Envelope(
        "resp-1", 0, str(body["model"]), Counted(sent, draft.output_tokens), lambda kind: f"{kind}1"
    )

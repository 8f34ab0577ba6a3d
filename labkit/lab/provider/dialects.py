"""The two providers' manners: headers, keys, and the shape of an error.

Everything that differs between them and is not the content of a call stands here, so that every
endpoint, from chat to batches, refuses in the same words.

    OPENAI_API.authenticate(headers, key)      # raises Problem 401
    OPENAI_API.error(problem, request_id)      # a Reply
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from labkit.lab.provider.checks import ANTHROPIC, OPENAI, Words
from labkit.lab.provider.problems import Problem, anthropic_error, openai_error
from labkit.lab.provider.reply import Reply, problem_reply


@dataclass(frozen=True, slots=True)
class Dialect:
    """One provider's manners. `id_header` is where its request id travels."""

    name: str
    words: Words
    id_header: str
    id_prefix: str

    def authenticate(self, headers: Mapping[str, str], key: str) -> None:
        """Raise 401 unless the practice key came as a bearer token or, for Anthropic, as x-api-key."""
        given = headers.get("authorization", "").removeprefix("Bearer ")
        if self.name == "anthropic":
            given = headers.get("x-api-key") or given
        if not given:
            raise Problem(401, "missing_api_key", "No API key was sent with the request.")
        if not hmac.compare_digest(given.encode(), key.encode()):
            # The key that was sent is never echoed, not even cut short.
            raise Problem(401, "invalid_api_key", "The API key is not the practice key.")
        if self.name == "anthropic" and "anthropic-version" not in headers:
            raise Problem(400, None, "anthropic-version: header is required")

    def unknown_model(self, shown: str) -> Problem:
        """404 for a model that the provider does not have."""
        if self.name == "anthropic":
            return Problem(404, None, f"model: {shown}")
        text = f"The model `{shown}` does not exist or you do not have access to it."
        return Problem(404, "model_not_found", text)

    def error(self, problem: Problem, request_id: str) -> Reply:
        """The error response in this provider's shape."""
        body = anthropic_error(problem, request_id) if self.name == "anthropic" else openai_error(problem)
        return problem_reply(problem, body)


OPENAI_API = Dialect("openai", OPENAI, "x-request-id", "req_")
ANTHROPIC_API = Dialect("anthropic", ANTHROPIC, "request-id", "req_")


def dialect_of(path: str, headers: Mapping[str, str]) -> Dialect:
    """Whose manners a request expects: by its path, and where both have one by the version header."""
    if path.startswith("/v1/messages"):
        return ANTHROPIC_API
    own = ("/v1/chat", "/v1/responses", "/v1/batches", "/v1/files", "/rotations")
    return ANTHROPIC_API if "anthropic-version" in headers and not path.startswith(own) else OPENAI_API

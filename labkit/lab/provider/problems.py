"""Error responses, in the shape each provider documents.

A client that was only ever tested against `{"error": "boom"}` cannot tell a spent quota from a
passing rate limit: both are 429, and only the body knows. So the bodies here are the real ones.

    problem = Problem(404, "model_not_found", "The model `x` does not exist.")
    openai_error(problem)               # {"error": {"message", "type", "param", "code"}}
    anthropic_error(problem, "req_1")   # {"type": "error", "error": {…}, "request_id": "req_1"}
"""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

from labkit.lab.provider.faults import Fault


class Problem(Exception):
    """An error response to be sent. `code` is OpenAI's; `details` is Anthropic's error_code."""

    def __init__(
        self,
        status: int,
        code: str | None,
        message: str,
        *,
        param: str | None = None,
        details: str | None = None,
        headers: dict[str, str] | None = None,
        html: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.details = details
        self.headers = headers or {}
        self.html = html


_OPENAI_TYPES = {429: "rate_limit_error", 403: "permission_error"}
_ANTHROPIC_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
QUOTA_CODES = frozenset(
    {
        "insufficient_quota",
        "credit_balance_exhausted",
        "organization_spend_limit_exceeded",
        "project_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
    }
)


def openai_error(problem: Problem) -> dict[str, Any]:
    """OpenAI's error body. The broad type stays insufficient_quota; the code names the cause."""
    kind = _OPENAI_TYPES.get(problem.status, "invalid_request_error")
    if problem.status >= 500:
        kind = "server_error"
    if problem.code in QUOTA_CODES:
        kind = "insufficient_quota"
    return {"error": {"message": problem.message, "type": kind, "param": problem.param, "code": problem.code}}


def anthropic_error(problem: Problem, request_id: str) -> dict[str, Any]:
    """Anthropic's error body, with `details.error_code` where one is documented."""
    fallback = "api_error" if problem.status >= 500 else "invalid_request_error"
    kind = _ANTHROPIC_TYPES.get(problem.status, fallback)
    error: dict[str, Any] = {"type": kind, "message": problem.message}
    if problem.details is not None:
        error["details"] = {"error_code": problem.details}
    return {"type": "error", "error": error, "request_id": request_id}


# ── faults of status, as problems ──

_PASSES = "Rate limit reached for requests. Slow down and try again."
_SPENT = "The account's limit is reached. Waiting does not help: someone has to raise it or pay."
_ENFORCED, _CONTRACT = "enforced_spend_limit_reached", "contract_spend_limit_reached"

# name: status, OpenAI's code, Anthropic's error_code, message
_TABLE: dict[str, tuple[int, str | None, str | None, str]] = {
    "slow_down": (429, "slow_down", None, "Requests grew too fast; send fewer for a while."),
    "quota": (429, "insufficient_quota", _ENFORCED, _SPENT),
    "credit_balance": (429, "credit_balance_exhausted", _ENFORCED, _SPENT),
    "org_spend_limit": (429, "organization_spend_limit_exceeded", _CONTRACT, _SPENT),
    "enforced_spend_limit": (429, "insufficient_quota", _ENFORCED, _SPENT),
    "contract_spend_limit": (429, "insufficient_quota", _CONTRACT, _SPENT),
    "ramp_limit": (429, "slow_down", "ramp_limit_exceeded", "Traffic grew too fast for this account."),
    "unknown_429": (429, "lunar_phase_exceeded", "lunar_phase_exceeded", "Not now."),
    "bad_key": (401, "invalid_api_key", None, "The key is not accepted."),
    "forbidden": (403, "permission_denied", None, "This key may not use this model."),
    "not_found": (404, "model_not_found", None, "The model does not exist, or not for this key."),
    "content_policy": (
        400,
        "content_policy_violation",
        None,
        "The prompt was blocked by the content policy.",
    ),
    "bad_request": (400, "invalid_value", None, "The request is malformed."),
    "server_error": (500, None, None, "The server had an error while processing the request."),
    "bad_gateway": (502, None, None, "Bad gateway"),
    "unavailable": (503, "service_unavailable", None, "The service is unavailable for a moment."),
    "gateway_timeout": (504, None, None, "The request took too long inside the provider."),
    "overloaded": (529, "server_is_overloaded", None, "The provider is overloaded."),
    "should_retry_false": (503, None, None, "The service is unavailable; do not retry."),
    "should_retry_true": (400, "invalid_value", None, "A hiccup that passes; retry."),
}


def problem_for(fault: Fault, now: float) -> Problem:
    """The error response that a status fault asks for. `now` is epoch seconds, for HTTP dates."""
    name, number = fault.name, fault.number
    if name.startswith("rate_limit"):
        return Problem(429, "rate_limit_exceeded", _PASSES, headers=_retry_after(name, number, now))
    if name == "status":
        return Problem(int(number), None, f"The practice provider was told to answer {int(number)}.")
    status, code, details, message = _TABLE[name]
    told = {"x-should-retry": name.rpartition("_")[2]} if name.startswith("should_retry") else {}
    return Problem(status, code, message, details=details, headers=told, html=name == "bad_gateway")


def _retry_after(name: str, number: float, now: float) -> dict[str, str]:
    """Every form in which a provider says how long to wait, the useless ones too."""
    forms = {
        "rate_limit_after": ("retry-after", f"{number:g}"),
        "rate_limit_after_date": ("retry-after", formatdate(now + number, usegmt=True)),
        "rate_limit_after_ms": ("retry-after-ms", f"{number:g}"),
        "rate_limit_after_zero": ("retry-after", "0"),
        "rate_limit_after_huge": ("retry-after", f"{number:.0f}"),
        "rate_limit_after_garbage": ("retry-after", "soon; maybe"),
    }
    return dict([forms[name]]) if name in forms else {}

"""Every way a call can end, by name, and what to do about each.

Without this page, code decides by status code alone.
But one status hides several troubles: the same 429 is a rate limit that passes in a second,
or a quota that no retry will refill.
So a failure is named once, here, by status *and* kind, and everything else reads the name:

    >>> classify(429)
    <Advice.RETRY: 'retry_with_backoff'>
    >>> classify(429, Kind.QUOTA_EXHAUSTED)
    <Advice.FIX_QUOTA: 'fail_and_fix_quota'>
    >>> NEXT_STEP[Kind.TIMEOUT]
    'show_retry_option'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Kind(StrEnum):
    """The named ends of a call. `record.status` is always one of these."""

    OK = "ok"
    TIMEOUT = "timeout"
    CONNECT = "connect"
    PROTOCOL = "protocol_error"
    RATE_LIMITED = "rate_limited"
    QUOTA_EXHAUSTED = "quota_exhausted"
    OVERLOADED = "overloaded"
    PROVIDER_ERROR = "provider_error"
    AUTH = "auth"
    PERMISSION = "permission"
    NOT_FOUND = "not_found"
    BAD_REQUEST = "bad_request"
    REFUSED = "refused"
    INCOMPLETE = "incomplete"
    INVALID_OUTPUT = "invalid_output"
    UNSUPPORTED_DECISION = "unsupported_decision"
    CANCELLED = "cancelled"
    BUDGET_EXHAUSTED = "budget_exhausted"
    UNKNOWN = "unknown"


class Advice(StrEnum):
    """What the boundary does with a failed attempt."""

    RETRY = "retry_with_backoff"
    FIX_QUOTA = "fail_and_fix_quota"
    FIX_REQUEST = "fail_and_fix_request"
    INSPECT = "fail_and_inspect"


class LabkitError(Exception):
    """A mistake in code that uses labkit: the message names the value seen, the one wanted, the fix."""


class CallFailed(LabkitError):
    """Raised by `Failure.unwrap` for callers who prefer an exception to a returned failure."""


# What the product does next. The keys are all kinds but OK: a test holds that.
NEXT_STEP: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.TIMEOUT: "show_retry_option",
        Kind.CONNECT: "show_retry_option",
        Kind.PROTOCOL: "show_retry_option",
        Kind.RATE_LIMITED: "show_retry_option",
        Kind.OVERLOADED: "show_retry_option",
        Kind.PROVIDER_ERROR: "show_retry_option",
        Kind.QUOTA_EXHAUSTED: "tell_operations",
        Kind.AUTH: "tell_operations",
        Kind.PERMISSION: "tell_operations",
        Kind.BUDGET_EXHAUSTED: "tell_operations",
        Kind.NOT_FOUND: "fix_the_request",
        Kind.BAD_REQUEST: "fix_the_request",
        Kind.REFUSED: "hand_to_a_person",
        Kind.INCOMPLETE: "hand_to_a_person",
        Kind.INVALID_OUTPUT: "hand_to_a_person",
        Kind.UNSUPPORTED_DECISION: "hand_to_a_person",
        Kind.CANCELLED: "do_nothing",
        Kind.UNKNOWN: "inspect",
    }
)

# The kind decides first, whatever the status. Kinds that are not listed leave it to the status.
ADVICE_BY_KIND: Mapping[Kind, Advice] = MappingProxyType(
    {
        Kind.TIMEOUT: Advice.RETRY,
        Kind.CONNECT: Advice.RETRY,
        Kind.PROTOCOL: Advice.RETRY,
        Kind.RATE_LIMITED: Advice.RETRY,
        Kind.OVERLOADED: Advice.RETRY,
        Kind.QUOTA_EXHAUSTED: Advice.FIX_QUOTA,
        Kind.AUTH: Advice.FIX_REQUEST,
        Kind.PERMISSION: Advice.FIX_REQUEST,
        Kind.BAD_REQUEST: Advice.FIX_REQUEST,
        Kind.REFUSED: Advice.FIX_REQUEST,
    }
)

RETRYABLE_STATUS = frozenset({408, 429, 500, 502, 503, 504})
REQUEST_STATUS = frozenset({400, 401, 403})


def classify(status: int | None, kind: str | None = None) -> Advice:
    """Say what to do with a failed attempt, from its HTTP status and its kind.

    `kind` is a `Kind` or its text; one that this page does not know counts as no kind at all.
    `status` is None when no response came.
    """
    known = ADVICE_BY_KIND.get(Kind(kind)) if kind in _KINDS else None
    if known is not None:
        return known
    if status in RETRYABLE_STATUS:
        return Advice.RETRY
    if status in REQUEST_STATUS:
        return Advice.FIX_REQUEST
    return Advice.INSPECT


_KINDS = frozenset(Kind)

# What the providers write in `error.code`, `error.type` or `error.details.error_code`.
# Sources: the OpenAI and Anthropic API references; codes that neither documents are absent on purpose.
# So is `invalid_request_error`: both send it with 400, 401 and 404 alike, and there the status says more.
KIND_BY_CODE: Mapping[str, Kind] = MappingProxyType(
    {
        # the account, not the moment: waiting does not help
        "insufficient_quota": Kind.QUOTA_EXHAUSTED,
        "quota_exhausted": Kind.QUOTA_EXHAUSTED,
        "credit_balance_exhausted": Kind.QUOTA_EXHAUSTED,
        "organization_spend_limit_exceeded": Kind.QUOTA_EXHAUSTED,
        "organization_usage_limit_exceeded": Kind.QUOTA_EXHAUSTED,
        "project_spend_limit_exceeded": Kind.QUOTA_EXHAUSTED,
        "billing_hard_limit_reached": Kind.QUOTA_EXHAUSTED,
        "billing_error": Kind.QUOTA_EXHAUSTED,
        "enforced_spend_limit_reached": Kind.QUOTA_EXHAUSTED,
        "contract_spend_limit_reached": Kind.QUOTA_EXHAUSTED,
        # the moment: waiting helps
        "rate_limit": Kind.RATE_LIMITED,
        "rate_limit_error": Kind.RATE_LIMITED,
        "rate_limit_exceeded": Kind.RATE_LIMITED,
        "ramp_limit_exceeded": Kind.RATE_LIMITED,
        "slow_down": Kind.RATE_LIMITED,
        "overloaded_error": Kind.OVERLOADED,
        "server_is_overloaded": Kind.OVERLOADED,
        "service_unavailable_error": Kind.OVERLOADED,
        "api_error": Kind.PROVIDER_ERROR,
        "server_error": Kind.PROVIDER_ERROR,
        "timeout_error": Kind.PROVIDER_ERROR,
        # us: the same request will fail again
        "authentication_error": Kind.AUTH,
        "invalid_api_key": Kind.AUTH,
        "permission_error": Kind.PERMISSION,
        "permission_denied": Kind.PERMISSION,
        "not_found_error": Kind.NOT_FOUND,
        "model_not_found": Kind.NOT_FOUND,
        "request_too_large": Kind.BAD_REQUEST,
        "context_length_exceeded": Kind.BAD_REQUEST,
        # the provider's policy
        "content_policy_violation": Kind.REFUSED,
        "content_filter": Kind.REFUSED,
    }
)

KIND_BY_STATUS: Mapping[int, Kind] = MappingProxyType(
    {
        400: Kind.BAD_REQUEST,
        401: Kind.AUTH,
        402: Kind.QUOTA_EXHAUSTED,
        403: Kind.PERMISSION,
        404: Kind.NOT_FOUND,
        408: Kind.PROVIDER_ERROR,
        413: Kind.BAD_REQUEST,
        422: Kind.BAD_REQUEST,
        429: Kind.RATE_LIMITED,
        529: Kind.OVERLOADED,
    }
)

# A 429 that does not say which kind it is may be a quota: one retry finds out, more would hammer.
UNKNOWN_429_RETRIES = 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """One failed attempt, judged. `at_most` caps the retries of this kind; None leaves it to the task."""

    kind: Kind
    advice: Advice
    at_most: int | None = None


def judge(status: int, codes: tuple[str, ...] = (), should_retry: str | None = None) -> Verdict:
    """Name an HTTP error and say what to do, from what the provider said.

    `codes` are the error's machine-readable words, most specific first; `should_retry` is the
    `x-should-retry` header. "false" always ends the call; "true" turns *inspect* into a retry,
    but never overrules an exhausted quota or a request that has to be fixed first. A 429 whose most
    specific word is unknown is retried at most once.
    """
    said = next((KIND_BY_CODE[code] for code in codes if code in KIND_BY_CODE), None)
    kind = said or KIND_BY_STATUS.get(status) or (Kind.PROVIDER_ERROR if status >= 500 else Kind.UNKNOWN)
    # 402 and 529 mean one thing each, so they need no code beside them.
    advice = classify(status, said or (kind if status in {402, 529} else None))
    if should_retry == "false" and advice is Advice.RETRY:
        advice = Advice.INSPECT
    elif should_retry == "true" and advice is Advice.INSPECT:
        advice = Advice.RETRY
    # A spend limit of tomorrow would come as `rate_limit_error` with a code that this page lacks.
    unknown_429 = status == 429 and advice is Advice.RETRY and not (codes and codes[0] in KIND_BY_CODE)
    return Verdict(kind, advice, UNKNOWN_429_RETRIES if unknown_429 else None)

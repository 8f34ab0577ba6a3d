"""The classification table, row by row: what each status and kind means, and what is done about it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.failures import (
    ADVICE_BY_KIND,
    KIND_BY_CODE,
    KIND_BY_STATUS,
    NEXT_STEP,
    Advice,
    Kind,
    classify,
    judge,
)

RETRY, QUOTA, REQUEST, INSPECT = Advice.RETRY, Advice.FIX_QUOTA, Advice.FIX_REQUEST, Advice.INSPECT

# status, the words of the provider (most specific first), the kind, the advice
ROWS = [
    # OpenAI
    (400, ("invalid_request_error",), Kind.BAD_REQUEST, REQUEST),
    (400, ("context_length_exceeded", "invalid_request_error"), Kind.BAD_REQUEST, REQUEST),
    (400, ("content_policy_violation", "invalid_request_error"), Kind.REFUSED, REQUEST),
    (400, ("content_filter", "invalid_request_error"), Kind.REFUSED, REQUEST),
    (401, ("invalid_api_key", "invalid_request_error"), Kind.AUTH, REQUEST),
    (401, ("invalid_request_error",), Kind.AUTH, REQUEST),
    (403, ("unsupported_country_region_territory", "request_forbidden"), Kind.PERMISSION, REQUEST),
    (404, ("model_not_found", "invalid_request_error"), Kind.NOT_FOUND, INSPECT),
    (404, ("invalid_request_error",), Kind.NOT_FOUND, INSPECT),
    (429, ("rate_limit_exceeded", "requests"), Kind.RATE_LIMITED, RETRY),
    (429, ("rate_limit_exceeded", "tokens"), Kind.RATE_LIMITED, RETRY),
    (429, ("slow_down", "rate_limit_error"), Kind.RATE_LIMITED, RETRY),
    (429, ("insufficient_quota", "insufficient_quota"), Kind.QUOTA_EXHAUSTED, QUOTA),
    (429, ("credit_balance_exhausted", "insufficient_quota"), Kind.QUOTA_EXHAUSTED, QUOTA),
    (429, ("organization_spend_limit_exceeded", "insufficient_quota"), Kind.QUOTA_EXHAUSTED, QUOTA),
    (429, ("organization_usage_limit_exceeded",), Kind.QUOTA_EXHAUSTED, QUOTA),
    (429, ("project_spend_limit_exceeded",), Kind.QUOTA_EXHAUSTED, QUOTA),
    (429, ("a_limit_of_next_year", "insufficient_quota"), Kind.QUOTA_EXHAUSTED, QUOTA),
    (500, ("server_error",), Kind.PROVIDER_ERROR, RETRY),
    (503, ("server_is_overloaded", "service_unavailable_error"), Kind.OVERLOADED, RETRY),
    # Anthropic
    (400, ("invalid_request_error",), Kind.BAD_REQUEST, REQUEST),
    (401, ("authentication_error",), Kind.AUTH, REQUEST),
    (402, ("billing_error",), Kind.QUOTA_EXHAUSTED, QUOTA),
    (403, ("permission_error",), Kind.PERMISSION, REQUEST),
    (404, ("not_found_error",), Kind.NOT_FOUND, INSPECT),
    (413, ("request_too_large",), Kind.BAD_REQUEST, REQUEST),
    (429, ("rate_limit_error",), Kind.RATE_LIMITED, RETRY),
    (429, ("ramp_limit_exceeded", "rate_limit_error"), Kind.RATE_LIMITED, RETRY),
    (429, ("enforced_spend_limit_reached", "rate_limit_error"), Kind.QUOTA_EXHAUSTED, QUOTA),
    (429, ("contract_spend_limit_reached", "rate_limit_error"), Kind.QUOTA_EXHAUSTED, QUOTA),
    (500, ("api_error",), Kind.PROVIDER_ERROR, RETRY),
    (504, ("timeout_error",), Kind.PROVIDER_ERROR, RETRY),
    (529, ("overloaded_error",), Kind.OVERLOADED, RETRY),
    # a gateway, a proxy, or nobody we know
    (402, (), Kind.QUOTA_EXHAUSTED, QUOTA),
    (408, (), Kind.PROVIDER_ERROR, RETRY),
    (409, (), Kind.UNKNOWN, INSPECT),
    (413, (), Kind.BAD_REQUEST, INSPECT),
    (418, (), Kind.UNKNOWN, INSPECT),
    (422, (), Kind.BAD_REQUEST, INSPECT),
    (500, (), Kind.PROVIDER_ERROR, RETRY),
    (502, (), Kind.PROVIDER_ERROR, RETRY),
    (503, (), Kind.PROVIDER_ERROR, RETRY),
    (504, (), Kind.PROVIDER_ERROR, RETRY),
    (529, (), Kind.OVERLOADED, RETRY),
    (529, ("server_overloaded",), Kind.OVERLOADED, RETRY),
    (599, (), Kind.PROVIDER_ERROR, INSPECT),
    (301, (), Kind.UNKNOWN, INSPECT),
]


@pytest.mark.parametrize(("status", "codes", "kind", "advice"), ROWS)
def test_each_row_of_the_table(status, codes, kind, advice) -> None:
    """A status and its words name one kind, and one thing to do."""
    verdict = judge(status, codes)

    assert (verdict.kind, verdict.advice) == (kind, advice)


def test_every_word_of_the_table_has_a_row_here() -> None:
    """A code that is added to the table is added to this test with the status it comes with."""
    tested = {code for _, codes, _, _ in ROWS for code in codes}
    aliases = {"quota_exhausted", "billing_hard_limit_reached", "rate_limit", "permission_denied"}

    assert set(KIND_BY_CODE) - tested - aliases == set()
    assert set(KIND_BY_STATUS) <= {status for status, *_ in ROWS} | {429}


@pytest.mark.parametrize(
    ("status", "kind", "advice"),
    [
        (429, "quota_exhausted", "fail_and_fix_quota"),
        *((status, None, "retry_with_backoff") for status in (408, 429, 500, 502, 503, 504)),
        *((status, None, "fail_and_fix_request") for status in (400, 401, 403)),
        *((status, None, "fail_and_inspect") for status in (302, 404, 409, 418, 422, 501, 505, None)),
        (None, "timeout", "retry_with_backoff"),
        (None, "connect", "retry_with_backoff"),
        (200, "protocol_error", "retry_with_backoff"),
        (429, "a kind that nobody knows", "retry_with_backoff"),
    ],
)
def test_the_lessons_rows(status, kind, advice) -> None:
    """The lesson's table by status and kind, as it is taught."""
    assert classify(status, kind) == advice


@pytest.mark.parametrize(
    "codes", [(), ("a_limit_of_next_year",), ("a_limit_of_next_year", "rate_limit_error")]
)
def test_an_unknown_429_is_retried_at_most_once(codes) -> None:
    """It may be a quota: one retry finds out, more would hammer."""
    verdict = judge(429, codes)

    assert (verdict.advice, verdict.at_most) == (RETRY, 1)
    assert judge(429, ("rate_limit_error",)).at_most is None


@pytest.mark.parametrize(
    ("status", "codes", "header", "advice"),
    [
        (503, (), "false", INSPECT),
        (429, ("rate_limit_error",), "false", INSPECT),
        (409, (), "true", RETRY),
        (400, (), "true", REQUEST),
        (429, ("insufficient_quota",), "true", QUOTA),
        (401, (), "false", REQUEST),
        (503, (), "perhaps", RETRY),
    ],
)
def test_the_providers_wish_counts_where_it_can_be_right(status, codes, header, advice) -> None:
    """x-should-retry always stops a retry, and asks for one where nothing speaks against it."""
    assert judge(status, codes, header).advice is advice


@given(
    st.integers(100, 599), st.lists(st.sampled_from(sorted(KIND_BY_CODE)) | st.text(max_size=20), max_size=3)
)
def test_every_error_has_a_name_and_a_next_step(status, codes) -> None:
    """Whatever a provider answers, there is one kind, one advice, and a step for the product."""
    verdict = judge(status, tuple(codes))

    assert verdict.kind is not Kind.OK
    assert NEXT_STEP[verdict.kind]
    if verdict.kind is Kind.QUOTA_EXHAUSTED:
        assert verdict.advice is QUOTA


def test_every_kind_but_ok_has_a_next_step_and_none_has_two() -> None:
    """The product never meets a kind that it has no answer for."""
    assert set(NEXT_STEP) == set(Kind) - {Kind.OK}
    assert set(ADVICE_BY_KIND) <= set(NEXT_STEP)

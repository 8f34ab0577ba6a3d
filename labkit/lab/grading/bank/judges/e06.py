"""Exercise 06: sort failures by status and kind."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from labkit.failures import RETRYABLE_STATUS, classify
from labkit.lab.grading.judge import Case, Check, Exercise, Misconception, Seen

READ = "06_retry_or_not"
RETRY = "retry_with_backoff"


def _draw_advice(random: Random) -> list[Case]:
    fixed: list[Case] = [
        {"status": 429, "kind": "rate_limited"},
        {"status": 429, "kind": "quota_exhausted"},
        {"status": 401, "kind": "auth"},
        {"status": 400, "kind": None},
        {"status": 503, "kind": None},
    ]
    others: list[Case] = [
        {"status": status, "kind": None} for status in (403, 404, 408, 418, 429, 500, 502, 504, 409, 422)
    ]
    return fixed + random.sample(others, 5)


def _advice(case: Case) -> Any:
    return str(classify(case["status"], case["kind"]))


def _draw_replies(random: Random) -> list[Case]:
    passing = [[random.choice([429, 500, 503]), None] for _ in range(random.randint(1, 2))]
    quota = [[429, "quota_exhausted"]] * 5
    auth = [[401, "auth"]] * 5
    down = [[503, None]] * 9
    retries = random.randint(2, 4)
    return [
        {"replies": passing, "max_retries": 3},
        {"replies": quota, "max_retries": retries},
        {"replies": [*passing, *quota], "max_retries": 4},
        {"replies": auth, "max_retries": retries},
        {"replies": [[400, None]] * 5, "max_retries": retries},
        {"replies": down, "max_retries": retries},
        {"replies": down, "max_retries": 0},
    ]


def _attempts(case: Case) -> Any:
    sent, last = 0, 200
    for status, kind in [*case["replies"], [200, None]]:
        sent, last = sent + 1, status
        if status < 400 or str(classify(status, kind)) != RETRY or sent > case["max_retries"]:
            break
    return [sent, last]


def _draw_bodies(random: Random) -> list[Case]:
    words = ["insufficient_quota", "rate_limit_exceeded", "invalid_api_key"]
    message = f"Request {random.randint(100, 999)} failed: see insufficient_quota in the manual."
    return [
        *({"body": {"error": {"message": "…", "type": "error", "code": word}}} for word in words),
        {"body": {"error": {"message": message, "type": "requests", "code": "rate_limit_exceeded"}}},
        {"body": {"error": {"message": "…", "type": "insufficient_quota", "code": None}}},
        {"body": {}},
    ]


def _kind(case: Case) -> Any:
    known = {
        "insufficient_quota": "quota_exhausted",
        "rate_limit_exceeded": "rate_limited",
        "invalid_api_key": "auth",
    }
    error = case["body"].get("error", {})
    return next((known[word] for word in (error.get("code"), error.get("type")) if word in known), None)


def _same_for_every_429(seen: Sequence[Seen]) -> bool:
    advices = {one.value for one in seen if one.case["status"] == 429}
    return len(advices) == 1


def _retries(status: set[int]) -> Any:
    return lambda seen: any(one.case["status"] in status and one.value == RETRY for one in seen)


def _more_than_wanted(seen: Sequence[Seen]) -> bool:
    wrong = [one for one in seen if isinstance(one.value, list) and one.value != one.expected]
    return bool(wrong) and all(one.value[0] == one.expected[0] + 1 for one in wrong)


def _hammers_quota(seen: Sequence[Seen]) -> bool:
    return any(
        isinstance(one.value, list)
        and one.case["replies"][0][1] == "quota_exhausted"
        and one.value[0] > one.expected[0]
        for one in seen
    )


def _retries_all(seen: Sequence[Seen]) -> bool:
    return any(
        isinstance(one.value, list)
        and one.case["replies"][0][0] not in RETRYABLE_STATUS
        and one.value[0] > one.expected[0]
        for one in seen
    )


EXERCISE = Exercise(
    number="06",
    title="Retry or not",
    asks_for=("advice", "kind_of", "call_with_retries"),
    checks=(
        Check(
            name="advice",
            asks="What to do about a failure, from its status and its kind",
            points=4,
            draw=_draw_advice,
            expect=_advice,
            because="The same 429 is a limit that passes or a quota that no retry refills: the kind decides first.",
            next_step="Ask for the kind before you look at the status.",
            read=f"{READ}#why",
            misconceptions=(
                Misconception(
                    "all-429-alike",
                    "You treat every 429 alike. An exhausted quota stays exhausted, however often you ask.",
                    _same_for_every_429,
                ),
                Misconception(
                    "retry-what-cannot-succeed",
                    "You retry a request that will fail again: 400, 401 and 403 need a different request.",
                    _retries({400, 401, 403}),
                ),
                Misconception(
                    "retry-the-unknown",
                    "You retry what you do not know. An unknown failure is looked at by a person first.",
                    _retries({404, 409, 418, 422}),
                ),
            ),
        ),
        Check(
            name="kind",
            asks="Which kind an error body names",
            points=2,
            draw=_draw_bodies,
            expect=_kind,
            because="`code` and `type` are made for programs; the message is prose that changes without notice.",
            next_step="Read `error.code`, then `error.type`; never search the message.",
            read=f"{READ}#run",
            misconceptions=(
                Misconception(
                    "kind-from-prose",
                    "You searched the message. It may name another error, or be translated tomorrow.",
                    lambda seen: any(
                        one.value == "quota_exhausted" and one.expected == "rate_limited" for one in seen
                    ),
                ),
                Misconception(
                    "code-only",
                    "You read `code` only. Some providers leave it empty and say it in `type`.",
                    lambda seen: all(
                        one.value == one.expected or one.case["body"]["error"]["code"] is None for one in seen
                    ),
                ),
            ),
        ),
        Check(
            name="attempts",
            asks="How many requests go out, and which status the loop ends with",
            points=4,
            draw=_draw_replies,
            expect=_attempts,
            because="A retry that cannot help costs time and money, and it hides the failure that needs a person.",
            next_step="Stop at success, at advice other than retry, and after `max_retries` further requests.",
            read=f"{READ}#run",
            misconceptions=(
                Misconception(
                    "retries-everything",
                    "Your loop retries errors that will repeat, such as a 401. It never asked `advice`.",
                    _retries_all,
                ),
                Misconception(
                    "retries-a-spent-quota",
                    "Your loop goes on after `quota_exhausted`. It looked at the status and not at the kind.",
                    _hammers_quota,
                ),
                Misconception(
                    "one-retry-too-many",
                    "`max_retries` counts the requests after the first. You sent one more than that.",
                    _more_than_wanted,
                ),
            ),
        ),
    ),
)

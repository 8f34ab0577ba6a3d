"""Exercise 14: repair four functions of the bad handler."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from labkit.lab.grading.judge import Case, Check, Exercise, Misconception, Seen

READ = "14_spot_the_problems"
LOGGED = {"trace_id": str, "status": str, "latency_ms": float, "input_tokens": int, "output_tokens": int}
PASSING = {"timeout", "rate_limited", "overloaded", "provider_error"}


# ── may the app act ──


def _draw_answers(random: Random) -> list[Case]:
    days = random.choice([14, 30, 45, 60])
    line = f"P-{random.randint(2, 9)}"
    lines = {line: days, "P-12": days, "P-13": days + 7}
    good = {"decision": "eligible", "rotation_window_days": days, "source_line_ids": [line]}
    answers: list[dict[str, Any]] = [
        good,
        good | {"source_line_ids": [line, "P-12"]},
        good | {"source_line_ids": ["P-13"], "rotation_window_days": days + 7},
        good | {"source_line_ids": ["P-12"]},
        good | {"decision": "not_eligible"},
        good | {"decision": random.choice(["eligible_if_paid", "Eligible", "not_specified"])},
        good | {"rotation_window_days": random.choice([90, 91, 120])},
        good | {"rotation_window_days": str(days)},
        good | {"rotation_window_days": float(days)},
        good | {"source_line_ids": ["P-99"]},
        good | {"source_line_ids": [line, "P-99"]},
        good | {"source_line_ids": [line, "P-13"]},
        good | {"source_line_ids": []},
        good | {"source_line_ids": None},
        {"decision": "eligible", "source_line_ids": ["P-99"]},
        {},
    ]
    # As many good ones as bad ones: saying no to everything must not look half right.
    spare = [good | {"source_line_ids": [line, "P-12"]}, good | {"source_line_ids": ["P-12", line]}] * 4
    return [{"answer": answer, "lines": lines} for answer in [*answers, *spare]]


def _acts(case: Case) -> Any:
    answer, lines = case["answer"], case["lines"]
    window, cited = answer.get("rotation_window_days"), answer.get("source_line_ids")
    typed = type(window) is int and isinstance(cited, list) and len(cited) > 0
    return typed and answer["decision"] == "eligible" and {lines.get(line) for line in cited} == {window}


def _says_yes(when: Callable[[Seen], bool]) -> Callable[[Sequence[Seen]], bool]:
    """One of the answers for which this holds was taken for good, and should not have been."""
    return lambda seen: any(one.value is True and one.expected is False and when(one) for one in seen)


def _word_inside(one: Seen) -> bool:
    return bool(one.case["answer"].get("decision") == "not_eligible")


def _other_window(one: Seen) -> bool:
    return one.case["answer"].get("rotation_window_days") in (90, 91, 120)


def _other_line(one: Seen) -> bool:
    return "P-99" in (one.case["answer"].get("source_line_ids") or [])


# ── one job ──


def _draw_lost(random: Random) -> list[Case]:
    account, line = f"acct_{random.randint(10000, 99999)}", f"P-{random.randint(2, 9)}"
    job = f"job_{account}_{random.randint(1, 9):03}"
    who = {"account_id": account, "line_id": line}
    return [
        {**who, "replies": [job], "tries": 3},
        {**who, "replies": [None, job], "tries": 3},
        {**who, "replies": [None, None, job], "tries": 3},
        {**who, "replies": [None], "tries": random.randint(2, 4)},
        {**who, "replies": [None, job], "tries": 1},
        {**who, "line_id": "P-11", "replies": [None, job], "tries": 2},
    ]


def _creates(case: Case) -> Any:
    key = f"create_rotation_job:{case['account_id']}:{case['line_id']}:v1"
    replies = [*case["replies"], *[case["replies"][-1]] * case["tries"]][: case["tries"]]
    sent = next((at for at, job in enumerate(replies, 1) if job), len(replies))
    return [[key] * sent, replies[sent - 1]]


def _sent(one: Seen) -> list[Any]:
    """What was sent, one item for each request: its key, or its limit."""
    value = one.value
    return value[0] if isinstance(value, list) and value and isinstance(value[0], list) else []


def _keys_differ(seen: Sequence[Seen]) -> bool:
    return any(len(set(map(str, _sent(one)))) > 1 for one in seen)


def _line_is_missing(seen: Sequence[Seen]) -> bool:
    return any(_sent(one) and one.case["line_id"] not in str(_sent(one)[0]) for one in seen)


def _never_again(seen: Sequence[Seen]) -> bool:
    tried = [one for one in seen if len(one.expected[0]) > 1]
    return all(len(_sent(one)) == 1 for one in tried)


# ── the log ──


def _draw_events(random: Random) -> list[Case]:
    name = random.choice(["Ana Lima", "Jon Berg", "Mira Osei"])
    event = {
        "trace_id": f"trace_{random.randint(1000, 9999)}",
        "status": random.choice(["ok", "timeout", "refused"]),
        "latency_ms": random.randint(100, 900) / 4,
        "input_tokens": random.randint(100, 900),
        "output_tokens": random.randint(10, 90),
    }
    text = f"This is {name}. Rotate my key."
    events: list[dict[str, Any]] = [
        event,
        event | {"question": text},
        event | {"note_added_later": text, "prompt": "Policy lines: …"},
        event | {"status": text},
        event | {"trace_id": f"trace_1 {name}", "input_tokens": None},
        event | {"latency_ms": f"{name} 12 ms"},
        event | {"input_tokens": True, "output_tokens": 12.5},
        event | {"trace_id": "t" * 41, "latency_ms": 12},
        event | {"trace_id": "t" * 40},
        {"status": event["status"], "session": {"user": name}},
        {},
    ]
    return [{"event": one} for one in events]


def _logs(case: Case) -> Any:
    typed = {
        name: case["event"][name]
        for name, kind in sorted(LOGGED.items())
        if type(case["event"].get(name)) is kind
    }
    return {name: value for name, value in typed.items() if _harmless(value)}


def _harmless(value: Any) -> bool:
    """Numbers go in as they are; a text must be one short word."""
    return not isinstance(value, str) or re.fullmatch(r"[a-z][a-z0-9_]{0,39}", value) is not None


def _logged(one: Seen) -> dict[str, Any]:
    plain = one.plain
    return plain if isinstance(plain, dict) else {}


def _lets_other_fields_in(seen: Sequence[Seen]) -> bool:
    return any(set(_logged(one)) - set(LOGGED) for one in seen)


def _lets_text_in(seen: Sequence[Seen]) -> bool:
    return any(" " in value for one in seen for value in _logged(one).values() if isinstance(value, str))


# ── one deadline ──


def _draw_days(random: Random) -> list[Case]:
    half = random.choice([0.25, 0.5])
    final = random.choice(["quota_exhausted", "auth", "bad_request"])
    value = f"answer {random.randint(100, 999)}"
    ok, busy = [half, "ok", value], [half, random.choice(["overloaded", "rate_limited"]), None]
    return [
        {"replies": [ok], "seconds": 4.0, "max_retries": 2},
        {"replies": [busy, ok], "seconds": 4.0, "max_retries": 2},
        {"replies": [busy, busy, ok], "seconds": 4.0, "max_retries": 2},
        {"replies": [busy], "seconds": 8.0, "max_retries": random.randint(1, 3)},
        {"replies": [busy, ok], "seconds": 4.0, "max_retries": 0},
        {"replies": [[half, final, None], ok], "seconds": 4.0, "max_retries": 3},
        {"replies": [busy, [half, "refused", None], ok], "seconds": 4.0, "max_retries": 3},
        {"replies": [[9.0, "ok", value]], "seconds": 2.0, "max_retries": 3},
        {"replies": [[1.5, "provider_error", None], [9.0, "ok", value]], "seconds": 2.0, "max_retries": 3},
        {"replies": [[1.5, "timeout", None], ok], "seconds": 2.0, "max_retries": 1},
        {
            "replies": [[1.0, "overloaded", None], [1.0, "overloaded", None], ok],
            "seconds": 2.0,
            "max_retries": 4,
        },
    ]


def _asks(case: Case) -> Any:
    replies, left = case["replies"], case["seconds"]
    limits: list[float] = []
    kind = "timeout"
    while len(limits) <= case["max_retries"]:
        if left <= 0:
            return [limits, {"kind": "timeout", "ok": False}]
        takes, kind, value = replies[min(len(limits), len(replies) - 1)]
        kind = "timeout" if takes > left else kind
        limits.append(left)
        left -= min(takes, left)
        if kind == "ok":
            return [limits, {"ok": True, "value": value}]
        if kind not in PASSING:
            break
    return [limits, {"kind": kind, "ok": False}]


def _fresh_limits(seen: Sequence[Seen]) -> bool:
    return any(
        len(_sent(one)) > 1 and set(map(str, _sent(one))) == {str(one.case["seconds"])} for one in seen
    )


def _sends_again(seen: Sequence[Seen]) -> bool:
    last = (one for one in seen if one.expected[1].get("kind") not in {*PASSING, None})
    return any(len(_sent(one)) > len(one.expected[0]) for one in last)


def _one_too_many(seen: Sequence[Seen]) -> bool:
    return any(len(_sent(one)) == one.case["max_retries"] + 2 for one in seen)


EXERCISE = Exercise(
    number="14",
    title="Repair what you spotted",
    asks_for=("may_act", "create_job", "log_entry", "ask"),
    checks=(
        Check(
            name="acts",
            asks="Whether the app may act on an answer",
            points=3,
            draw=_draw_answers,
            expect=_acts,
            because="An action for a wrong answer cannot be taken back. Decision, citation and window must all hold.",
            next_step="Compare the decision as a whole, then hold window and citation against the supplied lines.",
            read=f"{READ}#long-days-run",
            misconceptions=(
                Misconception(
                    "looks-for-a-word",
                    "You look for the word inside the decision. not_eligible holds the word eligible.",
                    _says_yes(_word_inside),
                ),
                Misconception(
                    "window-unchecked",
                    "You act on a window that the cited line does not state: the 90-day answer gets through.",
                    _says_yes(_other_window),
                ),
                Misconception(
                    "citation-unchecked",
                    "You act on a line that was never supplied. A model can invent one.",
                    _says_yes(_other_line),
                ),
            ),
        ),
        Check(
            name="creates",
            asks="Under which keys the job is asked for, and what comes back",
            points=3,
            draw=_draw_lost,
            expect=_creates,
            because="A lost response does not prove that nothing happened. The same key makes a second request harmless.",
            next_step="Make the key once, before the loop, from the account and the line.",
            read=f"{READ}#long-days-run",
            misconceptions=(
                Misconception(
                    "key-per-attempt",
                    "Each of your attempts has a key of its own. To the service that is a new job each time.",
                    _keys_differ,
                ),
                Misconception(
                    "key-without-the-line",
                    "Your key does not name the policy line, so two actions for one account look like one.",
                    _line_is_missing,
                ),
                Misconception(
                    "never-tries-again",
                    "You ask once only. With a stable key, to ask again is safe, and tells you what happened.",
                    _never_again,
                ),
            ),
        ),
        Check(
            name="logs",
            asks="What may be logged of an event",
            points=3,
            draw=_draw_events,
            expect=_logs,
            because="A log is read by many and kept for long. What is not known to be harmless stays out.",
            next_step="Go through LOGGED, not through the event; look at the exact type, and at the whole text.",
            read=f"{READ}#harm-log",
            misconceptions=(
                Misconception(
                    "denylist",
                    "You take away what you know to be private. A field that somebody adds tomorrow goes in.",
                    _lets_other_fields_in,
                ),
                Misconception(
                    "names-are-enough",
                    "You let a field in for its name. Customer text stands in a field called status as well as in any other.",
                    _lets_text_in,
                ),
            ),
        ),
        Check(
            name="asks",
            asks="How long each attempt may take, and how the call ends",
            points=3,
            draw=_draw_days,
            expect=_asks,
            because="A person waits for the whole call, not for an attempt. And only what passes by itself is worth another one.",
            next_step="Fix the end before the loop; in it, compute what is left, and look at the kind before you go round.",
            read=f"{READ}#harm-wait",
            misconceptions=(
                Misconception(
                    "fresh-limit-each-time",
                    "Every attempt gets the full time again. Three attempts may then take three times as long.",
                    _fresh_limits,
                ),
                Misconception(
                    "retries-everything",
                    "You send again after a failure that will repeat, such as a spent quota.",
                    _sends_again,
                ),
                Misconception(
                    "one-retry-too-many",
                    "`max_retries` counts the requests after the first. You sent one more than that.",
                    _one_too_many,
                ),
            ),
        ),
    ),
)

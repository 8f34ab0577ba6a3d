"""Exercise 07: ceilings, full jitter, and a loop that waits."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from email.utils import formatdate
from random import Random
from typing import Any

from labkit import backoff
from labkit.lab.grading.judge import Case, Check, Exercise, Misconception, Seen, is_right

READ = "07_full_jitter"


def _close(a: Any, b: float) -> bool:
    return type(a) in (int, float) and math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)


def _number_agrees(seen: Seen) -> bool:
    """A whole number of seconds is as good as a float."""
    return set(seen.observation) == {"value"} and _close(seen.value, seen.expected)


def _all_are(wrong: Callable[[Case], float]) -> Callable[[Sequence[Seen]], bool]:
    """Whether every value is what this way of thinking would give."""
    return lambda seen: all(_close(one.plain, wrong(one.case)) for one in seen)


# ── the ceiling ─────────────────────────────────────────────────────────────────────────────────


def _times(random: Random) -> Case:
    """A base and a cap such that the cap is reached between the fourth retry and the sixth."""
    base = round(random.uniform(0.2, 3.0), 2)
    return {"base": base, "cap": round(base * random.uniform(9, 30), 2)}


def _draw_ceiling(random: Random) -> list[Case]:
    return [
        {"n": 1, "base": 1.0, "cap": 8.0},
        {"n": 2, "base": 1.0, "cap": 8.0},
        *({"n": n, **_times(random)} for n in (1, 2, 3, 4, random.randint(7, 12), 40)),
        {"n": 1, "base": 5.0, "cap": round(random.uniform(1, 4), 2)},
    ]


def _ceiling(case: Case) -> float:
    return backoff.ceiling(case["n"], case["base"], case["cap"])


# ── full jitter ─────────────────────────────────────────────────────────────────────────────────


def _draw_jitter(random: Random) -> list[Case]:
    def draw() -> float:
        return round(random.uniform(0.05, 0.95), 4)

    cases = [
        {"n": 1, "base": 1.0, "cap": 8.0, "random": 0.5},
        {"n": 2, "base": 1.0, "cap": 8.0, "random": 0.5},
        *({"n": n, **_times(random), "random": draw()} for n in (1, 2, 3, 4)),
        *({"n": n, **_times(random), "random": draw()} for n in (9, 12, 30)),
        {"n": 3, **_times(random), "random": 0.0},
    ]
    return [*cases, dict(cases[-2])]  # the same question twice


def _jitter(case: Case) -> float:
    return float(case["random"]) * _ceiling(case)


def _raw(case: Case) -> float:
    return float(case["base"] * 2 ** (case["n"] - 1))


def _same_question_two_answers(seen: Sequence[Seen]) -> bool:
    first, again = seen[-3].plain, seen[-1].plain
    return type(first) is float and type(again) is float and first != again


def _upper_part_only(seen: Sequence[Seen]) -> bool:
    return all(one.plain >= 0.5 * _ceiling(one.case) > 0 for one in seen)


# ── what the provider asks for ──────────────────────────────────────────────────────────────────


def _draw_headers(random: Random) -> list[Case]:
    now = random.randint(1_780_000_000, 1_790_000_000)

    def case(delay: float, asked: str | int | None) -> Case:
        fraction = random.choice((0.25, 0.5, 0.75))
        header = formatdate(now + asked, usegmt=True) if isinstance(asked, int) else asked
        return {"delay": delay, "header": header, "now": now + fraction}

    def small() -> float:
        return round(random.uniform(0.05, 0.9), 2)

    long = round(random.uniform(20, 30), 2)
    return [
        case(small(), str(random.randint(2, 15))),
        case(small(), random.randint(3, 15)),
        case(small(), 2),
        case(long, str(random.randint(1, 9))),
        case(long, random.randint(2, 9)),
        case(small(), "0"),
        case(small(), -random.randint(5, 900)),
        case(small(), None),
        case(small(), random.choice(("soon", "later", "a while"))),
        case(small(), "200"),
    ]


def _polite(case: Case) -> float:
    headers = {} if case["header"] is None else {"retry-after": case["header"]}
    asked = backoff.retry_after(headers, now=lambda: case["now"])
    return float(max(case["delay"], asked or 0.0))


def _is_date(case: Case) -> bool:
    return bool(case["header"]) and case["header"].endswith("GMT")


def _asks_more(one: Seen) -> bool:
    return bool(one.expected > one.case["delay"])


def _rounds_down(seen: Sequence[Seen]) -> bool:
    dates = [one for one in seen if _is_date(one.case) and _asks_more(one)]
    return all(one.expected - 1 <= one.plain < one.expected for one in dates)


def _dates_unread(seen: Sequence[Seen]) -> bool:
    numbers = [one for one in seen if not _is_date(one.case) and (one.case["header"] or "").isdigit()]
    dates = [one for one in seen if _is_date(one.case) and _asks_more(one)]
    return all(map(_number_agrees, numbers)) and all(
        one.raised is not None or _close(one.plain, one.case["delay"]) for one in dates
    )


def _undercuts(seen: Sequence[Seen]) -> bool:
    return any(one.plain < one.expected for one in seen if _asks_more(one))


def _header_instead_of_delay(seen: Sequence[Seen]) -> bool:
    more = [one for one in seen if _asks_more(one)]
    return all(map(_number_agrees, more)) and any(
        one.plain < one.case["delay"] for one in seen if one.case["header"] and not _asks_more(one)
    )


# ── the loop ────────────────────────────────────────────────────────────────────────────────────


def _draw_loop(random: Random) -> list[Case]:
    def case(busy: int, max_retries: int, **times: float) -> Case:
        draws = [round(random.uniform(0.05, 0.95), 4) for _ in range(12)]
        answer = f"answer {random.randint(100, 999)}"
        return {
            "replies": ["busy"] * busy + [answer],
            "max_retries": max_retries,
            **(times or _times(random)),
            "random": draws,
        }

    fixed = {"base": 1.0, "cap": 8.0}
    return [
        {**case(2, 2, **fixed), "random": [0.5]},
        {**case(3, 2, **fixed), "random": [0.5]},
        case(0, 3),
        case(1, 0),
        case(6, 7),
        case(9, random.randint(3, 5)),
        case(4, 4),
    ]


def _loop(case: Case) -> Any:
    busy, retries = len(case["replies"]) - 1, case["max_retries"]
    waits = min(busy, retries)
    tops = [backoff.ceiling(n, case["base"], case["cap"]) for n in range(1, waits + 1)]
    draws = [case["random"][min(at, len(case["random"]) - 1)] for at in range(waits)]
    slept = [draw * top for draw, top in zip(draws, tops, strict=True)]
    failed = busy > retries
    return {
        "sent": waits + 1,
        "records": [
            *(("retry", top, delay) for top, delay in zip(tops, slept, strict=True)),
            ("failed" if failed else "ok", None, None),
        ],
        "slept": slept,
        "end": "Busy was raised" if failed else case["replies"][-1],
    }


def _gave_up(seen: Sequence[Seen]) -> list[Seen]:
    return [one for one in seen if one.expected["end"] == "Busy was raised"]


def _sleeps_after_the_last(seen: Sequence[Seen]) -> bool:
    return all(
        one.plain["sent"] == one.expected["sent"] and len(one.plain["slept"]) == one.expected["sent"]
        for one in _gave_up(seen)
    )


def _sends_one_more(seen: Sequence[Seen]) -> bool:
    return all(one.plain["sent"] == one.expected["sent"] + 1 for one in _gave_up(seen))


def _end_is_hidden(seen: Sequence[Seen]) -> bool:
    return all(one.plain["end"] is None for one in _gave_up(seen))


def _last_unrecorded(seen: Sequence[Seen]) -> bool:
    return all(
        one.plain["end"] == "Busy was raised" and len(one.plain["records"]) == one.expected["sent"] - 1
        for one in _gave_up(seen)
    )


def _success_unrecorded(seen: Sequence[Seen]) -> bool:
    good = [one for one in seen if one.expected["end"] != "Busy was raised"]
    return all("ok" not in [record[0] for record in one.plain["records"]] for one in good)


def _never_grows(seen: Sequence[Seen]) -> bool:
    return all(
        len({record[1] for record in one.plain["records"] if record[0] == "retry"}) < 2 for one in seen
    )


EXERCISE = Exercise(
    number="07",
    title="Full jitter",
    asks_for=("ceiling", "full_jitter", "polite_wait", "call"),
    checks=(
        Check(
            name="ceiling",
            asks="The longest wait before each retry",
            points=2,
            draw=_draw_ceiling,
            expect=_ceiling,
            agrees=_number_agrees,
            because="Doubling thins callers out while the provider stays busy; the cap keeps them from never coming back.",
            next_step="Write down the ceilings for n = 1, 2, 3, 4 with base 1 and cap 5, then the formula.",
            read=f"{READ}#why",
            misconceptions=(
                Misconception(
                    "exponent-off-by-one",
                    "You double before the first wait already. The first retry waits at most `base`.",
                    _all_are(lambda case: min(case["cap"], _raw(case) * 2)),
                ),
                Misconception(
                    "linear-ceiling",
                    "Your ceilings grow by the same step each time. Callers thin out much too slowly: double them.",
                    _all_are(lambda case: min(case["cap"], case["base"] * case["n"])),
                ),
                Misconception(
                    "no-cap",
                    "You never cap. After forty failures with base 1 your caller waits for some seventeen thousand years.",
                    _all_are(_raw),
                ),
            ),
        ),
        Check(
            name="full_jitter",
            asks="One wait, drawn from the whole interval below the ceiling",
            points=3,
            draw=_draw_jitter,
            expect=_jitter,
            agrees=_number_agrees,
            because="Callers that failed together come back together, unless chance spreads them over all of the interval.",
            next_step="Call `random()` once, and make of 0 the wait 0, and of nearly 1 nearly the ceiling.",
            read=f"{READ}#why-schedules",
            misconceptions=(
                Misconception(
                    "no-jitter",
                    "You wait the ceiling itself. A thousand callers do the same, and meet again in the same moment.",
                    _all_are(_ceiling),
                ),
                Misconception(
                    "cap-after-jitter",
                    "You cap the drawn wait. Late retries draw far above the cap, so nearly all of them wait exactly the "
                    "cap, together. Cap first, then draw.",
                    _all_are(lambda case: min(case["cap"], case["random"] * _raw(case))),
                ),
                Misconception(
                    "a-little-jitter",
                    "You leave the lower part of the interval empty. All callers still come back within its upper part, "
                    "and the wave is nearly as tall as before.",
                    _upper_part_only,
                ),
                Misconception(
                    "chance-of-your-own",
                    "You draw from another source than `random`. The same question gave two answers, so no test can hold "
                    "your waits to anything.",
                    _same_question_two_answers,
                ),
            ),
        ),
        Check(
            name="polite_wait",
            asks="The wait after a provider's Retry-After",
            points=2,
            draw=_draw_headers,
            expect=_polite,
            agrees=_number_agrees,
            because="A caller who comes before the time that was named is sent away again, and costs both sides a request.",
            next_step="Turn the header into seconds first, rounding a date up. Then take the larger of the two waits.",
            read=f"{READ}#why",
            misconceptions=(
                Misconception(
                    "rounds-the-date-down",
                    "You come up to a second before the date that was named: the fraction in `now` was cut the wrong way.",
                    _rounds_down,
                ),
                Misconception(
                    "seconds-only",
                    "You read seconds only. Half of the standard's forms is a date, and some gateways send nothing else.",
                    _dates_unread,
                ),
                Misconception(
                    "header-replaces-the-delay",
                    "You wait what the header says even where your own delay is longer. `Retry-After: 0` to a thousand "
                    "callers is then a thousand requests at once.",
                    _header_instead_of_delay,
                ),
                Misconception(
                    "shorter-than-asked",
                    "You come back before the provider said. Its wish is a lower bound.",
                    _undercuts,
                ),
            ),
        ),
        Check(
            name="loop",
            asks="What the loop sends, records and sleeps, and how it ends",
            points=3,
            draw=_draw_loop,
            expect=_loop,
            agrees=is_right,
            because="A wait that nothing follows only keeps a person waiting, and an end that nobody recorded looks like calm.",
            next_step="After a failure, ask first whether a retry is left. Only then draw, record and sleep.",
            read=f"{READ}#library-source",
            misconceptions=(
                Misconception(
                    "sleeps-after-the-last-failure",
                    "You sleep after the last failure. Nothing follows it, so that wait is lost to whoever is waiting.",
                    _sleeps_after_the_last,
                ),
                Misconception(
                    "one-retry-too-many",
                    "`max_retries` counts the requests after the first. You sent one more than that.",
                    _sends_one_more,
                ),
                Misconception(
                    "failure-turns-into-none",
                    "When retries are used up you give None. The caller takes it for an answer.",
                    _end_is_hidden,
                ),
                Misconception(
                    "last-failure-unrecorded",
                    "You raise without a record. The calls that failed for good are the ones that people ask about.",
                    _last_unrecorded,
                ),
                Misconception(
                    "success-needs-no-record",
                    "You record failures only. Without the successes nobody can say how often a retry helped.",
                    _success_unrecorded,
                ),
                Misconception(
                    "waits-that-never-grow",
                    "Every retry has the same ceiling. Pass the number of the retry on.",
                    _never_grows,
                ),
            ),
        ),
    ),
)

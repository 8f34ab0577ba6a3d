"""Exercise 12: from token counts to a bill."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from random import Random
from typing import Any

from labkit.lab.grading.judge import Case, Check, Exercise, Misconception, Raises, Seen

READ = "12_cost"
NAMES = ("input", "cache_read", "cache_write", "output")
Buckets = Mapping[str, int]
Card = Mapping[str, Mapping[str, str]]


# ── drawing ─────────────────────────────────────────────────────────────────────────────────────


def _draw_usage(random: Random) -> list[Case]:
    total, out = random.randrange(2000, 5000), random.randrange(100, 900)
    cached = random.randrange(1024, total - 100)
    few, many = random.randrange(100, 900), random.randrange(1100, 1900)

    def openai(prompt: int, details: object) -> Case:
        usage = {"prompt_tokens": prompt, "completion_tokens": out, "prompt_tokens_details": details}
        return {"provider": "openai", "usage": usage}

    def anthropic(tokens: int, read: object, write: object) -> Case:
        usage = {"input_tokens": tokens, "output_tokens": out + 1}
        usage |= {"cache_read_input_tokens": read, "cache_creation_input_tokens": write}  # type: ignore[dict-item]
        return {"provider": "anthropic", "usage": usage}

    return [
        openai(total, {"cached_tokens": cached}),
        openai(total, {"cached_tokens": total}),
        openai(total, {"cached_tokens": None}),
        openai(total, None),
        {"provider": "openai", "usage": {"prompt_tokens": few, "completion_tokens": out}},
        openai(few, {"cached_tokens": many}),
        openai(total, {"cached_tokens": total + 1}),
        anthropic(few, many, 0),
        anthropic(many, few, few + 7),
        anthropic(few, None, many),
        {"provider": "anthropic", "usage": {"input_tokens": few, "output_tokens": out}},
    ]


def _draw_card(random: Random) -> dict[str, dict[str, str]]:
    def rates(base: int) -> dict[str, str]:
        texts = (f"{base}", f"0.{base}", f"{base}.5", f"{base * 3}.{random.randrange(1, 9)}")
        return dict(zip(NAMES, texts, strict=True))

    return {"practice-1": rates(random.randrange(2, 5)), "practice-2": rates(random.randrange(6, 9))}


def _draw_buckets(random: Random) -> dict[str, int]:
    # Odd counts: their prices have digits that a float loses.
    return {name: random.randrange(1001, 90_001, 2) for name in NAMES}


LESSON: Card = {"practice-1": {"input": "2", "cache_read": "0.2", "cache_write": "2.5", "output": "6"}}


def _draw_prices(random: Random) -> list[Case]:
    card = _draw_card(random)
    lesson = {"input": 250, "cache_read": 0, "cache_write": 0, "output": 80}
    unknown = f"practice-{random.randrange(3, 99)}"
    return [
        {"buckets": lesson, "model": "practice-1", "card": LESSON},
        *({"buckets": _draw_buckets(random), "model": model, "card": card} for model in sorted(card)),
        {"buckets": _draw_buckets(random), "model": "practice-2", "card": card},
        {"buckets": dict.fromkeys(NAMES, 0), "model": "practice-1", "card": card},
        {"buckets": lesson, "model": unknown, "card": card},
        {"buckets": _draw_buckets(random), "model": "practice-2", "card": LESSON},
    ]


def _draw_calls(random: Random) -> list[Case]:
    # No two attempts have the same output, so that a price can be found by it.
    outputs = iter(random.sample(range(20, 900), 20))

    def attempt(status: str, http: int | None, usage: bool) -> dict[str, Any]:
        buckets = {"input": random.randrange(100, 900), "output": next(outputs)}
        return {"status": status, "http_status": http, "usage": buckets if usage else None}

    def good() -> dict[str, Any]:
        return attempt("ok", 200, True)

    def refused() -> dict[str, Any]:
        return attempt(random.choice(["invalid_output", "unsupported_decision"]), 200, True)

    def error() -> dict[str, Any]:
        status, http = random.choice([("overloaded", 503), ("rate_limited", 429), ("provider_error", 500)])
        return attempt(status, http, False)

    calls = [
        [good()],
        [refused(), good()],
        [refused(), refused()],
        [error(), good()],
        [attempt("bad_request", 400, False)],
        [error(), refused()],
        [attempt("timeout", None, False), good()],
        [refused(), attempt("timeout", None, False)],
        [attempt("incomplete", 200, False), good()],
        [attempt("timeout", None, True), error()],
        [],
    ]
    return [{"attempts": attempts, "prices": _draw_amounts(random, attempts)} for attempts in calls]


def _draw_amounts(random: Random, attempts: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    used = [one["usage"]["output"] for one in attempts if one["usage"]]
    return {str(output): f"0.00{random.randrange(101, 999, 2)}" for output in used}


def _draw_years(random: Random) -> list[Case]:
    # Not a multiple of ten: every digit counts.
    tenths = (f"0.00{random.randrange(1, 9)}{random.randrange(1, 9)}7" for _ in range(3))
    drawn = [{"one_call": one, "calls_a_day": random.randrange(2, 90) * 1000} for one in tenths]
    return [{"one_call": "0.00098", "calls_a_day": 10_000}, *drawn]


# ── what is right ───────────────────────────────────────────────────────────────────────────────


def _buckets(case: Case) -> Any:
    usage = case["usage"]
    if case["provider"] == "openai":
        total, cached = usage["prompt_tokens"], _cached(case)
        if cached > total:
            return Raises("ValueError", says=(str(cached), str(total)))
        return dict(zip(NAMES, (total - cached, cached, 0, usage["completion_tokens"]), strict=True))
    read, write = usage.get("cache_read_input_tokens") or 0, usage.get("cache_creation_input_tokens") or 0
    return dict(zip(NAMES, (usage["input_tokens"], read, write, usage["output_tokens"]), strict=True))


def _cached(case: Case) -> int:
    if case["provider"] == "openai":
        return (case["usage"].get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    return case["usage"].get("cache_read_input_tokens") or 0


def _sum(buckets: Buckets, rates: Mapping[str, str], names: Sequence[str] = NAMES) -> Decimal:
    return sum((Decimal(rates[name]) * buckets[name] for name in names), Decimal(0)).scaleb(-6)


def _money(amount: Decimal) -> list[str]:
    return ["Decimal", format(amount.normalize(), "f")]


def _price(case: Case) -> Any:
    if case["model"] not in case["card"]:
        return Raises("ValueError", says=(case["model"],))
    return _money(_sum(case["buckets"], case["card"][case["model"]]))


def _known(case: Case, attempts: Sequence[Mapping[str, Any]]) -> Decimal:
    prices = case["prices"]
    return sum((Decimal(prices[str(one["usage"]["output"])]) for one in attempts if one["usage"]), Decimal(0))


def _unbilled(attempt: Mapping[str, Any]) -> bool:
    return attempt["http_status"] is not None and attempt["http_status"] >= 400


def _call(case: Case) -> Any:
    attempts = case["attempts"]
    complete = all(one["usage"] is not None or _unbilled(one) for one in attempts)
    return [_money(_known(case, attempts)), complete]


def _year(case: Case) -> Any:
    day = Decimal(case["one_call"]) * case["calls_a_day"]
    return [_money(day), _money(day * 365)]


# ── thoughts ────────────────────────────────────────────────────────────────────────────────────


def _passes_a_contradiction(seen: Sequence[Seen]) -> bool:
    return any(isinstance(one.expected, Raises) and isinstance(one.plain, dict) for one in seen)


def _input_is(provider: str, count: Callable[[Case], int]) -> Callable[[Sequence[Seen]], bool]:
    """Whether the input bucket is this count wherever the provider reported cached tokens."""

    def fits(seen: Sequence[Seen]) -> bool:
        told = [
            one.plain["input"] == count(one.case)
            for one in seen
            if one.case["provider"] == provider and _cached(one.case) and isinstance(one.plain, dict)
        ]
        return bool(told) and all(told)

    return fits


def _amount(told: Any) -> float:
    return float(told[1])


def _priced_as(amount: Callable[[Case], Decimal]) -> Callable[[Sequence[Seen]], bool]:
    """Whether every price of a known model is this amount, be it a Decimal or a float."""

    def fits(seen: Sequence[Seen]) -> bool:
        priced = [one for one in seen if not isinstance(one.expected, Raises)]
        return all(_near(_amount(one.value), amount(one.case)) for one in priced)

    return fits


def _near(got: float, wanted: Decimal) -> bool:
    return abs(got - float(wanted)) <= 1e-9 * max(1.0, abs(got))


def _in_float(seen: Sequence[Seen]) -> bool:
    return any(one.value[0] == "float" for one in seen if isinstance(one.value, list))


def _free_when_unknown(seen: Sequence[Seen]) -> bool:
    return any(isinstance(one.expected, Raises) and one.value[1] in ("0", "0.0") for one in seen if one.value)


def _with_rates(change: Callable[[dict[str, str]], dict[str, str]]) -> Callable[[Case], Decimal]:
    return lambda case: _sum(case["buckets"], change(dict(case["card"][case["model"]])))


def _known_is(chosen: Callable[[Any], Any]) -> Callable[[Sequence[Seen]], bool]:
    """Whether in every call the known cost is that of these attempts, and not always the right one."""

    def fits(seen: Sequence[Seen]) -> bool:
        return any(one.value[0] != one.expected[0] for one in seen) and all(
            _near(_amount(one.value[0]), _known(one.case, chosen(one.case["attempts"]))) for one in seen
        )

    return fits


def _complete_is(told: bool) -> Callable[[Sequence[Seen]], bool]:
    return lambda seen: any(one.value[1] is told and one.expected[1] is not told for one in seen)


def _rounded_first(seen: Sequence[Seen]) -> bool:
    def day(case: Case, places: int) -> Decimal:
        calls: int = case["calls_a_day"]
        return round(Decimal(case["one_call"]), places) * calls

    return any(
        all(_near(_amount(one.value[0]), day(one.case, places)) for one in seen) for places in (2, 3, 4)
    )


def _short_year(seen: Sequence[Seen]) -> bool:
    days = [_amount(one.value[1]) / _amount(one.value[0]) for one in seen if _amount(one.value[0])]
    return bool(days) and all(abs(day - 360) < 1e-6 for day in days)


EXERCISE = Exercise(
    number="12",
    title="What a call costs",
    asks_for=("from_openai", "from_anthropic", "price", "call_cost", "day_and_year"),
    checks=(
        Check(
            name="buckets",
            asks="Which buckets a provider's token counts go into",
            points=3,
            draw=_draw_usage,
            expect=_buckets,
            because="Each bucket has its own rate. A token that stands in two of them is paid twice, one that stands in none is never paid.",
            next_step="Write down, for each provider, what its input count includes. Then subtract where it includes, and only there.",
            read=f"{READ}#run-buckets",
            misconceptions=(
                Misconception(
                    "cached-counted-twice",
                    "You took OpenAI's prompt tokens as the uncached input. The cached tokens are in that count already.",
                    _input_is("openai", lambda case: case["usage"]["prompt_tokens"]),
                ),
                Misconception(
                    "subtracted-twice",
                    "You subtracted cached tokens from Anthropic's input, where they were never included.",
                    _input_is("anthropic", lambda case: case["usage"]["input_tokens"] - _cached(case)),
                ),
                Misconception(
                    "contradiction-passes",
                    "You let a report pass that has more cached tokens than tokens. A negative count, or a 0 in its place, hides that something is wrong.",
                    _passes_a_contradiction,
                ),
            ),
        ),
        Check(
            name="price",
            asks="What some tokens cost, as type and digits",
            points=3,
            draw=_draw_prices,
            expect=_price,
            because="A bill adds up millions of such prices: what is wrong in one is wrong a million times.",
            next_step="Work out the lesson's call by hand, bucket by bucket: 0.0005 dollars in, 0.00048 out.",
            read=f"{READ}#library-source",
            misconceptions=(
                Misconception(
                    "per-thousand",
                    "Your prices are a thousand times too high. The card's rates are per million tokens, not per thousand.",
                    _priced_as(lambda case: 1000 * _sum(case["buckets"], case["card"][case["model"]])),
                ),
                Misconception(
                    "input-only",
                    "You priced the input only. Output has fewer tokens and the higher rate.",
                    _priced_as(lambda case: _sum(case["buckets"], case["card"][case["model"]], ["input"])),
                ),
                Misconception(
                    "cached-at-full-price",
                    "You priced cache reads like other input. They have a rate of their own, and it is far lower.",
                    _priced_as(_with_rates(lambda rates: rates | {"cache_read": rates["input"]})),
                ),
                Misconception(
                    "float-money",
                    "You went through a float. Most decimal fractions have no exact float, and the error grows with every sum.",
                    _in_float,
                ),
                Misconception(
                    "unknown-model-is-free",
                    "A model that the card does not know cost nothing with you. It has no price, and that must be said.",
                    _free_when_unknown,
                ),
            ),
        ),
        Check(
            name="call",
            asks="What all attempts of a call cost, and whether that is all",
            points=3,
            draw=_draw_calls,
            expect=_call,
            because="Retries and refused answers are on the bill. A report without them explains less than was paid.",
            next_step="Ask of each attempt: was there usage? If not, does its HTTP status say that nothing was billed?",
            read=f"{READ}#why-unknown",
            misconceptions=(
                Misconception(
                    "last-attempt-only",
                    "You priced the last attempt. Those before it were paid too.",
                    _known_is(lambda attempts: attempts[-1:]),
                ),
                Misconception(
                    "failed-is-free",
                    "You counted only attempts that ended well. The model did its work for a refused answer as well.",
                    _known_is(lambda attempts: [one for one in attempts if one["status"] == "ok"]),
                ),
                Misconception(
                    "unknown-is-zero",
                    "You took missing usage for no usage. A call that timed out may have been billed: its cost is unknown, not 0.",
                    _complete_is(True),
                ),
                Misconception(
                    "errors-are-unknown",
                    "You call the cost of an HTTP error unknown. A provider does not bill for a response of 400 or above.",
                    _complete_is(False),
                ),
            ),
        ),
        Check(
            name="year",
            asks="What many such calls cost, a day and a year",
            points=1,
            draw=_draw_years,
            expect=_year,
            because="A tenth of a cent looks like nothing until it is multiplied.",
            next_step="Multiply first. Round, if at all, where a person reads the number.",
            read=f"{READ}#change-it",
            misconceptions=(
                Misconception(
                    "rounded-first",
                    "You rounded the price of one call before you multiplied. Ten thousand calls multiply the rounding too.",
                    _rounded_first,
                ),
                Misconception(
                    "twelve-times-thirty",
                    "Your year has 360 days. The traffic does not rest on the other five.",
                    _short_year,
                ),
            ),
        ),
    ),
)

"""Exercise 11: what may be written down."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

from labkit.lab.case import QUESTION
from labkit.lab.grading.judge import Case, Check, Exercise, Misconception, Raises, Seen

READ = "11_records_and_redaction"
ERRORS = ("ValueError", "KeyError", "TypeError", "RuntimeError", "ConnectionError", "TimeoutError")


# ── drawing ─────────────────────────────────────────────────────────────────────────────────────


def _account(random: Random) -> str:
    return f"acct_{random.randrange(10_000, 99_999)}"


def _question(random: Random) -> str:
    asks = ("Is the key of {} stale?", "Can my neighbour see {}?", "Why does {} wait so long?")
    return random.choice(asks).format(_account(random))


def _key(random: Random) -> str:
    return f"practice-fingerprint-key-{random.getrandbits(40):010x}"


def _draw_texts(random: Random) -> list[Case]:
    text = _question(random)
    return [
        {"text": QUESTION, "key": "dev-only-fingerprint-key"},
        {"text": text, "key": _key(random)},
        {"text": text, "key": _key(random)},
        {"text": f"Größe und Ort von {_account(random)}?", "key": _key(random)},
        {"text": f" {text} ", "key": f" {_key(random)}"},
        {"text": text, "key": ""},
        {"text": _question(random), "key": random.choice([" ", "\t", " \n"])},
    ]


def _draw_purposes(random: Random) -> list[Case]:
    text, key = _question(random), _key(random)
    return [
        {"purpose": purpose, "text": text, "master_key": key}
        for purpose in random.sample(("question", "search", "account", "reply", "größe"), 4)
    ]


STATUS = ("ok", "timeout", "invalid_output", "rate_limited")
RULES = {"latency_ms": "int", "status": list(STATUS), "trace_id": r"trace_[a-z0-9_]{1,40}"}


def _draw_events(random: Random) -> list[Case]:
    trace = f"trace_{_account(random)}_{random.randrange(10, 99)}"
    ok = {"latency_ms": random.randrange(5, 900), "status": random.choice(STATUS), "trace_id": trace}
    words = _question(random)
    undeclared = random.choice(["customer_question", "prompt", "url", "note"])
    events: list[Case] = [
        ok,
        ok | {undeclared: words},
        {undeclared: words, "model": "practice-1", "user_age": random.randrange(20, 80)},
        ok | {"password": words, "api_key": words},
        ok | {"status": words},
        ok | {"latency_ms": str(random.randrange(5, 900))},
        ok | {"latency_ms": True},
        ok | {"latency_ms": random.randrange(5, 900) + 0.5},
        ok | {"trace_id": f"{trace} {words}"},
        ok | {"trace_id": f"{words} {trace}"},
        ok | {"trace_id": trace + "\n"},
        ok | {"trace_id": random.randrange(5, 900), "status": 200},
        ok | {"status": [words], "trace_id": None},
        ok | {"status": f"{ok['status']}x"},
        {"status": "ok", words: 1},
        {},
    ]
    return [{"event": event, "rules": RULES} for event in events]


def _draw_errors(random: Random) -> list[Case]:
    return [
        {
            "errors": [
                [name, f"{_question(random)} ({_account(random)})"] for name in random.sample(ERRORS, many)
            ]
        }
        for many in (1, 2, 1, 3, 4)
    ]


# ── what is right ───────────────────────────────────────────────────────────────────────────────


def _hmac(text: str, key: str) -> str:
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _fingerprint(case: Case) -> Any:
    return _hmac(case["text"], case["key"])[:12] if case["key"].strip() else Raises("ValueError")


def _purpose(case: Case) -> Any:
    return _hmac(case["text"], _hmac(case["purpose"], case["master_key"]))[:12]


def _clean(case: Case) -> Any:
    return {
        name: value if _fits_rule(value, case["rules"][name]) else f"<refused: {type(value).__name__}>"
        for name, value in case["event"].items()
        if name in case["rules"]
    }


def _fits_rule(value: object, rule: Any) -> bool:
    if rule == "int":
        return type(value) is int
    if not isinstance(value, str):
        return False
    return value in rule if isinstance(rule, list) else re.fullmatch(rule, value) is not None


def _error(case: Case) -> Any:
    return [name for name, _ in case["errors"]]


# ── thoughts ────────────────────────────────────────────────────────────────────────────────────


def _digest_is(digest: Callable[[Case], str]) -> Callable[[Sequence[Seen]], bool]:
    """Whether every answer starts as this digest does, however long it is cut."""

    def fits(seen: Sequence[Seen]) -> bool:
        given = [one for one in seen if isinstance(one.value, str) and not isinstance(one.expected, Raises)]
        return bool(given) and all(one.value[:8] == digest(one.case)[:8] for one in given)

    return fits


def _accepts_no_key(seen: Sequence[Seen]) -> bool:
    return any(isinstance(one.expected, Raises) and isinstance(one.value, str) for one in seen)


def _wrong_fields(seen: Sequence[Seen]) -> Iterator[tuple[Any, Any, Any]]:
    """For each declared field that is not as it should be: what came in, what came out, and its rule."""
    for one in seen:
        for name, got in (one.plain or {}).items():
            if name in one.expected and (
                got != one.expected[name] or type(got) is not type(one.expected[name])
            ):
                yield one.case["event"][name], got, one.case["rules"][name]


def _lets_others_in(seen: Sequence[Seen]) -> bool:
    return any(
        name in one.case["event"] and name not in one.case["rules"]
        for one in seen
        for name in (one.plain or {})
    )


def _part_of_it(given: object, got: object) -> bool:
    """Whether something of a refused text is still there, cut or framed."""
    return (
        isinstance(given, str)
        and isinstance(got, str)
        and got != given
        and any(piece in got for piece in (given[:4], given[-4:]))
    )


def _untouched(rule: str) -> Callable[[Sequence[Seen]], bool]:
    return lambda seen: any(given == got and told == RULES[rule] for given, got, told in _wrong_fields(seen))


def _names_only(seen: Sequence[Seen]) -> bool:
    """Whether no value was ever refused."""
    wrong = list(_wrong_fields(seen))
    values = [got for one in seen for got in (one.plain or {}).values()]
    return bool(wrong) and not any(str(value).startswith("<refused") for value in values)


def _true_is_one(seen: Sequence[Seen]) -> bool:
    return any(given is True and got is True for given, got, _ in _wrong_fields(seen))


def _quotes(seen: Sequence[Seen]) -> bool:
    return any(any(text[:8] in str(one.plain) for _, text in one.case["errors"]) for one in seen)


def _first_only(seen: Sequence[Seen]) -> bool:
    return all(one.plain == one.expected[:1] for one in seen)


EXERCISE = Exercise(
    number="11",
    title="Records without content",
    asks_for=("fingerprint", "fingerprint_for", "clean", "error_types"),
    checks=(
        Check(
            name="fingerprint",
            asks="The keyed fingerprint of a text",
            points=3,
            draw=_draw_texts,
            expect=_fingerprint,
            because="Questions can be guessed. Only a key that the guesser does not have keeps a guess from being tried.",
            next_step="`hmac.new` takes the key, the text, both as bytes, and the digest. Look at the key before you use it.",
            read=f"{READ}#why-keyed",
            misconceptions=(
                Misconception(
                    "plain-hash",
                    "You hashed the text without a key. Anyone can hash a list of likely questions and compare.",
                    _digest_is(lambda case: _sha(case["text"])),
                ),
                Misconception(
                    "key-glued-on",
                    "You hashed key and text as one string. HMAC does not: glued, one pair can look like another, and the hash can be continued.",
                    lambda seen: (
                        _digest_is(lambda case: _sha(case["key"] + case["text"]))(seen)
                        or _digest_is(lambda case: _sha(case["text"] + case["key"]))(seen)
                    ),
                ),
                Misconception(
                    "key-and-text-swapped",
                    "You gave the text as the key and the key as the text. It looks the same, and it is not the fingerprint that others compute.",
                    _digest_is(lambda case: _hmac(case["key"], case["text"])),
                ),
                Misconception(
                    "no-key-needed",
                    "You accepted an empty key. It comes from a variable that is not set, and then anyone can make the same digest.",
                    _accepts_no_key,
                ),
            ),
        ),
        Check(
            name="purpose",
            asks="The fingerprint of a text for one purpose",
            points=2,
            draw=_draw_purposes,
            expect=_purpose,
            because="Two tables with the same fingerprints can be joined, and together they say more than either was meant to.",
            next_step="Two steps: first the purpose's own key, as hex digits, then the fingerprint under it.",
            read=f"{READ}#why-rotation",
            misconceptions=(
                Misconception(
                    "one-key-for-all",
                    "Your fingerprint is the same for every purpose. Whoever holds two tables can join them by it.",
                    _digest_is(lambda case: _hmac(case["text"], case["master_key"])),
                ),
                Misconception(
                    "purpose-glued-on",
                    "You put the purpose beside the text or the key. Glued, a purpose and a text can look like another pair; a key of its own cannot.",
                    lambda seen: any(
                        _digest_is(digest)(seen)
                        for digest in (
                            lambda case: _hmac(case["purpose"] + case["text"], case["master_key"]),
                            lambda case: _hmac(f"{case['purpose']}:{case['text']}", case["master_key"]),
                            lambda case: _hmac(case["text"], case["master_key"] + case["purpose"]),
                            lambda case: _hmac(case["text"], case["purpose"] + case["master_key"]),
                        )
                    ),
                ),
            ),
        ),
        Check(
            name="clean",
            asks="What is left of an event for the log",
            points=3,
            draw=_draw_events,
            expect=_clean,
            because="Nobody can list what must not be logged. What may be logged is a short list, and each field has a type.",
            next_step="Start from an empty dictionary. Let a field in if it is declared, and its value if the rule holds for all of it.",
            read=f"{READ}#library-source",
            misconceptions=(
                Misconception(
                    "denylist",
                    "You took away what looks dangerous and kept the rest. A field that you did not think of passed.",
                    _lets_others_in,
                ),
                Misconception(
                    "truncating-hides",
                    "You kept a part of a refused value. The first words of a question, or of a key, are still a customer's words, or a key.",
                    lambda seen: any(_part_of_it(given, got) for given, got, _ in _wrong_fields(seen)),
                ),
                Misconception(
                    "names-only",
                    "You looked at the names of fields only. A question in the field `status` is still a question.",
                    _names_only,
                ),
                Misconception(
                    "start-is-enough",
                    "You looked at the start of the text, or for a fitting part in it. What stands around it got through.",
                    _untouched("trace_id"),
                ),
                Misconception(
                    "true-is-an-int",
                    "You let True pass as an integer. `isinstance` says that it is one; a count it is not.",
                    _true_is_one,
                ),
            ),
        ),
        Check(
            name="error",
            asks="Which types an error and its causes have",
            points=2,
            draw=_draw_errors,
            expect=_error,
            because="The text of an error quotes the value that failed, and that value is often what a customer wrote.",
            next_step="Take `type(error).__name__`, go to `error.__cause__`, and stop at None.",
            read=f"{READ}#failure-meaning",
            misconceptions=(
                Misconception(
                    "text-of-the-error",
                    "You wrote the error's text. It quotes what failed: here, a customer's question.",
                    _quotes,
                ),
                Misconception(
                    "first-only",
                    "You named the last error only. Why it happened is in its causes, and their types are safe to write.",
                    _first_only,
                ),
            ),
        ),
    ),
)

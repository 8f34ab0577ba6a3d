"""Exercise 04: two outputs of every call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from labkit.lab.grading.judge import Case, Check, Exercise, Misconception, Seen

READ = "04_two_outputs"
DECISIONS = ("eligible", "not_eligible", "not_specified")
FIELDS = ("status", "reason", "latency_ms", "input_tokens", "output_tokens")
NEXT_STEP = {"timeout": "show_retry_option", "unsupported_decision": "send_to_a_person"}


# ── is the answer supported ─────────────────────────────────────────────────────────────────────


def _policy(random: Random) -> Case:
    return {"line_id": f"P-{random.randint(1, 50)}", "days": random.randint(7, 120)}


def _answer(random: Random, policy: Case) -> Case:
    return {
        "decision": random.choice(DECISIONS),
        "rotation_window_days": policy["days"],
        "source_line_ids": [policy["line_id"]],
    }


def _draw_reasons(random: Random) -> list[Case]:
    def case(**changes: Callable[[Case], Any]) -> Case:
        policy = _policy(random)
        changed = {name: change(policy) for name, change in changes.items()}
        return {"answer": _answer(random, policy) | changed, **policy}

    def other(policy: Case) -> int:
        return int(policy["days"]) + random.choice([-1, 1, 60])

    return [
        case(),
        case(decision=lambda _: "eligible"),
        case(decision=lambda _: "not_specified"),
        case(decision=lambda _: "approved"),
        case(decision=lambda _: None),
        case(source_line_ids=lambda _: []),
        case(source_line_ids=lambda policy: [policy["line_id"], "P-99"]),
        case(source_line_ids=lambda policy: [policy["line_id"]] * 2),
        case(source_line_ids=lambda policy: [policy["line_id"] + "0"]),
        case(source_line_ids=lambda policy: policy["line_id"]),
        case(rotation_window_days=other),
        case(rotation_window_days=other),
        case(rotation_window_days=lambda policy: float(policy["days"])),
        case(rotation_window_days=lambda policy: str(policy["days"])),
        case(decision=lambda _: "yes", source_line_ids=lambda _: []),
        case(decision=lambda _: "yes", rotation_window_days=other),
        case(source_line_ids=lambda _: ["P-99"], rotation_window_days=other),
    ]


def _reason(case: Case) -> Any:
    answer, window = case["answer"], case["answer"]["rotation_window_days"]
    if answer["decision"] not in DECISIONS:
        return "decision"
    if answer["source_line_ids"] != [case["line_id"]]:
        return "citation"
    return None if type(window) is int and window == case["days"] else "window"


def _passes(part: str, those: Callable[[Case], object] = lambda _: True) -> Callable[[Sequence[Seen]], bool]:
    """Whether an answer of this sort is taken for supported, although this part of it fails."""
    return lambda seen: any(
        one.expected == part and one.observation == {"value": None} and bool(those(one.case)) for one in seen
    )


def _among_others(case: Case) -> bool:
    ids = case["answer"]["source_line_ids"]
    return isinstance(ids, list) and case["line_id"] in ids


def _right_but_wrong_type(case: Case) -> bool:
    window = case["answer"]["rotation_window_days"]
    return type(window) is not int and float(window) == case["days"]


def _other_order(seen: Sequence[Seen]) -> bool:
    wrong = [one for one in seen if one.value != one.expected]
    return bool(wrong) and all(one.expected and one.value in {"citation", "window"} for one in wrong)


# ── what was used ───────────────────────────────────────────────────────────────────────────────


def _draw_tokens(random: Random) -> list[Case]:
    count, other = random.randint(100, 2000), random.randint(10, 99)
    usages: list[Any] = [
        {"input_tokens": count, "output_tokens": other},
        {"input_tokens": count, "output_tokens": 0},
        {"input_tokens": 0, "output_tokens": other},
        {"input_tokens": count},
        {"output_tokens": other},
        {},
        None,
    ]
    return [*({"reply": {"answer": {}, "usage": usage}} for usage in usages), {"reply": {"answer": {}}}]


def _tokens(case: Case) -> Any:
    usage = case["reply"].get("usage") or {}
    return (usage.get("input_tokens"), usage.get("output_tokens"))


def _made_of(expected: Any, got: Any) -> Callable[[Sequence[Seen]], bool]:
    """Whether one value stands where another should, in every wrong tuple, and nothing else is wrong."""

    def fits(seen: Sequence[Seen]) -> bool:
        wrong = [
            (want, have)
            for one in seen
            for want, have in zip(one.expected, one.plain, strict=True)
            if type(want) is not type(have) or want != have
        ]
        return bool(wrong) and all(want == expected and have == got for want, have in wrong)

    return fits


# ── the wrapper ─────────────────────────────────────────────────────────────────────────────────


def _draw_calls(random: Random) -> list[Case]:
    def case(takes_s: float, usage: Any = None, **more: Any) -> Case:
        policy = _policy(random)
        words = f"card {random.randint(10000, 99999)} of Mrs Sample"
        answer = _answer(random, policy)
        asked = {"question": f"About {words}: may it be rotated?", "words": words, "fields": list(FIELDS)}
        # What differs comes first: a learner reads the beginning of a case.
        return {**more, "takes_s": takes_s, "reply": {"answer": answer, "usage": usage}, **policy, **asked}

    def takes() -> float:
        return random.uniform(0.01, 1.0)

    counted = {"input_tokens": random.randint(200, 900), "output_tokens": random.randint(20, 90)}
    good = case(0.00005, counted)
    wrong_window, wrong_line = case(takes(), counted), case(takes(), counted)
    wrong_window["reply"]["answer"]["rotation_window_days"] = wrong_window["days"] + 60
    wrong_line["reply"]["answer"]["source_line_ids"] = []
    crash = case(takes(), raises=random.choice(["ConnectionError", "ValueError"]))
    crash["says"] = f"refused: {crash['question']}"
    malformed = case(takes())
    malformed["reply"] = {"usage": None}
    return [
        good,
        case(takes(), None),
        wrong_window,
        wrong_line,
        case(takes(), raises="TimeoutError"),
        crash,
        malformed,
        case(takes(), raises="CancelledError"),
    ]


def _draw_private(random: Random) -> list[Case]:
    good, unknown, _, _, timeout, crash, _, _ = _draw_calls(random)
    return [good, unknown, timeout, crash]


def _end(case: Case) -> tuple[str, str | None]:
    """Status and reason."""
    if case.get("raises") == "TimeoutError":
        return "timeout", None
    if "raises" in case or "answer" not in case["reply"]:
        return "crashed", case.get("raises", "KeyError")
    reason = _reason({"answer": case["reply"]["answer"], **case})
    return ("unsupported_decision", reason) if reason else ("ok", None)


def _product(case: Case) -> Any:
    status, reason = _end(case)
    if status == "ok":
        return {"ok": True, "value": case["reply"]["answer"]}
    if status == "crashed":
        return {"raises": reason}
    return {"ok": False, "kind": status, "next_step": NEXT_STEP[status]}


def _record(case: Case) -> Any:
    status, reason = _end(case)
    came = "raises" not in case
    counts = _tokens(case) if came else (None, None)
    latency_ms = round((100.0 + case["takes_s"] - 100.0) * 1000, 3)
    return [dict(zip(FIELDS, (status, reason, latency_ms, *counts), strict=True))]


def _private(_: Case) -> Any:
    return [{"fields": sorted(FIELDS), "has the customer's words": False}]


def _is_private(seen: Seen) -> bool:
    """Whether all records are right in this. That an end left none is another check's matter, but for the good end."""
    records = seen.plain
    if not isinstance(records, list):
        return False
    return all(one == seen.expected[0] for one in records) and bool(records or _end(seen.case)[0] != "ok")


def _of(seen: Sequence[Seen], *statuses: str) -> list[Seen]:
    return [one for one in seen if _end(one.case)[0] in statuses]


def _no_record(seen: Sequence[Seen], wanted: Callable[[Case], bool]) -> bool:
    """Whether exactly these ends left no record."""
    return all((one.plain == []) == wanted(one.case) for one in seen)


def _is_cancel(case: Case) -> bool:
    return case.get("raises") == "CancelledError"


def _too_early(seen: Sequence[Seen]) -> bool:
    refused = _of(seen, "unsupported_decision")
    return all(any(record["status"] == "ok" for record in one.plain) for one in refused)


def _latency(seen: Sequence[Seen], factor: float) -> bool:
    """Whether every latency is this part of what it should be."""
    return all(
        record["latency_ms"] * factor == want["latency_ms"]
        or abs(record["latency_ms"] * factor - want["latency_ms"]) <= 0.0005 * factor
        for one in seen
        for record, want in zip(one.plain, one.expected, strict=True)
    )


def _own_clock(seen: Sequence[Seen]) -> bool:
    """Whether only the latency is wrong."""
    pairs = [(record, want) for one in seen for record, want in zip(one.plain, one.expected, strict=True)]
    return all(
        {**record, "latency_ms": 0} == {**want, "latency_ms": 0}
        and record["latency_ms"] != want["latency_ms"]
        for record, want in pairs
    )


def _swallows(seen: Sequence[Seen]) -> bool:
    return any("raises" not in (one.plain or {}) for one in _of(seen, "crashed"))


def _unchecked(seen: Sequence[Seen]) -> bool:
    return all(one.plain.get("ok") is True for one in _of(seen, "unsupported_decision"))


def _raises(*statuses: str) -> Callable[[Sequence[Seen]], bool]:
    return lambda seen: all("raises" in one.plain for one in _of(seen, *statuses))


def _words(seen: Sequence[Seen], *statuses: str) -> bool:
    return all(
        record["has the customer's words"] is True for one in _of(seen, *statuses) for record in one.plain
    )


def _message_only(seen: Sequence[Seen]) -> bool:
    """Whether the customer's words come in by the crash that quotes them, and by nothing else."""
    quoted = [one for one in seen if "says" in one.case]
    others = [one for one in seen if "says" not in one.case]
    return any(record["has the customer's words"] for one in quoted for record in one.plain) and not any(
        record["has the customer's words"] for one in others for record in one.plain
    )


EXERCISE = Exercise(
    number="04",
    title="Two outputs of every call",
    asks_for=("reason_against", "tokens", "call"),
    checks=(
        Check(
            name="reason",
            asks="Whether an answer is supported, and what speaks against it",
            points=3,
            draw=_draw_reasons,
            expect=_reason,
            because="An answer in the right form can still claim what the policy does not say.",
            next_step="Ask in the order decision, citation, window, and leave at the first that fails.",
            read=f"{READ}#change-it-seen",
            misconceptions=(
                Misconception(
                    "cited-among-others",
                    "You looked whether the line is among those cited. The others stand there too, and nobody supplied them.",
                    _passes("citation", _among_others),
                ),
                Misconception(
                    "any-window",
                    "You did not compare the window with the policy. Ninety days in valid JSON are still not in the line.",
                    _passes("window", lambda case: type(case["answer"]["rotation_window_days"]) is int),
                ),
                Misconception(
                    "equal-is-enough",
                    "You compared the value and not its type. In Python 30.0 equals 30, and the contract says an int.",
                    _passes("window", _right_but_wrong_type),
                ),
                Misconception(
                    "any-decision",
                    "You took any word for a decision. What is not in the list is a word that the product cannot act on.",
                    _passes("decision"),
                ),
                Misconception(
                    "any-order",
                    "You gave another of the reasons. Operations count reasons: the same fault has to get the same one.",
                    _other_order,
                ),
            ),
        ),
        Check(
            name="tokens",
            asks="What a reply used, as far as it is known",
            points=2,
            draw=_draw_tokens,
            expect=_tokens,
            because="A 0 is a claim: it was free. Unknown is the honest word, and it can be looked into.",
            next_step="Use `get`, and put no value of your own in place of what is missing.",
            read=f"{READ}#why",
            misconceptions=(
                Misconception(
                    "unknown-is-zero",
                    "You wrote 0 where nothing was reported. The provider may have worked, and the bill will say so.",
                    _made_of(None, 0),
                ),
                Misconception(
                    "zero-is-unknown",
                    "You made a reported 0 into unknown. `or` does that: to it, 0 is nothing.",
                    _made_of(0, None),
                ),
            ),
        ),
        Check(
            name="product",
            asks="What the product gets at each end",
            points=2,
            draw=_draw_calls,
            expect=_product,
            because="The screen has to say something at every end, and a fault of ours must not look like one of theirs.",
            next_step="Return in the try block and for TimeoutError; for all else, `raise` again.",
            read=f"{READ}#run-table",
            misconceptions=(
                Misconception(
                    "hands-on-unchecked",
                    "You gave the product an answer that is not supported. The record knew it, the product did not.",
                    _unchecked,
                ),
                Misconception(
                    "timeout-is-raised",
                    "You let the timeout through as an exception. It is an expected end: it has a name and a next step.",
                    _raises("timeout"),
                ),
                Misconception(
                    "swallows-the-crash",
                    "You caught an exception that you cannot name and gave something in its place. A bug, or a cancel, "
                    "then looks like an answer.",
                    _swallows,
                ),
            ),
        ),
        Check(
            name="record",
            asks="What is recorded at each end",
            points=2,
            draw=_draw_calls,
            expect=_record,
            because="A record that only some ends write looks complete, and is calmest when things are worst.",
            next_step="Write in a `finally`, once, with what the paths before it have filled in.",
            read=f"{READ}#library-source",
            misconceptions=(
                Misconception(
                    "log-only-success",
                    "You record successes only. Every failure is then invisible, and the log looks calm.",
                    lambda seen: _no_record(seen, lambda case: _end(case)[0] != "ok"),
                ),
                Misconception(
                    "crash-leaves-nothing",
                    "You record the ends that you expect. The one that nobody expected is the one you will look for.",
                    lambda seen: _no_record(seen, lambda case: _end(case)[0] == "crashed"),
                ),
                Misconception(
                    "cancel-leaves-nothing",
                    "You catch `Exception`, and a cancelled call is none. People leave screens all the time.",
                    lambda seen: _no_record(seen, _is_cancel),
                ),
                Misconception(
                    "record-before-the-end",
                    "You wrote the record before the end was known. It says ok about an answer that was then refused.",
                    _too_early,
                ),
                Misconception(
                    "more-than-one-record",
                    "You wrote more than one record for a call. Whoever counts calls will count too many.",
                    lambda seen: all(len(one.plain) > 1 for one in seen),
                ),
                Misconception(
                    "seconds-for-milliseconds",
                    "You recorded seconds. The field says milliseconds, and a thousandfold error passes every dashboard.",
                    lambda seen: _latency(seen, 1000),
                ),
                Misconception(
                    "clock-of-its-own",
                    "You read another clock than the one you were given. No test can then say what the latency should be.",
                    _own_clock,
                ),
            ),
        ),
        Check(
            name="private",
            asks="Which fields a record has, and whether customer text gets into it",
            points=1,
            draw=_draw_private,
            expect=_private,
            agrees=_is_private,
            because="Records are kept for long and read by many. Customer text has no business in them.",
            next_step="Five fields and no other; after a crash the name of the class.",
            read=f"{READ}#remember",
            misconceptions=(
                Misconception(
                    "message-in-the-record",
                    "You recorded the message of the exception. It may quote what was sent, as this one does.",
                    _message_only,
                ),
                Misconception(
                    "question-in-the-record",
                    "You recorded the question. It helps on the day of the fault and lies in the store for years.",
                    lambda seen: _words(seen, "ok", "timeout"),
                ),
            ),
        ),
    ),
)

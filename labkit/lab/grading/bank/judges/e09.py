"""Exercise 09: two gates."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from labkit.lab.grading.judge import Case, Check, Exercise, Misconception, Seen
from labkit.strictjson import Reason, parse_json

READ = "09_valid_is_not_right"
DECISIONS = ("eligible", "not_eligible", "not_specified")
FIELDS = ("decision", "rotation_window_days", "source_line_ids")


def _answer(random: Random, **other: Any) -> Case:
    return {
        "decision": random.choice(DECISIONS),
        "rotation_window_days": random.randint(2, 120),
        "source_line_ids": [f"P-{n}" for n in random.sample(range(1, 60), random.randint(1, 2))],
        **other,
    }


# ── why it stopped ──────────────────────────────────────────────────────────────────────────────


def _draw_states(random: Random) -> list[Case]:
    def case(finish: str | None, refusal: str | None = None, *, cut: int | None = None) -> Case:
        return {
            "reply": {"finish": finish, "refusal": refusal, "text": json.dumps(_answer(random))[:cut] or None}
        }

    new = random.choice(("pause_turn", "max_context", "stopped", "end_of_budget"))
    no = random.choice(("I can't help with that.", "No.", "I may not say."))
    return [
        case("stop"),
        case("stop", cut=random.randint(5, 30)),
        case("length"),
        case("length", cut=20),
        case(None),
        case(new),
        case("content_filter"),
        case("content_filter", cut=9),
        case("stop", no),
        case("stop", no, cut=0),
        case("length", no),
    ]


def _state(case: Case) -> Any:
    reply = case["reply"]
    if reply["refusal"] or reply["finish"] == "content_filter":
        return "refused"
    return "read" if reply["finish"] == "stop" else "incomplete"


def _given_for(value: str, those: Callable[[Case], object]) -> Callable[[Sequence[Seen]], bool]:
    """Whether such a reply, or one of them, was wrongly given this word."""
    return lambda seen: any(one.plain == value != one.expected and those(one.case["reply"]) for one in seen)


def _by_the_text(seen: Sequence[Seen]) -> bool:
    return all((one.plain == "read") == _parses(one.case["reply"]["text"]) for one in seen)


def _parses(text: str | None) -> bool:
    return not isinstance(parse_json(text or ""), Reason)


# ── reading ─────────────────────────────────────────────────────────────────────────────────────


def _draw_texts(random: Random) -> list[Case]:
    right = _answer(random)
    text, number = json.dumps(right), str(right["rotation_window_days"])
    days = '"rotation_window_days": '
    texts = [
        text,
        json.dumps(_answer(random, more={"a": [1, None, True], "b": {}}), indent=2),
        f"\n {json.dumps(_answer(random))} \n",
        "{}",
        f"```json\n{text}\n```",
        f"Here is the decision: {text}",
        f"{text} Anything else?",
        f"{text}\n{json.dumps(_answer(random))}",
        text[: -random.randint(1, 12)],
        text.replace("]}", "],}"),
        text.replace('"', "'"),
        text.replace("{", f"{{{days}{random.randint(121, 200)}, ", 1),
        f'{{"inner": {{"a": 1, "b": 2, "a": {random.randint(1, 9)}}}}}',
        text.replace(days + number, days + "NaN"),
        text.replace(days + number, days + random.choice(("Infinity", "-Infinity"))),
        f"[{text}]",
        random.choice(("null", number, '"eligible"')),
        random.choice(("", "eligible", "I cannot say.")),
    ]
    return [{"text": one} for one in texts]


def _reading(case: Case) -> Any:
    value = parse_json(case["text"])
    return value if isinstance(value, dict) else "ValueError"


def _reads(those: Callable[[str], object]) -> Callable[[Sequence[Seen]], bool]:
    """Whether something was read from such a text, which should have been refused."""
    return lambda seen: any(
        "value" in one.observation
        and one.expected == "ValueError" != one.plain
        and one.plain is not None
        and those(one.case["text"])
        for one in seen
    )


def _is_wrapped(text: str) -> bool:
    return ("{" in text and text[0] not in "[{") or "Anything" in text or text.count('"decision"') == 2


# ── the schema gate ─────────────────────────────────────────────────────────────────────────────


def _draw_shapes(random: Random) -> list[Case]:
    days = random.randint(2, 120)
    near = random.choice(("ineligible", "eligible ", "Eligible", "eligible.", "not_eligibl"))
    extra = random.choice(("confidence", "reason", "approved", "note"))
    datas = [
        *(_answer(random, decision=word) for word in DECISIONS),
        _answer(random, source_line_ids=[], rotation_window_days=0),
        _answer(random, rotation_window_days=-days),
        _answer(random, decision=near),
        _answer(random, decision=""),
        _answer(random, decision=["eligible"]),
        _answer(random, decision=None),
        _answer(random, rotation_window_days=True),
        _answer(random, rotation_window_days=False),
        _answer(random, rotation_window_days=str(days)),
        _answer(random, rotation_window_days=float(days)),
        _answer(random, source_line_ids="P-7"),
        _answer(random, source_line_ids=["P-7", 8]),
        _answer(random, source_line_ids=None),
        _answer(random, **{extra: True}),
        _answer(random, **{f"z_{extra}": 1, f"a_{extra}": 2}),
        {name: value for name, value in _answer(random).items() if name != random.choice(FIELDS)},
        {},
        {"decision": near, "rotation_window_days": str(days), "days": days, "source_line_ids": ["P-7"]},
    ]
    return [{"data": one} for one in datas]


def _shape(case: Case) -> Any:
    data = case["data"]
    lines = data.get("source_line_ids")
    holds = {
        "decision": data.get("decision") in DECISIONS,
        "rotation_window_days": type(data.get("rotation_window_days")) is int,
        "source_line_ids": isinstance(lines, list) and all(isinstance(line, str) for line in lines),
    }
    return [name for name, kept in holds.items() if not kept] + sorted(set(data) - set(FIELDS))


def _accepts(those: Callable[[Case], object]) -> Callable[[Sequence[Seen]], bool]:
    """Whether such data is accepted, where it has one fault only."""
    return lambda seen: any(
        one.plain == [] and len(one.expected) == 1 and those(one.case["data"]) for one in seen
    )


def _first_of_many(seen: Sequence[Seen]) -> bool:
    """Whether each answer with several faults is told one, and the others are right."""
    several = [one for one in seen if len(one.expected) > 1]
    rest = [one for one in seen if len(one.expected) <= 1]
    return all(one.plain == one.expected for one in rest) and all(
        len(one.plain) == 1 and one.plain[0] in one.expected for one in several
    )


# ── the business gate ───────────────────────────────────────────────────────────────────────────


def _draw_rules(random: Random) -> list[Case]:
    ours, other, strange = (f"P-{n}" for n in random.sample(range(10, 90), 3))
    window = random.choice([days for days in range(10, 80) if days != 30])
    longer = window + random.randint(5, 60)

    def case(cited: Sequence[str], days: int, *, decision: str = "eligible", stale: bool = True) -> Case:
        answer = {"decision": decision, "rotation_window_days": days, "source_line_ids": list(cited)}
        lines = {ours: window, other: longer}
        return {"answer": answer, "evidence": {"lines": lines, "applies": [ours], "key_stale": stale}}

    lesson = {"lines": {"P-7": 30}, "applies": ["P-7"], "key_stale": True}
    return [
        *(
            {
                "answer": {
                    "decision": "eligible",
                    "rotation_window_days": days,
                    "source_line_ids": ["P-7"],
                },
                "evidence": lesson,
            }
            for days in (30, 90)
        ),
        case([ours], window),
        case([ours], longer),
        case([ours], 30),
        case([ours, strange], window),
        case([other], longer),
        case([], window),
        case([ours], window, stale=False),
        case([ours, other], window),
        case([other, strange], window, stale=False),
        case([ours], longer, stale=False),
        case([strange], longer),
        case([ours], 0, decision="not_eligible", stale=False),
        case([], 0, decision="not_eligible"),
        case([], 0, decision="not_specified", stale=False),
        case([ours, strange], 0, decision="not_eligible"),
    ]


def _rules(case: Case) -> Any:
    answer, evidence = case["answer"], case["evidence"]
    cited, lines = answer["source_line_ids"], evidence["lines"]
    broken = ["unknown_source"] if set(cited) - set(lines) else []
    if answer["decision"] != "eligible":
        return broken
    if not set(cited) & set(evidence["applies"]):
        broken.append("no_source")
    if any(
        lines.get(line, answer["rotation_window_days"]) != answer["rotation_window_days"] for line in cited
    ):
        broken.append("unsupported_window")
    return broken if evidence["key_stale"] else [*broken, "not_stale"]


def _never_finds(seen: Sequence[Seen]) -> bool:
    return all(one.plain == [] for one in seen)


def _strict_with_refusals(seen: Sequence[Seen]) -> bool:
    refusals = [one for one in seen if one.case["answer"]["decision"] == "not_eligible"]
    rest = [one for one in seen if one.case["answer"]["decision"] == "eligible"]
    return all(one.plain == one.expected for one in rest) and any(
        set(one.plain) - set(one.expected) for one in refusals
    )


def _thirty_by_heart(seen: Sequence[Seen]) -> bool:
    def finds(one: Seen) -> bool:
        return "unsupported_window" in one.plain

    eligible = [one for one in seen if one.case["answer"]["decision"] == "eligible"]
    return all(finds(one) == (one.case["answer"]["rotation_window_days"] != 30) for one in eligible)


def _leaves_out(rule: str) -> Callable[[Sequence[Seen]], bool]:
    return lambda seen: all(one.plain == [name for name in one.expected if name != rule] for one in seen)


def _any_line_will_do(seen: Sequence[Seen]) -> bool:
    other = [one for one in seen if "no_source" in one.expected and one.case["answer"]["source_line_ids"]]
    none = [one for one in seen if "no_source" in one.expected and not one.case["answer"]["source_line_ids"]]
    return all("no_source" not in one.plain for one in other) and all(
        "no_source" in one.plain for one in none
    )


EXERCISE = Exercise(
    number="09",
    title="Valid is not right",
    asks_for=("state_of", "read_json", "shape_faults", "broken_rules"),
    checks=(
        Check(
            name="state",
            asks="What a reply is, before its text is read",
            points=2,
            draw=_draw_states,
            expect=_state,
            because="A cut answer can parse, and a refusal can be good prose. Only the reason for stopping tells.",
            next_step="Look at `refusal` and `finish`, and never at `text`. What you do not know is not complete.",
            read=f"{READ}#why-states",
            misconceptions=(
                Misconception(
                    "what-parses-is-complete",
                    "You looked at the text. An answer can be cut at a place where it still parses, and be refused in JSON.",
                    _by_the_text,
                ),
                Misconception(
                    "a-refusal-is-an-answer",
                    "You read on although the model refused. Its words would reach the customer as a decision.",
                    _given_for("read", lambda reply: reply["refusal"]),
                ),
                Misconception(
                    "only-length-means-cut",
                    "You list the ways to be cut. The next way has a name that you do not know yet: list the one that is whole.",
                    _given_for(
                        "read", lambda reply: reply["finish"] not in ("stop", "length", "content_filter")
                    ),
                ),
            ),
        ),
        Check(
            name="reading",
            asks="What is read from a text, and what is refused",
            points=3,
            draw=_draw_texts,
            expect=_reading,
            because="A repaired answer is your guess at what the model meant, and nobody is told that it was one.",
            next_step="Let `json.loads` have the whole text, and give it the two functions.",
            read=f"{READ}#why-strict",
            misconceptions=(
                Misconception(
                    "repair-by-search",
                    "You search for a JSON object in the text. Of two objects, or of an object with a remark that takes it "
                    "back, you take what suits.",
                    _reads(_is_wrapped),
                ),
                Misconception(
                    "the-last-one-wins",
                    "You let a name stand twice. One reader keeps the first value and another the last, so what you checked "
                    "may not be what is done.",
                    _reads(lambda text: text.count('"rotation_window_days"') == 2 or '"inner"' in text),
                ),
                Misconception(
                    "nan-is-json",
                    "You read NaN or Infinity. Python does by default; JSON has neither, and each comparison with NaN is False.",
                    _reads(lambda text: "NaN" in text or "Infinity" in text),
                ),
                Misconception(
                    "any-value-will-do",
                    "You give what is not an object. The next line asks it for its fields, and fails somewhere else.",
                    _reads(lambda text: not text.startswith("{")),
                ),
            ),
        ),
        Check(
            name="shape",
            asks="Which fields have another form than was asked for",
            points=3,
            draw=_draw_shapes,
            expect=_shape,
            because="What the gate lets pass, the next function takes for what it is called.",
            next_step="Compare words with `in` a tuple, numbers by `type`, and the names as sets.",
            read=f"{READ}#why-schema",
            misconceptions=(
                Misconception(
                    "bool-is-an-int",
                    "You tested with `isinstance(…, int)`, and True passes it. The customer would be told 1 day.",
                    _accepts(lambda data: isinstance(data.get("rotation_window_days"), bool)),
                ),
                Misconception(
                    "nearly-the-word",
                    "You accept a decision that only resembles one of the three, or contains one: `ineligible` does.",
                    _accepts(lambda data: data.get("decision") not in DECISIONS),
                ),
                Misconception(
                    "converts-the-number",
                    "You accept what can be turned into an integer. It was asked for as one, and the sender should know.",
                    _accepts(lambda data: isinstance(data.get("rotation_window_days"), str | float)),
                ),
                Misconception(
                    "a-string-is-a-list",
                    "You accept a string as a list of strings. `P-7` is then three ids: P, - and 7.",
                    _accepts(lambda data: isinstance(data.get("source_line_ids"), str)),
                ),
                Misconception(
                    "open-fields",
                    "You overlook fields that nobody asked for. One of them may say the opposite of what you read.",
                    _accepts(lambda data: set(data) - set(FIELDS)),
                ),
                Misconception(
                    "first-form-fault-only",
                    "You report one fault and stop. The next one comes to light after the next request.",
                    _first_of_many,
                ),
            ),
        ),
        Check(
            name="rules",
            asks="Which rules an answer breaks, given the evidence",
            points=4,
            draw=_draw_rules,
            expect=_rules,
            because="Valid JSON can promise three times the window. Only the evidence of this call knows better.",
            next_step="Compute each rule by itself from `answer` and `evidence`, then list the broken ones.",
            read=f"{READ}#why-truth",
            misconceptions=(
                Misconception(
                    "a-schema-proves-truth",
                    "You accept every answer that has the right form. The form says nothing about whether it is so.",
                    _never_finds,
                ),
                Misconception(
                    "first-broken-rule-only",
                    "You report one broken rule and stop. It hides the others, and the record will count the wrong things.",
                    _first_of_many,
                ),
                Misconception(
                    "eligible-in-not-eligible",
                    'You asked whether "eligible" is *in* the decision. It is in "not_eligible", too.',
                    _strict_with_refusals,
                ),
                Misconception(
                    "thirty-by-heart",
                    "You compare with 30. The window stands in the cited line, and another line has another one.",
                    _thirty_by_heart,
                ),
                Misconception(
                    "any-line-will-do",
                    "You are content with any citation. A line that was supplied may not apply to this account.",
                    _any_line_will_do,
                ),
                Misconception(
                    "a-cited-line-exists",
                    "You never look whether a cited line was supplied. Models cite lines that exist elsewhere, or nowhere.",
                    _leaves_out("unknown_source"),
                ),
            ),
        ),
    ),
)

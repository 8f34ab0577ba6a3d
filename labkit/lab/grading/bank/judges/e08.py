"""Exercise 08: an action that happens once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from labkit.lab.grading.judge import Case, Check, Exercise, Misconception, Raises, Seen

READ = "08_idempotency"


def _account(random: Random) -> str:
    return f"acct_{random.randint(10000, 99999)}"


# ── the key ─────────────────────────────────────────────────────────────────────────────────────


def _about_the_attempt(random: Random) -> Case:
    return {
        "attempt": random.randint(1, 99),
        "trace_id": f"trace_{random.randint(1000, 9999)}",
        "asked_at": random.randint(1_780_000_000, 1_790_000_000) + 0.25,
    }


def _words(random: Random) -> Case:
    word = random.choice(("Creating", "I will create", "Let me create", "Now I create"))
    return {"model_says": f"{word} job {random.randint(1, 999)} for you."}


def _wish(random: Random, **other: Any) -> Case:
    return {
        "action": random.choice(("create_rotation_job", "revoke_key", "notify_owner")),
        "account_id": _account(random),
        "policy_line_id": f"P-{random.randint(1, 60)}",
        "version": random.randint(1, 9),
        **_about_the_attempt(random),
        **_words(random),
        **other,
    }


def _draw_keys(random: Random) -> list[Case]:
    lesson = {
        "action": "create_rotation_job",
        "account_id": "acct_10234",
        "policy_line_id": "P-7",
        "version": 1,
    }
    wish = _wish(random)
    wishes = [
        wish,
        dict(wish),  # the same again: 0 and 1
        {**wish, **_about_the_attempt(random)},  # a further attempt: 2
        {**wish, **_words(random), "model_says": "Done."},  # other words: 3
        _wish(random, **lesson),
        _wish(random),
        _wish(random),
        {**wish, "version": wish["version"] + 1},
        _wish(random, account_id=""),
        _wish(random, action=""),
        _wish(random, policy_line_id=f"P-{random.randint(1, 9)}:v2"),
        _wish(random, account_id=f"{_account(random)}:P-7"),
    ]
    return [{"wish": one} for one in wishes]


def _key(case: Case) -> Any:
    wish = case["wish"]
    parts = [wish["action"], wish["account_id"], wish["policy_line_id"]]
    if any(not part or ":" in part for part in parts):
        return Raises("ValueError")
    return f"{':'.join(parts)}:v{wish['version']}"


def _per_attempt(seen: Sequence[Seen]) -> bool:
    first, same, later = (one.plain for one in seen[:3])
    return isinstance(first, str) and (first != same or first != later)


def _from_words(seen: Sequence[Seen]) -> bool:
    first, same, later, words = (one.plain for one in seen[:4])
    return isinstance(first, str) and first == same == later != words


def _joins_anything(seen: Sequence[Seen]) -> bool:
    return any("value" in one.observation for one in seen if isinstance(one.expected, Raises))


# ── the table ───────────────────────────────────────────────────────────────────────────────────


def _draw_tables(random: Random) -> list[Case]:
    one, other = f"a:{random.randint(1, 999)}:v1", f"b:{random.randint(1, 999)}:v1"
    return [{"keys": [one]}, {"keys": [one, one]}, {"keys": [one, other]}, {"keys": [other, one, other, one]}]


def _table(case: Case) -> Any:
    keys = sorted(set(case["keys"]))
    return {"stored": len(keys), "rows after a second start": [(key, None) for key in keys]}


def _keeps_doubles(seen: Sequence[Seen]) -> bool:
    return all(one.plain["stored"] == len(one.case["keys"]) for one in seen)


def _begins_empty(seen: Sequence[Seen]) -> bool:
    return all(one.plain["rows after a second start"] == [] for one in seen)


def _once_only(seen: Sequence[Seen]) -> bool:
    return all(one.raised == "OperationalError" and "exists" in one.text for one in seen)


# ── the claim ───────────────────────────────────────────────────────────────────────────────────


def _draw_claims(random: Random) -> list[Case]:
    def case(taken: Sequence[str], pause_at: int | None, *, mine: bool = False) -> Case:
        key = f"create_rotation_job:{_account(random)}:P-7:v1"
        marks = {"mark": f"{random.getrandbits(32):08x}", "rival": f"{random.getrandbits(32):08x}"}
        return {"key": key, **marks, "taken": [*taken, *([key] if mine else ())], "pause_at": pause_at}

    others = [f"revoke_key:{_account(random)}:P-2:v1"]
    return [
        case([], None),
        case(others, None),
        case([], None, mine=True),
        case(others, None, mine=True),
        case([], 1),
        *(case(rows, 2) for rows in ([], others, [], others)),
        case(others, 3),
        case(others, 2, mine=True),
    ]


def _claim(case: Case) -> Any:
    was_taken = case["key"] in case["taken"]
    return {
        "winners": 0 if was_taken else 1,
        "rows": len(case["taken"]) + (0 if was_taken else 1),
        "still first": ["first"] * len(case["taken"]),
    }


def _nothing_in_the_table(seen: Sequence[Seen]) -> bool:
    return all(one.plain["rows"] == len(one.case["taken"]) for one in seen)


def _is_ok(one: Seen) -> bool:
    return bool(one.plain == one.expected)


def _rivals_both(seen: Sequence[Seen]) -> bool:
    alone = [one for one in seen if one.case["pause_at"] is None]
    return all(map(_is_ok, alone)) and any(
        one.raised == "IntegrityError" or (one.plain or {}).get("winners") == 2
        for one in seen
        if one.case["pause_at"]
    )


def _replaces(seen: Sequence[Seen]) -> bool:
    return any(
        one.plain["winners"] > 0 and "first" not in one.plain["still first"][-1:]
        for one in seen
        if one.case["key"] in one.case["taken"]
    )


def _lets_it_out(seen: Sequence[Seen]) -> bool:
    taken = [one for one in seen if one.case["key"] in one.case["taken"]]
    return all(one.raised == "IntegrityError" for one in taken)


def _always_true(seen: Sequence[Seen]) -> bool:
    return all(one.plain["winners"] == (2 if one.case["pause_at"] else 1) for one in seen)


# ── once ────────────────────────────────────────────────────────────────────────────────────────


Call = list[Any]  # a key, the window in days that is asked for, and how acting goes


def _pair(random: Random) -> tuple[str, int]:
    return f"create_rotation_job:{_account(random)}:P-7:v1", random.randint(5, 90)


def _draw_once(random: Random) -> list[Case]:
    def call(key: str, days: int, how: str = "works") -> Call:
        return [key, days, how]

    lesson = ("create_rotation_job:acct_10234:P-7:v1", 30)
    other, third = _pair(random), _pair(random)
    return [
        {"calls": [call(*lesson), call(*lesson)]},
        {"calls": [call(*other)]},
        {"calls": [call(*other), call(other[0], other[1] + 1), call(*other)]},
        {"calls": [call(*lesson), call(*other), call(*other), call(*lesson)]},
        {"calls": [call(*third), call(*third, "works, names in another order"), call(*third)]},
    ]


def _draw_doubt(random: Random) -> list[Case]:
    cases = []
    for how in ("answer lost", "fails before it acts"):
        key, days = _pair(random)
        cases.append({"calls": [[key, days, how], [key, days, "works"], [key, days, "works"]]})
    key, days = _pair(random)
    cases.append({"calls": [[key, days, "another asks meanwhile"], [key, days, "works"]]})
    key, days = _pair(random)
    return [*cases, {"calls": [[key, days, "answer lost"], [key, days + 1, "works"]]}]


def _once(case: Case) -> Any:
    """A claim is made, then the action; what is known of it decides about each repeat."""
    claims: dict[str, Any] = {}
    ends: list[Any] = []
    done = 0
    for key, days, how in case["calls"]:
        if key in claims:
            first, result = claims[key]
            known = "InProgress" if result is None else (result, False)
            ends.append("Mismatch" if first != days else known)
            continue
        done += how != "fails before it acts"
        if how == "another asks meanwhile":
            ends.append("InProgress")
        lost = how in ("answer lost", "fails before it acts")
        result = None if lost else f"job_{key.split(':')[1]}_{done:03d}"
        claims[key] = days, result
        ends.append("TimeoutError" if result is None else (result, True))
    return {"ends": ends, "done": done}


def _where(wrong: Callable[[Any, Any], bool]) -> Callable[[Sequence[Seen]], bool]:
    """Whether a call ended in this way, as (expected end, actual end)."""
    return lambda seen: any(
        wrong(wanted, got)
        for one in seen
        if isinstance(one.plain, dict)
        for wanted, got in zip(one.expected["ends"], one.plain["ends"], strict=False)
    )


def _is_repeat(end: Any) -> bool:
    return isinstance(end, tuple) and end[1] is False


def _acts_again(seen: Sequence[Seen]) -> bool:
    return any(one.plain["done"] > one.expected["done"] for one in seen)


def _result_not_kept(wanted: Any, got: Any) -> bool:
    return _is_repeat(wanted) and (got == "InProgress" or (_is_repeat(got) and got[0] != wanted[0]))


def _rival_acts(seen: Sequence[Seen]) -> bool:
    rivals = [one for one in seen if one.case["calls"][0][2] == "another asks meanwhile"]
    return all(one.plain["done"] > one.expected["done"] for one in rivals)


EXERCISE = Exercise(
    number="08",
    title="Once, even when asked twice",
    asks_for=("action_key", "prepare", "claim", "run_once"),
    checks=(
        Check(
            name="key",
            asks="The key of an action",
            points=3,
            draw=_draw_keys,
            expect=_key,
            because="The key is how the receiver knows a repeat. A new key means a new action, and a shared key loses one.",
            next_step="Take the four parts that say what is to be done, and nothing that says who asked or when.",
            read=f"{READ}#why-designs",
            misconceptions=(
                Misconception(
                    "a-key-per-attempt",
                    "Your key changes with the attempt. Each retry is then a new action, and the job is created twice.",
                    _per_attempt,
                ),
                Misconception(
                    "a-key-from-the-models-words",
                    "Your key changes with the model's words. They are different each time, and the action is not.",
                    _from_words,
                ),
                Misconception(
                    "joins-what-comes",
                    "You join parts that are empty or hold a colon. Two different actions can then have one key, and the "
                    "second never happens.",
                    _joins_anything,
                ),
            ),
        ),
        Check(
            name="table",
            asks="What the table refuses, and what a second start leaves in it",
            points=2,
            draw=_draw_tables,
            expect=_table,
            because="Code that checks can be wrong, old, or run twice at once. A constraint in the database cannot be passed by.",
            next_step="Make `key` the primary key, and make the table only if it is not there.",
            read=f"{READ}#why",
            misconceptions=(
                Misconception(
                    "the-code-will-check",
                    "Your table takes the same key twice. You rely on every program to look first, and to look in time.",
                    _keeps_doubles,
                ),
                Misconception(
                    "a-clean-start",
                    "Your second start empties the table. Every action before it can happen again.",
                    _begins_empty,
                ),
                Misconception(
                    "only-the-first-start",
                    "Your second start fails, because the table is there already.",
                    _once_only,
                ),
            ),
        ),
        Check(
            name="claim",
            asks="How many get a claim, when another process acts between two statements",
            points=3,
            draw=_draw_claims,
            expect=_claim,
            because="Two workers that both believe in their claim both act.",
            next_step="Make it one statement, and ask how many rows it has written.",
            read=f"{READ}#two-workers",
            misconceptions=(
                Misconception(
                    "memory-is-durable",
                    "Your claims are in this process's memory. The table is empty: another worker, or this one after a "
                    "restart, knows nothing of them.",
                    _nothing_in_the_table,
                ),
                Misconception(
                    "check-then-write",
                    "You look first and write then. The other worker came between the two, and had seen no row either.",
                    _rivals_both,
                ),
                Misconception(
                    "replaces-the-claim",
                    "You overwrite a claim that is there. Whoever made it is acting already, and now you do, too.",
                    _replaces,
                ),
                Misconception(
                    "no-row-is-no-false",
                    "You give True even when no row was written. A statement that does nothing raises nothing.",
                    _always_true,
                ),
                Misconception(
                    "a-lost-race-is-an-error",
                    "You let the database's error out. To lose a claim is an ordinary answer: False.",
                    _lets_it_out,
                ),
            ),
        ),
        Check(
            name="once",
            asks="What a repeat gets, and how often something is done",
            points=2,
            draw=_draw_once,
            expect=_once,
            because="A repeat must get the first answer, and a different request must not get the answer of another.",
            next_step="Compare the fingerprints first; then give the stored result, with False.",
            read=f"{READ}#change-it-claim",
            misconceptions=(
                Misconception(
                    "acts-on-every-call",
                    "A repeat acted again. That is the second job that this lesson is about.",
                    _acts_again,
                ),
                Misconception(
                    "same-key-same-request",
                    "You never compare the payload. Somebody asked for something else under a used key, and was told that "
                    "it is done.",
                    _where(lambda wanted, got: wanted == "Mismatch" and got != "Mismatch"),
                ),
                Misconception(
                    "a-repeat-looks-new",
                    "You tell a repeat that it created something. Its caller will announce a second job.",
                    _where(lambda wanted, got: _is_repeat(wanted) and got == (wanted[0], True)),
                ),
                Misconception(
                    "result-not-kept",
                    "You keep no result. The caller whose answer was lost never learns what was made.",
                    _where(_result_not_kept),
                ),
            ),
        ),
        Check(
            name="doubt",
            asks="What follows when an answer is lost, or another is at work",
            points=2,
            draw=_draw_doubt,
            expect=_once,
            because="A lost answer does not prove that nothing happened. While nobody knows, acting again is a guess.",
            next_step="Claim, act, store the result, in this order, and undo nothing when `act` raises.",
            read=f"{READ}#run-doubt",
            misconceptions=(
                Misconception(
                    "act-then-record",
                    "You act before you claim. While you act, another sees no row and acts, too.",
                    _rival_acts,
                ),
                Misconception(
                    "an-error-frees-the-key",
                    "You gave the claim back when `act` raised. The job was made, its answer was lost, and the retry made "
                    "another.",
                    _acts_again,
                ),
                Misconception(
                    "done-before-the-effect",
                    "A repeat was told that the action is done, and nobody knows that. Only a stored result means done.",
                    _where(lambda wanted, got: wanted == "InProgress" and _is_repeat(got)),
                ),
            ),
        ),
    ),
)

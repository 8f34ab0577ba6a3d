"""Exercise 15: the five pieces of a boundary."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from random import Random
from typing import Any

from labkit.lab.grading.judge import Case, Check, Exercise, Misconception, Seen

READ = "15_capstone"
BASE, CAP = 0.5, 2.0


# ── one call, one end ──


def _draw_calls(random: Random) -> list[Case]:
    text = {"finish": "stop", "text": f"answer {random.randint(100, 999)}"}
    ok, limit, quota = [0.25, 200, None, text], [0.25, 429, "rate_limit", None], [0.25, 429, "quota", None]
    down, unreached = [0.25, random.choice([500, 502, 503, 529]), None, None], [0.5, None, None, None]
    silent = [99.0, 200, None, text]

    def case(replies: list[Any], seconds: float = 30.0, max_retries: int = 3, **other: Any) -> Case:
        draws = [random.choice([0.25, 0.375, 0.625, 0.75]) for _ in range(8)]
        return {"replies": replies, "seconds": seconds, "max_retries": max_retries, "draws": draws, **other}

    return [
        case([ok]),
        case([limit, ok]),
        case([quota, ok]),
        case([[0.25, 429, random.choice(["billing", "credit", None]), None], ok]),
        case([down, ok]),
        case([[0.25, 500, None, None], ok]),
        case([down, limit, unreached, ok]),
        case([unreached, ok]),
        case([[0.25, random.choice([400, 401, 404]), random.choice([None, "rate_limit"]), None], ok]),
        case([[0.25, 499, None, None], ok]),
        case([down], max_retries=random.randint(1, 2)),
        case([limit, ok], max_retries=0),
        case([limit], max_retries=6),
        case([silent], seconds=random.choice([4.0, 6.0])),
        case([down, silent], seconds=5.0),
        case([limit, ok], seconds=0.5, draws=[1.0]),
        case([limit, ok], seconds=0.5, draws=[0.5]),
        case([limit, limit, ok], seconds=1.25, draws=[0.5, 0.75]),
        case([ok], max_retries=0),
    ]


def _name(http: int | None, kind: str | None) -> str:
    if http is None:
        return "timeout"
    if http == 429:
        return "rate_limited" if kind == "rate_limit" else "quota_exhausted"
    return "ok" if http == 200 else "provider_error" if http >= 500 else "rejected"


def _calls(case: Case) -> Any:
    replies, left = case["replies"], case["seconds"]
    limits: list[float] = []
    slept: list[float] = []
    while True:
        takes, http, kind, reply = replies[min(len(limits), len(replies) - 1)]
        status = "timeout" if takes > left else _name(http, kind)
        limits.append(left)
        left -= min(takes, left)
        retry = len(limits) - 1
        wait = case["draws"][min(retry, len(case["draws"]) - 1)] * min(CAP, BASE * 2**retry)
        again = status in {"timeout", "rate_limited", "provider_error"} and retry < case["max_retries"]
        if not again or wait >= left:
            reply = reply if status == "ok" else None
            return [limits, slept, {"status": status, "attempts": len(limits), "reply": reply}]
        slept.append(wait)
        left -= wait


def _limits(one: Seen) -> list[Any]:
    return list(one.plain[0]) if isinstance(one.plain, list) else []


def _quota_again(seen: Sequence[Seen]) -> bool:
    spent = [one for one in seen if one.expected[2]["status"] == "quota_exhausted"]
    return all(len(_limits(one)) > 1 for one in spent)


def _fresh_limits(seen: Sequence[Seen]) -> bool:
    again = [one for one in seen if len(_limits(one)) > 1]
    return bool(again) and all(set(_limits(one)) == {one.case["seconds"]} for one in again)


def _no_jitter(seen: Sequence[Seen]) -> bool:
    waited = [one.plain[1] for one in seen if isinstance(one.plain, list) and one.plain[1]]
    return bool(waited) and all(waits[0] == BASE for waits in waited)


def _waits_past_the_end(seen: Sequence[Seen]) -> bool:
    return any(len(one.plain[1]) > len(one.expected[1]) for one in seen if one.case["seconds"] < 2)


def _raises(name: str, seen: Sequence[Seen]) -> bool:
    return any(one.raised == name for one in seen)


# ── the gates ──


def _draw_replies(random: Random) -> list[Case]:
    days, line = random.choice([14, 30, 45, 60]), f"P-{random.randint(2, 9)}"
    lines = {line: days, "P-12": days, "P-13": days + 7, "P-1": 1}
    good = {"decision": "eligible", "rotation_window_days": days, "source_line_ids": [line]}
    texts = [
        json.dumps(one)
        for one in (
            good,
            good | {"decision": "not_eligible"},
            good | {"source_line_ids": [line, "P-12"]},
            good | {"source_line_ids": ["P-13"], "rotation_window_days": days + 7},
            good | {"decision": random.choice(["maybe", "Eligible", "eligible_if_paid"])},
            good | {"rotation_window_days": 90},
            good | {"rotation_window_days": 90, "source_line_ids": ["P-99"]},
            good | {"rotation_window_days": str(days)},
            good | {"rotation_window_days": float(days)},
            good | {"rotation_window_days": True, "source_line_ids": ["P-1"]},
            good | {"rotation_window_days": None},
            good | {"rotation_window_days": None, "source_line_ids": ["P-99"]},
            good | {"source_line_ids": ["P-99"]},
            good | {"source_line_ids": [line, "P-99"]},
            good | {"source_line_ids": [line, "P-13"]},
            good | {"source_line_ids": []},
            good | {"source_line_ids": line},
            good | {"source_line_ids": None},
            good | {"source_line_ids": {line: 1}},
            good | {"source_line_ids": [line, 7]},
            good | {"source_line_ids": [[line]]},
            good | {"note": "for Luna"},
            {"decision": "eligible", "rotation_window_days": days},
            [good],
            "eligible",
            None,
        )
    ]
    whole = json.dumps(good)
    texts += [f"Here it is: {whole}", f"```json\n{whole}\n```", f"{whole} Good luck!", whole[:-3], ""]
    stopped = [{"finish": "stop", "text": text} for text in texts]
    other = [
        {"finish": "length", "text": whole},
        {"finish": "length", "text": whole[:20]},
        {"finish": "refusal", "text": whole},
        {"finish": random.choice(["content_filter", "tool_use"]), "text": "I cannot help with that."},
    ]
    return [{"reply": reply, "lines": lines} for reply in [*stopped, *other]]


def _validated(found: Any, lines: dict[str, int]) -> str:
    if not isinstance(found, dict):
        return "malformed"
    if sorted(found) != ["decision", "rotation_window_days", "source_line_ids"]:
        return "malformed"
    window, cited = found["rotation_window_days"], found["source_line_ids"]
    if found["decision"] not in ("eligible", "not_eligible") or type(window) is not int:
        return "malformed"
    if not isinstance(cited, list) or not cited or {type(line) for line in cited} != {str}:
        return "malformed"
    return "validated" if {lines.get(line) for line in cited} == {window} else "unsupported"


def _reads(case: Case) -> Any:
    finish, text = case["reply"]["finish"], case["reply"]["text"]
    if finish != "stop":
        return {"status": "truncated" if finish == "length" else "refused", "decision": None}
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    status = _validated(found, case["lines"])
    return {"status": status, "decision": found if status == "validated" else None}


def _taken(seen: Sequence[Seen]) -> list[Seen]:
    """The replies that were taken for validated, and are not."""
    return [
        one
        for one in seen
        if isinstance(one.plain, dict)
        and one.plain.get("status") == "validated"
        and one.expected["status"] != "validated"
    ]


def _ignores_finish(seen: Sequence[Seen]) -> bool:
    return any(one.case["reply"]["finish"] != "stop" for one in _taken(seen))


def _looks_for_json(seen: Sequence[Seen]) -> bool:
    return any(
        one.case["reply"]["finish"] == "stop" and re.search(r"Here it is|```|luck", one.case["reply"]["text"])
        for one in _taken(seen)
    )


def _form_is_enough(seen: Sequence[Seen]) -> bool:
    return any('": 90' in one.case["reply"]["text"] for one in _taken(seen))


def _any_source(seen: Sequence[Seen]) -> bool:
    return any("P-99" in one.case["reply"]["text"] for one in _taken(seen))


def _converts(seen: Sequence[Seen]) -> bool:
    return any(re.search(r'days": ("|\d+\.0|true)', one.case["reply"]["text"]) for one in _taken(seen))


# ── act once ──


def _draw_presses(random: Random) -> list[Case]:
    account, other = f"acct_{random.randint(10000, 49999)}", f"acct_{random.randint(50000, 99999)}"
    low, high = f"P-{random.randint(1, 4)}", f"P-{random.randint(5, 9)}"

    def read(*cited: str, decision: str = "eligible", status: str = "validated") -> dict[str, Any]:
        found = {"decision": decision, "rotation_window_days": 30, "source_line_ids": list(cited)}
        return {"status": status, "decision": found}

    good = [account, read(low)]
    rejected = [account, {"status": random.choice(["malformed", "unsupported"]), "decision": None}]
    pending = [account, read(low, status=random.choice(["unsupported", "truncated"]))]

    def case(*presses: Any, lost: Sequence[int] = ()) -> Case:
        return {"presses": list(presses), "lost": list(lost), "number": random.randint(100, 900)}

    return [
        case(good),
        case(good, good),
        case(good, good, good),
        case(good, lost=[1]),
        case(good, good, lost=[1]),
        case(good, good, good, lost=[1, 2]),
        case(good, [other, read(low)]),
        case(good, [account, read(high)]),
        case([account, read(high, low)], [account, read(low, high)]),
        case(rejected),
        case(pending),
        case([account, read(low, decision="not_eligible")]),
        case(rejected, good),
    ]


def _acts(case: Case) -> Any:
    told: list[Any] = []
    asked: list[Any] = []
    jobs: dict[str, str] = {}
    noted: set[str] = set()
    sent = 0
    for account, read in case["presses"]:
        if read["status"] != "validated" or read["decision"]["decision"] == "not_eligible":
            told.append({"status": "denied", "job": None})
            continue
        key = f"create_rotation_job:{account}:{min(read['decision']['source_line_ids'])}:v1"
        asked.append(["claim", key])
        if key not in noted:
            sent += 1
            asked.append(["create", key])
            jobs.setdefault(key, f"job_{case['number'] + len(jobs)}")
            if sent in case["lost"]:
                told.append({"status": "in_doubt", "job": None})
                continue
            asked.append(["done", key, jobs[key]])
            noted.add(key)
        told.append({"status": "done", "job": jobs[key]})
    return [told, asked, len(jobs)]


def _asked(one: Seen) -> list[Any]:
    return one.plain[1] if isinstance(one.plain, list) else []


def _acts_undecided(seen: Sequence[Seen]) -> bool:
    return any(_asked(one) and not one.expected[1] for one in seen)


def _key_per_press(seen: Sequence[Seen]) -> bool:
    return any(
        len({name[1] for name in _asked(one)}) > len({name[1] for name in one.expected[1]}) for one in seen
    )


def _claims_late(seen: Sequence[Seen]) -> bool:
    return any(_asked(one)[:1] and _asked(one)[0][0] == "create" for one in seen)


def _fails_in_doubt(seen: Sequence[Seen]) -> bool:
    return any(
        mine.get("status") not in ("in_doubt", "done")
        for one in seen
        if isinstance(one.plain, list)
        for mine, right in zip(one.plain[0], one.expected[0], strict=True)
        if right["status"] == "in_doubt"
    )


def _asks_again(seen: Sequence[Seen]) -> bool:
    def sent(asked: Sequence[Any]) -> int:
        return sum(name == "create" for name, *_ in asked)

    return any(sent(_asked(one)) > sent(one.expected[1]) for one in seen if not one.case["lost"])


# ── the record ──


def _draw_events(random: Random) -> list[Case]:
    name = random.choice(["Ana Lima", "Jon Berg", "Mira Osei"])
    counts = [random.randint(100, 400), random.randint(500, 900)]
    event = {
        "trace_id": f"trace_{random.randint(1000, 9999)}",
        "status": random.choice(["ok", "timeout", "quota_exhausted"]),
        "tokens": counts[:1],
    }
    text = f"This is {name}. Rotate my key."
    events: list[dict[str, Any]] = [
        event,
        event | {"tokens": counts},
        event | {"tokens": [*counts, random.randint(10, 99)]},
        event | {"tokens": [None]},
        event | {"tokens": [None, counts[0]]},
        event | {"tokens": [counts[0], None]},
        event | {"tokens": [0, counts[1]]},
        event | {"tokens": [True, counts[1]]},
        event | {"tokens": [counts[0] + 0.5]},
        event | {"tokens": []},
        event | {"question": text},
        event | {"note_added_later": text, "tokens": counts},
        event | {"status": text},
        event | {"status": f"ok {name}"},
        event | {"trace_id": f"{name}: {text}"},
        event | {"trace_id": 7, "status": None},
        event | {"trace_id": "t" * 40},
        event | {"trace_id": "t" * 41},
        {"tokens": counts},
    ]
    return [{"event": one} for one in events]


def _records(case: Case) -> Any:
    event = case["event"]
    words = {name: str(event.get(name)) for name in ("trace_id", "status") if type(event.get(name)) is str}
    fits = {name: word for name, word in words.items() if re.fullmatch(r"[a-z][a-z0-9_]{0,39}", word)}
    unknown = [count for count in event["tokens"] if type(count) is not int]
    return {
        "trace_id": fits.get("trace_id"),
        "status": fits.get("status"),
        "attempts": len(event["tokens"]),
        "tokens": None if unknown else sum(event["tokens"]),
    }


def _row(one: Seen) -> dict[str, Any]:
    return one.plain if isinstance(one.plain, dict) else {}


def _keeps_other_fields(seen: Sequence[Seen]) -> bool:
    return any({"question", "note_added_later"} & set(_row(one)) for one in seen)


def _keeps_text(seen: Sequence[Seen]) -> bool:
    return any(" " in value for one in seen for value in _row(one).values() if isinstance(value, str))


def _unknown_is_zero(seen: Sequence[Seen]) -> bool:
    return any(_row(one).get("tokens") is not None for one in seen if None in one.case["event"]["tokens"])


def _last_attempt(seen: Sequence[Seen]) -> bool:
    several = [
        one for one in seen if len(one.case["event"]["tokens"]) > 1 and one.expected["tokens"] is not None
    ]
    return all(_row(one).get("tokens") == one.case["event"]["tokens"][-1] for one in several)


# ── the draft ──


def _draw_streams(random: Random) -> list[Case]:
    def words() -> list[dict[str, Any]]:
        return [
            {"kind": "delta", "text": f"line {random.randint(100, 999)} "}
            for _ in range(random.randint(1, 3))
        ]

    def finish(reason: str) -> dict[str, Any]:
        return {"kind": "finish", "reason": reason}

    done, error, closed, ping = ({"kind": kind} for kind in ("done", "error", "closed", "ping"))
    stop, cut = finish("stop"), finish(random.choice(["length", "content_filter"]))
    streams = [
        [*words(), stop, done, closed],
        [*words(), ping, *words(), stop, done],
        [*words(), cut, done, closed],
        [*words(), done, closed],
        [*words(), closed],
        [*words(), stop, closed],
        [*words(), stop, closed, done],
        [*words(), stop, error, done, closed],
        [*words(), error, *words(), stop, done, closed],
        [*words(), stop, done, *words(), error],
        [*words(), cut, done, stop, done],
        [closed],
        [error],
        [stop, *words(), done],
        words(),
        [],
    ]
    return [{"events": events} for events in streams]


def _drafts(case: Case) -> Any:
    shown: list[Any] = []
    state, text, reason = "streaming", "", ""
    for event in case["events"]:
        if state == "streaming":
            text += event.get("text", "")
            reason = event.get("reason", reason)
            done = "complete" if reason == "stop" else "truncated"
            state = {"done": done, "error": "failed", "closed": "interrupted"}.get(event["kind"], state)
        shown.append((state, text, state == "complete"))
    return shown


def _last(one: Seen, at: int) -> Any:
    return one.plain[-1][at] if isinstance(one.plain, list) and one.plain else None


def _closed_is_complete(seen: Sequence[Seen]) -> bool:
    return any(
        _last(one, 0) == "complete" and one.case["events"][-1]["kind"] == "closed"
        for one in seen
        if one.expected and one.expected[-1][0] == "interrupted"
    )


def _approved_early(seen: Sequence[Seen]) -> bool:
    return any(
        state == "streaming" and approved
        for one in seen
        if isinstance(one.plain, list)
        for state, _, approved in one.plain
    )


def _reason_is_the_end(seen: Sequence[Seen]) -> bool:
    return any(
        mine[0] == "complete" and right[0] == "streaming" and event["kind"] == "finish"
        for one in seen
        if isinstance(one.plain, list)
        for mine, right, event in zip(one.plain, one.expected, one.case["events"], strict=True)
    )


def _mark_is_enough(seen: Sequence[Seen]) -> bool:
    return any(
        _last(one, 0) == "complete" for one in seen if one.expected and one.expected[-1][0] == "truncated"
    )


def _goes_on(seen: Sequence[Seen]) -> bool:
    return any(_last(one, 1) != one.expected[-1][1] for one in seen if one.expected and one.plain)


EXERCISE = Exercise(
    number="15",
    title="Assemble the boundary",
    asks_for=("status_of", "call", "read_reply", "act", "record", "draft"),
    checks=(
        Check(
            name="calls",
            asks="How long each request may take, which waits lie between, and how the call ends",
            points=6,
            draw=_draw_calls,
            expect=_calls,
            because="A person waits for the whole call. Only what passes by itself is worth another request.",
            next_step="Fix the end before the loop. After each request: a name, a wait, and the three reasons to stop.",
            read=f"{READ}#run",
            misconceptions=(
                Misconception(
                    "timeout-is-an-exception",
                    "A request without an answer leaves your function as an exception. It is an end like the others.",
                    lambda seen: _raises("TimeoutError", seen),
                ),
                Misconception(
                    "quota-is-a-rate-limit",
                    "You send again after every 429. A spent quota has the same status, and does not pass.",
                    _quota_again,
                ),
                Misconception(
                    "fresh-limit-each-time",
                    "Every request gets the full time again. Three of them may then take three times as long.",
                    _fresh_limits,
                ),
                Misconception(
                    "no-jitter",
                    "Your wait is the ceiling itself. All who failed together come back together.",
                    _no_jitter,
                ),
                Misconception(
                    "waits-past-the-end",
                    "You wait although nothing is left after the wait. The person waits for a request that cannot be sent.",
                    _waits_past_the_end,
                ),
            ),
        ),
        Check(
            name="reads",
            asks="What a reply is taken for",
            points=5,
            draw=_draw_replies,
            expect=_reads,
            because="Each gate keeps out what the next one cannot see: half answers, other forms, and well-formed mistakes.",
            next_step="Go through the gates in their order, and leave at the first that does not hold.",
            read=f"{READ}#why",
            misconceptions=(
                Misconception(
                    "finish-unread",
                    "You read the text of a reply that did not finish. It may look whole.",
                    _ignores_finish,
                ),
                Misconception(
                    "looks-for-json",
                    "You look for an object inside the text. The whole text must be one, or nobody knows what the rest says.",
                    _looks_for_json,
                ),
                Misconception(
                    "form-is-enough",
                    "You take a window that the cited line does not state: the 90 days get through.",
                    _form_is_enough,
                ),
                Misconception(
                    "any-source",
                    "You take a source that was never supplied. A model can invent one.",
                    _any_source,
                ),
                Misconception(
                    "nearly-an-int",
                    "You take a window that is not exactly an `int`: a text, a float, or `True`.",
                    _converts,
                ),
            ),
        ),
        Check(
            name="acts",
            asks="What each press is told, what ledger and service are asked, and how many jobs there are",
            points=5,
            draw=_draw_presses,
            expect=_acts,
            because="A lost answer does not prove that nothing happened. Claim and key make the next press harmless.",
            next_step="First the decision, then the key, then the claim; the service comes last.",
            read=f"{READ}#once",
            misconceptions=(
                Misconception(
                    "doubt-is-an-exception",
                    "A lost answer leaves your function as an exception. The page then has no word for it.",
                    lambda seen: _raises("ConnectionError", seen),
                ),
                Misconception(
                    "doubt-is-failure",
                    "You call a lost answer a failure. The job may exist: in doubt is the honest word.",
                    _fails_in_doubt,
                ),
                Misconception(
                    "acts-undecided",
                    "You act without a validated decision that says eligible.",
                    _acts_undecided,
                ),
                Misconception(
                    "key-per-press",
                    "Presses for the same action have different keys. To the service each of them is a new job.",
                    _key_per_press,
                ),
                Misconception(
                    "claims-late",
                    "You ask the service before you claim. If the process dies in between, nobody knows that it asked.",
                    _claims_late,
                ),
                Misconception(
                    "asks-again",
                    "You ask the service although the ledger already holds the job.",
                    _asks_again,
                ),
            ),
        ),
        Check(
            name="records",
            asks="The row that is kept of a call",
            points=4,
            draw=_draw_events,
            expect=_records,
            because="A row is read by many and kept for long. And what is not known must not look like nothing.",
            next_step="Write down the four fields of the row, and ask for each what may stand in it.",
            read=f"{READ}#cancel",
            misconceptions=(
                Misconception(
                    "denylist",
                    "You take away what you know to be private. A field that somebody adds tomorrow is kept.",
                    _keeps_other_fields,
                ),
                Misconception(
                    "names-are-enough",
                    "You keep a field for its name. Customer text may stand in a field called status too.",
                    _keeps_text,
                ),
                Misconception(
                    "last-attempt-only",
                    "You keep the count of the last request. The ones before it used tokens as well.",
                    _last_attempt,
                ),
                Misconception(
                    "unknown-is-zero",
                    "You count a request without a number as none. It was sent, and somebody pays for it.",
                    _unknown_is_zero,
                ),
            ),
        ),
        Check(
            name="drafts",
            asks="What the page may show after each event",
            points=4,
            draw=_draw_streams,
            expect=_drafts,
            because="A draft is for reading. Only reason and end mark together say that it is whole.",
            next_step="Change something only while the draft is streaming, and derive `approved` from the state.",
            read=f"{READ}#desk",
            misconceptions=(
                Misconception(
                    "approved-early",
                    "You approve a draft that is still streaming.",
                    _approved_early,
                ),
                Misconception(
                    "reason-is-the-end",
                    "You take the finish reason for the end. The stream may still break off after it.",
                    _reason_is_the_end,
                ),
                Misconception(
                    "closed-is-complete",
                    "You take a closed connection for the end of the text. A broken one closes as well.",
                    _closed_is_complete,
                ),
                Misconception(
                    "mark-is-enough",
                    "You take the end mark alone for a whole text. It also comes when the length ran out.",
                    _mark_is_enough,
                ),
                Misconception(
                    "goes-on",
                    "Text that comes after the end is still added to your draft.",
                    _goes_on,
                ),
            ),
        ),
    ),
)

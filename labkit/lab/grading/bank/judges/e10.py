"""Exercise 10: a stream, its draft, and an action that waits."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import chain, pairwise
from random import Random
from typing import Any

from labkit.lab.grading.judge import Case, Check, Exercise, Misconception, Seen
from labkit.sse import Decoder

READ = "10_streaming"
GOING_ON = ("started", "streaming")


def _is_right(one: Seen) -> bool:
    return bool(one.plain == one.expected)


# ── events ──────────────────────────────────────────────────────────────────────────────────────


def _words(random: Random) -> str:
    return f"{random.choice(('Account', 'Key', 'Line', 'Job'))} {random.randint(100, 999)}"


def _draw_events(random: Random) -> list[Case]:
    def block() -> str:
        return f"data: {_words(random)}\n\n"

    def case(text: str, *cuts: int) -> Case:
        return {"text": text, "cuts": list(cuts)}

    euro = f"data: {_words(random)} €\n\n"
    key = f"data: {random.randint(10, 99)} 🔑 {_words(random)}\n\n"
    two = block() + block()
    middle = len(two) // 2
    noise = f": ping\n\n{block()}event: note\nid: 7\n\nevent: delta\n{block()}retry: 10\n\n"
    return [
        case(block()),
        case(two),
        case(two, random.randint(2, middle - 4)),
        case(two, random.randint(7, middle - 3), random.randint(middle + 7, len(two) - 3)),
        case(two, middle - 1),
        case(two, middle),
        case(euro, *range(1, len(euro.encode()))),
        case(euro, euro.index("€") + random.randint(1, 2)),
        case(key, key.index("🔑") + random.randint(1, 3)),
        case(noise),
        case(noise, noise.index("note"), len(noise) - 3),
        case(f"{block()}data: cut off"),
        case(f"{block()}data: {_words(random)}\n"),
        case(f"data:{_words(random)}\n\ndata:   {_words(random)} \n\n"),
        case(f"data: {_words(random)}\nid: 3\ndata: {_words(random)}\n\n"),
    ]


def _chunks(case: Case) -> list[bytes]:
    raw = case["text"].encode()
    bounds = [0, *case["cuts"], len(raw)]
    return [raw[start:end] for start, end in pairwise(bounds)]


def _events(case: Case) -> Any:
    decoder = Decoder()
    return [[event.data for event in decoder.feed(chunk)] for chunk in _chunks(case)]


def _flat(one: Seen) -> list[str]:
    return list(chain.from_iterable(one.plain or []))


def _all(one: Seen) -> list[str]:
    return list(chain.from_iterable(one.expected))


def _cuts_a_character(case: Case) -> bool:
    return any(0x80 <= chunk[0] < 0xC0 for chunk in _chunks(case))


def _decodes_alone(seen: Sequence[Seen]) -> bool:
    """Whether only cut characters do harm."""
    return all(_is_right(one) != _cuts_a_character(one.case) for one in seen)


def _forgets_the_rest(seen: Sequence[Seen]) -> bool:
    """Whether an event that comes in two chunks is lost or torn, and one that comes whole is read."""
    whole = [one for one in seen if not one.case["cuts"]]
    torn = [one for one in seen if len(one.case["cuts"]) == 1 and one.case["text"].count("data") == 2]
    return any(map(_is_right, whole)) and any(_flat(one) != _all(one) for one in torn)


def _each_line(seen: Sequence[Seen]) -> bool:
    several = [one for one in seen if "\n" in "".join(_all(one))]
    return all(_flat(one) == "\n".join(_all(one)).split("\n") for one in several)


def _strips(seen: Sequence[Seen]) -> bool:
    wrong = [one for one in seen if not _is_right(one)]
    return all([event.strip() for event in _all(one)] == _flat(one) for one in wrong)


def _empty_events(seen: Sequence[Seen]) -> bool:
    return any("" in _flat(one) for one in seen)


# ── the draft ───────────────────────────────────────────────────────────────────────────────────


def _draw_drafts(random: Random) -> list[Case]:
    def deltas(most: int = 3) -> list[str]:
        return [json.dumps({"delta": f"{_words(random)} "}) for _ in range(random.randint(2, most))]

    def usage() -> str:
        return json.dumps({"usage": random.randint(5, 900)})

    stop, cut = '{"finish": "stop"}', json.dumps({"finish": random.choice(("length", "content_filter"))})
    error = '{"error": "overloaded"}'
    steps = [
        [*deltas(), stop, usage(), "[DONE]", "end"],
        [*deltas(), stop, "[DONE]"],
        [*deltas(), cut, usage(), "[DONE]", "end"],
        [*deltas(), "[DONE]"],
        [*deltas(), "end"],
        [*deltas(), stop, "end"],
        [*deltas(), stop, usage(), "end", "[DONE]"],
        [*deltas(), "cancel", *deltas(), stop, usage(), "[DONE]"],
        ["cancel", "end"],
        ["end", "cancel"],
        [*deltas(), usage(), "cancel"],
        [*deltas(), error, *deltas(), stop, "[DONE]", "end"],
        [error, "cancel"],
        [stop, "[DONE]"],
    ]
    return [{"steps": one} for one in steps]


def _course(case: Case) -> list[tuple[str, str, int | None]]:
    """State, text and tokens at first, and after each step."""
    state, text, tokens, finish = "started", "", None, None
    course: list[tuple[str, str, int | None]] = [(state, text, tokens)]
    for step in case["steps"]:
        if state in GOING_ON:
            event = json.loads(step) if step.startswith("{") else {}
            text += event.get("delta", "")
            tokens = event.get("usage", tokens)
            finish = event.get("finish", finish)
            state = {
                "cancel": "cancelled",
                "end": "incomplete",
                "[DONE]": "completed" if finish == "stop" else "incomplete",
            }.get(step, "failed" if "error" in event else "streaming" if "delta" in event else state)
        course.append((state, text, tokens))
    return course


def _draft(case: Case) -> Any:
    return [(state, text) for state, text, _ in _course(case)]


def _tokens(case: Case) -> Any:
    return _course(case)[-1][2]


def _somewhere(wrong: Callable[[Any, Any, str], bool]) -> Callable[[Sequence[Seen]], bool]:
    """Whether this is so after some step, as (expected, got, step)."""
    return lambda seen: any(
        wrong(wanted, got, step)
        for one in seen
        for wanted, got, step in zip(one.expected, one.plain or [], ["", *one.case["steps"]], strict=False)
    )


def _completes_at(step: str) -> Callable[[Sequence[Seen]], bool]:
    """Whether a draft that is not complete becomes so at such a step."""

    def fits(seen: Sequence[Seen]) -> bool:
        for one in seen:
            wrong = zip(one.expected, one.plain or [], ["", *one.case["steps"]], strict=False)
            at = [
                name
                for wanted, got, name in wrong
                if got[0] == "completed" and wanted[0] in ("streaming", "incomplete")
            ]
            if at and at[0].startswith(step):
                return True
        return False

    return fits


def _goes_on(wanted: Any, got: Any, step: str) -> bool:
    return wanted[0] not in GOING_ON and step.startswith('{"delta"') and got[1] != wanted[1]


def _zero_tokens(seen: Sequence[Seen]) -> bool:
    return any(one.expected is None and one.value == 0 for one in seen)


# ── the action ──────────────────────────────────────────────────────────────────────────────────


def _draw_settle(random: Random) -> list[Case]:
    days = random.randint(12, 99)
    text = json.dumps({"days": days})
    # Cut inside the number and closed, as a helpful parser does: valid, and wrong.
    short = json.dumps({"days": days // 10})
    growing = [["started", ""], ["streaming", text[:5]], ["streaming", text[:-2]], ["streaming", short]]

    def case(*drafts: Sequence[str], allowed: Sequence[int]) -> Case:
        return {"drafts": [list(draft) for draft in drafts], "allowed": list(allowed)}

    both = [days, days // 10]
    return [
        case(*growing, ["streaming", text], ["completed", text], allowed=both),
        case(*growing, ["streaming", text], ["completed", text], allowed=[days]),
        case(["streaming", text], ["incomplete", text], allowed=both),
        case(["streaming", text], ["failed", text], allowed=both),
        case(*growing, ["cancelled", text[:-1]], allowed=[days]),
        case(["cancelled", text], allowed=both),
        case(["completed", text], allowed=[days + 1]),
        case(["streaming", text], ["completed", text[:-1]], allowed=both),
        case(["completed", short], allowed=both),
        case(["started", ""], allowed=both),
    ]


def _settle(case: Case) -> Any:
    said, validated, acted = [], [], []
    for state, text in case["drafts"]:
        if state in GOING_ON:
            said.append("held")
        elif state != "completed":
            said.append("dropped")
        else:
            validated.append(text)
            good = text.endswith("}") and json.loads(text)["days"] in case["allowed"]
            said.append("acted" if good else "refused")
            acted += [json.loads(text)] if good else []
    return {"said": said, "validated": validated, "acted": acted}


def _acts_early(seen: Sequence[Seen]) -> bool:
    return any(len(one.plain["acted"]) > len(one.expected["acted"]) for one in _growing(seen))


def _growing(seen: Sequence[Seen]) -> list[Seen]:
    return [one for one in seen if any(state in GOING_ON for state, _ in one.case["drafts"])]


def _validates_early(seen: Sequence[Seen]) -> bool:
    return any(len(one.plain["validated"]) > len(one.expected["validated"]) for one in _growing(seen))


def _ended_is_final(seen: Sequence[Seen]) -> bool:
    return any(
        one.plain["said"][-1] == "acted"
        for one in seen
        if one.case["drafts"][-1][0] in ("incomplete", "failed", "cancelled")
    )


def _unchecked(seen: Sequence[Seen]) -> bool:
    return any(
        one.plain["acted"] and not one.plain["validated"]
        for one in seen
        if one.case["drafts"][-1][0] == "completed"
    )


EXERCISE = Exercise(
    number="10",
    title="Drafts, and the final check",
    asks_for=("Events", "Draft", "settle"),
    checks=(
        Check(
            name="events",
            asks="Which events are complete after each chunk",
            points=4,
            draw=_draw_events,
            expect=_events,
            because="The network cuts where it likes. A reader that needs whole chunks works on your machine, and loses words elsewhere.",
            next_step="Keep bytes until an empty line is there; decode the whole event then.",
            read=f"{READ}#change-it-cut",
            misconceptions=(
                Misconception(
                    "decodes-each-chunk",
                    "You decode each chunk by itself. One that ends inside a character cannot be decoded yet.",
                    _decodes_alone,
                ),
                Misconception(
                    "a-chunk-is-an-event",
                    "You begin afresh with each chunk. What the last one left unfinished is lost, or comes out torn.",
                    _forgets_the_rest,
                ),
                Misconception(
                    "a-line-is-an-event",
                    "You give every data line for itself. The lines of one event belong together, with a line end between them.",
                    _each_line,
                ),
                Misconception(
                    "silence-is-an-event",
                    "You give an event where there was no data line. A keep-alive would add to the answer.",
                    _empty_events,
                ),
                Misconception(
                    "strips-the-data",
                    "You strip the data. One space belongs to the protocol; all others are the model's, between two words.",
                    _strips,
                ),
            ),
        ),
        Check(
            name="draft",
            asks="State and text of a draft, after each event",
            points=2,
            draw=_draw_drafts,
            expect=_draft,
            because="A half answer can read complete. Only the reason for stopping and the last marker say that it is.",
            next_step="Let every way to end go through one place, which changes nothing when the draft has ended before.",
            read=f"{READ}#why-markers",
            misconceptions=(
                Misconception(
                    "the-end-means-complete",
                    "You call an answer completed because the connection ended. A proxy that restarts ends it just so.",
                    _completes_at("end"),
                ),
                Misconception(
                    "the-marker-is-enough",
                    "You call an answer completed because `[DONE]` came. It also comes after an answer that was cut for its length.",
                    _completes_at("[DONE]"),
                ),
                Misconception(
                    "the-reason-is-enough",
                    "You call an answer completed before its last marker. The stream can still break, or report an error.",
                    _completes_at('{"finish"'),
                ),
                Misconception(
                    "an-end-that-goes-on",
                    "Your draft grows after its end. A reader who pressed cancel sees more words come.",
                    _somewhere(_goes_on),
                ),
            ),
        ),
        Check(
            name="tokens",
            asks="What is known of the tokens when a draft has ended",
            points=1,
            draw=_draw_drafts,
            expect=_tokens,
            because="The bill is added up from these numbers. A 0 says that it was free; None says that somebody has to look.",
            next_step="Begin with None, and take a number only from a `usage` event that came before the end.",
            read=f"{READ}#run",
            misconceptions=(
                Misconception(
                    "cancelled-means-free",
                    "You record 0 tokens where nobody has told. They were made and may be on the bill: unknown is None.",
                    _zero_tokens,
                ),
            ),
        ),
        Check(
            name="settle",
            asks="What is validated, and what is done, while a draft grows",
            points=3,
            draw=_draw_settle,
            expect=_settle,
            because="Words on a screen can be withdrawn. A job that was created on a piece of an answer cannot.",
            next_step="Look at `state` first. Only `completed` leads to `validate`, and only its value to `action`.",
            read=f"{READ}#why-held-actions",
            misconceptions=(
                Misconception(
                    "ended-means-final",
                    "You act on an answer that ended in another way than completed. It ended, and it may lack its end.",
                    _ended_is_final,
                ),
                Misconception(
                    "completed-means-approved",
                    "You act without asking `validate`. A whole answer can still be a wrong one.",
                    _unchecked,
                ),
                Misconception(
                    "acts-on-a-piece",
                    "You act as soon as a piece is valid. Cut inside its number and closed, 30 days are 3.",
                    _acts_early,
                ),
                Misconception(
                    "validates-pieces",
                    "You validate a text that still grows. That it is valid now says nothing about what it will be.",
                    _validates_early,
                ),
            ),
        ),
    ),
)

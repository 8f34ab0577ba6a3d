"""Exercise 05: one deadline, a named state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from labkit.lab.grading.judge import Case, Check, Exercise, Misconception, Seen

READ = "05_deadlines"
ANSWERED = {"status": "ok"}
TIMED_OUT = {"status": "timeout", "next_step": "show_retry_option"}
FAILED = {"status": "provider_error", "next_step": "show_retry_option"}


def _quarters(random: Random, low: float, high: float) -> float:
    """A time in quarters of a second: sums of them are exact, so that an end can be met to the moment."""
    return random.randint(int(low * 4), int(high * 4)) / 4


def _start(random: Random) -> float:
    return float(random.randint(10, 9000))


def _wrong(seen: Sequence[Seen]) -> list[Seen]:
    return [one for one in seen if one.plain != one.expected]


# ── a point in time ─────────────────────────────────────────────────────────────────────────────


def _draw_deadlines(random: Random) -> list[Case]:
    """Moments before, at and after the end, and delays just below, at and above what is left."""

    def case(left: float, delay: float) -> Case:
        seconds = _quarters(random, 3, 20)
        first = _quarters(random, 0.25, seconds - 1)
        passes = [first, seconds - left - first]
        return {"seconds": seconds, "passes": passes, "delay": delay, "starts_at": _start(random)}

    rest = _quarters(random, 0.5, 1)
    start = {"seconds": 12.0, "passes": [], "delay": 11.75, "starts_at": _start(random)}
    return [
        start,
        case(rest, rest),
        case(rest, rest - 0.25),
        case(rest, rest + 0.25),
        case(0.25, 0.0),
        case(0.75, 0.75),
        case(0.0, 0.0),
        case(0.0, 0.25),
        case(-1.5, 0.0),
        case(-_quarters(random, 2, 9), 0.25),
    ]


def _deadline(case: Case) -> Any:
    left = max(0.0, case["seconds"] - sum(case["passes"]))
    return {"left": left, "expired": left == 0, "fits": case["delay"] < left}


def _less_than_nothing(seen: Sequence[Seen]) -> bool:
    return any(one.plain["left"] < 0 for one in seen)


def _starts_again(seen: Sequence[Seen]) -> bool:
    return all(one.plain["left"] == one.case["seconds"] for one in seen)


def _only(name: str, those: Callable[[dict[str, Any]], object]) -> Callable[[Sequence[Seen]], bool]:
    """Whether one thing is wrong, and only in moments of this sort."""

    def fits(seen: Sequence[Seen]) -> bool:
        wrong = _wrong(seen)
        return bool(wrong) and all(
            {**one.plain, name: None} == {**one.expected, name: None} and bool(those(one.expected))
            for one in wrong
        )

    return fits


# ── attempts and waits ──────────────────────────────────────────────────────────────────────────


def _loop_case(
    random: Random, seconds: float, attempt_s: float, delays: list[float], attempts: list[Any]
) -> Case:
    return {
        "starts_at": _start(random),
        "seconds": seconds,
        "attempt_s": attempt_s,
        "delays": delays,
        "attempts": attempts,
    }


def _draw_limits(random: Random) -> list[Case]:
    """Providers that are silent or slow: what counts is what each attempt gets."""
    silent = [[600.0, False]]
    attempt_s = _quarters(random, 3, 9)
    spare = _quarters(random, 0.5, 2)
    takes = _quarters(random, 1, attempt_s - 1)
    return [
        _loop_case(random, 12.0, 10.0, [0.5, 1.0], silent),
        _loop_case(random, 2 * attempt_s + 0.5 + spare, attempt_s, [0.25, 0.25, 0.5], silent),
        _loop_case(random, attempt_s - 0.5, attempt_s, [0.5, 0.5], silent),
        _loop_case(random, attempt_s, attempt_s, [0.5], silent),
        _loop_case(random, 100.0, attempt_s, [0.5, 1.0], [[600.0, False], [takes, True]]),
        _loop_case(random, attempt_s + 0.5 + takes, attempt_s, [0.5, 1.0], [[600.0, False], [takes, True]]),
        _loop_case(random, attempt_s + 1.0 + takes, attempt_s, [0.5], [[600.0, False], [takes + 0.75, True]]),
    ]


def _draw_waits(random: Random) -> list[Case]:
    """Providers that fail at once: what counts is the waits, and when to give up."""
    takes = _quarters(random, 0.25, 1)
    busy = [[takes, False]]
    long = _quarters(random, 30, 90)
    one, two = _quarters(random, 0.5, 1), _quarters(random, 1.25, 2)
    return [
        _loop_case(random, 60.0, 10.0, [one, two], busy),
        _loop_case(random, 60.0, 10.0, [], busy),
        _loop_case(random, 60.0, 10.0, [one, two], [*busy, [takes, True]]),
        _loop_case(random, 12.0, 10.0, [long, one], busy),
        _loop_case(random, 20.0, 5.0, [one, long, one], busy),
        _loop_case(random, 2 * takes + one + two, 5.0, [one, two], busy),
        _loop_case(random, 2 * takes + one + two + 0.25, 5.0, [one, two], [*busy, *busy, [0.25, True]]),
        _loop_case(random, 60.0, 10.0, [0.0, one], [*busy, *busy, [takes, True]]),
    ]


def _loop(case: Case) -> Any:
    left, limits, waits, spent = case["seconds"], [], [], 0.0
    end = FAILED
    for number, delay in enumerate([*case["delays"], None]):
        takes, answers = case["attempts"][min(number, len(case["attempts"]) - 1)]
        limit = min(case["attempt_s"], left - spent)
        limits.append(limit)
        spent += min(takes, limit)
        if answers and takes <= limit:
            end = ANSWERED
            break
        if spent >= left or (delay is not None and delay >= left - spent):
            end = TIMED_OUT
            break
        if delay is not None:
            waits.append(delay)
            spent += delay
    return {"limits": limits, "waits": waits, "ends": end, "after_s": spent}


def _waits(case: Case) -> Any:
    seen = _loop(case)
    return {"attempts": len(seen.pop("limits")), **seen}


def _spent_as(share: Callable[[Case], float]) -> Callable[[Sequence[Seen]], bool]:
    """Whether every attempt got the same limit, and somewhere too much."""
    return lambda seen: (
        bool(_wrong(seen))
        and all(all(limit == share(one.case) for limit in one.plain["limits"]) for one in seen)
    )


def _end_is(name: str, those: Callable[[Any], object]) -> Callable[[Sequence[Seen]], bool]:
    """Whether a call that should end so ended in another way, and took its steps rightly."""
    return lambda seen: any(
        one.expected["ends"]["status"] == name
        and one.plain.get("limits") == one.expected.get("limits")
        and one.plain.get("attempts") == one.expected.get("attempts")
        and bool(those(one.plain["ends"]))
        for one in _wrong(seen)
    )


def _waits_too_long(seen: Sequence[Seen]) -> bool:
    return any(sum(one.plain["waits"]) > one.case["seconds"] for one in seen)


def _cut_wait(seen: Sequence[Seen]) -> bool:
    return any(
        one.plain["waits"] and one.plain["waits"][-1] not in one.case["delays"] for one in _wrong(seen)
    )


def _attempts_off(seen: Sequence[Seen]) -> bool:
    """Whether calls with time enough make one attempt less than there are delays and one."""
    short = [one for one in seen if one.expected["ends"] == FAILED]
    return all(one.plain["attempts"] == len(one.case["delays"]) for one in short if one.case["delays"])


def _up_to_the_end(seen: Sequence[Seen]) -> bool:
    """Whether a wait that ends in the very moment of the deadline was begun, and nothing else is wrong."""
    return bool(_wrong(seen)) and all(
        sum(one.plain["waits"]) > sum(one.expected["waits"]) and one.plain["after_s"] == one.case["seconds"]
        for one in _wrong(seen)
    )


# ── a provider that drips ───────────────────────────────────────────────────────────────────────


def _draw_drips(random: Random) -> list[Case]:
    def case(seconds: float, gaps: Sequence[float], last: float | None = None) -> Case:
        pieces = [[gap, f"{random.randint(10, 99)} "] for gap in gaps]
        return {
            "starts_at": _start(random),
            "seconds": seconds,
            "pieces": pieces if last is None else [*pieces, [last, ""]],
        }

    gaps = [_quarters(random, 0.25, 1) for _ in range(random.randint(3, 6))]
    total = sum(gaps)
    return [
        case(60.0, gaps, 0.25),
        case(total + 0.25, gaps, 0.25),
        case(total, gaps, 0.25),
        case(total - 0.125, gaps, 0.0),
        case(_quarters(random, 2, 4), [0.25] * 40),
        case(_quarters(random, 2, 4), [0.5, 600.0]),
        case(_quarters(random, 1, 3), [600.0]),
        case(60.0, [], 0.25),
    ]


def _drip(case: Case) -> Any:
    spent, limits, text = 0.0, [], ""
    for number in range(1000):
        left = case["seconds"] - spent
        if left <= 0:
            break
        takes, piece = case["pieces"][min(number, len(case["pieces"]) - 1)]
        limits.append(left)
        spent += min(takes, left)
        if takes > left:
            break
        if piece == "":
            return {"limits": limits, "ends": {"status": "ok", "text": text}, "after_s": spent}
        text += piece
    return {"limits": limits, "ends": TIMED_OUT, "after_s": spent}


def _fresh_limit(seen: Sequence[Seen]) -> bool:
    return any(len(one.plain["limits"]) > 1 for one in seen if isinstance(one.plain, dict)) and all(
        set(one.plain["limits"]) == {one.case["seconds"]} for one in seen if isinstance(one.plain, dict)
    )


def _half_is_whole(seen: Sequence[Seen]) -> bool:
    return any(
        one.expected["ends"] == TIMED_OUT and one.plain["ends"].get("text") for one in seen if one.plain
    )


def _timeout_escapes(seen: Sequence[Seen]) -> bool:
    return any(one.raised == "TimeoutError" for one in seen)


def _reads_on(seen: Sequence[Seen]) -> bool:
    return any(0.0 in one.plain["limits"] for one in seen if isinstance(one.plain, dict))


# ── what a timeout tells ────────────────────────────────────────────────────────────────────────


def _draw_afters(random: Random) -> list[Case]:
    steps = ["connected", "sent", "bytes"]
    cases = [{"events": steps[:count], "acts": acts} for count in range(4) for acts in (True, False)]
    random.shuffle(cases)
    return cases


def _after(case: Case) -> Any:
    known = "unknown" if "sent" in case["events"] else "not_done"
    return (known, "same_key_only" if case["acts"] and known == "unknown" else "repeat")


def _only_known(events: int, known: str) -> Callable[[Sequence[Seen]], bool]:
    """Whether after so many events this is said to be known, and it is wrong."""
    return lambda seen: all(
        one.plain[0] == known and one.expected[0] != known
        for one in seen
        if len(one.case["events"]) == events
    )


def _acts_again(seen: Sequence[Seen]) -> bool:
    return any(one.expected[1] == "same_key_only" and one.plain[1] == "repeat" for one in seen)


def _never_again(seen: Sequence[Seen]) -> bool:
    return any(not one.case["acts"] and one.plain[1] == "same_key_only" for one in seen)


EXERCISE = Exercise(
    number="05",
    title="One deadline, a named state",
    asks_for=("Deadline", "call", "read_all", "after_timeout"),
    checks=(
        Check(
            name="deadline",
            asks="What a deadline says before, at and after its end",
            points=3,
            draw=_draw_deadlines,
            expect=_deadline,
            because="Everything in a call asks the deadline. Where it is wrong by a moment, something outlives the call.",
            next_step="Compute the end once, when it is made; try the very moment of the end.",
            read=f"{READ}#library-source",
            misconceptions=(
                Misconception(
                    "starts-again",
                    "Your deadline starts anew each time it is asked. What moves along with you never comes.",
                    _starts_again,
                ),
                Misconception(
                    "less-than-nothing",
                    "You gave a negative rest. As a limit for an attempt it raises, or it means no limit at all.",
                    _less_than_nothing,
                ),
                Misconception(
                    "alive-at-the-end",
                    "In the moment of the end, your deadline still holds. There are 0 seconds left: nothing fits in there.",
                    _only("expired", lambda want: want["left"] == 0),
                ),
                Misconception(
                    "fits-to-the-edge",
                    "You let a wait fit that uses all that is left. After it there is no time for the attempt.",
                    _only("fits", lambda _: True),
                ),
            ),
        ),
        Check(
            name="limits",
            asks="How long each attempt may take",
            points=2,
            draw=_draw_limits,
            expect=_loop,
            because="Three tries of ten seconds are thirty, and nobody decided on thirty.",
            next_step="Give each attempt the smaller of its own limit and what the deadline leaves.",
            read=f"{READ}#why",
            misconceptions=(
                Misconception(
                    "timeout-per-attempt",
                    "You gave every attempt its full limit. Then the limits add up, and nobody owns the sum.",
                    _spent_as(lambda case: float(case["attempt_s"])),
                ),
                Misconception(
                    "fresh-deadline-each-try",
                    "You made a new deadline for each attempt. The user's patience does not start again with a retry.",
                    _spent_as(lambda case: float(min(case["attempt_s"], case["seconds"]))),
                ),
                Misconception(
                    "all-to-the-first",
                    "You gave the first attempt all the time there is. If it hangs, no second one can be made.",
                    lambda seen: all(one.plain["limits"][0] == one.case["seconds"] for one in seen),
                ),
                Misconception(
                    "a-failure-like-any-other",
                    "You named a call that ran out of time like one that failed. The product offers other things then.",
                    _end_is("timeout", lambda end: end == FAILED),
                ),
            ),
        ),
        Check(
            name="waits",
            asks="Which waits are begun, and when the loop gives up",
            points=2,
            draw=_draw_waits,
            expect=_waits,
            because="To wait for an attempt that cannot be made is to say later what is known now.",
            next_step="Ask `fits` before you sleep, and sleep only between attempts.",
            read=f"{READ}#wait-that-does-not-fit",
            misconceptions=(
                Misconception(
                    "sleeps-past-the-end",
                    "You slept longer than the whole call may take. Ask whether a wait fits before you begin it.",
                    _waits_too_long,
                ),
                Misconception(
                    "cuts-the-wait",
                    "You shortened the wait to what was left. Then it ends with the deadline, and nothing was gained by it.",
                    _cut_wait,
                ),
                Misconception(
                    "delays-count-attempts",
                    "You made one attempt for each delay. Delays stand between attempts, so there is one attempt more.",
                    _attempts_off,
                ),
                Misconception(
                    "waits-up-to-the-end",
                    "You began a wait that ends with the deadline itself. It leaves no time for the attempt it was for.",
                    _up_to_the_end,
                ),
                Misconception(
                    "all-ends-alike",
                    "You called it a timeout although time was left. All attempts had failed: that is another end.",
                    _end_is("provider_error", lambda end: end == TIMED_OUT),
                ),
            ),
        ),
        Check(
            name="drip",
            asks="When the reader of a dripping provider ends, and with what",
            points=2,
            draw=_draw_drips,
            expect=_drip,
            because="A limit for each read starts afresh with every byte. A provider that drips holds the line for ever.",
            next_step="Give each read what is left, and stop when nothing is.",
            read=f"{READ}#failure-meaning",
            misconceptions=(
                Misconception(
                    "timeout-escapes",
                    "You let the TimeoutError through. The product is promised a named state, not an exception.",
                    _timeout_escapes,
                ),
                Misconception(
                    "timeout-per-read",
                    "You gave every read the whole time. Each piece that comes then starts it anew.",
                    _fresh_limit,
                ),
                Misconception(
                    "half-is-an-answer",
                    "You gave what had come so far as the answer. Half a decision can say the opposite of the whole.",
                    _half_is_whole,
                ),
                Misconception(
                    "reads-with-nothing-left",
                    "You asked for one more piece with no time left. To some clients a limit of 0 means none at all.",
                    _reads_on,
                ),
            ),
        ),
        Check(
            name="after",
            asks="What is known after a timeout, and whether to repeat",
            points=1,
            draw=_draw_afters,
            expect=_after,
            because="A timeout says that we stopped waiting, and not what the provider did.",
            next_step="Ask whether the request was sent; then, whether it makes something happen.",
            read=f"{READ}#not-proof",
            misconceptions=(
                Misconception(
                    "timed-out-means-not-done",
                    "You took a timeout for proof that nothing was done. Once the request is sent, the work may be done "
                    "and only the answer be late.",
                    _only_known(2, "not_done"),
                ),
                Misconception(
                    "connected-means-sent",
                    "You took a connection for a request. Before anything is written, the provider knows of no work.",
                    _only_known(1, "unknown"),
                ),
                Misconception(
                    "actions-repeat-like-questions",
                    "You would repeat an action that may have been done. That is how one account gets two rotation jobs.",
                    _acts_again,
                ),
                Misconception(
                    "questions-need-keys",
                    "You hold back a question as if it acted. To ask twice costs a little time and money, and changes nothing.",
                    _never_again,
                ),
            ),
        ),
    ),
)

"""Exercise 13: shapes of execution, and a batch that comes back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from labkit.lab.grading.judge import Case, Check, Exercise, Misconception, Seen

READ = "13_execution_shapes"
CODES = ("invalid_request", "context_length_exceeded", "server_error")


# ── drawing ─────────────────────────────────────────────────────────────────────────────────────


def _draw_work(random: Random) -> list[Case]:
    def work(waits: bool, one: bool, seconds: float, records: int, hours: int) -> Case:
        return {
            "someone_waits": waits,
            "one_object": one,
            "seconds": seconds,
            "records": records,
            "can_wait_hours": hours,
        }

    def short() -> int:
        return random.randrange(1, 9)

    def long() -> int:
        return random.randrange(12, 60)

    many, few = random.randrange(30, 900), random.randrange(2, 19)
    return [
        work(True, True, short(), 1, 0),
        work(True, False, short(), 1, 0),
        work(True, True, 10, 1, 0),
        work(True, False, long(), 1, 0),
        work(True, True, long(), 1, 0),
        work(True, False, 11, many, 48),
        work(True, True, short(), many, 48),
        work(False, True, short(), 50_000, 24),
        work(False, False, long(), many, random.randrange(25, 90)),
        work(False, True, long(), 21, 24),
        work(False, True, short(), 20, 24),
        work(False, False, long(), few, random.randrange(1, 20)),
        work(False, True, long(), many, random.randrange(1, 20)),
        work(False, False, short(), many, 23),
    ]


def _ids(random: Random, many: int) -> list[str]:
    start = random.randrange(1, 400)
    return [f"req-{start + n:04d}" for n in range(many)]


def _draw_batches(random: Random) -> list[Case]:
    def case(done: int, failed: int, missing: int) -> Case:
        sent = _ids(random, done + failed + missing)
        places = ["done"] * done + ["failed"] * failed + ["missing"] * missing
        random.shuffle(places)
        output = [
            {"custom_id": one, "response": {"status_code": 200, "body": {"answer": _answer(random)}}}
            for one, place in zip(sent, places, strict=True)
            if place == "done"
        ]
        errors = [
            {"custom_id": one, "error": {"code": random.choice(CODES), "message": f"Request {one} failed."}}
            for one, place in zip(sent, places, strict=True)
            if place == "failed"
        ]
        random.shuffle(errors)
        # Never in the order in which they were sent: a shuffle might leave it.
        turn = random.randrange(1, max(2, done))
        return {"sent": sent, "output": output[turn:] + output[:turn] or None, "errors": errors or None}

    return [case(4, 0, 0), case(4, 2, 0), case(3, 1, 2), case(0, 3, 0), case(3, 0, 2), case(0, 0, 3)]


def _answer(random: Random) -> str:
    return f"answer {random.randrange(10_000, 99_999)}"


def _draw_again(random: Random) -> list[Case]:
    def case(done: int, failed: int, missing: int) -> Case:
        sent = _ids(random, done + failed + missing)
        requests = [{"custom_id": one, "body": {"question": random.randrange(10_000)}} for one in sent]
        places = random.sample(sent, len(sent))
        result = {
            "done": {one: {"answer": _answer(random)} for one in places[:done]},
            "failed": {one: random.choice(CODES) for one in places[done : done + failed]},
            "missing": [one for one in sent if one in places[done + failed :]],
        }
        return {"requests": requests, "result": result}

    return [case(3, 2, 2), case(4, 0, 0), case(0, 0, 4), case(2, 3, 0), case(3, 1, 3)]


def _draw_prices(random: Random) -> list[Case]:
    read = random.randrange(5, 60)
    pays_late = random.randrange(2, 9)
    pairs = [
        (125, 10),
        (200, 10),
        (100, 50),
        (random.randrange(60, 100), read % 50),
        # Exactly even after `pays_late` calls: it pays one call later.
        (100 * pays_late - (pays_late - 1) * read, read),
        (100 * pays_late - (pays_late - 1) * read - 1, read),
        (random.randrange(300, 900), 90),
        (125, 100),
        (random.randrange(150, 190), random.randrange(101, 140)),
        (101, 99),
        (100, 99),
    ]
    return [{"write_price": write, "read_price": read} for write, read in pairs]


# ── what is right ───────────────────────────────────────────────────────────────────────────────


def _shape(case: Case) -> Any:
    few, patient = case["records"] <= 20, case["can_wait_hours"] >= 24
    if case["someone_waits"] and case["seconds"] <= 10:
        return "sync", "answer_needed_now"
    if case["someone_waits"]:
        return ("background", "too_long_to_wait") if case["one_object"] else ("stream", "partial_text_helps")
    if few:
        return "background", "too_few_for_a_batch"
    return ("batch", "can_wait_a_day") if patient else ("background", "sooner_than_a_batch")


def _reconcile(case: Case) -> Any:
    done = {row["custom_id"]: row["response"]["body"] for row in case["output"] or ()}
    failed = {row["custom_id"]: row["error"]["code"] for row in case["errors"] or ()}
    known = {*done, *failed}
    return {"done": done, "failed": failed, "missing": [one for one in case["sent"] if one not in known]}


def _again(case: Case) -> Any:
    return [row for row in case["requests"] if row["custom_id"] in case["result"]["missing"]]


def _break_even(case: Case) -> Any:
    write, read = case["write_price"], case["read_price"]
    if write < 100:
        return 1
    # write + (n - 1) × read < 100 n, solved for n
    return (write - read) // (100 - read) + 1 if read < 100 else None


# ── thoughts ────────────────────────────────────────────────────────────────────────────────────


def _chose(shape: str, where: Callable[[Case], bool]) -> Callable[[Sequence[Seen]], bool]:
    """Whether this shape was chosen for such work, where it is not the right one."""
    return lambda seen: any(
        one.plain[0] == shape and one.expected[0] != shape and where(one.case)
        for one in seen
        if isinstance(one.plain, tuple | list)
    )


def _by_position(seen: Sequence[Seen]) -> bool:
    """Whether bodies stand in the order of the file beside ids in the order of sending."""
    told = [one for one in seen if one.case["output"]]
    bodies = [[row["response"]["body"] for row in one.case["output"]] for one in told]
    return any(one.plain["done"] != one.expected["done"] for one in told) and all(
        one.plain["done"] == dict(zip(one.case["sent"], rows, strict=False))
        for one, rows in zip(told, bodies, strict=True)
    )


def _output_only(seen: Sequence[Seen]) -> bool:
    return all(not one.plain["failed"] for one in seen)


def _all_there(seen: Sequence[Seen]) -> bool:
    return all(not one.plain["missing"] for one in seen)


def _no_file(seen: Sequence[Seen]) -> bool:
    """Whether it broke exactly where a file does not exist."""
    return all(
        (one.raised is not None) == (one.case["output"] is None or one.case["errors"] is None) for one in seen
    )


def _sent(*places: str) -> Callable[[Sequence[Seen]], bool]:
    """Whether what goes out again is what is in these places of the result."""

    def fits(seen: Sequence[Seen]) -> bool:
        return all(
            one.plain
            == [
                row
                for row in one.case["requests"]
                if any(row["custom_id"] in one.case["result"][place] for place in places)
            ]
            for one in seen
        )

    return fits


def _new_ids(seen: Sequence[Seen]) -> bool:
    return any(one.plain != one.expected for one in seen) and all(
        [row["body"] for row in one.plain] == [row["body"] for row in one.expected] for one in seen
    )


def _calls(pays: Callable[[int, int, int], bool]) -> Callable[[Sequence[Seen]], bool]:
    """Whether every answer is the first number of calls for which this holds, or none was given."""

    def fits(seen: Sequence[Seen]) -> bool:
        return all(
            one.value
            == next(
                (n for n in range(1, 2000) if pays(one.case["write_price"], one.case["read_price"], n)), None
            )
            for one in seen
            if one.raised is None and "timeout" not in one.observation
        )

    return fits


EXERCISE = Exercise(
    number="13",
    title="Five shapes for a call",
    asks_for=("choose_shape", "reconcile", "next_batch", "break_even"),
    checks=(
        Check(
            name="shape",
            asks="Which shape a piece of work has, and why",
            points=3,
            draw=_draw_work,
            expect=_shape,
            because="One shape for all work leaves a person at a spinner, or pays the price of haste for what nobody waits for.",
            next_step="Ask first who waits. Then go through that half of the policy, and try the values 10, 20 and 24 yourself.",
            read=f"{READ}#run",
            misconceptions=(
                Misconception(
                    "streaming-is-better",
                    "You stream where nobody can use the parts. Streaming is not cheaper and not faster; it shows the first words earlier, to someone who reads them.",
                    _chose("stream", lambda case: case["one_object"] or not case["someone_waits"]),
                ),
                Misconception(
                    "batch-is-faster",
                    "You send work that is wanted soon as a batch. A batch costs less because it may take 24 hours; it is not faster.",
                    _chose("batch", lambda case: case["can_wait_hours"] < 24),
                ),
                Misconception(
                    "a-person-at-a-batch",
                    "You send work as a batch while a person waits for it. Who waits decides first, before what could be saved.",
                    _chose("batch", lambda case: case["someone_waits"]),
                ),
                Misconception(
                    "sync-for-all",
                    "You run long or unattended work in one request. It ends with a timeout, and the work starts again from nothing.",
                    _chose("sync", lambda case: case["seconds"] > 10 or not case["someone_waits"]),
                ),
            ),
        ),
        Check(
            name="reconcile",
            asks="Which requests of a batch are done, failed or missing",
            points=3,
            draw=_draw_batches,
            expect=_reconcile,
            because="A batch promises neither order nor completeness. A request that is in none of the three places is lost without a trace.",
            next_step="Make one dictionary by custom_id from each file. What was sent and is in neither is missing.",
            read=f"{READ}#why",
            misconceptions=(
                Misconception(
                    "same-order",
                    "You matched results to requests by their position. The files come in any order: customers would get each other's answers.",
                    _by_position,
                ),
                Misconception(
                    "no-file-no-batch",
                    "You need both files. When nothing failed, or all did, one of them does not exist.",
                    _no_file,
                ),
                Misconception(
                    "output-only",
                    "You read the output file only. Failures stand in a file of their own, with their reason.",
                    _output_only,
                ),
                Misconception(
                    "all-come-back",
                    "You took for granted that each request comes back in one of the files. A batch that expires leaves some out.",
                    _all_there,
                ),
            ),
        ),
        Check(
            name="again",
            asks="Which requests go out again",
            points=2,
            draw=_draw_again,
            expect=_again,
            because="What is done is paid for. What failed will mostly fail again until someone changes it.",
            next_step="Go through the requests, and keep those whose id is in `missing`.",
            read=f"{READ}#why",
            misconceptions=(
                Misconception(
                    "send-all-again",
                    "You send the whole batch again. What is done is then paid for twice.",
                    _sent("done", "failed", "missing"),
                ),
                Misconception(
                    "failed-again",
                    "You send the failed ones as well. Their reason is known, and a second try does not change it: look at them first.",
                    _sent("failed", "missing"),
                ),
                Misconception(
                    "new-ids",
                    "You changed the ids of what goes out again. They are the same requests; under another id their results belong to nothing.",
                    _new_ids,
                ),
            ),
        ),
        Check(
            name="break_even",
            asks="From how many calls on a cache costs less",
            points=2,
            draw=_draw_prices,
            expect=_break_even,
            because="Writing a cache costs more than not having one. It pays by the reads that follow.",
            next_step="Write down both costs for one, two and three calls: the first call writes, the others read.",
            read=f"{READ}#change-it",
            misconceptions=(
                Misconception(
                    "even-is-less",
                    "You stop where both cost the same. The cache costs less one call later.",
                    _calls(lambda write, read, n: write + (n - 1) * read <= 100 * n),
                ),
                Misconception(
                    "writing-is-extra",
                    "You counted a read for the first call too. It writes, and there is nothing to read yet.",
                    _calls(lambda write, read, n: write + n * read < 100 * n),
                ),
                Misconception(
                    "writing-is-free",
                    "You left out what writing the cache costs. The first call pays for it.",
                    _calls(lambda _, read, n: n * read < 100 * n),
                ),
            ),
        ),
    ),
)

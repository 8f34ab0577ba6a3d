"""Actions happen once: the rules of a claim, on both stores."""

import asyncio
import json
import os
import threading
from functools import partial

import pytest
from handclock import Clock
from hypothesis import given
from hypothesis import strategies as st

from labkit.failures import LabkitError
from labkit.idempotency import (
    ActionError,
    ActionFailed,
    ActionInProgress,
    Applied,
    AsyncOnce,
    Claim,
    ClaimLost,
    KeyInvalid,
    Ledger,
    Looked,
    NeedsReconcile,
    NotApplied,
    Once,
    OnFailure,
    PayloadMismatch,
    Promise,
    State,
    action_key,
    fingerprint,
    reconcile,
    reconcile_async,
)
from labkit.idempotency.owners import new_owner, owner_is_gone
from labkit.idempotency.rules import Ask

pytest_plugins = ["ledgers"]

KEY = "create_rotation_job:acct_10234:P-7:v1"
PAYLOAD = {"account_id": "acct_10234", "policy_line_id": "P-7"}
HONOURS, PLAIN, SAME = Promise.DOWNSTREAM_HONOURS_KEY, Promise.PLAIN_DOWNSTREAM, Promise.SAME_TRANSACTION


class Jobs:
    """A downstream that counts: every call is one job."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def create(self, claim: Claim) -> str:
        self.made.append(claim.key)
        return f"job_acct_10234_{len(self.made):03d}"


def failing(error: BaseException):
    """Give an effect that raises."""

    def effect(_claim: Claim) -> str:
        raise error

    return effect


def held(ledger: Ledger, promise: Promise = HONOURS, lease_s: float = 60.0) -> Claim:
    """Claim the key as another worker would, and keep it."""
    claim = ledger.claim(Ask(KEY, fingerprint(PAYLOAD), promise, lease_s))
    assert isinstance(claim, Claim)
    return claim


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_key_is_built_from_business_identity() -> None:
    """The lesson's key, from the ids of the case."""
    assert KEY == action_key("create_rotation_job", "acct_10234", "P-7")


@pytest.mark.parametrize(
    "parts",
    [(), ("acct_10234", "rotate it, please"), ("a:b",), ("",), ("x" * 65,), ("acct_10234\n",), ("сс",)],
)
def test_text_is_no_identity(parts: tuple[str, ...]) -> None:
    """A key part with spaces, colons, line ends or foreign letters is refused, as is a key for nobody."""
    with pytest.raises(KeyInvalid):
        action_key("create_rotation_job", *parts)


@given(
    st.lists(st.from_regex(r"[A-Za-z0-9_.-]{1,5}", fullmatch=True), min_size=1, max_size=3), st.integers(1, 3)
)
def test_two_identities_never_share_a_key(parts: list[str], version: int) -> None:
    """A key gives back exactly the identity that it was made from."""
    action, *identity, last = action_key("act", *parts, version=version).split(":")
    assert ("act", parts, f"v{version}") == (action, identity, last)


def test_a_refused_key_part_is_not_shown() -> None:
    """The error gives the length only: the text may be a customer's."""
    with pytest.raises(KeyInvalid) as caught:
        action_key("create_rotation_job", "my password is hunter2")
    assert "hunter2" not in str(caught.value)


def test_a_missing_key_is_refused_before_anything_happens(ledger: Ledger) -> None:
    """An empty key is a 400, and the effect does not run."""
    jobs = Jobs()
    with pytest.raises(KeyInvalid) as caught:
        Once(ledger, HONOURS).run("", PAYLOAD, jobs.create)
    assert (400, []) == (caught.value.http_status, jobs.made)


@given(st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3), max_size=4))
def test_the_order_of_a_payload_does_not_matter(payload: dict[str, object]) -> None:
    """The fingerprint sees content, not order."""
    assert fingerprint(payload) == fingerprint(dict(reversed(payload.items())))


def test_a_payload_that_is_not_json_is_refused() -> None:
    """NaN equals nothing, so it can have no fingerprint."""
    with pytest.raises(LabkitError, match="not JSON"):
        fingerprint({"days": float("nan")})


# ── one action ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("promise", list(Promise))
def test_the_retry_after_a_lost_response_gets_the_first_answer(ledger: Ledger, promise: Promise) -> None:
    """One job, and the same answer twice; only the first call acted."""
    once, jobs = Once(ledger, promise), Jobs()
    assert ("job_acct_10234_001", True) == once.run(KEY, PAYLOAD, jobs.create)
    assert ("job_acct_10234_001", False) == once.run(KEY, PAYLOAD, jobs.create)
    assert [KEY] == jobs.made


@pytest.mark.parametrize("promise", list(Promise))
def test_the_same_key_with_another_payload_is_refused(ledger: Ledger, promise: Promise) -> None:
    """A changed payload is another action, never an old answer."""
    once, jobs = Once(ledger, promise), Jobs()
    once.run(KEY, PAYLOAD, jobs.create)
    with pytest.raises(PayloadMismatch) as caught:
        once.run(KEY, {**PAYLOAD, "account_id": "acct_2"}, jobs.create)
    assert (422, [KEY]) == (caught.value.http_status, jobs.made)


def test_a_mismatch_outranks_in_progress(ledger: Ledger) -> None:
    """Another payload is told so at once, not asked to come back."""
    held(ledger)
    with pytest.raises(PayloadMismatch):
        Once(ledger, HONOURS).run(KEY, {"other": 1}, Jobs().create, wait_s=5)


def test_one_key_keeps_one_promise(ledger: Ledger) -> None:
    """What the downstream can promise does not change between two calls."""
    Once(ledger, HONOURS).run(KEY, PAYLOAD, Jobs().create)
    with pytest.raises(PayloadMismatch, match="downstream_honours_key"):
        Once(ledger, PLAIN).run(KEY, PAYLOAD, Jobs().create)


def test_a_claim_in_progress_says_when_to_come_back(ledger: Ledger, clock: Clock) -> None:
    """A second worker is told what is left of the lease, and does not act."""
    held(ledger, lease_s=60)
    clock.now += 20
    jobs = Jobs()
    with pytest.raises(ActionInProgress) as caught:
        Once(ledger, HONOURS).run(KEY, PAYLOAD, jobs.create)
    assert (409, 40.0, []) == (caught.value.http_status, pytest.approx(caught.value.retry_after_s), jobs.made)


def test_a_patient_caller_gets_the_answer_when_it_is_there(ledger: Ledger) -> None:
    """Waiting polls until the other worker has recorded its result."""
    claim, slept = held(ledger), []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            ledger.finish(claim, State.DONE, '"job_by_the_other"')

    once = Once(ledger, HONOURS, sleep=sleep, random=lambda: 1.0)
    assert ("job_by_the_other", False) == once.run(KEY, PAYLOAD, Jobs().create, wait_s=10)
    assert [0.005, 0.0075, 0.01125] == pytest.approx(slept)


def test_patience_ends(ledger: Ledger) -> None:
    """The wait is never longer than was asked for."""
    held(ledger)
    slept: list[float] = []
    with pytest.raises(ActionInProgress):
        Once(ledger, HONOURS, sleep=slept.append).run(KEY, PAYLOAD, Jobs().create, wait_s=0.5)
    assert 0.5 == pytest.approx(sum(slept))


def test_first_and_repeated_answers_are_the_same_json(ledger: Ledger) -> None:
    """A tuple becomes a list at once, not only in the repeat."""
    once = Once(ledger, HONOURS)
    first = once.run(KEY, PAYLOAD, lambda _: {"ids": (1, 2), "none": None})
    again = once.run(KEY, PAYLOAD, lambda _: None)
    assert {"ids": [1, 2], "none": None} == first.result == again.result


# ── failed and doubtful effects ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("promise", list(Promise))
def test_a_refused_effect_frees_the_key(ledger: Ledger, promise: Promise) -> None:
    """Certainly not applied, and forgotten by default: the next call acts."""
    once, jobs = Once(ledger, promise), Jobs()
    with pytest.raises(ActionFailed, match="account_closed") as caught:
        once.run(KEY, PAYLOAD, failing(NotApplied("account_closed")))
    assert not caught.value.stored
    assert ("job_acct_10234_001", True) == once.run(KEY, PAYLOAD, jobs.create)


@pytest.mark.parametrize("promise", list(Promise))
def test_a_failure_is_stored_when_the_policy_says_so(ledger: Ledger, promise: Promise) -> None:
    """With OnFailure.STORE every repeat gets the first refusal."""
    once, jobs = Once(ledger, promise, on_failure=OnFailure.STORE), Jobs()
    with pytest.raises(ActionFailed):
        once.run(KEY, PAYLOAD, failing(NotApplied("account_closed")))
    with pytest.raises(ActionFailed, match="account_closed") as caught:
        once.run(KEY, PAYLOAD, jobs.create)
    assert (True, "account_closed", []) == (caught.value.stored, caught.value.reason, jobs.made)


def test_doubt_about_a_plain_downstream_stops_everybody(ledger: Ledger, clock: Clock) -> None:
    """After a timeout nobody knows, so no retry acts, however late it comes."""
    once, jobs = Once(ledger, PLAIN), Jobs()
    with pytest.raises(NeedsReconcile) as caught:
        once.run(KEY, PAYLOAD, failing(TimeoutError()))
    assert isinstance(caught.value.__cause__, TimeoutError)
    clock.now += 1_000_000
    with pytest.raises(NeedsReconcile):
        once.run(KEY, PAYLOAD, jobs.create)
    assert [] == jobs.made


def test_doubt_is_harmless_when_the_downstream_honours_the_key(ledger: Ledger) -> None:
    """The error passes through, and the next call sends the same key again at once."""
    once, jobs = Once(ledger, HONOURS), Jobs()
    with pytest.raises(TimeoutError):
        once.run(KEY, PAYLOAD, failing(TimeoutError()))
    assert ("job_acct_10234_001", True) == once.run(KEY, PAYLOAD, jobs.create)


def test_a_second_attempt_that_did_nothing_does_not_speak_for_the_first(ledger: Ledger) -> None:
    """After a doubtful attempt a refused one is stored neither as failed nor as free."""
    once = Once(ledger, HONOURS, on_failure=OnFailure.STORE)
    with pytest.raises(TimeoutError):
        once.run(KEY, PAYLOAD, failing(TimeoutError()))
    with pytest.raises(ActionFailed):
        once.run(KEY, PAYLOAD, failing(NotApplied("connection_refused")))
    row = ledger.row(KEY)
    assert row is not None
    assert State.IN_PROGRESS == row.state
    assert ("job_acct_10234_001", True) == once.run(KEY, PAYLOAD, Jobs().create)


def test_an_effect_in_the_same_transaction_leaves_nothing_behind(ledger: Ledger) -> None:
    """When the effect raises, its writes and its claim are rolled back together."""
    once = Once(ledger, SAME)
    with ledger.transaction() as tx:
        tx.execute("DROP TABLE IF EXISTS rotations")
        tx.execute("CREATE TABLE rotations (account TEXT)")

    def effect(claim: Claim, *, broken: bool) -> str:
        claim.tx.execute("INSERT INTO rotations VALUES (?)", ("acct_10234",))
        if broken:
            raise RuntimeError("after the write")
        return "job"

    with pytest.raises(RuntimeError):
        once.run(KEY, PAYLOAD, partial(effect, broken=True))
    assert (None, 0) == (ledger.row(KEY), count_rotations(ledger))
    once.run(KEY, PAYLOAD, partial(effect, broken=False))
    once.run(KEY, PAYLOAD, partial(effect, broken=False))
    assert 1 == count_rotations(ledger)


def count_rotations(ledger: Ledger) -> int:
    """Count the rows that the effect wrote."""
    with ledger.transaction() as tx:
        return int(tx.execute("SELECT count(*) FROM rotations")[0][0])


def test_a_result_that_is_not_json_leaves_the_action_in_doubt(ledger: Ledger) -> None:
    """The effect has happened by then, so the key must not look free."""
    with pytest.raises(NeedsReconcile) as caught:
        Once(ledger, PLAIN).run(KEY, PAYLOAD, lambda _: object())
    assert "not JSON (object)" in str(caught.value.__cause__)


# ── leases and fences ────────────────────────────────────────────────────────────────────────────────


def test_an_ended_lease_is_taken_over_when_the_key_is_honoured(ledger: Ledger, clock: Clock) -> None:
    """The fence grows, and the worker that slept cannot overwrite the answer."""
    old = held(ledger, lease_s=30)
    clock.now += 30
    assert ("job_acct_10234_001", True) == Once(ledger, HONOURS).run(KEY, PAYLOAD, Jobs().create)
    assert not ledger.finish(old, State.FAILED, error="late")
    row = ledger.row(KEY)
    assert row is not None
    assert (2, State.DONE) == (row.fence, row.state)


def test_a_worker_that_outlived_its_lease_gets_the_other_ones_answer(ledger: Ledger, clock: Clock) -> None:
    """The late worker is told what was recorded, and that it is not the one who acted."""
    once = Once(ledger, HONOURS, lease_s=30)

    def slow(_claim: Claim) -> str:
        clock.now += 31
        assert once.run(KEY, PAYLOAD, lambda _: "by the second").first
        return "by the first"

    assert ("by the second", False) == once.run(KEY, PAYLOAD, slow)


def test_a_lost_claim_with_no_answer_yet_is_named(ledger: Ledger, clock: Clock) -> None:
    """When the one who took over is still busy, the late worker says that its claim is lost."""

    def slow(_claim: Claim) -> str:
        clock.now += 61
        held(ledger)
        return "late"

    with pytest.raises(ClaimLost):
        Once(ledger, HONOURS, lease_s=60).run(KEY, PAYLOAD, slow)


def test_an_ended_lease_on_a_plain_downstream_is_never_run_again_by_itself(
    ledger: Ledger, clock: Clock
) -> None:
    """The next worker parks the action instead of sending it a second time."""
    held(ledger, PLAIN, lease_s=30)
    clock.now += 30
    jobs = Jobs()
    with pytest.raises(NeedsReconcile):
        Once(ledger, PLAIN).run(KEY, PAYLOAD, jobs.create)
    assert [] == jobs.made


def test_the_owner_of_a_parked_action_may_still_record_it(ledger: Ledger, clock: Clock) -> None:
    """Nobody was let in since, so a late success is the best answer there is."""
    once = Once(ledger, PLAIN, lease_s=30)

    def slow(_claim: Claim) -> str:
        clock.now += 31
        with pytest.raises(NeedsReconcile):
            once.run(KEY, PAYLOAD, lambda _: "second")
        return "late but true"

    assert ("late but true", True) == once.run(KEY, PAYLOAD, slow)


def test_a_renewed_lease_holds(ledger: Ledger, clock: Clock) -> None:
    """A long effect extends its own lease, and a lost claim cannot."""
    claim = held(ledger, lease_s=30)
    clock.now += 29
    assert clock.now + 30 == ledger.renew(claim, 30)
    clock.now += 29
    with pytest.raises(ActionInProgress):
        Once(ledger, HONOURS).run(KEY, PAYLOAD, Jobs().create)
    clock.now += 1
    held(ledger)
    assert ledger.renew(claim, 30) is None


def test_only_the_exact_claim_can_write(ledger: Ledger) -> None:
    """The right fence with another owner, or the right owner with another fence, changes nothing."""
    claim = held(ledger)
    for fence, owner in ((claim.fence, "somebody"), (claim.fence + 1, claim.owner)):
        other = Claim(KEY, fence, owner, claim.lease_until)
        assert not ledger.finish(other, State.DONE, '"forged"')
        assert not ledger.release(other)
        assert ledger.renew(other, 60) is None
    assert ledger.finish(claim, State.DONE, '"mine"')


# ── expiry ───────────────────────────────────────────────────────────────────────────────────────────


def test_answers_are_kept_for_ever_unless_told_otherwise(ledger: Ledger, clock: Clock) -> None:
    """A key from identity that acted again after a day would be the very fault."""
    once = Once(ledger, HONOURS)
    once.run(KEY, PAYLOAD, Jobs().create)
    clock.now += 1e9
    assert 0 == ledger.prune()
    assert not once.run(KEY, PAYLOAD, Jobs().create).first


def test_an_expired_answer_is_forgotten(ledger: Ledger, clock: Clock) -> None:
    """After keep_s the key acts again, even with another payload, whether or not it was pruned."""
    once = Once(ledger, HONOURS, keep_s=100)
    once.run(KEY, PAYLOAD, Jobs().create)
    clock.now += 99
    assert not once.run(KEY, PAYLOAD, Jobs().create).first
    clock.now += 1
    assert once.run(KEY, {"other": 1}, Jobs().create).first


def test_pruning_never_deletes_what_is_open(ledger: Ledger, clock: Clock) -> None:
    """Expired answers go; claims in progress and doubtful actions stay, however old."""
    once = Once(ledger, PLAIN, keep_s=100)
    once.run("done:1", PAYLOAD, Jobs().create)
    with pytest.raises(NeedsReconcile):
        once.run("doubt:1", PAYLOAD, failing(TimeoutError()))
    held(ledger)
    clock.now += 1e6
    assert 1 == ledger.prune()
    assert {"doubt:1", KEY} == {row.key for row in ledger.rows()}


# ── reconcile ────────────────────────────────────────────────────────────────────────────────────────


def doubtful(ledger: Ledger, **options: object) -> Once:
    """Give a door whose one action timed out."""
    once = Once(ledger, PLAIN, **options)
    with pytest.raises(NeedsReconcile):
        once.run(KEY, PAYLOAD, failing(TimeoutError()))
    return once


def test_a_found_effect_becomes_the_answer(ledger: Ledger) -> None:
    """What the lookup found is what every repeat gets."""
    once = doubtful(ledger)
    assert [(KEY, "done")] == reconcile(once, lambda row: Applied(f"found for {row.key}"))
    assert (f"found for {KEY}", False) == once.run(KEY, PAYLOAD, Jobs().create)


def test_not_there_yet_is_no_proof(ledger: Ledger, clock: Clock) -> None:
    """A sent request gets settle_s to land before NOT_APPLIED is believed."""
    once, jobs = doubtful(ledger, settle_s=60), Jobs()
    clock.now += 59
    assert [(KEY, "left: the old attempt may still land")] == reconcile(once, lambda _: Looked.NOT_APPLIED)
    clock.now += 1
    assert [(KEY, "free")] == reconcile(once, lambda _: Looked.NOT_APPLIED)
    assert ("job_acct_10234_001", True) == once.run(KEY, PAYLOAD, jobs.create)


def test_a_paused_worker_may_still_send(ledger: Ledger, clock: Clock) -> None:
    """An ended lease whose process lives is left alone, however long ago it ended."""
    held(ledger, PLAIN, lease_s=1)
    clock.now += 1e6
    once = Once(ledger, PLAIN)
    reconcile(once, lambda _: Looked.NOT_APPLIED)
    clock.now += 1e6
    assert [(KEY, "left: the old attempt may still land")] == reconcile(once, lambda _: Looked.NOT_APPLIED)
    never = reconcile(once, lambda _: Looked.NOT_APPLIED, can_still_land=lambda *_: False)
    assert [(KEY, "free")] == never


def test_a_freed_key_no_longer_listens_to_its_old_owner(ledger: Ledger, clock: Clock) -> None:
    """After NOT_APPLIED was believed, a late success is refused, not recorded under a new claim."""
    old = held(ledger, PLAIN, lease_s=1)
    clock.now += 1e6
    reconcile(Once(ledger, PLAIN), lambda _: Looked.NOT_APPLIED, can_still_land=lambda *_: False)
    assert not ledger.finish(old, State.DONE, '"late"')


def test_a_lookup_that_cannot_tell_changes_nothing(ledger: Ledger) -> None:
    """Unknown, or an error in the lookup, leaves the action in doubt; the reason is in the report."""

    def broken(_row: object) -> Applied:
        raise ConnectionError

    once = doubtful(ledger)
    assert [(KEY, "left: the lookup cannot tell")] == reconcile(once, lambda _: Looked.UNKNOWN)
    assert [(KEY, "left: lookup raised ConnectionError")] == reconcile(once, broken)


def test_reconcile_leaves_other_promises_alone(ledger: Ledger, clock: Clock) -> None:
    """An honoured key needs no look: its next caller sends it again."""
    held(ledger, HONOURS, lease_s=1)
    clock.now += 10
    assert [] == reconcile(Once(ledger, PLAIN), lambda _: Applied("never asked"))


def test_owners_are_known_to_be_gone_only_when_that_is_certain() -> None:
    """A dead child of this machine is gone; we are not; nobody knows about other machines."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, new_owner().encode())
        os._exit(0)
    os.waitpid(child, 0)
    dead = os.read(read, 200).decode()
    machine, pid, started = new_owner().partition("/")[0].split("-")
    again = f"{machine}-{pid}-{int(started) + 1}/x"  # our number, used by a process that started later
    elsewhere = f"other{machine}-{pid}-{started}/x"
    assert [True, False, True, False, False] == [
        owner_is_gone(owner) for owner in (dead, new_owner(), again, elsewhere, "nonsense")
    ]


# ── asyncio ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_async_face_is_the_same_door(ledger: Ledger) -> None:
    """Twenty tasks with one key: one effect, one winner, the same answer for all."""
    jobs = Jobs()

    async def create(claim: Claim) -> str:
        await asyncio.sleep(0.01)
        return jobs.create(claim)

    async def all_at_once() -> list[tuple[str, bool]]:
        once = AsyncOnce(ledger, HONOURS)
        return await asyncio.gather(*(once.run(KEY, PAYLOAD, create, wait_s=10) for _ in range(20)))

    answers = asyncio.run(all_at_once())
    assert (1, 1) == (len(jobs.made), sum(first for _, first in answers))
    assert {"job_acct_10234_001"} == {result for result, _ in answers}


def test_the_async_face_keeps_a_transaction_whole(ledger: Ledger) -> None:
    """In the same transaction the effect is a plain function, run with its claim in one thread."""
    once = AsyncOnce(ledger, SAME)
    assert ("job_acct_10234_001", True) == asyncio.run(once.run(KEY, PAYLOAD, Jobs().create))


@pytest.mark.parametrize(("promise", "state"), [(PLAIN, State.NEEDS_RECONCILE), (HONOURS, State.IN_PROGRESS)])
def test_a_cancelled_effect_is_a_doubtful_one(ledger: Ledger, promise: Promise, state: State) -> None:
    """The cancel reaches the caller, and the ledger knows that the effect may have happened."""

    async def cancelled() -> None:
        started = asyncio.Event()

        async def effect(_claim: Claim) -> None:
            started.set()
            await asyncio.Event().wait()

        task = asyncio.ensure_future(AsyncOnce(ledger, promise).run(KEY, PAYLOAD, effect))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    row = ledger.row(KEY)
    assert row is not None
    assert (state, "CancelledError") == (row.state, row.error)


def test_a_cancel_during_the_claim_gives_the_key_back(ledger: Ledger) -> None:
    """The claim is finished, the effect never begins, and the next caller may act."""
    inside, go = threading.Event(), threading.Event()

    class Slow(type(ledger)):
        def claim(self, ask):
            inside.set()
            go.wait(5)
            return ledger.claim(ask)

    slow = Slow.__new__(Slow)
    slow.__dict__ = ledger.__dict__
    jobs = Jobs()

    async def effect(claim: Claim) -> str:
        return jobs.create(claim)

    async def cancelled() -> None:
        once = AsyncOnce(slow, PLAIN, on_failure=OnFailure.STORE)  # a cancel is no failure to be stored
        task = asyncio.ensure_future(once.run(KEY, PAYLOAD, effect))
        await asyncio.to_thread(inside.wait, 5)
        task.cancel()
        await asyncio.sleep(0)
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    row = ledger.row(KEY)
    assert row is not None
    assert (State.FREE, []) == (row.state, jobs.made)


def test_the_async_face_reconciles(ledger: Ledger) -> None:
    """The lookup is awaited; the rules are the same."""
    doubtful(ledger)

    async def lookup(_row: object) -> Applied:
        return Applied("found")

    assert [(KEY, "done")] == asyncio.run(reconcile_async(AsyncOnce(ledger, PLAIN), lookup))


# ── how it looks from outside ────────────────────────────────────────────────────────────────────────


def test_every_refusal_has_a_status_for_ones_own_caller() -> None:
    """A server can pass each error on as the IETF draft says."""
    statuses = {kind.__name__: kind.http_status for kind in ActionError.__subclasses__()}
    assert {
        "KeyInvalid": 400,
        "PayloadMismatch": 422,
        "ActionInProgress": 409,
        "NeedsReconcile": 409,
        "ClaimLost": 409,
        "ActionFailed": 502,
    } == statuses


def test_the_ledger_holds_no_payload(ledger: Ledger) -> None:
    """Only a fingerprint of the payload is stored."""
    Once(ledger, HONOURS).run(KEY, {"note": "private words"}, Jobs().create)
    assert "private words" not in json.dumps([str(row) for row in ledger.rows()])

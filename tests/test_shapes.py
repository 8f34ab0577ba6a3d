"""The chooser: a shape for each workload of the lesson, and always a reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.failures import LabkitError
from labkit.shapes import CACHE_FROM_TOKENS, WATCH_OUT, Choice, Shape, Workload, choose

DAY = 24 * 3600.0
workloads = st.builds(
    Workload,
    records=st.integers(1, 100_000),
    someone_waits=st.booleans(),
    reads_along=st.booleans(),
    one_object=st.booleans(),
    call_s=st.floats(0.01, 120),
    can_wait_s=st.floats(0, 3 * DAY),
    prefix_tokens=st.integers(0, 5000),
    uses_every_s=st.none() | st.floats(0.1, 10_000),
)


@pytest.mark.parametrize(
    ("work", "shapes"),
    [
        (Workload(reads_along=True, one_object=False, call_s=20), (Shape.STREAM,)),  # a long draft
        (Workload(), (Shape.SYNC,)),  # one validated object
        (Workload(records=50_000, someone_waits=False, can_wait_s=DAY), (Shape.BATCH,)),  # offline records
        (Workload(prefix_tokens=4000, uses_every_s=10), (Shape.SYNC, Shape.CACHED)),  # a shared exact prefix
        (Workload(records=50_000, someone_waits=False, can_wait_s=3600), (Shape.BACKGROUND,)),
        (Workload(records=5, someone_waits=False, can_wait_s=DAY), (Shape.BACKGROUND,)),
        (Workload(records=300), (Shape.BACKGROUND,)),  # a person asked for a bulk evaluation
        (Workload(call_s=60), (Shape.BACKGROUND,)),
        (Workload(one_object=False, call_s=60), (Shape.STREAM,)),
        (Workload(one_object=False, call_s=1), (Shape.SYNC,)),
        (
            Workload(records=9_000, someone_waits=False, can_wait_s=DAY, prefix_tokens=2000),
            (Shape.BATCH, Shape.CACHED),
        ),
    ],
)
def test_each_workload_has_its_shape(work: Workload, shapes: tuple[Shape, ...]) -> None:
    """One shape for all work is the beginner's mistake."""
    assert shapes == choose(work).shapes


@pytest.mark.parametrize(
    ("work", "reason"),
    [
        (Workload(prefix_tokens=CACHE_FROM_TOKENS - 1, uses_every_s=10), "below the 1,024"),
        (Workload(prefix_tokens=4000), "sent once"),
        (Workload(prefix_tokens=4000, uses_every_s=301), "forgotten before"),
    ],
)
def test_a_prefix_that_cannot_pay_is_not_cached(work: Workload, reason: str) -> None:
    """Too short, used once, or used too seldom: the reason says which."""
    choice = choose(work)
    assert not choice.cached
    assert reason in choice.reasons[-1]


@given(workloads)
def test_every_choice_has_reasons_and_a_warning(work: Workload) -> None:
    """No workload is left without advice, and the warning fits the shape."""
    choice = choose(work)
    assert choice.reasons
    assert tuple(WATCH_OUT[shape] for shape in choice.shapes) == choice.watch_out


@given(workloads)
def test_nobody_who_waits_is_given_a_batch(work: Workload) -> None:
    """A batch may take a day; it is for work that nobody watches and that can wait as long."""
    if choose(work).shape is Shape.BATCH:
        assert not work.someone_waits
        assert work.can_wait_s >= DAY


@given(workloads)
def test_one_object_is_never_streamed(work: Workload) -> None:
    """A value that must validate before it is shown has no useful parts."""
    assert not (work.one_object and choose(work).shape is Shape.STREAM)


@given(workloads)
def test_choosing_twice_is_choosing_the_same(work: Workload) -> None:
    """The chooser is pure."""
    assert isinstance(choose(work), Choice)
    assert choose(work) == choose(work)


@pytest.mark.parametrize("wrong", [{"records": 0}, {"call_s": -1}, {"can_wait_s": -1}, {"prefix_tokens": -1}])
def test_an_impossible_workload_is_refused(wrong: dict[str, int]) -> None:
    """The error names the field, the value and the wish."""
    ((name, value),) = wrong.items()
    with pytest.raises(LabkitError, match=rf"{name} is {value}; wanted"):
        Workload(**wrong)

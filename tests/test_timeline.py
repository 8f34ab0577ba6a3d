"""One call in three lanes."""

from dataclasses import replace

import pytest

from labkit.failures import Kind
from labkit.lab.case import EVIDENCE, TASK
from labkit.lab.connect import connect
from labkit.lab.figures.timeline import lanes
from labkit.lab.timeline import LANES, as_table, events
from labkit.lab.widgets import Stepper
from labkit.lab.widgets.timeline import picture
from labkit.transport import Http
from tests.scripted import World, completion, error


def _record(*script):
    world = World(list(script), latency=0.04)
    return world.boundary().call(TASK, EVIDENCE).record


@pytest.fixture
def recovered():
    """A 429, a wait, an answer."""
    return _record(error(429, "rate_limit_exceeded"), completion())


def test_a_recovered_call_reads_as_a_story(recovered):
    """Receive, attempt, classify, wait, attempt, gates, answer, record."""
    assert [event.what for event in events(recovered)] == [
        "receive", "attempt", "classify", "wait", "attempt", "gate", "answer", "record",
    ]  # fmt: skip


def test_each_event_is_in_the_lane_of_who_acts(recovered):
    """The product asks and gets; the provider answers; operations decides and writes down."""
    lane = {event.what: event.lane for event in events(recovered)}
    assert lane == {
        "receive": "product", "attempt": "provider", "classify": "operations", "wait": "operations",
        "gate": "operations", "answer": "product", "record": "operations",
    }  # fmt: skip


def test_time_never_goes_back(recovered):
    """Events are in the order in which they happened."""
    times = [event.at_ms for event in events(recovered)]
    assert times == sorted(times)


def test_a_wait_stands_between_its_attempts(recovered):
    """It starts where the first ended and ends where the second starts."""
    first, second = (event for event in events(recovered) if event.what == "attempt")
    wait = next(event for event in events(recovered) if event.what == "wait")
    assert wait.at_ms == pytest.approx(first.at_ms + first.lasts_ms)
    assert wait.at_ms + wait.lasts_ms == pytest.approx(second.at_ms)


@pytest.mark.parametrize(
    ("text", "gate"),
    [
        ("not JSON", "schema gate"),
        ('{"decision":"eligible","rotation_window_days":90,"source_line_ids":["P-7"]}', "business gate"),
    ],
)
def test_a_refused_answer_names_its_gate(text, gate):
    """Valid and wrong is another end than invalid."""
    last = [event for event in events(_record(completion(text))) if event.what == "gate"]
    assert [event.text.split(":")[0] for event in last] == [gate]


def test_a_failure_tells_the_product_what_to_do():
    """The named end and its next step stand in the product's lane."""
    ending = next(event for event in events(_record(error(401))) if event.what == "failure")
    assert ending.text == "gets a named failure: auth, tell_operations"
    assert ending.good is False


def test_a_wait_that_the_provider_asked_for_says_so():
    """Retry-After is no draw below a ceiling."""
    record = _record(error(429, "rate_limit_exceeded", retry_after="3"), completion())
    wait = next(event for event in events(record) if event.what == "wait")
    assert wait.text == "waits 3.5 s, no less than the provider asked"


def test_the_table_can_stop_in_the_middle(recovered):
    """The first three events, as rows."""
    assert len(as_table(recovered, upto=3).rows) == 3


def test_the_figure_has_the_three_lanes(recovered):
    """Lane names are the labels of its axis."""
    labels = [label.get_text() for label in lanes(recovered).axes[0].get_yticklabels()]
    assert tuple(labels) == LANES


def test_the_alternative_text_tells_the_whole_call(recovered):
    """Who cannot see the figure reads the same events."""
    alt = picture(recovered).alt
    assert all(event.short in alt for event in events(recovered))


def test_the_stepper_goes_forward_and_back_and_stops_at_the_ends(recovered):
    """Positions outside are taken to the nearest end."""
    stepper = Stepper(recovered)
    assert stepper.position == 1
    assert stepper.go(3).sentence == "Step 3 of 8, 40 ms, operations: rate_limited: retry_with_backoff"
    assert stepper.go(2).position == 2
    assert stepper.go(99).position == 8
    assert stepper.go(-1).position == 1


def test_a_lab_makes_the_same_numbers_everywhere():
    """Real requests, a lesson clock, a fixed draw."""
    lab = connect(script=["429", "ok"])
    record = lab.boundary.call(TASK, EVIDENCE).record
    assert (record.latency_ms, record.attempts[1].delay_s, lab.provider.count) == (580.0, 0.5, 2)
    assert lab.records == [record]


def test_a_lab_that_is_dropped_stops_its_provider():
    """A cell that is run again leaves no server behind."""
    lab = connect()
    address = lab.provider.base_url
    request = lab.boundary.adapter.request(TASK, EVIDENCE, "any")
    del lab
    with Http(address) as http:
        assert http.exchange(request, 2.0).kind is Kind.CONNECT


def test_a_boundary_keeps_its_provider_while_it_is_in_use():
    """One line is enough: nothing else has to be held."""
    assert connect().boundary.call(TASK, EVIDENCE).ok


def test_a_timeout_takes_its_time_on_the_lesson_clock():
    """An exchange that ran into its limit counts as long as the limit."""
    task = replace(TASK, timeout_seconds=0.1, max_retries=0)
    record = connect(script=["silence"]).boundary.call(task, EVIDENCE).record
    assert (record.status, record.latency_ms) == (Kind.TIMEOUT, 100.0)

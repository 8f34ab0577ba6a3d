"""OpenTelemetry export: the GenAI names, true times, attempts as events, and nothing anyone wrote."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from scripted import World, completion, error
from some_records import make_failure, make_record

from labkit.lab.case import EVIDENCE, QUESTION, TASK
from labkit.records import CallRecord
from labkit.sinks import OtelSink
from labkit.sinks.otel import DURATION, EVENT_NAMES, SPAN_NAMES, TOKEN_USAGE

pytest.importorskip("opentelemetry.sdk")

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode


class Collector:
    """Providers that keep everything in memory, and a sink that exports to them."""

    def __init__(self) -> None:
        self._spans, self._reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self.sink = OtelSink(self.tracers, MeterProvider([self._reader]))

    def span(self, record: CallRecord) -> ReadableSpan:
        """The span of one record."""
        self.sink(record)
        return self._spans.get_finished_spans()[-1]

    def spans(self) -> tuple[ReadableSpan, ...]:
        """Every span that was exported."""
        return self._spans.get_finished_spans()

    def points(self, name: str) -> list[Any]:
        """The data points of one metric."""
        data = self._reader.get_metrics_data()
        metrics = (
            [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics] if data else []
        )
        return [point for metric in metrics if metric.name == name for point in metric.data.data_points]


@pytest.fixture
def collector() -> Collector:
    return Collector()


def test_a_call_is_one_client_span_with_its_own_times(collector: Collector) -> None:
    """The span begins when the call began and lasts as long as the call did, whenever it is exported."""
    span = collector.span(make_record())

    assert (span.name, span.kind) == ("chat practice-1", SpanKind.CLIENT)
    assert span.start_time == 1_795_000_000_250_000_000
    assert span.end_time is not None
    assert span.end_time - span.start_time == 840_000_000


def test_the_span_has_the_genai_names(collector: Collector) -> None:
    """Operation, provider, models, response, finish reason and usage, each under its name."""
    span = collector.span(make_record())

    assert dict(span.attributes or {}) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "practice-1",
        "gen_ai.request.stream": False,
        "gen_ai.response.model": "practice-1",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 921,
        "gen_ai.usage.output_tokens": 84,
        "gen_ai.usage.cache_read.input_tokens": 221,
        "gen_ai.usage.cache_creation.input_tokens": 0,
        "gen_ai.usage.reasoning.output_tokens": 20,
        "labkit.trace_id": "trace_1",
        "labkit.task": "decide_rotation",
        "labkit.prompt_version": "rotation_decision@2",
        "labkit.retries": 1,
        "labkit.unreported_attempts": 0,
        "labkit.cost": "0.00194820",
        "labkit.rate_card": "illustrative-2026-01@sha256:0123456789ab",
    }
    assert span.status.status_code is StatusCode.UNSET


def test_the_names_are_those_of_the_conventions() -> None:
    """Where the installed conventions know a gen_ai name, ours is one of theirs."""
    conventions = pytest.importorskip("opentelemetry.semconv._incubating.attributes.gen_ai_attributes")
    known = {value for name, value in vars(conventions).items() if name.startswith("GEN_AI_")}
    ours = {*SPAN_NAMES.values(), *EVENT_NAMES.values()}

    assert {name for name in ours if name.startswith("gen_ai.")} <= known


def test_attempts_are_events_at_their_own_times(collector: Collector) -> None:
    """The failed attempt and its wait can be seen inside a call that ended well."""
    first, second = collector.span(make_record()).events

    assert first.timestamp == 1_795_000_000_250_000_000 + 12_500_000
    assert first.attributes is not None
    assert first.attributes["error.type"] == "rate_limited"
    assert first.attributes["http.response.status_code"] == 429
    assert second.attributes is not None
    assert "error.type" not in second.attributes
    assert second.attributes["labkit.attempt.delay_s"] == 0.5
    assert second.attributes["gen_ai.usage.input_tokens"] == 921


def test_a_failed_call_has_its_kind_as_error_type(collector: Collector) -> None:
    """A timeout is an error span; its unknown tokens are absent, not 0."""
    span = collector.span(make_failure())

    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description is None
    assert span.attributes is not None
    assert span.attributes["error.type"] == "timeout"
    assert "gen_ai.usage.input_tokens" not in span.attributes
    assert [dict(point.attributes) for point in collector.points(TOKEN_USAGE)] == []


def test_time_to_first_chunk_is_in_seconds(collector: Collector) -> None:
    """A streamed call says when its first chunk came."""
    record = make_record(streamed=True)
    streamed = replace(record, attempts=(replace(record.attempts[1], first_chunk_ms=120.0),))
    attributes = collector.span(streamed).attributes

    assert attributes is not None
    assert attributes["gen_ai.response.time_to_first_chunk"] == 0.12
    assert attributes["gen_ai.request.stream"] is True


def test_the_two_metrics(collector: Collector) -> None:
    """Duration in seconds with the error's kind, tokens by type."""
    collector.sink(make_record())
    collector.sink(make_failure())
    durations = {point.attributes.get("error.type"): point.sum for point in collector.points(DURATION)}
    tokens = {point.attributes["gen_ai.token.type"]: point.sum for point in collector.points(TOKEN_USAGE)}

    assert durations == {None: 0.84, "timeout": 0.001}
    assert tokens == {"input": 921, "output": 84}


def test_the_buckets_can_tell_calls_apart(collector: Collector) -> None:
    """The boundaries are in seconds: the default ones would put every call into the first bucket."""
    for latency in (20.0, 840.0, 9_000.0):
        collector.sink(make_record(latency_ms=latency))
    (point,) = collector.points(DURATION)

    assert sum(count > 0 for count in point.bucket_counts) == 3


def test_a_span_is_the_child_of_the_callers(collector: Collector) -> None:
    """Exported inside a request's span, the call belongs to it."""
    with collector.tracers.get_tracer("app").start_as_current_span("request") as request:
        child = collector.span(make_record())

    assert child.parent is not None
    assert child.parent.span_id == request.get_span_context().span_id


def test_an_abused_field_is_exported_as_a_marker(collector: Collector) -> None:
    """A key in the model reaches neither the span's name nor its attributes nor a metric."""
    key = "sk-proj-" + "Ab3dEf9hIj" * 5
    span = collector.span(make_record(model=key, reason=QUESTION))
    everything = span.to_json() + repr(collector.points(DURATION))

    assert key not in everything
    assert "Can I rotate" not in everything


def test_real_calls_export_nothing_anyone_wrote(collector: Collector) -> None:
    """Through the boundary, the good and the bad end: no question, answer or provider's message."""
    for script in ([error(429, "rate_limit_exceeded"), completion()], [error(400, "bad")]):
        world = World(script)
        boundary = world.boundary()
        boundary.sinks = (collector.sink,)
        boundary.call(TASK, EVIDENCE)
    shown = "".join(span.to_json() for span in collector.spans())

    assert len(collector.spans()) == 2
    for text in (QUESTION, "not for us", "eligible", "within 30 days"):
        assert text not in shown

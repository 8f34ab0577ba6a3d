"""Records as OpenTelemetry spans and metrics, under the GenAI names.

Without it every team invents its own names, and no dashboard reads two services. The names are still
in development, so each stands once, in the tables below.

    boundary = Boundary.open(…, sinks=[OtelSink()])      # the global tracer and meter providers
    OtelSink(tracer_provider=tracers, meter_provider=meters)

A call is one client span with its true start and end; each attempt is an event in it. No prompt, no
answer and no message of an error is exported. Needs `pip install "labkit[otel]"`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labkit.failures import LabkitError
from labkit.records import CallRecord
from labkit.sinks.row import clean_row

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

__all__ = ["OtelSink"]

OPERATION = "chat"

#: Field of the record's row -> attribute of the span.
SPAN_NAMES = {
    "provider": "gen_ai.provider.name",
    "model": "gen_ai.request.model",
    "streamed": "gen_ai.request.stream",
    "response_model": "gen_ai.response.model",
    "response_id": "gen_ai.response.id",
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "cache_read_tokens": "gen_ai.usage.cache_read.input_tokens",
    "cache_write_tokens": "gen_ai.usage.cache_creation.input_tokens",
    "reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
    # Ours: the conventions have no name for these.
    "trace_id": "labkit.trace_id",
    "task": "labkit.task",
    "prompt_version": "labkit.prompt_version",
    "reason": "labkit.reason",
    "retries": "labkit.retries",
    "unreported_attempts": "labkit.unreported_attempts",
    "cost": "labkit.cost",
    "rate_card": "labkit.rate_card",
}
#: Field of an attempt's row -> attribute of its event.
EVENT_NAMES = {
    "number": "labkit.attempt.number",
    "status": "labkit.attempt.status",
    "reason": "labkit.attempt.reason",
    "latency_ms": "labkit.attempt.latency_ms",
    "ceiling_s": "labkit.attempt.ceiling_s",
    "delay_s": "labkit.attempt.delay_s",
    "request_id": "labkit.attempt.request_id",
    "http_status": "http.response.status_code",
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
}
EVENT = "labkit.attempt"
OPERATION_NAME = "gen_ai.operation.name"
FINISH_REASONS = "gen_ai.response.finish_reasons"
FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
ERROR_TYPE = "error.type"
TOKEN_TYPE = "gen_ai.token.type"  # noqa: S105 - a kind of token, not a secret

DURATION = "gen_ai.client.operation.duration"
TOKEN_USAGE = "gen_ai.client.token.usage"  # noqa: S105
# The conventions' own boundaries: the defaults are made for milliseconds and put every call in one bucket.
_SECONDS = [0.01 * 2**power for power in range(14)]
_TOKENS = [4**power for power in range(14)]


class OtelSink:
    """Export each record as a span with events, its duration and its tokens."""

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        try:
            from opentelemetry import metrics, trace  # noqa: PLC0415 - optional
        except ImportError:
            raise LabkitError('OpenTelemetry is not installed; pip install "labkit[otel]"') from None
        self._trace = trace
        self._tracer = trace.get_tracer("labkit", tracer_provider=tracer_provider)
        meter = metrics.get_meter("labkit", meter_provider=meter_provider)
        self._duration = meter.create_histogram(
            DURATION,
            unit="s",
            description="How long calls took, all attempts and waits included.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._tokens = meter.create_histogram(
            TOKEN_USAGE,
            unit="{token}",
            description="Tokens of a call that were reported, by type.",
            explicit_bucket_boundaries_advisory=_TOKENS,
        )

    def __call__(self, record: CallRecord) -> None:
        """Export one record, as a child of the span that is current where the call ended."""
        row = clean_row(record)
        self._span(row)
        self._measure(row)

    def _span(self, row: dict[str, Any]) -> None:
        begin = _nanoseconds(row["at"])
        span = self._tracer.start_span(
            f"{OPERATION} {row['model']}",
            kind=self._trace.SpanKind.CLIENT,
            start_time=begin,
            attributes={OPERATION_NAME: OPERATION, **_named(row, SPAN_NAMES), **_of_the_reply(row)},
        )
        for attempt in row["attempts"]:
            ended = attempt["started_ms"] + attempt["latency_ms"]
            failed = {} if attempt["kind"] == "ok" else {ERROR_TYPE: attempt["kind"]}
            span.add_event(EVENT, {**_named(attempt, EVENT_NAMES), **failed}, begin + round(ended * 1e6))
        if row["status"] != "ok":
            span.set_attribute(ERROR_TYPE, row["status"])
            span.set_status(self._trace.StatusCode.ERROR)
        span.end(begin + round(row["latency_ms"] * 1e6))

    def _measure(self, row: dict[str, Any]) -> None:
        about = {
            OPERATION_NAME: OPERATION,
            **{SPAN_NAMES[k]: row[k] for k in ("provider", "model", "response_model") if row.get(k)},
        }
        failed = {} if row["status"] == "ok" else {ERROR_TYPE: row["status"]}
        self._duration.record(row["latency_ms"] / 1000, {**about, **failed})
        for kind in ("input", "output"):
            count = row.get(f"{kind}_tokens")
            if count is not None:  # unknown is not 0
                self._tokens.record(count, {**about, TOKEN_TYPE: kind})


def _named(row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {names[field]: value for field, value in row.items() if field in names and value not in (None, "")}


def _of_the_reply(row: dict[str, Any]) -> dict[str, Any]:
    """What the conventions want as a list, or in seconds."""
    found: dict[str, Any] = {}
    if row.get("finish_reason"):
        found[FINISH_REASONS] = [row["finish_reason"]]
    first = next((a["first_chunk_ms"] for a in row["attempts"] if a.get("first_chunk_ms") is not None), None)
    if first is not None:
        found[FIRST_CHUNK] = first / 1000
    return found


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e6) * 1000

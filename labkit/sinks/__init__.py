"""Where records go: a file, a database, a log, a trace.

A sink is anything that takes a `CallRecord`. These four write the same allowlisted row, so a value
that is no id, count or name of ours reaches none of them. A sink that cannot write raises `SinkError`,
which the boundary turns into a log line: the product keeps its answer.

    boundary = Boundary.open(…, sinks=[JsonlSink("calls.jsonl"), SqliteSink("calls.db")])
    read_jsonl("calls.jsonl").rows
"""

from labkit.sinks.jsonl import JsonlLog, JsonlSink, Skipped, read_jsonl
from labkit.sinks.logs import LoggingSink
from labkit.sinks.otel import OtelSink
from labkit.sinks.row import SinkError, clean_row
from labkit.sinks.sqlite import SqliteSink, read_frame

__all__ = [
    "JsonlLog",
    "JsonlSink",
    "LoggingSink",
    "OtelSink",
    "SinkError",
    "Skipped",
    "SqliteSink",
    "clean_row",
    "read_frame",
    "read_jsonl",
]

"""Records as log lines, through the logging you already have.

Without it a product with one place for its logs would have to read a second one for its calls.

    Boundary.open(…, sinks=[LoggingSink()])      # event call_recorded, the row as fields

Under `labkit.redaction.take_over` every field comes through. Another formatter shows only the event,
unless it writes `extra` fields; the row is allowlisted before it is handed over, so either is safe.
"""

from __future__ import annotations

import logging

from labkit.failures import Kind
from labkit.records import CallRecord
from labkit.sinks.row import clean_row

__all__ = ["LoggingSink"]


class LoggingSink:
    """One line for each call: INFO when it ended well, WARNING when it failed."""

    def __init__(self, logger: logging.Logger | None = None) -> None:
        self.logger = logger or logging.getLogger("labkit.records")

    def __call__(self, record: CallRecord) -> None:
        """Log the record's row."""
        level = logging.INFO if record.status is Kind.OK else logging.WARNING
        if self.logger.isEnabledFor(level):
            self.logger.log(level, "call_recorded", extra=clean_row(record))

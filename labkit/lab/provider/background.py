"""Responses that are made in the background: asked for now, fetched later, or cancelled.

Polling has its own ways to go wrong: a client that never stops asking, that takes "queued" for an
answer, or that cancels what is finished. Progress here follows the provider's clock, so a test
moves it instead of waiting.

    store.add(body, response)              # queued
    store.current(response_id, now)        # queued, in_progress, then what the model said
    store.cancel(response_id, now)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from labkit.lab.provider.problems import Problem

Response = dict[str, Any]


@dataclass(slots=True)
class _Job:
    final: Response
    asked_at: float
    seconds: float
    cancelled: bool = False


class Background:
    """Stored responses. `seconds` is how long one takes, a quarter of it in the queue."""

    def __init__(self) -> None:
        self._jobs: dict[str, _Job] = {}

    def clear(self) -> None:
        """Forget everything."""
        self._jobs.clear()

    def add(self, final: Response, now: float, seconds: float) -> Response:
        """Keep a response that will be `final` after `seconds`; what it is now."""
        self._jobs[final["id"]] = _Job(final, now, seconds)
        return self.current(final["id"], now)

    def current(self, response_id: str, now: float) -> Response:
        """The response as it stands at `now`. Raises a 404 for an id that is not kept."""
        job = self._job(response_id)
        if job.cancelled:
            return _unfinished(job.final, "cancelled")
        elapsed = now - job.asked_at
        if elapsed >= job.seconds:
            return job.final
        return _unfinished(job.final, "queued" if elapsed < job.seconds / 4 else "in_progress")

    def cancel(self, response_id: str, now: float) -> Response:
        """Stop a background response; one that has ended stays as it is."""
        job = self._job(response_id)
        if not job.final["background"]:
            raise Problem(400, "invalid_value", "Only a response made with background=true can be cancelled.")
        job.cancelled = job.cancelled or now - job.asked_at < job.seconds
        return self.current(response_id, now)

    def delete(self, response_id: str) -> Response:
        """Drop a stored response."""
        self._job(response_id)
        del self._jobs[response_id]
        return {"id": response_id, "object": "response", "deleted": True}

    def _job(self, response_id: str) -> _Job:
        job = self._jobs.get(response_id)
        if job is None:
            raise Problem(404, None, "No response with this id is kept.", param="response_id")
        return job


def _unfinished(final: Response, status: str) -> Response:
    nothing: Response = {
        "output": [],
        "usage": None,
        "error": None,
        "incomplete_details": None,
        "completed_at": None,
    }
    return {**final, **nothing, "status": status}

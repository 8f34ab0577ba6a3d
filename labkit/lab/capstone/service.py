"""Luna's support desk: a form, a streamed draft that says it is unapproved, a decision, one job.

Put together wrongly, each part still demos well: the draft is shown as an answer, the button acts on it, a
double click makes two jobs, and a cancelled request goes on costing money. Here every part is the boundary's:

    GET  /                the page
    POST /ask             {"question": …}: drafts as they come, then the decision and both records (SSE)
    POST /rotate          {"case": …}: acts once, if the case's validated decision allows it
    POST /reconcile       looks up what is in doubt
    POST /lab/fault       {"fault": …}: what the practice provider does next (the lab's own, not a product's)

Leaving the page, or pressing Cancel, closes the connection to the provider and leaves a record.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from labkit.actions import Actor, Authorised, Denied, RotationService, ServiceUnsure, act, authorise
from labkit.boundary import AsyncBoundary
from labkit.contracts import Answer, ContractError, Outcome, RotationDecision, Task
from labkit.idempotency import ActionError, NeedsReconcile, Once, Promise, SQLiteLedger, reconcile
from labkit.lab.case import EVIDENCE, TASK
from labkit.lab.provider import Provider, practice
from labkit.proposals import RotationProposal
from labkit.records import CallRecord
from labkit.transport import Http

PAGE = Path(__file__).with_name("page.html")
MOST_QUESTION = 2000  # characters
LUNA = Actor("luna", frozenset({TASK.account_id}))
# The eight faults that the capstone must survive: what they are called on the page, and what they do.
FAULTS = {
    "none": ("all is well", "calls", ()),
    "rate_limit": ("429, a passing rate limit", "calls", ("429", "ok", "ok")),
    "quota": ("429, the quota is spent", "calls", ("quota", "quota", "quota")),
    "slow": ("the provider says nothing", "calls", ("silence", "silence", "silence")),
    "truncated": ("the stream ends without its end mark", "calls", ("no_marker", "ok")),
    "error_midway": ("an error in the middle of the stream", "calls", ("stream_error:6", "ok")),
    "ninety_days": ("a valid answer that says 90 days", "calls", ("ok", "window_90")),
    "refusal": ("the model refuses", "calls", ("refusal", "refusal")),
    "lost_response": ("the job is made, the answer is lost", "rotations", ("lost_response",)),
}

# No fault, but time enough to press Cancel.
SLOW_WORDS = {"slow_words": ("all is well, and the words come slowly", "calls", ("pace:0.4", "ok"))}
CHOICES = {**FAULTS, **SLOW_WORDS}


@dataclass
class Desk:
    """What the service holds: a way to the provider, the ledger, and the cases that were decided."""

    boundary: AsyncBoundary
    once: Once
    rotations: RotationService
    fault: Callable[[str], None]
    timeout_seconds: float = 8.0
    records: list[CallRecord] = field(default_factory=list)
    cases: dict[str, tuple[Task, RotationDecision]] = field(default_factory=dict)
    count: int = 0

    def task(self, question: str) -> Task:
        """The question as a task. Raises `ContractError` for one that is not asked."""
        self.count += 1
        return replace(
            TASK,
            customer_question=question[:MOST_QUESTION],
            trace_id=f"trace_desk_{self.count:04d}",
            timeout_seconds=self.timeout_seconds,
        )

    def authorised(self, case: str) -> Authorised | Denied:
        """Whether Luna may act on a case: from the decision that passed the gates, never from a draft."""
        found = self.cases.get(case)
        if found is None:
            return Denied(("no_validated_decision",))
        task, decision = found
        proposal = RotationProposal(account_id=task.account_id, policy_line_id=task.policy_line_ids[0])
        return authorise(proposal, decision, task, EVIDENCE, LUNA)


def create_service(desk: Desk) -> Starlette:  # noqa: C901 - one short function a route
    """The service as an ASGI app."""

    async def page(_: Request) -> Response:
        options = "".join(f'<option value="{name}">{told}</option>' for name, (told, _, _) in CHOICES.items())
        return HTMLResponse(PAGE.read_text("utf-8").replace("<!-- faults -->", options))

    async def ask(request: Request) -> Response:
        body = await read(request)
        try:
            task = desk.task(str(body.get("question", "")))
        except ContractError:
            return JSONResponse({"status": "bad_request", "next_step": "ask_something"}, 400)
        return StreamingResponse(answering(desk, task), media_type="text/event-stream")

    async def rotate(request: Request) -> Response:
        verdict = desk.authorised(str((await read(request)).get("case", "")))
        if isinstance(verdict, Denied):
            return JSONResponse({"status": "denied", "reasons": list(verdict.reasons)}, 403)
        try:
            job, first = await run_in_threadpool(act, desk.once, desk.rotations, verdict, wait_s=5.0)
        except (NeedsReconcile, ServiceUnsure):
            return JSONResponse({"status": "in_doubt", "next_step": "reconcile"}, 202)
        except ActionError as error:
            return JSONResponse({"status": type(error).__name__, "next_step": "show_retry_option"}, 409)
        return JSONResponse({"status": "done", "job": job, "first": first})

    async def look(_: Request) -> Response:
        found = await run_in_threadpool(reconcile, desk.once, desk.rotations.lookup)
        return JSONResponse({"status": "looked", "settled": len(found)})

    async def fault(request: Request) -> Response:
        name = str((await read(request)).get("fault", ""))
        if name not in CHOICES:
            return JSONResponse({"status": "bad_request"}, 400)
        desk.fault(name)
        return JSONResponse({"status": "set", "fault": name})

    return Starlette(
        routes=[
            Route("/", page),
            Route("/ask", ask, methods=["POST"]),
            Route("/rotate", rotate, methods=["POST"]),
            Route("/reconcile", look, methods=["POST"]),
            Route("/lab/fault", fault, methods=["POST"]),
        ]
    )


async def read(request: Request) -> dict[str, Any]:
    """The request's JSON object, or an empty one."""
    try:
        body = json.loads(await request.body())
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


async def answering(desk: Desk, task: Task) -> AsyncIterator[str]:
    """Drafts while they come; then the decision, which alone can be acted on; then what operations got."""
    draft = replace(task, task="draft_reply", prompt_version="reply_draft@1")
    async with desk.boundary.stream(draft, EVIDENCE) as stream:
        async for part in stream:
            yield event("draft", {"text": part.text, "state": str(part.state), "approved": False})
    yield event("reply", summary(stream.outcome))
    outcome = await desk.boundary.call(task, EVIDENCE)
    case = ""
    if isinstance(outcome, Answer) and outcome.value.decision == "eligible":
        case = task.trace_id
        desk.cases[case] = (task, outcome.value)
    yield event("decision", {**summary(outcome), "case": case})


def event(name: str, data: dict[str, Any]) -> str:
    """One server-sent event."""
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"


def summary(outcome: Outcome[Any]) -> dict[str, Any]:
    """What the page may show of an outcome: the typed value or the named failure, and its record."""
    record = outcome.record
    row = {
        "trace_id": record.trace_id,
        "status": str(record.status),
        "attempts": [str(attempt.kind) for attempt in record.attempts],
        "input_tokens": record.input_tokens,
        "output_tokens": record.output_tokens,
    }
    if isinstance(outcome, Answer):
        return {"ok": True, "value": outcome.value.model_dump(mode="json"), "record": row}
    return {"ok": False, **outcome.summary(), "reason": outcome.reason, "record": row}


def desk_for(provider: Provider, ledger: Path, timeout_seconds: float = 8.0) -> Desk:
    """A desk that reaches a practice provider, with its ledger in a file."""
    records: list[CallRecord] = []
    boundary = AsyncBoundary.open(
        "openai", provider.base_url, provider.key, model="practice-model", sinks=[records.append]
    )
    rotations = RotationService(
        Http(provider.base_url, {"authorization": f"Bearer {provider.key}"}), seconds=3.0
    )

    def fault(name: str) -> None:
        _, on, script = CHOICES[name]
        provider.script((), on="calls")
        provider.script((), on="rotations")
        provider.script(script, on=on)

    once = Once(SQLiteLedger(ledger), Promise.DOWNSTREAM_HONOURS_KEY)
    return Desk(boundary, once, rotations, fault, timeout_seconds, records)


def serve(host: str = "127.0.0.1", port: int = 8080, ready: Callable[[str], None] = print) -> None:
    """Run the reference in the foreground, with a practice provider of its own, until Ctrl-C."""
    import uvicorn  # noqa: PLC0415 - only here

    with tempfile.TemporaryDirectory() as folder, practice() as provider:
        app = create_service(desk_for(provider, Path(folder) / "actions.db"))
        ready(f"the desk is open at http://{host}:{port}   Ctrl-C closes it")
        uvicorn.run(app, host=host, port=port, log_level="warning")

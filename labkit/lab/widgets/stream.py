"""A recorded stream to step through, and a live one to stop.

Reading about drafts does not show how little of a stream is an answer. Here each chunk is a step, forward or
back, and the last line says what a program may do: nothing, and nothing, and at the end perhaps something::

    scrubber = Scrubber()                 # the recording and its cuts can be chosen
    scrubber.go(4)                        # or the buttons
    live = LiveStream(lab)                # a stream that is running; its stop button really cancels
    await live.run(stop_after=3)          # the same from code
"""

from __future__ import annotations

import asyncio
from html import escape

from labkit.boundary import AsyncBoundary
from labkit.lab.case import EVIDENCE
from labkit.lab.connect import MODEL, Lab
from labkit.lab.figures.stream import strip
from labkit.lab.present import Picture, Stack, Table, facts
from labkit.lab.scrub import REPLY, Recording, Step, record, walk
from labkit.lab.widgets.base import Card, button, dropdown, question_html, row, text
from labkit.live import AsyncStream

RECORDINGS = {
    "a good stream": "ok",
    "ends in order, too early": "end_early:6",
    "connection cut": "drop:6",
    "no end marker": "no_done",
    "error event in the middle": "stream_error:6",
    "refusal midway": "refusal_midway",
    "another account is named": "other_account",
}
CUTS = {"one event each": None, "every 400 bytes": 400, "every 90 bytes": 90}
PROVIDERS = ("openai", "openai_responses", "anthropic")


class Scrubber(Card):
    """One recorded stream, shown after `position` chunks. Set it by button, or with `go` and `choose`."""

    def __init__(self, recording: str = "a good stream", cut: str = "one event each") -> None:
        super().__init__("A recorded stream, chunk by chunk")
        self._which = dropdown("Recording", list(RECORDINGS), recording)
        self._cut = dropdown("Cut", list(CUTS), cut)
        self._provider = dropdown("Provider", list(PROVIDERS), PROVIDERS[0])
        self._back = button("◀ Back", lambda: self.go(self.position - 1))
        self._next = button("Next ▶", lambda: self.go(self.position + 1), main=True)
        self._end = button("To the end", lambda: self.go(len(self.steps)))
        self._said = text("", live=True)
        self._screen = text("")
        self.fill(
            text(
                question_html("After each chunk: what may be shown, and what may be done? Say it, then Next.")
            ),
            row(self._which, self._cut, self._provider),
            row(self._back, self._next, self._end),
            self._said,
            self._screen,
        )
        for control in (self._which, self._cut, self._provider):
            control.observe(self._load, names="value")
        self._load()

    def _load(self, _: object = None) -> None:
        cut = CUTS[self._cut.value]
        fault = RECORDINGS[self._which.value]
        self.recording: Recording = record(fault, provider=self._provider.value, cut=cut)
        self.steps: list[Step] = walk(self.recording)
        self.go(0)

    def choose(self, recording: str = "", cut: str = "", provider: str = "") -> Scrubber:
        """Take another recording, cut or provider, by the words in the lists."""
        for control, value in ((self._which, recording), (self._cut, cut), (self._provider, provider)):
            if value:
                control.value = value
        return self

    def go(self, position: int) -> Scrubber:
        """Show the stream after so many chunks; one more than there are shows how it ended."""
        self.position = min(max(0, position), len(self.steps) - 1)
        self._back.disabled = self.position == 0
        self._next.disabled = self._end.disabled = self.position == len(self.steps) - 1
        step = self.steps[self.position]
        self.sentence = (
            f"Step {self.position} of {len(self.steps) - 1}: {step.state}. May be done: {step.may_do}."
        )
        self._said.value = f'<div role="status" aria-live="polite">{escape(self.sentence)}</div>'
        self._screen.value = self.shown.to_html()
        return self

    @property
    def shown(self) -> Stack:
        """What stands under the buttons: the strip of bytes, and the moment in words."""
        return Stack([self._picture(), moment(self.steps[self.position])])

    def _picture(self) -> Picture:
        chunks = [len(chunk) for chunk in self.recording.chunks]
        whole = b"".join(self.recording.chunks)
        events = [len(event) + 2 for event in whole.split(b"\n\n") if event]
        come = min(self.position, len(chunks))
        come_bytes = sum(chunks[:come])
        return Picture(
            strip(chunks, events, come),
            see="an event is filled once its last byte has come; a hatched one cannot be read yet.",
            alt=f"{come} of {len(chunks)} chunks have come, {come_bytes} of {len(whole)} bytes.",
        )

    def plain(self) -> tuple[str, str]:
        """Every step as one row."""
        table = steps_table(self.steps)
        return table.to_html(), table.to_text()


def moment(step: Step) -> Table:
    """One moment: buffer, draft, state, and what follows from it."""
    waiting = f"{len(step.waiting)} bytes, the last are {_tail(step.waiting)}" if step.waiting else "nothing"
    return facts(
        {
            "this chunk": f"{len(step.chunk)} bytes, completes {len(step.events)} events"
            if step.chunk
            else "none",
            "waits in the buffer": waiting,
            "draft so far": step.text or None,
            "state": f"{step.state}: {step.reason}" if step.reason else str(step.state),
            "may be shown": step.may_show,
            "may be done": step.may_do,
        }
    )


def _tail(waiting: bytes) -> str:
    return "… " + waiting[-24:].decode("utf-8", "replace")


def steps_table(steps: list[Step]) -> Table:
    """A whole stream: one row for each moment."""
    return Table(
        [
            {
                "step": step.number,
                "waiting": len(step.waiting),
                "draft adds": step.delta or None,
                "state": f"{step.state}: {step.reason}" if step.reason else str(step.state),
                "may be shown": step.may_show,
                "may be done": step.may_do,
            }
            for step in steps
        ]
    )


class LiveStream(Card):
    """A stream that runs while you look, from the lab's practice provider. Stop ends the connection."""

    def __init__(self, lab: Lab, pace_s: float = 0.4) -> None:
        super().__init__("A live stream")
        self._lab, self._pace = lab, pace_s
        self._stream: AsyncStream | None = None
        self._task: asyncio.Task[Table] | None = None
        self._start = button("Start", self.start, main=True)
        self._stop = button("Stop", self.stop)
        self._stop.disabled = True
        self._draft = text("", live=True)
        self._result = text("")
        self.fill(
            text(question_html("Start the stream, and stop it before it has ended.")),
            row(self._start, self._stop),
            self._draft,
            self._result,
        )

    def start(self) -> None:
        """Begin, in the notebook's own event loop, so that the button can be pressed meanwhile."""
        self._task = asyncio.get_running_loop().create_task(self.run())

    def stop(self) -> None:
        """Cancel the running stream, if there is one."""
        if self._stream is not None:
            self._stream.cancel()

    async def run(self, stop_after: int | None = None) -> Table:
        """Read one stream; `stop_after` pieces it is stopped as the button would. Gives what was recorded."""
        lab = self._lab
        lab.script(f"pace:{self._pace}")
        self._start.disabled, self._stop.disabled = True, False
        self._result.value = ""
        at = (lab.boundary.adapter.name, lab.provider.base_url, lab.provider.key)
        async with AsyncBoundary.open(*at, model=MODEL) as boundary:
            async with boundary.stream(REPLY, EVIDENCE) as self._stream:
                pieces = 0
                async for draft in self._stream:
                    pieces += bool(draft.delta)
                    self._show(str(draft.state), draft.text)
                    if pieces == stop_after and draft.delta:
                        self.stop()
                open_still = await self._connections_left()
            outcome = self._stream.outcome
        self._stream = None
        self._start.disabled, self._stop.disabled = False, True
        record = outcome.record
        table = facts(
            {
                "status": str(record.status),
                "pieces that were shown": record.attempts[-1].chunks,
                "connections still open at the provider": open_still,
                "output_tokens": record.output_tokens,
                "attempts whose bill is unknown": record.unreported_attempts,
            },
            "What the record says",
        )
        self._result.value = table.to_html()
        return table

    def _show(self, state: str, draft: str) -> None:
        words = f"<b>{escape(state)}</b>, unapproved: {escape(draft) or '…'}"
        self._draft.value = f'<div role="status" aria-live="polite">{words}</div>'

    async def _connections_left(self) -> int:
        """How many the provider sees, once it has had a moment to see that one is gone."""
        for _ in range(100):
            if self._lab.provider.connections == 0:
                break
            await asyncio.sleep(0.01)
        return self._lab.provider.connections

    def plain(self) -> tuple[str, str]:
        """What it is, for readers without a kernel."""
        words = "A live stream with a start and a stop button. Run the notebook to use it."
        return f"<p>{escape(words)}</p>", words

"""Record a call's traffic once, and play it again: the same flow, the same outcome, no network.

Recorders that sit on an HTTP client merge a stream's chunks into one, and write the Authorization header to
the file. This one sits on the boundary's own seam, the transport, and lets nothing in that must not be there.

    with Recorder(http, path, salt=secrets.token_hex(8)) as tape:      # in place of http
        Boundary(adapter, tape, policy).call(task, evidence)
    Boundary(adapter, Player(Cassette.load(path)), policy).call(task, evidence)

A request that is not on the cassette is an `UnknownRequest` that names the nearest one and the difference. It
is never sent anywhere.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from labkit.deadline import Phases
from labkit.failures import Kind, LabkitError
from labkit.incoming import Canceller, Incoming
from labkit.keykinds import find_keys
from labkit.lab.cassette import FORMAT, SAFE_HEADERS, VERSION, Cassette, Exchange, Print, leaves_of
from labkit.providers.base import Fault, Request, Response

FILLER = "x"
QUESTION = re.compile(r"Question:\n(.*)\Z", re.DOTALL)
MESSAGE = re.compile(r'("message"\s*:\s*")((?:[^"\\]|\\.)*)(")')


class UnknownRequest(LabkitError):
    """A request that was not recorded, with the nearest that was. Nothing was sent."""


class NotSynthetic(LabkitError):
    """Prose about a customer cannot be redacted by rule, so it is recorded only from made-up data."""


class Recorder:
    """A transport that passes everything on and writes down what came back, redacted.

    `synthetic` says that the data is made up, so that its text may be kept. `clock` is seconds, monotonic.
    """

    def __init__(
        self,
        inner: Any,
        path: Path,
        *,
        salt: str,
        synthetic: bool = False,
        story: str = "",
        about: Mapping[str, Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inner, self._salt, self._synthetic, self._clock = inner, salt, synthetic, clock
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("x", encoding="utf-8")
        self._write(
            json.dumps(
                {
                    "format": FORMAT,
                    "version": VERSION,
                    "salt": salt,
                    "synthetic": synthetic,
                    "story": story,
                    **(about or {}),
                },
                ensure_ascii=False,
            )
        )

    def exchange(self, request: Request, seconds: float, phases: Phases) -> Response | Fault:
        """Pass on one exchange."""
        self._refuse_prose(request)
        began = self._clock()
        got: Response | Fault = self._inner.exchange(request, seconds, phases)
        self.keep(request, began, got, self.ms_since(began), [], streamed=False)
        return got

    def open(
        self, request: Request, seconds: float, phases: Phases, canceller: Canceller | None = None
    ) -> Incoming | Fault:
        """Pass on a response that is read piece by piece; it is written down when it is closed."""
        self._refuse_prose(request)
        began = self._clock()
        got: Incoming | Fault = self._inner.open(request, seconds, phases, canceller)
        if isinstance(got, Fault):
            self.keep(request, began, got, self.ms_since(began), [], streamed=True)
            return got
        return _Listening(got, self, request, began)

    def _refuse_prose(self, request: Request) -> None:
        """A reply without a form to fill in is prose, and may say anything about anyone."""
        body = request.body
        typed = any(body.get(name) for name in ("response_format", "tools", "text", "output_config"))
        if not self._synthetic and not typed:
            raise NotSynthetic(
                "this task's answer is prose; record it from made-up data, with synthetic=True"
            )

    def keep(
        self,
        request: Request,
        began: float,
        got: Response | Fault,
        head_ms: float,
        chunks: list[tuple[float, bytes]],
        *,
        streamed: bool,
        fault: Fault | None = None,
    ) -> None:
        """Write down one exchange, redacted."""
        head = got if isinstance(got, Response) else None
        if head is not None and not streamed:
            chunks = [(head_ms, head.body)]
        if not self._synthetic:
            chunks = redact(chunks, request, failed=head is not None and head.status >= 400)
        headers = {
            name: value for name, value in (head.headers if head else {}).items() if name in SAFE_HEADERS
        }
        self._write(
            Exchange(
                Print.of(request, self._salt),
                head_ms,
                head.status if head else None,
                headers,
                tuple(chunks),
                fault or (got if isinstance(got, Fault) else None),
                self.ms_since(began),
                streamed,
            ).as_line()
        )

    def ms_since(self, began: float) -> float:
        """Milliseconds since then, to the microsecond."""
        return round((self._clock() - began) * 1000, 3)

    def _write(self, line: str) -> None:
        self._file.write(line + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file and the transport."""
        self._file.close()
        self._inner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Listening(Incoming):
    """A response that is written down while somebody else reads it."""

    def __init__(self, inner: Incoming, recorder: Recorder, request: Request, began: float) -> None:
        self.head = inner.head
        self._inner, self._recorder, self._request, self._began = inner, recorder, request, began
        self._head_ms = recorder.ms_since(began)
        self._chunks: list[tuple[float, bytes]] = []
        self._fault: Fault | None = None
        self._kept = False

    def read(self, seconds: float) -> bytes | Fault:
        part = self._inner.read(seconds)
        if isinstance(part, Fault):
            self._fault = part
        else:
            self._chunks.append((self._recorder.ms_since(self._began), part))
        return part

    def close(self) -> None:
        self._inner.close()
        if not self._kept:
            self._kept = True
            self._recorder.keep(
                self._request,
                self._began,
                self.head,
                self._head_ms,
                self._chunks,
                streamed=True,
                fault=self._fault,
            )


class Player:
    """A transport that answers from a cassette.

    `wait` lets time pass: `time.sleep` plays at the recorded pace, a virtual clock's `sleep` gives the same
    times at once, and the default does not wait at all.
    """

    def __init__(self, cassette: Cassette, wait: Callable[[float], object] = lambda _: None) -> None:
        self._salt, self._wait = cassette.salt, wait
        self._left = list(cassette.exchanges)
        self._all = cassette.exchanges

    def exchange(self, request: Request, seconds: float, _phases: Phases) -> Response | Fault:
        """Answer a request as it was answered when it was recorded."""
        found = self._take(request)
        ends_ms = found.fault_ms if found.fault else found.head_ms
        if ends_ms > seconds * 1000:
            self._wait(seconds)
            return Fault(Kind.TIMEOUT, "deadline")
        self._wait(ends_ms / 1000)
        if found.fault is not None or found.status is None:
            return found.fault or Fault(Kind.PROTOCOL, "not_recorded")
        return Response(found.status, found.headers, b"".join(part for _, part in found.chunks))

    def open(
        self, request: Request, seconds: float, _phases: Phases, canceller: Canceller | None = None
    ) -> Incoming | Fault:
        """Answer with the recorded chunks, at their times."""
        found = self._take(request)
        head_ms = found.head_ms if found.status is not None else found.fault_ms
        if head_ms > seconds * 1000:
            self._wait(seconds)
            return Fault(Kind.TIMEOUT, "deadline")
        self._wait(head_ms / 1000)
        if found.status is None:
            return found.fault or Fault(Kind.PROTOCOL, "not_recorded")
        return _Played(found, self._wait, canceller)

    def _take(self, request: Request) -> Exchange:
        print_ = Print.of(request, self._salt)
        for at, exchange in enumerate(self._left):
            if exchange.request == print_:
                return self._left.pop(at)
        raise UnknownRequest(self._say_nearest(print_))

    def _say_nearest(self, print_: Print) -> str:
        if not self._all:
            return "the cassette is empty"
        differences = [print_.differences(exchange.request) for exchange in self._all]
        nearest = min(range(len(differences)), key=lambda at: len(differences[at]))
        if not differences[nearest]:
            return (
                f"this request was recorded {sum(not found for found in differences)} times and has been "
                "played as often: the flow now sends it once more; record the call again"
            )
        places = ", ".join(differences[nearest][:5])
        return f"not recorded. The nearest is exchange {nearest + 1}, which differs in: {places}"

    def close(self) -> None:
        """Nothing to close."""


class _Played(Incoming):
    def __init__(
        self, exchange: Exchange, wait: Callable[[float], object], canceller: Canceller | None
    ) -> None:
        self.head = Response(exchange.status or 0, exchange.headers)
        self._timed = _timed(exchange)
        self._wait, self._canceller, self._at_ms = wait, canceller, exchange.head_ms
        self._next: tuple[float, bytes | Fault] | None = None

    def read(self, seconds: float) -> bytes | Fault:
        if self._canceller is not None and self._canceller.cancelled.is_set():
            return Fault(Kind.CONNECT, "lost_in_body")
        at_ms, part = self._next or next(self._timed, (self._at_ms, b""))
        gap = (at_ms - self._at_ms) / 1000
        if gap > seconds:
            self._next = (at_ms, part)
            self._at_ms += seconds * 1000
            self._wait(seconds)
            return Fault(Kind.TIMEOUT, "read")
        self._wait(max(0.0, gap))
        self._at_ms, self._next = at_ms, None
        return part

    def close(self) -> None:
        """Nothing to close."""


def _timed(exchange: Exchange) -> Iterator[tuple[float, bytes | Fault]]:
    yield from exchange.chunks
    if exchange.fault is not None:
        yield exchange.fault_ms, exchange.fault


def redact(chunks: list[tuple[float, bytes]], request: Request, *, failed: bool) -> list[tuple[float, bytes]]:
    """Take keys, the customer's question and error prose out of a body; every other byte stays in place.

    What is taken out is filled up to its length, so that the chunks split where they did.
    """
    body = b"".join(part for _, part in chunks)
    text = body.decode("utf-8", "surrogateescape")
    for kind_start_end in reversed(list(find_keys(text))):
        _, start, end = kind_start_end
        text = text[:start] + _filler(text[start:end]) + text[end:]
    for question in _questions(request):
        for form in {question, json.dumps(question)[1:-1], json.dumps(question, ensure_ascii=False)[1:-1]}:
            text = text.replace(form, _filler(form))
    if failed:
        text = MESSAGE.sub(lambda found: found[1] + _filler(found[2]) + found[3], text)
    clean = text.encode("utf-8", "surrogateescape")
    result, at = [], 0
    for when, part in chunks:
        result.append((when, clean[at : at + len(part)]))
        at += len(part)
    return result


def _filler(text: str) -> str:
    return FILLER * len(text.encode("utf-8", "surrogateescape"))


def _questions(request: Request) -> list[str]:
    """What the customer wrote, wherever it stands in the request."""
    found = []
    for _, leaf in leaves_of(request.body):
        match = QUESTION.search(leaf) if isinstance(leaf, str) else None
        if match and match[1].strip():
            found.append(match[1])
    return found

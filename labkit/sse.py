"""Server-sent events: bytes in, at any split, events out as soon as their last byte is here.

Splitting chunks on blank lines works until a chunk ends inside a character, or between CR and LF; until a
proxy adds a byte order mark; until a keep-alive arrives.
Each of these loses or invents an event in clients that people use.

    decoder = Decoder()
    for chunk in chunks:
        for event in decoder.feed(chunk):
            print(event.type, event.data)

The rules are the WHATWG's: HTML Standard, section 9.2.6, "Interpreting an event stream".
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

MOST_EVENT_BYTES: Final = 1024 * 1024
_BOM: Final = b"\xef\xbb\xbf"


class Event(NamedTuple):
    """One dispatched event. `id` is the last id that the stream has set, here or earlier."""

    type: str
    data: str
    id: str = ""


class EventTooLarge(Exception):
    """An event or a line that would not end: the stream is broken, and memory is not its to fill."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"an event of more than {limit} bytes; wanted less, or a larger most_event_bytes")


class Decoder:
    """Reads one stream. What follows the last blank line when it ends was never an event: it is dropped.

    `retry_ms` is the reconnection time that the stream asked for, or None. `most_event_bytes` bounds memory:
    beyond it, `feed` raises `EventTooLarge`, after every event that was complete before.
    """

    def __init__(self, most_event_bytes: int = MOST_EVENT_BYTES) -> None:
        self.retry_ms: int | None = None
        self._most = most_event_bytes
        self._id = ""
        self._type = ""
        self._data: list[bytes] = []
        self._size = 0  # bytes held in _data
        self._line: list[bytes] = []  # pieces of the line that is not complete yet
        self._line_size = 0
        self._after_cr = False  # a LF that comes first in the next chunk belongs to a CR already seen
        self._first = True

    @property
    def pending(self) -> bytes:
        """What has come and is no event yet, for a debugger to look at."""
        return b"\n".join((*self._data, b"".join(self._line)))

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Take the next bytes, and yield each event that they complete. Iterate to the end: that is the work.

        Raises `EventTooLarge`.
        """
        if self._after_cr and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._after_cr = False
        lines = chunk.splitlines()  # for bytes: at CR LF, CR and LF, and nowhere else
        if not lines:
            return
        rest = b"" if chunk.endswith((b"\n", b"\r")) else lines.pop()
        self._after_cr = chunk.endswith(b"\r")
        for part in lines:
            line = self._whole(part) if self._line or self._first else part
            if line:
                self._field(line)
            elif (event := self._dispatch()) is not None:
                yield event
        if rest:
            self._line.append(rest)
            self._line_size += len(rest)
            self._check(self._line_size - len(_BOM) * self._first)

    def _whole(self, part: bytes) -> bytes:
        """Join the pieces of a line that came in several chunks. Only the stream's first may have a mark."""
        line = b"".join((*self._line, part))
        self._line.clear()
        self._line_size = 0
        if self._first:
            self._first = False
            line = line.removeprefix(_BOM)
        return line

    def _field(self, line: bytes) -> None:
        self._check(len(line))
        name, _, value = line.partition(b":")  # a comment's name is empty
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
            self._size += len(value) + 1
        elif name == b"event":
            self._type = _text(value)
        elif name == b"id":
            if b"\0" not in value:
                self._id = _text(value)
        elif name == b"retry" and value.isdigit() and len(value) <= _MOST_DIGITS:
            self.retry_ms = int(value)

    def _dispatch(self) -> Event | None:
        """A blank line: an event if there was any data line, else only the end of a block."""
        event = (
            Event(self._type or "message", _text(b"\n".join(self._data)), self._id) if self._data else None
        )
        self._data.clear()
        self._type, self._size = "", 0
        return event

    def _check(self, size: int) -> None:
        if self._size + size > self._most:
            raise EventTooLarge(self._most)


_MOST_DIGITS: Final = 12  # a reconnection time beyond 30 years is no time


def _text(value: bytes) -> str:
    """Decode as the standard does: a malformed sequence becomes U+FFFD, never an exception."""
    return value.decode("utf-8", "replace")

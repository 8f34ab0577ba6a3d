"""Streams written from the WHATWG's rules, each with the events that it must give.

An `@` in a stream is not sent: it marks the byte after which one event must be out, whatever comes next.
"""

# ruff: noqa: E501 - one stream a line reads as a table

from typing import NamedTuple

from labkit.sse import Event


class Stream(NamedTuple):
    """Bytes with marks, and what they mean."""

    name: str
    marked: bytes
    events: list[Event]
    retry_ms: int | None = None

    @property
    def sent(self) -> bytes:
        """The bytes as a server sends them."""
        return self.marked.replace(b"@", b"")

    @property
    def due(self) -> list[int]:
        """After how many bytes each event must be out."""
        parts = self.marked.split(b"@")[:-1]
        return [sum(map(len, parts[: index + 1])) for index in range(len(parts))]


def message(data: str, last_id: str = "") -> Event:
    """An event of the default type."""
    return Event("message", data, last_id)


CHAT = (
    b'data: {"choices":[{"delta":{"content":"Account "}}]}\n\n@'
    b'data: {"choices":[{"delta":{"content":"acct_10234"}}]}\n\n@'
    b"data: [DONE]\n\n@"
)
NAMED = (
    b'event: message_start\ndata: {"type":"message_start"}\n\n@'
    b'event: ping\ndata: {"type": "ping"}\n\n@'
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n@'
)

CORPUS = [
    # ── line ends ──
    Stream("LF", b"data: a\n\n@data: b\n\n@", [message("a"), message("b")]),
    Stream("CR LF", b"data: a\r\n\r@\ndata: b\r\n\r@\n", [message("a"), message("b")]),
    Stream("CR alone", b"data: a\r\r@data: b\r\r@", [message("a"), message("b")]),
    Stream("all three kinds", b"data: a\rdata: b\r\ndata: c\n\r@\n", [message("a\nb\nc")]),
    Stream("LF then CR LF", b"data: a\n\r@\ndata: b\n\n@", [message("a"), message("b")]),
    Stream("CR then LF is one end", b"data: a\r\ndata: b\r\n\r@\n", [message("a\nb")]),
    Stream("LF then CR is two ends", b"data: a\n\r@data: b\r\n\r@", [message("a"), message("b")]),
    Stream("many blank lines", b"\n\n\r\r\n\ndata: a\n\n@\n\n\r\n", [message("a")]),
    Stream("a form feed ends no line", b"data: a\x0cb\x0bc\n\n@", [message("a\x0cb\x0bc")]),
    Stream("Unicode line ends end no line", "data: a\u2028b\u2029c\u0085d\n\n@".encode(), [message("a\u2028b\u2029c\u0085d")]),
    Stream("a file separator ends no line", b"data: a\x1cb\x1dc\x1ed\n\n@", [message("a\x1cb\x1dc\x1ed")]),
    # ── the start and the end of a stream ──
    Stream("nothing", b"", []),
    Stream("byte order mark", b"\xef\xbb\xbfdata: a\n\n@", [message("a")]),
    Stream("byte order mark, then a blank line", b"\xef\xbb\xbf\ndata: a\n\n@", [message("a")]),
    Stream("a second mark is a field name", b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\ndata: b\n\n@", [message("b")]),
    Stream("a mark later on is text", b"data: a\n\n@data: \xef\xbb\xbfb\n\n@", [message("a"), message("\ufeffb")]),
    Stream("half a mark", b"\xef\xbbdata: a\n\ndata: b\n\n@", [message("b")]),
    Stream("no blank line at the end", b"data: a\n\n@data: b\n", [message("a")]),
    Stream("no line end at the end", b"data: a\n\n@data: b", [message("a")]),
    Stream("ends inside a character", b"data: a\n\n@data: \xe2\x82", [message("a")]),
    # ── fields ──
    Stream("no space after the colon", b"data:a\n\n@", [message("a")]),
    Stream("one space is dropped, two are not", b"data:  a\n\n@", [message(" a")]),
    Stream("a tab is no space", b"data:\ta\n\n@", [message("\ta")]),
    Stream("trailing space is kept", b"data: a \n\n@", [message("a ")]),
    Stream("a space before the colon is another field", b"data : a\n\ndata: b\n\n@", [message("b")]),
    Stream("field names are exact", b"Data: a\nDATA: b\ndatas: c\ndata: d\n\n@", [message("d")]),
    Stream("unknown fields are ignored", b"foo: 1\nbar\ndata: a\n\n@", [message("a")]),
    Stream("data without a colon is an empty line", b"data\n\n@data\ndata\n\n@data:", [message(""), message("\n")]),
    Stream("colons in the value", b"data: a: b:c\n\n@", [message("a: b:c")]),
    Stream("several data lines", b"data: a\ndata:\ndata: b\n\n@", [message("a\n\nb")]),
    Stream("data: [DONE] is plain data", b"data: [DONE]\n\n@", [message("[DONE]")]),
    # ── comments ──
    Stream("comments", b": hello\n\n:\n\n:data: x\n\ndata: a\n: in between\ndata: b\n\n@", [message("a\nb")]),
    Stream("a storm of keep-alives", b": ping\n\n" * 30 + b"data: a\n\n@" + b":\r\n\r\n" * 5, [message("a")]),
    # ── blocks that dispatch nothing ──
    Stream("an event name alone", b"event: x\n\ndata: a\n\n@", [message("a")]),
    Stream("an id alone", b"id: 7\n\ndata: a\n\n@", [message("a", "7")]),
    Stream("a retry alone", b"retry: 1500\n\ndata: a\n\n@", [message("a")], 1500),
    # ── event, id, retry ──
    Stream("a named event", b"event: delta\ndata: a\n\n@data: b\n\n@", [Event("delta", "a"), message("b")]),
    Stream("the last name counts", b"event: x\nevent: y\ndata: a\n\n@", [Event("y", "a")]),
    Stream("an empty name is message", b"event: x\nevent:\ndata: a\n\n@", [message("a")]),
    Stream("the name may come after the data", b"data: a\nevent: x\n\n@", [Event("x", "a")]),
    Stream("an id lasts", b"id: 1\ndata: a\n\n@data: b\n\n@id: 2\ndata: c\n\n@", [message("a", "1"), message("b", "1"), message("c", "2")]),
    Stream("an empty id resets", b"id: 1\ndata: a\n\n@id\ndata: b\n\n@", [message("a", "1"), message("b")]),
    Stream("an id with a null is ignored", b"id: 1\ndata: a\n\n@id: 2\x003\ndata: b\n\n@", [message("a", "1"), message("b", "1")]),
    Stream("an id without a blank line still counts later", b"id: 9\n\n\ndata: a\n\n@", [message("a", "9")]),
    Stream("retry takes ASCII digits alone", "retry: 20\nretry: 1s\nretry: -5\nretry: +5\nretry: 1.5\nretry:\nretry: ٣\ndata: a\n\n@".encode(), [message("a")], 20),
    Stream("retry with a space behind it", b"retry: 30 \nretry: 010\ndata: a\n\n@", [message("a")], 10),
    # ── characters ──
    Stream("characters of two, three and four bytes", "data: é€😀\n\n@".encode(), [message("é€😀")]),
    Stream("a character beside each line end", "data: é\rdata: €\r\ndata: 😀\n\n@".encode(), [message("é\n€\n😀")]),
    Stream("a malformed byte", b"data: a\xffb\n\n@", [message("a\ufffdb")]),
    Stream("a cut character before a line end", b"data: \xe2\x82\ndata: \xf0\x9f\x98\n\n@", [message("\ufffd\n\ufffd")]),
    Stream("an overlong form", b"data: \xc0\xaf\n\n@", [message("\ufffd\ufffd")]),
    Stream("half a surrogate pair", b"data: \xed\xa0\x80\n\n@", [message("\ufffd\ufffd\ufffd")]),
    Stream("a null in data", b"data: a\x00b\n\n@", [message("a\x00b")]),
    Stream("a name in other letters", "event: Größe\ndata: a\n\n@".encode(), [Event("Größe", "a")]),
    # ── what providers send ──
    Stream("chat completion chunks", CHAT, [message('{"choices":[{"delta":{"content":"Account "}}]}'), message('{"choices":[{"delta":{"content":"acct_10234"}}]}'), message("[DONE]")]),
    Stream("messages with named events", NAMED, [Event("message_start", '{"type":"message_start"}'), Event("ping", '{"type": "ping"}'), Event("message_stop", '{"type":"message_stop"}')]),
    Stream("an error in mid-stream", b'data: {"choices":[]}\n\n@event: error\ndata: {"error":{}}\n\n@', [message('{"choices":[]}'), Event("error", '{"error":{}}')]),
    Stream("a gateway's page", b"<html>\n<body>\n\nWelcome: sign in\n</body>\n\n", []),
]  # fmt: skip

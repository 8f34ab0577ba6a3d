"""The SSE decoder: the same events at any split, each as soon as its bytes are here."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.sse import Decoder, Event, EventTooLarge
from tests.sse_corpus import CORPUS, Stream

each_stream = pytest.mark.parametrize("stream", CORPUS, ids=lambda stream: stream.name)


def decode(*chunks: bytes) -> list[Event]:
    """The events of a stream that arrives in these chunks."""
    decoder = Decoder()
    return [event for chunk in chunks for event in decoder.feed(chunk)]


def test_the_corpus_is_large() -> None:
    """At least 40 streams, each of its own kind, and every event of theirs is marked."""
    assert len({stream.name for stream in CORPUS}) == len(CORPUS) >= 40
    assert all(len(stream.due) == len(stream.events) for stream in CORPUS)


@each_stream
def test_a_whole_stream(stream: Stream) -> None:
    """Each stream gives the events that the standard asks for."""
    decoder = Decoder()
    assert list(decoder.feed(stream.sent)) == stream.events
    assert decoder.retry_ms == stream.retry_ms


@each_stream
def test_every_split_gives_the_same_events(stream: Stream) -> None:
    """Cut anywhere, also inside a character or between CR and LF, a stream means the same."""
    sent = stream.sent
    for cut in range(len(sent) + 1):
        assert decode(sent[:cut], sent[cut:]) == stream.events, cut
        assert decode(sent[:cut], b"", sent[cut:]) == stream.events, cut


@each_stream
def test_three_pieces_give_the_same_events(stream: Stream) -> None:
    """Two cuts near each other leave a piece of one to three bytes between them."""
    sent = stream.sent
    for size in (1, 2, 3):
        for cut in range(len(sent) - size + 1):
            pieces = (sent[:cut], sent[cut : cut + size], sent[cut + size :])
            assert decode(*pieces) == stream.events, (cut, size)


@each_stream
def test_an_event_is_out_with_its_last_byte(stream: Stream) -> None:
    """Fed byte by byte, no event waits for the byte after it, and none comes early."""
    decoder = Decoder()
    out = [
        count
        for count in range(1, len(stream.sent) + 1)
        for _ in decoder.feed(stream.sent[count - 1 : count])
    ]
    assert out == stream.due


def reference(stream: bytes) -> tuple[list[Event], int | None]:
    """The standard's own steps, over a whole stream at once: decode, split into lines, interpret."""
    text = stream.decode("utf-8", "replace").removeprefix("\ufeff")
    lines = re.split("\r\n|\n|\r", text)[:-1]
    events: list[Event] = []
    data = last_id = name = ""
    retry = None
    for line in lines:
        if line == "":
            if data:
                events.append(Event(name or "message", data[:-1], last_id))
            data = name = ""
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            data += value + "\n"
        elif field == "event":
            name = value
        elif field == "id" and "\0" not in value:
            last_id = value
        elif field == "retry" and re.fullmatch("[0-9]{1,12}", value):
            retry = int(value)
    return events, retry


PIECES = st.sampled_from(
    [b"data", b"event", b"id", b"retry", b":", b" ", b"\n", b"\n\n", b"\r", b"\r\n", b"\xef\xbb\xbf",
     b"\xc3\xa9", b"\xe2\x82", b"\x00", b"12", b"x", b"[DONE]", b"data: a\n\n"]
)  # fmt: skip


@given(st.lists(PIECES | st.binary(max_size=4), max_size=30))
def test_pieces_of_any_kind_mean_what_the_standard_says(chunks: list[bytes]) -> None:
    """Whatever the bytes and the cuts, the decoder agrees with the standard's steps over the whole."""
    decoder = Decoder()
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    assert (events, decoder.retry_ms) == reference(b"".join(chunks))


@pytest.mark.parametrize(
    "endless",
    [
        b"data: " + b"x" * 200,
        b"x" * 200,
        b": " + b"x" * 200,
        b"data: xxxxxxxxxxxxxxx\n" * 9,
        b"id: " + b"x" * 200 + b"\n",
    ],
)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_event_that_does_not_end_is_refused(endless: bytes, size: int) -> None:
    """Memory is bounded: an endless line or event ends in a named error, after the events before it."""
    decoder = Decoder(most_event_bytes=100)
    stream = b"data: a\n\n" + endless
    events = []
    with pytest.raises(EventTooLarge, match="more than 100 bytes"):  # noqa: PT012 - events come out before it
        for start in range(0, len(stream), size):
            for event in decoder.feed(stream[start : start + size]):
                events.append(event)  # noqa: PERF402
    assert events == [Event("message", "a")]


def test_a_long_stream_of_small_events_is_not_too_large() -> None:
    """The limit is for one event: keep-alives and small events may go on for ever."""
    decoder = Decoder(most_event_bytes=100)
    chunk = b": ping\n" * 50 + b"data: a\ndata: b\n\n"
    assert [event.data for _ in range(50) for event in decoder.feed(chunk)] == ["a\nb"] * 50


def test_a_line_in_many_small_chunks_takes_linear_time() -> None:
    """A line of half a million bytes that comes one byte at a time is joined once."""
    decoder = Decoder()
    for _ in range(500_000):
        list(decoder.feed(b"x"))
    assert list(decoder.feed(b"\ndata: a\n\n")) == [Event("message", "a")]

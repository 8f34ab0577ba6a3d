"""A real socket that answers with the bytes, pauses and hang-ups that a test names."""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import threading
from collections.abc import Iterator, Sequence

RESET = object()  # close the connection with a TCP reset
CLOSE = object()  # close it politely
Step = bytes | float | object  # bytes to send, seconds to stay silent, or an end


def ok(body: bytes) -> bytes:
    """A whole response with status 200."""
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body


def _read_request(connection: socket.socket) -> bytes:
    """One whole request: closing with bytes unread would be a reset, another fault than the test names."""
    received = b""
    while True:
        head, blank, body = received.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        if blank and len(body) >= (int(length[1]) if length else 0):
            return received
        part = connection.recv(65536)
        if not part:
            return b""
        received += part


@contextlib.contextmanager
def serving(*scripts: Sequence[Step]) -> Iterator[str]:
    """Play one script for each connection that sends something; the last one repeats. Gives the base URL."""
    done = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)

    def play(connection: socket.socket, script: Sequence[Step]) -> None:
        with connection, contextlib.suppress(OSError):
            while _read_request(connection):
                for step in script:
                    if isinstance(step, bytes):
                        connection.sendall(step)
                    elif isinstance(step, float):
                        if done.wait(step):
                            return
                    else:
                        if step is RESET:
                            linger = struct.pack("ii", 1, 0)
                            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                        return

    def accept() -> None:
        left, players = list(scripts), []
        while not done.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            connection.settimeout(10)
            script = left.pop(0) if len(left) > 1 else left[0]
            players.append(threading.Thread(target=play, args=(connection, script)))
            players[-1].start()
        for player in players:
            player.join()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        done.set()
        acceptor.join()
        listener.close()

"""The downstream of the crash test: a process that creates jobs, counts them, and dies by its dice.

Its file of effects is the truth: one line for each job really created. It honours keys or does not.
Standard library only, and no import of labkit: what it counts does not depend on what is tested.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import socketserver
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

DEATHS = {"service_before_apply": 0.04, "service_after_apply": 0.04}
LATE, LATE_BY_S = 0.03, 0.12


class Service(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """One JSON line in, one out: {"op": "create" | "lookup", "key", "account"}."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, folder: Path, *, honours: bool, faults: bool, seed: int) -> None:
        self.folder, self.honours, self.faults = folder, honours, faults
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.effects = os.open(folder / "effects", os.O_RDWR | os.O_CREAT | os.O_APPEND)
        self.jobs: dict[str, str] = {}
        lines = (folder / "effects").read_text().splitlines()
        for made in map(json.loads, lines):
            self.jobs[made["key"]] = made["job"]
        self.made = len(lines)
        (folder / "socket").unlink(missing_ok=True)
        super().__init__(str(folder / "socket"), Handler)

    def maybe_die(self, point: str) -> None:
        """Die as a process dies, after noting where, when the dice say so."""
        if self.faults and self.random.random() < DEATHS[point]:
            note_cut(self.folder, point)
            os.kill(os.getpid(), signal.SIGKILL)

    def create(self, key: str, account: str) -> str:
        """Create a job, or give the one that was created under this key."""
        if self.faults and self.random.random() < LATE:
            note_cut(self.folder, "service_late")
            time.sleep(LATE_BY_S)  # the caller has given up by then; the effect lands all the same
        with self.lock:
            if self.honours and key in self.jobs:
                return self.jobs[key]
            self.maybe_die("service_before_apply")
            self.made += 1
            job = f"job_{account}_{self.made:04d}"
            line = json.dumps({"key": key, "account": account, "job": job}) + "\n"
            os.write(self.effects, line.encode())
            self.jobs[key] = job
            self.maybe_die("service_after_apply")
            return job


class Handler(socketserver.StreamRequestHandler):
    """Answer one request."""

    def handle(self) -> None:
        ask = json.loads(self.rfile.readline())
        service: Service = self.server
        if ask["op"] == "create":
            said = service.create(ask["key"], ask["account"])
        else:
            with service.lock:
                said = service.jobs.get(ask["key"])
        self.wfile.write(json.dumps(said).encode() + b"\n")

    def finish(self) -> None:
        """Close quietly: the caller may be dead."""
        with suppress(OSError):
            super().finish()


def note_cut(folder: Path, point: str) -> None:
    """Note that a visit is cut at this point, in one write that survives the death that follows."""
    file = os.open(folder / "cuts", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(file, f"{point}\n".encode())
    os.close(file)


def ask_service(folder: Path, timeout_s: float = 0.08, **ask: str) -> str | None:
    """Ask the service; OSError or TimeoutError when it does not answer."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(timeout_s)
        line.connect(str(folder / "socket"))
        line.sendall(json.dumps(ask).encode() + b"\n")
        with line.makefile("rb") as reply:
            said = reply.readline()
    if not said.endswith(b"\n"):
        raise ConnectionError("the service died before it answered")
    return json.loads(said)


def serve(folder: Path, *, honours: bool, faults: bool, seed: int) -> None:
    """Serve until killed."""
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123 - callers that died are no news here
    Service(folder, honours=honours, faults=faults, seed=seed).serve_forever(poll_interval=0.5)

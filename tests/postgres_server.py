"""A PostgreSQL server for the tests alone: made in a temporary folder, reached by a socket there.

Use the context manager `postgres_server()`, which gives a connection string, or raises `NoPostgres`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path


class NoPostgres(Exception):
    """The machine has no PostgreSQL binaries."""


def binaries() -> Path:
    """Find the folder with initdb, on PATH or where Linux packages put it; newest first."""
    found = [Path(path).parent for path in [shutil.which("initdb")] if path]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -float(path.parent.name))
    for folder in found:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise NoPostgres("initdb was found neither on PATH nor in /usr/lib/postgresql/*/bin")


def _server_user() -> pwd.struct_passwd | None:
    """Say whose account the server runs under: ours, unless we are root, which PostgreSQL refuses."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise NoPostgres("the tests run as root and there is no account postgres or nobody to run the server")


@contextmanager
def postgres_server(*options: str) -> Iterator[str]:
    """Run a server until the block ends; give the connection string. `options` are postgresql.conf lines."""
    folder = binaries()
    user = _server_user()
    home = Path(tempfile.mkdtemp(prefix="labkit-pg-"))
    run = partial(
        subprocess.Popen,
        cwd=home,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        user=user.pw_uid if user else None,
        group=user.pw_gid if user else None,
        extra_groups=[] if user else None,
    )
    try:
        home.chmod(0o755)
        if user:
            os.chown(home, user.pw_uid, user.pw_gid)
        data = str(home / "data")
        init = run([folder / "initdb", "-D", data, "-U", "labkit", "-A", "trust", "-E", "UTF8", "-N"])
        _, said = init.communicate(timeout=60)
        assert 0 == init.returncode, said.decode()
        settings = ("listen_addresses=", f"unix_socket_directories={home}", "max_connections=120", *options)
        server = run([folder / "postgres", "-D", data, *(part for line in settings for part in ("-c", line))])
        try:
            conninfo = f"host={home} user=labkit dbname=postgres"
            _wait_until_up(conninfo, server)
            yield conninfo
        finally:
            server.send_signal(signal.SIGQUIT)  # at once: nothing in it is worth a checkpoint
            server.communicate(timeout=30)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _wait_until_up(conninfo: str, server: subprocess.Popen[bytes]) -> None:
    import psycopg

    give_up = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(conninfo).close()
        except psycopg.OperationalError:
            assert server.poll() is None, server.communicate()[1].decode()
            assert time.monotonic() < give_up, "the server does not answer"
            time.sleep(0.05)
        else:
            return

"""Many machines: the same work, sent to a Dask scheduler. The table of results stays the truth; Dask carries.

Each worker needs labkit of the same version, Linux and bubblewrap. A worker that is lost takes nothing along:
its work is asked for again, and a result is stored once. A worker whose bank differs grades for nobody, since
a result is kept under the bank that made it.

    with cluster("tcp://10.0.0.5:8786") as (pool, workers):
        grade(submissions, results, pool=pool, workers=workers)
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

from labkit.failures import LabkitError

CONNECT_SECONDS = 10.0


class NoCluster(LabkitError):
    """The cluster cannot be used. The message says what is missing."""


@contextmanager
def cluster(address: str, seconds: float = CONNECT_SECONDS) -> Iterator[tuple[Callable[[], Executor], int]]:
    """What makes an executor on the cluster, and how many submissions it runs at a time."""
    try:
        distributed: Any = importlib.import_module("distributed")
    except ModuleNotFoundError:
        raise NoCluster("--cluster needs Dask: pip install 'labkit[cluster]'") from None
    try:
        client = distributed.Client(address, timeout=seconds, set_as_default=False)
    except (OSError, ValueError) as error:
        raise NoCluster(
            f"no scheduler answers at {address} within {seconds:g} s ({type(error).__name__}); "
            "start one with: dask scheduler"
        ) from None
    with client:
        threads = sum(client.nthreads().values())
        if not threads:
            raise NoCluster(f"the scheduler at {address} has no workers: dask worker {address} --nthreads 1")
        # pure=False: work that is asked for again is run again, and not answered with its old error.
        yield lambda: client.get_executor(pure=False), threads

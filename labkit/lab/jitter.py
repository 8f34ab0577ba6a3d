"""A thousand clients that back off in step collide in step: this is the experiment that measured it.

Without this page, "full jitter is better" is hearsay. Here N clients each write one row once under
optimistic concurrency (read the version, write if it has not moved), all starting together, and the
five ways to wait after a lost race are counted against each other::

    contest(100, "full", seed=7)            # Contest(writes=793, finished_ms=4978.1)
    table(trials=10, seed=7)                # tidy frame: one row for each size and strategy

Source: the model is that of Marc Brooker's "Exponential Backoff And Jitter" (AWS, 2015) and of the
simulator published with it, aws-samples/aws-arch-backoff-simulator. The code is our own, and the
jitters are those of `labkit.backoff`; the rules are theirs: every message takes |Normal(10, 2)| ms,
base 5 ms, cap 2000 ms, and the first failure already counts as n = 1, so the first ceiling is 10 ms.
`REFERENCE` holds the means of 100 trials.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from heapq import heapify, heappop, heapreplace
from random import Random
from statistics import fmean, stdev
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from labkit import backoff
from labkit.backoff import Backoff, ceiling

BASE_MS = 5.0
FIRST_CEILING_MS = BASE_MS * 2  # the published simulator counts the first failure as n = 1
CAP_MS = 2000.0
DELAY_MEAN_MS = 10.0
DELAY_SD_MS = 2.0
SIZES = (10, 50, 100, 190)


class Contest(NamedTuple):
    """One run: how many writes were sent, and when the last response came back."""

    writes: int
    finished_ms: float


class Cell(NamedTuple):
    """The mean of many runs, as one cell of the table."""

    calls: float
    ms: float


# Means of 100 trials of the published simulator, measured for this kit in November 2026.
REFERENCE: dict[tuple[int, str], Cell] = {
    (size, strategy): cell
    for size, row in {
        10: [(50, 380), (50, 3495), (42, 741), (38, 464), (37, 442)],
        50: [(689, 1136), (622, 36431), (346, 4262), (332, 2923), (377, 2218)],
        100: [(2420, 2028), (1852, 63065), (812, 6644), (796, 4912), (1000, 4571)],
        190: [(8003, 3538), (5177, 101285), (1759, 9459), (1770, 7457), (2442, 7872)],
    }.items()
    for strategy, cell in zip(
        ("none", "exponential", "equal", "full", "decorrelated"),
        (Cell(*pair) for pair in row),
        strict=True,
    )
}


#: The jitters of `labkit.backoff`, by the names that plots and sliders use.
JITTERS: dict[str, backoff.Jitter] = {
    "none": backoff.none,
    "quarter": backoff.quarter,
    "equal": backoff.equal,
    "full": backoff.full,
    "decorrelated": backoff.decorrelated,
}

#: The experiment's names. Its "none" does not wait at all; its "exponential" waits the whole ceiling.
STRATEGIES: dict[str, backoff.Jitter | None] = {
    "none": None,
    "exponential": backoff.none,
    "equal": backoff.equal,
    "full": backoff.full,
    "decorrelated": backoff.decorrelated,
}

_READING = -1


def _stream(draw: Callable[[int], npt.NDArray[np.float64]]) -> Callable[[], float]:
    """Numbers one at a time from a source that is only fast in bulk."""

    def numbers() -> Iterator[float]:
        while True:
            yield from draw(2048).tolist()

    return numbers().__next__


def contest(clients: int, strategy: str, seed: int | Sequence[int] = 0) -> Contest:
    """Let `clients` race for one row until every one has written it. Deterministic by seed.

    >>> contest(1, "full").writes
    1
    """
    if clients < 1:
        raise ValueError(f"clients is {clients}; it must be at least 1: ask for a positive number")
    if strategy not in STRATEGIES:
        raise ValueError(f"strategy is {strategy!r}; it must be one of {', '.join(STRATEGIES)}")
    jitter = STRATEGIES[strategy]
    source = np.random.default_rng(seed)
    delay = _stream(lambda size: np.abs(source.normal(DELAY_MEAN_MS, DELAY_SD_MS, size)))
    uniform = _stream(source.random)

    version, writes, finished = 0, 0, 0.0
    failures = [0] * clients
    waits = [0.0] * clients
    # One entry for each client: when its message reaches the row, and the version it brings
    # (_READING when it comes to ask). The two messages of a round trip are drawn together.
    queue = [(delay(), client, _READING) for client in range(clients)]
    heapify(queue)
    while queue:
        now, client, brings = queue[0]
        if brings == _READING:
            heapreplace(queue, (now + delay() + delay(), client, version))
            continue
        writes += 1
        if brings == version:
            version += 1
            finished = max(finished, now + delay())
            heappop(queue)
        else:
            failures[client] += 1
            if jitter is not None:
                top = ceiling(failures[client], FIRST_CEILING_MS, CAP_MS)
                waits[client] = jitter(top, waits[client], BASE_MS, CAP_MS, uniform)
            heapreplace(queue, (now + delay() + delay() + waits[client], client, _READING))
    return Contest(writes, finished)


def _trials(cell: tuple[int, str], trials: int, seed: int) -> dict[str, object]:
    clients, strategy = cell
    place = tuple(STRATEGIES).index(strategy)
    runs = [contest(clients, strategy, (seed, clients, place, trial)) for trial in range(trials)]
    calls, ms = [run.writes for run in runs], [run.finished_ms for run in runs]
    return {
        "clients": clients,
        "strategy": strategy,
        "calls": fmean(calls),
        "ms": fmean(ms),
        "calls_sd": stdev(calls) if trials > 1 else 0.0,
        "ms_sd": stdev(ms) if trials > 1 else 0.0,
        "trials": trials,
    }


def table(
    sizes: Sequence[int] = SIZES,
    strategies: Sequence[str] = tuple(STRATEGIES),
    trials: int = 100,
    seed: int = 0,
    workers: int = 1,
) -> pd.DataFrame:
    """Means over `trials` runs: columns clients, strategy, calls, ms, calls_sd, ms_sd, trials.

    Every cell has its own seeds, so any cell can be recomputed alone and `workers` (processes)
    changes nothing but the time it takes.
    """
    cells = [(size, strategy) for size in sizes for strategy in strategies]
    run = partial(_trials, trials=trials, seed=seed)
    if workers == 1:
        return pd.DataFrame([run(cell) for cell in cells])
    # The heaviest cells go first, so that the processes finish together.
    heavy_first = sorted(cells, reverse=True)
    with ProcessPoolExecutor(workers) as pool:
        rows = dict(zip(heavy_first, pool.map(run, heavy_first), strict=True))
    return pd.DataFrame([rows[cell] for cell in cells])


def against_reference(frame: pd.DataFrame) -> pd.DataFrame:
    """Set a table beside `REFERENCE`: adds calls_ref, ms_ref and the two errors in percent."""
    refs = [REFERENCE[key] for key in zip(frame["clients"], frame["strategy"], strict=True)]
    calls_ref = pd.Series([ref.calls for ref in refs], index=frame.index)
    ms_ref = pd.Series([ref.ms for ref in refs], index=frame.index)
    return frame.assign(
        calls_ref=calls_ref,
        ms_ref=ms_ref,
        calls_off=(frame["calls"] / calls_ref - 1) * 100,
        ms_off=(frame["ms"] / ms_ref - 1) * 100,
    )


def pivot(frame: pd.DataFrame) -> pd.DataFrame:
    """The table as people read it: a row for each size, a cell `calls / ms` for each strategy."""
    text = frame.assign(cell=[f"{c:.0f} / {m:.0f}" for c, m in zip(frame.calls, frame.ms, strict=True)])
    return text.pivot_table(index="clients", columns="strategy", values="cell", aggfunc="first")[
        list(dict.fromkeys(frame["strategy"]))
    ]


def waits(
    *,
    base: float = 1.0,
    cap: float = 20.0,
    retries: int = 6,
    clients: int = 40,
    jitters: Sequence[str] = ("none", "quarter", "full", "decorrelated"),
    seed: int = 0,
) -> pd.DataFrame:
    """What `labkit.backoff` would have each client wait: jitter, client, retry, ceiling_s, delay_s."""
    rows = []
    for name in jitters:
        policy = Backoff(base, cap, JITTERS[name])
        for client in range(clients):
            uniform, delay = Random(f"{seed}/{client}").random, 0.0
            for retry in range(1, retries + 1):
                delay = policy.delay(retry, uniform, delay)
                # Decorrelated jitter counts no retries: each wait may be three times the last.
                top = min(cap, base * 3.0**retry) if name == "decorrelated" else policy.ceiling(retry)
                rows.append((name, client, retry, top, delay))
    return pd.DataFrame(rows, columns=["jitter", "client", "retry", "ceiling_s", "delay_s"])

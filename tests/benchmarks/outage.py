"""How long 10,000 callers through an outage take in virtual time: at least 30,000 attempts, at most 5 s.

python tests/benchmarks/outage.py
"""
# ruff: noqa: T201 - a benchmark prints what it measured

from __future__ import annotations

import time
from dataclasses import replace
from statistics import median

from labkit.backoff import Backoff
from labkit.flow import Policy
from labkit.lab.case import TASK
from labkit.lab.station import Outage, Provider
from labkit.lab.widgets.herd import herd_panel
from labkit.lab.world import Crowd, simulate
from labkit.prompts import Models


def main() -> None:
    """Time the big run, and what a slider of lesson 07 redraws."""
    crowd = Crowd(10_000, over_s=20, task=replace(TASK, max_retries=6, timeout_seconds=60))
    provider = Provider(workers=100, queue=200, service_s=0.1, spread=0.5, outages=(Outage(5, 15),))
    started = time.perf_counter()
    run = simulate(crowd, provider, Policy(Models("practice-model"), Backoff(0.5, 8.0)))
    took = time.perf_counter() - started
    attempts = len(run.attempts())
    each = took * 1e6 / attempts
    print(f"10,000 callers, {attempts:,} attempts: {took:.2f} s (at most 5 s), {each:.0f} µs each")

    panel = herd_panel()
    took = []
    for callers in (190, 210, 220, 180, 200):
        started = time.perf_counter()
        panel.set(callers=callers)
        took.append(time.perf_counter() - started)
    print(f"a slider of the herd panel redraws in {median(took) * 1000:.0f} ms (at most 300 ms)")


if __name__ == "__main__":
    main()

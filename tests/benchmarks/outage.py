"""How long 10,000 callers through an outage take in virtual time: at least 30,000 attempts, at most 5 s.

python tests/benchmarks/outage.py
"""
# ruff: noqa: T201 - a benchmark prints what it measured

from __future__ import annotations

import time
from dataclasses import replace

from labkit.backoff import Backoff
from labkit.flow import Policy
from labkit.lab.case import TASK
from labkit.lab.station import Outage, Provider
from labkit.lab.world import Crowd, compare, jitter_policies, simulate
from labkit.prompts import Models


def main() -> None:
    """Time the big run, and the four small ones that a slider redraws."""
    crowd = Crowd(10_000, over_s=20, task=replace(TASK, max_retries=6, timeout_seconds=60))
    provider = Provider(workers=100, queue=200, service_s=0.1, spread=0.5, outages=(Outage(5, 15),))
    started = time.perf_counter()
    run = simulate(crowd, provider, Policy(Models("practice-model"), Backoff(0.5, 8.0)))
    took = time.perf_counter() - started
    attempts = len(run.attempts())
    each = took * 1e6 / attempts
    print(f"10,000 callers, {attempts:,} attempts: {took:.2f} s (at most 5 s), {each:.0f} µs each")

    herd = Crowd(200, task=replace(TASK, max_retries=9, timeout_seconds=300))
    compare(jitter_policies(), herd, Provider(per_second=20, burst=6))
    started = time.perf_counter()
    compare(jitter_policies(), herd, Provider(per_second=20, burst=6))
    print(f"a herd of 200 under four policies: {(time.perf_counter() - started) * 1000:.0f} ms")


if __name__ == "__main__":
    main()

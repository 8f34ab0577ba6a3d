"""How long the whole jitter table takes: 4 sizes, 5 strategies, 100 trials.

python tests/benchmarks/jitter_table.py
"""

# ruff: noqa: T201 - a benchmark prints what it measured
from __future__ import annotations

import time

from labkit.lab import jitter


def main() -> None:
    """Time the table alone and in two processes, and print how far each cell is from the published one."""
    for workers in (1, 2):
        started = time.perf_counter()
        frame = jitter.table(trials=100, seed=0, workers=workers)
        print(f"workers={workers}: {time.perf_counter() - started:.1f} s (at most 30 s)")
    report = jitter.against_reference(frame)
    print(
        report[["clients", "strategy", "calls", "calls_off", "ms", "ms_off"]].round(1).to_string(index=False)
    )


if __name__ == "__main__":
    main()

"""How fast source text is scanned, beside one regular expression of all kinds tried at every character.

python tests/benchmarks/scan_speed.py
"""

# ruff: noqa: T201 - a benchmark prints what it measured
from __future__ import annotations

import re
import sys
import sysconfig
import time
from pathlib import Path

from labkit.keykinds import KEY_KINDS
from labkit.scan import find_secrets

WANTED = 20.0  # megabytes a second


def source_text(megabytes: float) -> list[str]:
    """The installed packages' own Python source, in the order of their names."""
    texts: list[str] = []
    for path in sorted(Path(sysconfig.get_paths()["purelib"]).rglob("*.py")):
        texts.append(path.read_text(encoding="utf-8", errors="replace"))
        if sum(map(len, texts)) > megabytes * 1e6:
            break
    return texts


def speed(scan: object, texts: list[str]) -> float:
    """Megabytes a second of processor time, the best of three: what other programs take is not counted."""
    best = 0.0
    for _ in range(3):
        began = time.process_time()
        for text in texts:
            scan(text)
        best = max(best, sum(map(len, texts)) / 1e6 / (time.process_time() - began))
    return best


def main() -> int:
    """Print both speeds and their ratio; exit code 1 below the wanted speed."""
    pattern = re.compile("|".join(kind.pattern for kind in KEY_KINDS))
    ours = speed(find_secrets, source_text(10))
    plain = speed(pattern.findall, source_text(1))
    print(f"find_secrets: {ours:.1f} MB/s of processor time (wanted {WANTED:.0f}) on Python source")
    print(f"one regular expression over every character: {plain:.1f} MB/s; ratio {ours / plain:.1f}")
    return 0 if ours >= WANTED else 1


if __name__ == "__main__":
    sys.exit(main())

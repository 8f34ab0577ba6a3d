"""What the boundary costs: per call against raw httpx, and on import against httpx and pydantic.

One number alone depends on the machine; so everything is measured in one run, in turns, against the practice
provider in a process of its own, and compared with raw httpx on the same connections.

    python tests/benchmarks/overhead.py              # the table, about two minutes
    python tests/benchmarks/overhead.py --quick      # fewer rounds, for a look
    python tests/benchmarks/overhead.py --json       # for other scripts

A raw call sends the same bytes and parses the reply as JSON. The boundary's call also checks the contract,
validates the answer twice and hands a record to a sink. CPU is this process alone, so the server's is not in
it. Each figure is the median over rounds of the mean in a round.
"""

import argparse
import asyncio
import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from typing import Any

import httpx

from labkit import AsyncBoundary, Boundary
from labkit.lab.case import EVIDENCE, TASK
from labkit.lab.provider import MODELS, PRACTICE_KEY
from labkit.providers.openai_chat import OpenAIChat

REQUEST = OpenAIChat().request(TASK, EVIDENCE, MODELS[0])
SERVER = """
import sys
from labkit.lab.provider import serve
serve(port=0, ready=lambda provider: print(provider.base_url, flush=True))
"""
SINKS = (deque(maxlen=1).append,)
#: The limits that the project set itself.
LIMITS = {"sync ratio": 1.6, "async ratio": 1.6, "added CPU, µs": 200.0, "import ratio": 1.5}

Call = Callable[[], Any]
Figures = dict[str, dict[str, float]]


@contextmanager
def provider() -> Iterator[str]:
    """The practice provider in its own process; gives its base URL."""
    server = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
    finally:
        server.terminate()
        server.wait(10)


def sync_calls(url: str, stack: ExitStack) -> dict[str, Call]:
    """The ways to make one call from a thread, each with its connection open."""
    import anthropic
    import openai

    headers = {"authorization": f"Bearer {PRACTICE_KEY}"}
    raw = stack.enter_context(httpx.Client(base_url=url, headers=headers, trust_env=False))
    boundary = stack.enter_context(Boundary.open("openai", url, PRACTICE_KEY, model=MODELS[0], sinks=SINKS))
    options: dict[str, Any] = {"api_key": PRACTICE_KEY, "max_retries": 0}
    chat = stack.enter_context(openai.OpenAI(base_url=f"{url}/v1", **options))
    messages = stack.enter_context(anthropic.Anthropic(base_url=url, **options))
    return {
        "httpx": lambda: raw.post(REQUEST.path, json=REQUEST.body).json(),
        "labkit Boundary": lambda: boundary.call(TASK, EVIDENCE),
        "openai SDK": lambda: chat.chat.completions.create(**REQUEST.body),
        "anthropic SDK": lambda: messages.messages.create(**anthropic_body()),
    }


async def async_calls(url: str, stack: AsyncExitStack) -> dict[str, Callable[[], Awaitable[Any]]]:
    """The same ways, from one event loop."""
    import anthropic
    import openai

    headers = {"authorization": f"Bearer {PRACTICE_KEY}"}
    raw = await stack.enter_async_context(httpx.AsyncClient(base_url=url, headers=headers, trust_env=False))
    boundary = await stack.enter_async_context(
        AsyncBoundary.open("openai", url, PRACTICE_KEY, model=MODELS[0], sinks=SINKS)
    )
    options: dict[str, Any] = {"api_key": PRACTICE_KEY, "max_retries": 0}
    chat = await stack.enter_async_context(openai.AsyncOpenAI(base_url=f"{url}/v1", **options))
    messages = await stack.enter_async_context(anthropic.AsyncAnthropic(base_url=url, **options))

    async def plain() -> Any:
        return (await raw.post(REQUEST.path, json=REQUEST.body)).json()

    return {
        "httpx": plain,
        "labkit Boundary": lambda: boundary.call(TASK, EVIDENCE),
        "openai SDK": lambda: chat.chat.completions.create(**REQUEST.body),
        "anthropic SDK": lambda: messages.messages.create(**anthropic_body()),
    }


def anthropic_body() -> dict[str, Any]:
    """A plain message with the same texts: the SDK's own cost is what is measured."""
    system, user = (message["content"] for message in REQUEST.body["messages"])
    return {
        "model": MODELS[0],
        "max_tokens": 300,
        "system": system,
        "messages": [{"role": "user", "content": user}],
    }


def measure_sync(url: str, rounds: int, calls: int) -> Figures:
    """Milliseconds and CPU microseconds of one call, for each way."""
    with ExitStack() as stack:
        ways = sync_calls(url, stack)
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for number in range(rounds + 1):
            for name, call in ways.items():
                gc.collect()
                wall, cpu = time.perf_counter(), time.process_time()
                for _ in range(calls):
                    call()
                spent = (time.perf_counter() - wall, time.process_time() - cpu)
                if number:  # the first round warms everything up
                    taken[name].append(spent)
    return figures(taken, calls)


async def measure_async(url: str, rounds: int, calls: int) -> Figures:
    """The same, awaited one after the other on one event loop."""
    async with AsyncExitStack() as stack:
        ways = await async_calls(url, stack)
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for number in range(rounds + 1):
            for name, call in ways.items():
                gc.collect()
                wall, cpu = time.perf_counter(), time.process_time()
                for _ in range(calls):
                    await call()
                spent = (time.perf_counter() - wall, time.process_time() - cpu)
                if number:
                    taken[name].append(spent)
    return figures(taken, calls)


def figures(taken: dict[str, list[tuple[float, float]]], calls: int) -> Figures:
    """Medians over rounds, each also against httpx in the same run."""
    middle = {
        name: [statistics.median(values) / calls for values in zip(*rounds, strict=True)]
        for name, rounds in taken.items()
    }
    base_wall, base_cpu = middle["httpx"]
    return {
        name: {
            "ms": wall * 1e3,
            "ratio": wall / base_wall,
            "CPU µs": cpu * 1e6,
            "CPU ratio": cpu / base_cpu,
            "added CPU µs": (cpu - base_cpu) * 1e6,
        }
        for name, (wall, cpu) in middle.items()
    }


IMPORTS = {
    "httpx + pydantic": "import httpx, pydantic",
    "import labkit": "import labkit",
    "from labkit import Boundary, Task": "from labkit import Boundary, Task",
    "openai SDK": "import openai; openai.OpenAI",
    "anthropic SDK": "import anthropic; anthropic.Anthropic",
}


def measure_imports(rounds: int) -> Figures:
    """CPU milliseconds that each import adds to a bare Python, in turns."""
    taken: dict[str, list[float]] = {name: [] for name in ["bare", *IMPORTS]}
    for number in range(rounds + 1):
        for name, code in {"bare": "pass", **IMPORTS}.items():
            child = subprocess.Popen([sys.executable, "-c", code])
            _, status, used = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            assert child.returncode == 0, code
            if number:
                taken[name].append(used.ru_utime + used.ru_stime)
    bare = statistics.median(taken.pop("bare"))
    net = {name: statistics.median(values) - bare for name, values in taken.items()}
    return {
        name: {"CPU ms": cost * 1e3, "ratio": cost / net["httpx + pydantic"]} for name, cost in net.items()
    }


def measure(rounds: int, calls: int, import_rounds: int) -> dict[str, Figures]:
    """Everything, in one run."""
    with provider() as url:
        return {
            "sync": measure_sync(url, rounds, calls),
            "async": asyncio.run(measure_async(url, rounds, calls)),
            "import": measure_imports(import_rounds),
        }


def verdicts(found: dict[str, Figures]) -> dict[str, float]:
    """The figures that the project set itself limits for.

    `import labkit` loads names only; what a first call has loaded stands in the table beside it.
    """
    ours = {face: found[face]["labkit Boundary"] for face in ("sync", "async")}
    return {
        "sync ratio": ours["sync"]["ratio"],
        "async ratio": ours["async"]["ratio"],
        "added CPU, µs": max(face["added CPU µs"] for face in ours.values()),
        "import ratio": found["import"]["import labkit"]["ratio"],
    }


def table(found: dict[str, Figures]) -> str:
    """All figures as text."""
    lines = []
    for title, rows in found.items():
        columns = list(next(iter(rows.values())))
        lines += ["", f"{title:<36}" + "".join(f"{column:>14}" for column in columns)]
        lines += [
            f"{name:<36}" + "".join(f"{row[column]:>14.2f}" for column in columns)
            for name, row in rows.items()
        ]
    lines += ["", f"{'limit':<36}{'at most':>14}{'measured':>14}"]
    for name, value in verdicts(found).items():
        mark = "" if value <= LIMITS[name] else "   over"
        lines.append(f"{name:<36}{LIMITS[name]:>14.2f}{value:>14.2f}{mark}")
    return "\n".join(lines[1:])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(3, 50, 3) if options.quick else measure(15, 100, 9)
    sys.stdout.write((json.dumps(found, indent=1) if options.json else table(found)) + "\n")


if __name__ == "__main__":
    main()

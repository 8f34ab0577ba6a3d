"""Setting up, for real: a small checkout, a lock with one tiny package, plain `python3 -m labkit`."""

import ast
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from labkit.bootstrap.environment import check_tools, is_ready, packages, read_stamp
from labkit.bootstrap.words import Stop

LABKIT = Path(__file__).parents[1] / "labkit"

# Stands where the real command line stands: says what reached it.
COMMAND_LINE = """
import json, os, sys
def run(arguments):
    print(json.dumps({"arguments": arguments, "prefix": sys.prefix, "folder": os.getcwd()}))
    return 7 if arguments == ["seven"] else 0
"""


def make_wheel(folder: Path, name: str) -> str:
    """Write a wheel with one empty module; return the line that a lock has for it."""
    info = f"{name}-1.0.dist-info"
    parts = {
        f"{name}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    parts[f"{info}/RECORD"] = "".join(f"{part},,\n" for part in [*parts, f"{info}/RECORD"])
    folder.mkdir(exist_ok=True)
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for part, text in parts.items():
            archive.writestr(part, text)
    return f"{name}==1.0 \\\n    --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


def hear_stops() -> None:
    """As in a terminal. Under nohup or in a script's background, a child is born deaf to these."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


class House:
    """A checkout with one room, and a way to run its front door."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "house"
        self.venv = self.folder / ".venv"
        self.wheels = folder / "wheels"
        (self.folder / "labkit").mkdir(parents=True)
        for part in ("__init__.py", "__main__.py"):
            shutil.copy(LABKIT / part, self.folder / "labkit" / part)
        shutil.copytree(LABKIT / "bootstrap", self.folder / "labkit" / "bootstrap")
        (self.folder / "labkit" / "cli.py").write_text(COMMAND_LINE)
        (self.folder / "pyproject.toml").write_text("")
        self.lines = {name: make_wheel(self.wheels, name) for name in ("pebble", "gravel", "boulder")}
        self.lock("requirements.lock", "pebble")
        self.lock("requirements-test.lock", "pebble", "gravel")
        # In the environment of whatever we start, so that what it leaves behind can be found.
        self.token = uuid.uuid4().hex
        self.variables = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "PYTHON"))},
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.wheels),
            "PIP_NO_CACHE_DIR": "1",
            "LABKIT_TEST_TOKEN": self.token,
        }

    def lock(self, name: str, *pinned: str) -> None:
        (self.folder / name).write_text("".join(self.lines[each] for each in pinned))

    def start(self, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "labkit", *(arguments or ("start",))]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env={**self.variables, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=hear_stops,  # noqa: PLW1509 - it takes no lock
        )

    def run(self, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        child = self.start(*arguments, **variables)
        said, complained = child.communicate(timeout=120)
        return subprocess.CompletedProcess(child.args, child.returncode, said, complained)

    def has(self, module: str) -> bool:
        return bool(list(self.venv.glob(f"[lL]ib/**/site-packages/{module}.py")))

    def left_over(self) -> list[str]:
        """The processes that carry our token, wherever they were re-parented."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if self.token.encode() in (folder / "environ").read_bytes():
                    found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return found


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A checkout that was never set up."""
    return House(tmp_path)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A checkout that is set up. Tests leave it as it is."""
    house = House(tmp_path_factory.mktemp("built"))
    began = time.monotonic()
    done = house.run("start")
    house.seconds = time.monotonic() - began
    assert done.returncode == 0, done.stderr
    return house


class Index(BaseHTTPRequestHandler):
    """A package index that offers one package and never finishes sending it."""

    asked = threading.Event()
    release = threading.Event()

    def do_GET(self) -> None:
        if self.path.startswith("/simple/"):
            page = b'<a href="/files/pebble-1.0-py3-none-any.whl">pebble-1.0-py3-none-any.whl</a>'
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)
        else:
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.flush()
            self.server.asked.set()
            self.server.release.wait(60)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def index() -> Iterator[ThreadingHTTPServer]:
    """A running index that stalls: pip waits in it for as long as a test wants."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Index)
    server.asked, server.release = threading.Event(), threading.Event()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.release.set()
    server.shutdown()
    thread.join()
    server.server_close()


def stalled(index: ThreadingHTTPServer) -> dict[str, str]:
    """The variables that make pip use the stalling index."""
    url = f"http://127.0.0.1:{index.server_address[1]}/simple"
    return {
        "PIP_NO_INDEX": "0",
        "PIP_INDEX_URL": url,
        "PIP_FIND_LINKS": "",
        "PIP_RETRIES": "0",
        "NO_PROXY": "*",
    }


# -- it works, once -----------------------------------------------------------------------------------


def test_first_use_makes_the_environment_and_hands_over(built: House) -> None:
    """The command runs in .venv, with the arguments and in the folder it was typed in."""
    done = built.run("start", "--no-browser", "--port=5")
    heard = json.loads(done.stdout)
    assert heard["arguments"] == ["start", "--no-browser", "--port=5"]
    assert Path(heard["prefix"]) == built.venv
    assert Path(heard["folder"]) == built.folder
    assert built.has("pebble")


def test_the_second_run_repeats_nothing(built: House) -> None:
    """With nothing changed, setting up says nothing and writes nothing."""
    before = (built.venv / "labkit.json").stat().st_mtime_ns
    done = built.run("start")
    assert (done.returncode, done.stderr) == (0, "")
    assert (built.venv / "labkit.json").stat().st_mtime_ns == before


def test_the_exit_code_is_that_of_the_command(built: House) -> None:
    """What the command returns is what the shell sees."""
    assert built.run("seven").returncode == 7


@pytest.mark.skipif(os.name == "nt", reason="the command is a .cmd there")
def test_the_command_works_from_any_folder(built: House, tmp_path: Path) -> None:
    """`.venv/bin/labkit` finds its house from elsewhere, even beside another folder named labkit."""
    (tmp_path / "labkit").mkdir()
    (tmp_path / "labkit" / "__init__.py").write_text("raise SystemExit('the wrong labkit')")
    command = [str(built.venv / "bin" / "labkit"), "doctor"]
    done = subprocess.run(
        command, cwd=tmp_path, env=built.variables, capture_output=True, text=True, check=False
    )
    assert json.loads(done.stdout)["folder"] == str(tmp_path), done.stderr


def test_each_step_is_one_line_with_its_time(house: House) -> None:
    """First use says what it does, and how long each step took."""
    lines = house.run("start").stderr.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("labkit: making .venv with Python")
    assert lines[1].startswith("labkit: installing the 1 packages of requirements.lock")
    assert all(line.endswith(" s") for line in lines)


def test_a_changed_lock_is_installed_and_what_it_dropped_is_removed(house: House) -> None:
    """The environment follows the lock, in place."""
    house.run("start")
    made = house.venv.stat().st_ino
    house.lock("requirements.lock", "boulder")
    house.lock("requirements-test.lock", "boulder")
    done = house.run("start")
    assert done.returncode == 0, done.stderr
    assert house.has("boulder")
    assert not house.has("pebble")
    assert house.venv.stat().st_ino == made


def test_test_adds_what_the_checks_need_and_start_keeps_it(house: House) -> None:
    """`test` brings the larger lock; a `start` after it has nothing to do."""
    house.run("start")
    assert not house.has("gravel")
    assert house.run("test").returncode == 0
    assert house.has("gravel")
    assert house.run("start").stderr == ""


# -- it is not trusted when it should not be ----------------------------------------------------------


def test_an_unfinished_environment_is_made_anew(house: House) -> None:
    """A cut environment is replaced as a whole, whatever its stamp says."""
    house.venv.mkdir()
    for name in ("junk", "labkit.json", "labkit.unfinished"):
        (house.venv / name).write_text("{}")
    done = house.run("start")
    assert done.returncode == 0, done.stderr
    assert house.has("pebble")
    assert not (house.venv / "junk").exists()
    assert not list(house.folder.glob(".venv-discarded-*"))


def test_a_stamp_counts_only_for_its_own_house(built: House) -> None:
    """Moved, made by another Python, of another lock, damaged, or with its interpreter gone: not ready."""
    good = read_stamp(built.venv)
    changes = [{"folder": "/elsewhere"}, {"python": [3, 9]}, {"locks": {}}, {"locks": None}]
    assert is_ready(good, built.folder, "requirements.lock")
    assert not any(is_ready({**good, **change}, built.folder, "requirements.lock") for change in changes)
    assert not is_ready(None, built.folder, "requirements.lock")
    assert not is_ready({**good, "folder": "/elsewhere"}, Path("/elsewhere"), "requirements.lock")


@pytest.mark.parametrize("text", ["", "{", "[]", "1"])
def test_a_damaged_stamp_is_no_stamp(tmp_path: Path, text: str) -> None:
    """A file that is not an object of JSON says nothing."""
    (tmp_path / "labkit.json").write_text(text)
    assert read_stamp(tmp_path) is None


def test_someone_elses_environment_is_left_alone(house: House) -> None:
    """A .venv that labkit did not make is neither used nor deleted."""
    house.venv.mkdir()
    (house.venv / "pyvenv.cfg").write_text("home = /usr/bin")
    done = house.run("start")
    assert done.returncode == 1
    assert "labkit did not make it" in done.stderr
    assert [path.name for path in house.venv.iterdir()] == ["pyvenv.cfg"]


# -- each way to fail is a sentence with its fix ------------------------------------------------------


def test_pip_is_quoted_in_full_and_explained(house: House) -> None:
    """A package that is not the one locked: pip's words, our sentence, no trust, and a way out."""
    line = house.lines["pebble"]
    (house.folder / "requirements.lock").write_text(line[:-65] + "0" * 64 + "\n")
    done = house.run("start")
    assert done.returncode == 1
    assert "DO NOT MATCH THE HASHES" in done.stderr
    assert "Expected sha256 " + "0" * 64 in done.stderr
    assert "labkit: a package is not the one that the lock was made from." in done.stderr
    house.lock("requirements.lock", "pebble")
    assert house.run("start").returncode == 0


def test_no_network_is_a_sentence(house: House) -> None:
    """An index that cannot be reached."""
    nowhere = {"PIP_NO_INDEX": "0", "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "1"}
    done = house.run("start", PIP_FIND_LINKS="", NO_PROXY="*", **nowhere)
    assert done.returncode == 1
    assert "labkit: the package index could not be reached" in done.stderr
    assert "HTTPS_PROXY" in done.stderr


@pytest.mark.needs("bubblewrap")
def test_a_folder_that_cannot_be_written_is_a_sentence(house: House) -> None:
    """A checkout on a read-only disk."""
    command = ["bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--chdir", str(house.folder)]
    done = subprocess.run(
        [*command, sys.executable, "-m", "labkit", "start"],
        env=house.variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "cannot be written" in done.stderr
    assert "copy this folder to one that you own" in done.stderr


@pytest.mark.needs("bubblewrap")
def test_a_full_disk_is_a_sentence_before_anything_is_made(house: House) -> None:
    """A disk with 20 MB free: said at once, and nothing is left on it."""
    small = ["--size", "20000000", "--tmpfs", "/mnt", "--dir", "/mnt/house", "--chdir", "/mnt/house"]
    script = f"cp -r {house.folder}/. . && {sys.executable} -m labkit start; code=$?; ls -A; exit $code"
    done = subprocess.run(
        ["bwrap", "--bind", "/", "/", "--dev", "/dev", *small, "sh", "-c", script],
        env=house.variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "MB free, and .venv needs about 35 MB" in done.stderr
    assert "Free some space" in done.stderr
    assert ".venv\n" not in done.stdout


def test_a_python_without_ensurepip_is_a_sentence(house: House, tmp_path: Path) -> None:
    """Debian's Python without python3-venv: the package to install is named."""
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['ensurepip'] = None\n")
    done = house.run("start", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert "came without its module ensurepip" in done.stderr
    assert "-venv" in done.stderr
    assert not house.venv.exists()


def test_both_missing_modules_are_named() -> None:
    """Neither venv nor ensurepip: one sentence for both."""
    with pytest.raises(Stop, match="venv and ensurepip"):
        check_tools(lambda _name: None)


@pytest.mark.parametrize("file", ["__init__.py", "__main__.py"])
def test_what_an_old_python_reads_is_written_for_it(file: str) -> None:
    """Python 3.6 can parse what it reads before it is told that it is too old."""
    ast.parse((LABKIT / file).read_text(encoding="utf-8"), feature_version=(3, 6))


def test_an_old_python_is_a_sentence(house: House) -> None:
    """Python 3.9 is told what is needed and which newer one to use."""
    pretend = (
        "import runpy, sys; sys.version_info = (3, 9, 1, 'final', 0); sys.argv = ['labkit', 'start'];"
        "runpy.run_module('labkit', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", pretend], cwd=house.folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "this is Python 3.9, and labkit needs 3.11 or newer" in done.stderr
    assert "-m labkit start" in done.stderr
    assert "Traceback" not in done.stderr


# -- one at a time, and no orphans --------------------------------------------------------------------


def test_a_second_start_names_the_first(house: House, index: ThreadingHTTPServer) -> None:
    """Two at once: the second says who is at work, and breaks nothing."""
    first = house.start("start", **stalled(index))
    assert index.asked.wait(60)
    second = house.run("start")
    assert second.returncode == 1
    assert f"another labkit (process {first.pid}) is making .venv here" in second.stderr
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=30)
    assert house.run("start").returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_during_pip_leaves_no_process(house: House, index: ThreadingHTTPServer, number: int) -> None:
    """Ctrl-C, a polite kill or a closed terminal while pip downloads: pip ends too, and is not trusted."""
    child = house.start("start", **stalled(index))
    assert index.asked.wait(60)
    child.send_signal(number)
    _, complained = child.communicate(timeout=30)
    assert child.returncode == 130
    assert "Traceback" not in complained
    assert house.left_over() == []
    assert (house.venv / "labkit.unfinished").exists()
    again = house.run("start")
    assert again.returncode == 0
    assert "making .venv" in again.stderr


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9])
def test_a_stop_at_any_moment_leaves_no_process(house: House, built: House, share: float) -> None:
    """Ctrl-C at four moments between the first line and the last: no process, and the next run is whole."""
    child = house.start("start")
    child.stderr.read(1)  # it has begun
    time.sleep(built.seconds * share)
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=30)
    assert child.returncode in {0, 130, -signal.SIGINT}
    assert house.left_over() == []
    again = house.run("start")
    assert again.returncode == 0, again.stderr
    assert house.has("pebble")
    assert not (house.venv / "labkit.unfinished").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_a_killed_start_keeps_others_out_until_its_pip_is_gone(
    house: House, index: ThreadingHTTPServer
) -> None:
    """Killed outright, it cannot end pip: the lock stays taken until pip ends, then .venv is made anew."""
    child = house.start("start", **stalled(index))
    assert index.asked.wait(60)
    child.kill()
    child.communicate()
    assert "is making .venv here" in house.run("start").stderr
    index.release.set()
    until = time.monotonic() + 90
    while house.left_over() and time.monotonic() < until:
        time.sleep(0.05)
    again = house.run("start")
    assert again.returncode == 0, again.stderr
    assert "making .venv" in again.stderr


# -- the locks that the project ships -----------------------------------------------------------------

LOCKS = [LABKIT.parent / name for name in ("requirements.lock", "requirements-test.lock")]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_names_no_place(lock: Path) -> None:
    """No index, host or path: whoever installs it uses their own."""
    text = lock.read_text(encoding="utf-8")
    assert not [line for line in text.splitlines() if "://" in line or line.startswith(("-", "/", "."))]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_pin_has_a_hash(lock: Path) -> None:
    """`--require-hashes` has something to require."""
    blocks = lock.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    pins = [line for line in blocks if "==" in line and line[0].isalnum()]
    assert len(pins) == len(packages(lock)) > 20
    assert all("--hash=sha256:" in pin for pin in pins)


def test_the_learners_lock_is_a_part_of_the_tests_lock() -> None:
    """What is tested is what a learner gets: the same versions."""
    small, large = (
        {line.split(" ")[0] for line in lock.read_text(encoding="utf-8").splitlines() if line[:1].isalnum()}
        for lock in LOCKS
    )
    assert small < large

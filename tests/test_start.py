"""`labkit start`, for real: JupyterLab comes up, is protected, and goes away with all it started."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from labkit.lab.start import command, environment, first_lesson, has_screen, self_check, show

LESSON = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def test_the_self_check_is_a_real_call() -> None:
    """One line: what was decided, by which rule, in how many attempts."""
    line = self_check()
    assert "eligible, 30 days, by P-7" in line
    assert "1 attempt" in line
    assert "\n" not in line


@dataclass
class Running:
    """A lab that runs: its process, its folder, its address, and the mark its processes carry."""

    process: "subprocess.Popen[str]"
    home: Path
    url: str
    mark: str

    def get(self, path: str, *, token: bool = True, body: dict | None = None) -> tuple[int, str]:
        at = urlsplit(self.url)
        headers = {"Authorization": at.query.replace("token=", "token ")} if token else {}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://{at.netloc}{path}", data, headers)
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, ""

    def left_over(self) -> list[str]:
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if self.mark.encode() in (folder / "environ").read_bytes():
                    found.append((folder / "cmdline").read_text())
            except OSError:
                continue
        return found


def begin(home: Path, mark: str, port: int = 0) -> "subprocess.Popen[str]":
    code = (
        "import pathlib, sys; from labkit.lab.start import start; from labkit.bootstrap.words import Stop\n"
        "try: sys.exit(start(browser=False, port=int(sys.argv[2]), home=pathlib.Path(sys.argv[1])))\n"
        "except Stop as stop: sys.exit(str(stop))"
    )
    return subprocess.Popen(
        [sys.executable, "-u", "-c", code, str(home), str(port)],
        env={
            **os.environ,
            "LABKIT_TEST_MARK": mark,
            "HOME": str(home),
            "JUPYTER_RUNTIME_DIR": str(home / "run"),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - as in a terminal
    )


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """A lab in a folder of its own, with one lesson and one exercise."""
    for name in ("notebooks/00_one_call.ipynb", "exercises/01_keys.ipynb"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(json.dumps(LESSON))
    mark = uuid.uuid4().hex
    process = begin(tmp_path, mark)
    said = []
    for line in process.stdout:
        said.append(line)
        if "the lab is open at " in line:
            break
    assert "the lab is open at " in said[-1], "".join(said) + process.stderr.read()
    yield Running(process, tmp_path, said[-1].split()[-1], mark)
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_the_lab_opens_protected_and_leaves_nothing(running: Running) -> None:
    """The first lesson, behind a token, with a kernel and no news prompt; Ctrl-C ends all of it."""
    assert urlsplit(running.url).path == "/lab/tree/work/lessons/00_one_call.ipynb"
    assert urlsplit(running.url).hostname == "127.0.0.1"
    assert (running.home / "work" / "01_keys.ipynb").is_file()
    assert stat.S_IMODE((running.home / "work" / ".jupyter.log").stat().st_mode) == 0o600

    assert running.get("/api/contents", token=False)[0] == 403
    assert running.get("/api/contents/work/lessons/00_one_call.ipynb")[0] == 200
    page = running.get("/lab")[1]
    assert '"news": {"disabled": true}' in page
    schema = running.get("/lab/api/settings/@jupyterlab/apputils-extension:notification")[1]
    assert json.loads(schema)["schema"]["properties"]["fetchNews"]["default"] == "false"

    status, kernel = running.get("/api/kernels", body={"name": "python3"})
    assert status == 201, kernel
    assert len(running.left_over()) == 3, "start, JupyterLab and the kernel"
    running.process.send_signal(signal.SIGINT)
    said, complained = running.process.communicate(timeout=30)
    assert running.process.returncode == 0
    assert "stopping JupyterLab and its kernels" in said
    assert "Traceback" not in complained
    assert running.left_over() == []


def test_a_taken_port_is_a_sentence(tmp_path: Path) -> None:
    """JupyterLab's own words, then what to try."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = begin(tmp_path, "", taken.getsockname()[1])
        _, complained = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "already in use" in complained
    assert "Try another port" in complained


def test_the_token_is_kept_and_only_loopback_listens(tmp_path: Path) -> None:
    """Nothing on the command line opens the server to others."""
    line = command(tmp_path, 1234)
    assert "--ServerApp.ip=127.0.0.1" in line
    assert not [
        word for word in line if word.lower().startswith(("--identityprovider", "--passwordidentity"))
    ]
    assert ("--allow-root" in line) == (os.geteuid() == 0)


def test_a_learners_own_settings_are_kept_beside_ours(tmp_path: Path) -> None:
    """A JUPYTER_CONFIG_PATH that is set stays in force, after ours."""
    both = environment({"JUPYTER_CONFIG_PATH": "/mine", "KEPT": "yes"}, tmp_path)
    assert both["JUPYTER_CONFIG_PATH"].endswith(f"jupyter{os.pathsep}/mine")
    assert both["KEPT"] == "yes"
    assert environment({}, tmp_path)["JUPYTER_CONFIG_PATH"].endswith("jupyter")


def test_what_is_learned_goes_into_one_journal(tmp_path: Path) -> None:
    """`work/journal.jsonl`, unless the learner has named another file."""
    assert environment({}, tmp_path)["LABKIT_JOURNAL"] == str(tmp_path / "work" / "journal.jsonl")
    assert environment({"LABKIT_JOURNAL": "mine.jsonl"}, tmp_path)["LABKIT_JOURNAL"] == "mine.jsonl"


def test_without_lessons_the_lab_still_opens(tmp_path: Path) -> None:
    """An empty folder has no first lesson, and that is no error."""
    assert first_lesson(tmp_path) == ""


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="they always have a screen")
@pytest.mark.parametrize(
    ("variables", "expected"), [({}, False), ({"DISPLAY": ":0"}, True), ({"WAYLAND_DISPLAY": "w"}, True)]
)
def test_a_terminal_without_a_screen_opens_no_browser(variables: dict[str, str], expected: bool) -> None:
    """No text browser takes over the terminal that the lab runs in."""
    assert has_screen(variables) is expected


def test_the_address_is_printed_when_no_browser_opens() -> None:
    """Where there is nothing to open, the learner is told what to do with the address."""
    said: list[str] = []
    show("http://127.0.0.1:1/lab?token=t", browser=True, say=said.append, screen=False)
    assert "open this address" in said[0]
    assert "http://127.0.0.1:1/lab?token=t" in said[1]

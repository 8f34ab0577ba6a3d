"""JupyterLab in headless Chromium: open a notebook, run it, work its widgets, look at it.

What passes in a kernel can still be unreadable on a screen: an unlabelled box, a table that scrolls sideways,
white on yellow. This drives the real thing, as a test or by hand::

    with jupyterlab(folder) as address, browser() as page:
        book = Book(page, address, "00_one_call.ipynb")
        book.run_all()
        assert book.errors() == []

    python tests/browser/lab.py notebooks/00_one_call.ipynb     # screenshots/00_one_call-1.png, -2.png …
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent.parent
SHOTS = ROOT / "screenshots"  # ignored by git
WIDTH, HEIGHT = 1280, 900
PIECE = 1500  # pixels of height in one picture
MOST_PICTURES = 12
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SETTINGS = {
    # All cells in the page, also those that are scrolled away: a test wants to see every one.
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}


def chromium() -> str | None:
    """Debian's Chromium, or whatever CHROMIUM names; None where there is none."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium")


@contextlib.contextmanager
def jupyterlab(folder: Path, theme: str = "") -> Iterator[str]:
    """Serve a folder; yields the address. `theme` is one of JupyterLab's, such as "JupyterLab Dark"."""
    with tempfile.TemporaryDirectory() as home:
        _settings(Path(home), theme)
        port = _free_port()
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"]
        command += [
            "--ServerApp.port_retries=0",
            "--IdentityProvider.token=",
            "--ServerApp.disable_check_xsrf=True",
            f"--ServerApp.root_dir={folder}",
        ]
        command += ["--LabApp.expose_app_in_browser=True"]
        env = {**os.environ, "JUPYTERLAB_SETTINGS_DIR": f"{home}/settings", "HOME": home}
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(address + "/api", server)
            yield address
        finally:
            server.terminate()
            server.wait(20)


def _settings(home: Path, theme: str) -> None:
    wanted = dict(SETTINGS)
    if theme:
        wanted["@jupyterlab/apputils-extension/themes"] = {"theme": theme}
    for name, value in wanted.items():
        path = home / "settings" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value), encoding="utf-8")


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _wait_for(address: str, server: subprocess.Popen[bytes], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if server.poll() is not None:
            raise RuntimeError(f"JupyterLab ended with code {server.returncode} before it answered")
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            urllib.request.urlopen(address, timeout=2).close()
            return
        time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not answer at {address} within {seconds:g} s")


@contextlib.contextmanager
def browser() -> Iterator[Page]:
    """One page, 1280 pixels wide."""
    with sync_playwright() as playwright:
        chrome = playwright.chromium.launch(executable_path=chromium(), args=list(QUIET))
        try:
            yield chrome.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        finally:
            chrome.close()


class Book:
    """One notebook in the page."""

    def __init__(self, page: Page, address: str, name: str) -> None:
        self.page, self.name = page, Path(name).stem
        page.goto(f"{address}/lab/tree/{name}?reset")
        self.panel.locator(".jp-Cell").first.wait_for(timeout=60_000)
        page.wait_for_function("() => window.jupyterapp")
        self._until("sessionContext && sessionContext.session && sessionContext.session.kernel", 60)

    @property
    def panel(self) -> Locator:
        """The notebook's panel."""
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")

    def cell(self, name: str) -> Locator:
        """The cell with this id."""
        place = self._js(f"content.widgets.findIndex(w => w.model.id === '{name}')")
        if place < 0:
            raise LookupError(f"no cell {name!r} in {self.name}")
        return self.panel.locator(".jp-Notebook-cell, .jp-Cell").nth(place)

    def run_all(self, seconds: float = 120) -> None:
        """Run every cell and wait until each has finished; errors do not stop the run."""
        self._js("content.widgets.forEach(w => { if (w.model.type === 'code') w.model.clearExecution() })")
        self.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells') }")
        self._until(
            "content.widgets.every(w => w.model.type !== 'code'"
            " || w.model.executionCount || !w.model.sharedModel.source)",
            seconds,
        )
        self._until("sessionContext.session.kernel.status === 'idle'", seconds)
        # Widgets draw after their cell has ended; ours say when they are ready for keys.
        self._until("[...document.querySelectorAll('.labkit-card')].every(n => n.dataset.keys === 'own')", 30)
        self.page.wait_for_timeout(300)

    def errors(self) -> list[str]:
        """Ids of cells that end in an error which no tag announces."""
        return self._js(
            "content.widgets.filter(w => w.model.type === 'code'"
            " && !(w.model.sharedModel.getMetadata('tags') || []).includes('raises-exception')"
            " && w.model.outputs.toJSON().some(o => o.output_type === 'error')).map(w => w.model.id)"
        )

    def broken_widgets(self) -> int:
        """How many outputs show a widget that could not be drawn."""
        return self.panel.get_by_text("Error displaying widget").count()

    def too_wide(self) -> list[str]:
        """Ids of cells whose output would scroll sideways."""
        return self.page.evaluate(
            """() => {
                const panel = window.jupyterapp.shell.currentWidget;
                const kinds = '.jp-OutputArea-output, .widget-html, .widget-box';
                const wide = n => n.scrollWidth > n.clientWidth + 2 && n.clientWidth > 0;
                return panel.content.widgets.filter(w => [...w.node.querySelectorAll(kinds)].some(wide))
                    .map(w => w.model.id);
            }"""
        )

    def unlabelled(self) -> list[str]:
        """Inputs in outputs that have no accessible name, as HTML."""
        return self.page.evaluate(
            """() => [...document.querySelectorAll('.jp-OutputArea-output')]
                .flatMap(n => [...n.querySelectorAll('input, select, textarea, button')])
                .filter(n => n.offsetParent !== null)
                .filter(n => !(n.labels && [...n.labels].some(l => l.textContent.trim()))
                             && !n.textContent.trim() && !n.getAttribute('aria-label') && !n.title)
                .map(n => n.outerHTML.slice(0, 160))"""
        )

    def shoot(self, tag: str = "") -> list[Path]:
        """Pictures of the whole notebook, from top to bottom."""
        SHOTS.mkdir(exist_ok=True)
        self.page.set_viewport_size({"width": WIDTH, "height": PIECE})
        scroller = self.panel.locator(".jp-WindowedPanel-outer")
        seen, made = 0, []
        while True:
            at, shown, whole = scroller.evaluate(
                "(n, top) => { n.scrollTop = top; return [n.scrollTop, n.clientHeight, n.scrollHeight] }",
                seen,
            )
            self.page.wait_for_timeout(300)
            made.append(SHOTS / f"{self.name}{tag}-{len(made) + 1}.png")
            self.page.screenshot(path=made[-1])
            seen = at + shown
            # JupyterLab lets a notebook scroll far past its last cell.
            if seen >= min(whole, self._end(scroller)) or len(made) == MOST_PICTURES:
                break
        self.page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
        return made

    def _end(self, scroller: Locator) -> int:
        return scroller.evaluate(
            "n => { const cells = [...n.querySelectorAll('.jp-Cell')];"
            " const box = n.getBoundingClientRect();"
            " return cells.at(-1).getBoundingClientRect().bottom - box.top + n.scrollTop }"
        )

    def _js(self, expression: str) -> Any:
        return self.page.evaluate(
            "() => { const {content, sessionContext} = window.jupyterapp.shell.currentWidget;"
            f" return {expression} }}"
        )

    def _until(self, expression: str, seconds: float) -> None:
        self.page.wait_for_function(
            "() => { const {content, sessionContext} = window.jupyterapp.shell.currentWidget || {};"
            f" return content && ({expression}) }}",
            timeout=seconds * 1000,
        )


def end_kernels(address: str) -> None:
    """Shut down every kernel of this JupyterLab."""
    with urllib.request.urlopen(f"{address}/api/sessions", timeout=10) as answer:
        sessions = json.load(answer)
    for session in sessions:
        request = urllib.request.Request(f"{address}/api/sessions/{session['id']}", method="DELETE")
        urllib.request.urlopen(request, timeout=20).close()


def type_keys(page: Page, *keys: str) -> None:
    """Press keys as fast as a hand: a widget's value goes to the kernel and back between two of them."""
    for key in keys:
        page.keyboard.press(key)
        page.wait_for_timeout(250)


@contextlib.contextmanager
def copy_of(notebook: Path) -> Iterator[Path]:
    """A folder with a copy, so that a run changes nothing in the checkout."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(notebook, folder)
        yield Path(folder)


def main(paths: list[str]) -> int:
    """Run each notebook in JupyterLab, take its pictures, and say what is wrong with it."""
    wrong = 0
    for path in map(Path, paths):
        with copy_of(path) as folder, jupyterlab(folder) as address, browser() as page:
            book = Book(page, address, path.name)
            book.run_all()
            found = {
                "errors": book.errors(),
                "too wide": book.too_wide(),
                "without a label": book.unlabelled(),
                "broken widgets": book.broken_widgets(),
            }
            say = sys.stdout.write
            say(f"{path.name}: { {what: where for what, where in found.items() if where} or 'is well' }\n")
            for shot in book.shoot():
                say(f"  {shot.relative_to(ROOT)}\n")
            wrong += any(found.values())
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

"""A dashboard as a process of its own, and somebody who visits it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from itertools import islice
from pathlib import Path
from signal import SIGINT
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

import anyio
from playwright.sync_api import Browser, BrowserContext, Page

from tests.engine.stage import Ended, Stage

SOON = 40_000  # milliseconds after which something that should be seen is taken not to come


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said, without following it anywhere."""

    status: int
    headers: Mapping[str, str]
    text: str


@dataclass(slots=True)
class Dashboard:
    """A dashboard that runs. `address` lets whoever opens it in."""

    process: "subprocess.Popen[str]"
    address: str
    cookie: str = ""

    @property
    def origin(self) -> str:
        parts = urlsplit(self.address)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def token(self) -> str:
        return parse_qs(urlsplit(self.address).query)["token"][0]

    def ask(
        self, path: str, *, method: str = "GET", headers: Mapping[str, str] | None = None, body: str | None = None
    ) -> Answer:
        """Ask for something, without a cookie but the given headers' own."""
        connection = HTTPConnection(urlsplit(self.address).netloc, timeout=20)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read().decode())
        finally:
            connection.close()

    def enter(self) -> dict[str, str]:
        """Return the header of whoever was let in."""
        if not self.cookie:
            parts = urlsplit(self.address)
            self.cookie = self.ask(f"{parts.path}?{parts.query}").headers["Set-Cookie"].partition(";")[0]
        return {"Cookie": self.cookie}

    def end(self) -> int:
        """Type Ctrl-C, and return the exit code."""
        self.process.send_signal(SIGINT)
        return self.process.wait(10)


@contextmanager
def serving(
    directory: Path, *words: str, environment: Mapping[str, str] | None = None, port: int = 0
) -> Iterator[Dashboard]:
    """Start a dashboard as a process of its own, and kill what is left of it."""
    directory.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "deployer", "serve", "--port", str(port), *words]
    with subprocess.Popen(
        command,
        cwd=directory,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            found = re.search(r"http://\S+", said)
            assert found, said
            yield Dashboard(process, found[0])
        finally:
            process.kill()


@dataclass(slots=True)
class Visit:
    """A page in a browser, and what the browser complained about meanwhile."""

    page: Page
    dashboard: Dashboard
    complaints: list[str] = field(default_factory=list)

    def go(self, path: str = "/") -> None:
        """Go to a page, and stay until it is live."""
        self.page.goto(self.dashboard.origin + path)
        self.await_live()

    def await_live(self) -> None:
        self.page.wait_for_selector(".connection.live", timeout=SOON)

    def see(self, text: str | re.Pattern[str], *, within: str = "main") -> None:
        """Return once a text is seen."""
        self.page.locator(within).get_by_text(text).first.wait_for(timeout=SOON)

    def text(self, selector: str = "main") -> str:
        return self.page.inner_text(selector)

    def mark(self) -> None:
        """Mark the page, so that it is known whether it was loaded again."""
        self.page.evaluate("window.marked = true")

    @property
    def is_marked(self) -> bool:
        return bool(self.page.evaluate("window.marked === true"))


@contextmanager
def visiting(browser: Browser, dashboard: Dashboard, **how: Any) -> Iterator[Visit]:  # noqa: ANN401 - a context's options
    """Open the address that was printed in a browser that knows nothing yet."""
    context: BrowserContext = browser.new_context(**how)
    try:
        page = context.new_page()
        visit = Visit(page, dashboard)
        page.on("console", lambda said: visit.complaints.append(f"{said.type}: {said.text}"))
        page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        page.on("dialog", lambda dialog: visit.complaints.append(dialog.message))
        page.goto(dashboard.address)
        if how.get("java_script_enabled", True):
            visit.await_live()
        yield visit
    finally:
        context.close()


def run(stage: Stage, *words: str) -> Ended:
    """Type a command: in a process of its own, since a browser keeps this thread's loop."""
    with stage.started(*words) as process:
        out, err = process.communicate(timeout=SOON / 1000)
        return Ended(process.returncode, out, err)


def apart(work: Callable[..., Awaitable[object]], *arguments: object) -> None:
    """Do something asynchronous in a thread of its own, for the same reason."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(anyio.run, work, *arguments).result()


Told: TypeAlias = tuple[str, str, Any]
"""An event of a stream: its name, its id and what it tells."""


@contextmanager
def listening(dashboard: Dashboard, path: str, *, since: str = "") -> Iterator[Iterator[Told]]:
    """Listen to a stream, as one who was told something before."""
    connection = HTTPConnection(urlsplit(dashboard.address).netloc, timeout=20)
    headers = dashboard.enter() | ({"Last-Event-ID": since} if since else {})
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        yield iter(lambda: _event(answer), None)
    finally:
        connection.close()


def events(dashboard: Dashboard, path: str, *, since: str = "", most: int = 1) -> list[Told]:
    """Return the first events of a stream."""
    with listening(dashboard, path, since=since) as told:
        return list(islice(told, most))


def _event(answer: HTTPResponse) -> Told:
    fields: dict[str, str] = {}
    while line := answer.readline().decode().rstrip("\n"):
        name, _, value = line.partition(": ")
        fields[name] = value
    return fields["event"], fields.get("id", ""), json.loads(fields["data"])

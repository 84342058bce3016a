"""A page in headless Chromium, asked through its pipe: no port, no driver, no library."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")
_QUIET = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe"),
]
_PATIENCE_S = 60.0


@dataclass
class Tab:
    """A tab of a browser, and what it complained of since it was opened."""

    talk: Pipe
    session: str
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def visit(self, page: Path, *, width: int, height: int = 900) -> None:
        """Load a page in a window of this size [CSS pixel] and wait until all of it is there."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.ask("Emulation.setDeviceMetricsOverride", **size)
        self.ask("Page.navigate", url=page.as_uri())
        while self._next()["method"] != "Page.loadEventFired":
            pass

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression in the page."""
        found = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        return found["result"].get("value")

    def screenshot(self) -> bytes:
        """Return a picture of the whole page as PNG."""
        found = self.ask("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(found["data"])

    def pdf(self) -> bytes:
        """Return the page as it is printed."""
        found = self.ask("Page.printToPDF", preferCSSPageSize=True)
        return base64.b64decode(found["data"])

    def ask(self, method: str, **parameters: object) -> dict[str, Any]:
        """Send a command and return its answer."""
        number = self.talk.send(method, self.session, parameters)
        while True:
            said = self._next()
            if said.get("id") == number:
                if "error" in said:
                    raise RuntimeError(f"{method}: {said['error']['message']}")
                return said["result"]

    def _next(self) -> dict[str, Any]:
        """Return the next thing the browser says, and note complaints and requests."""
        said = {"method": ""} | self.talk.receive()
        method, told = said["method"], said.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.complaints.append(str(told["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(f"console.{told['type']}: {told['args']}")
        elif method == "Log.entryAdded" and told["entry"]["level"] in {"error", "warning"}:
            self.complaints.append(told["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        return said


@dataclass
class Pipe:
    """Messages to and from a browser, ended by zero bytes."""

    read: int
    write: int
    count: int = 0
    pending: bytes = b""

    def send(self, method: str, session: str, parameters: dict[str, object]) -> int:
        """Send a command and return its number."""
        self.count += 1
        said: dict[str, object] = {"id": self.count, "method": method, "params": parameters}
        if session:
            said["sessionId"] = session
        os.write(self.write, json.dumps(said).encode() + b"\0")
        return self.count

    def receive(self) -> dict[str, Any]:
        """Return the next message."""
        end = monotonic() + _PATIENCE_S
        while b"\0" not in self.pending:
            ready, _, _ = select.select([self.read], [], [], max(0.0, end - monotonic()))
            content = os.read(self.read, 2**20) if ready else b""
            if not content:
                raise RuntimeError("Chromium says nothing any more.")
            self.pending += content
        message, _, self.pending = self.pending.partition(b"\0")
        return dict(json.loads(message))


@contextmanager
def chromium(profile: Path) -> Iterator[Tab]:
    """Start a browser with an empty profile; end it at the end."""
    (to_browser, ours), (mine, from_browser) = os.pipe(), os.pipe()
    # The browser reads from descriptor 3 and writes to descriptor 4.
    script = f'exec "$@" 3<&{to_browser} 4>&{from_browser}'
    words = [str(PROGRAM), *_QUIET, f"--user-data-dir={profile}", "about:blank"]
    process = subprocess.Popen(
        ["bash", "-c", script, "chromium", *words],
        pass_fds=(to_browser, from_browser),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(to_browser)
    os.close(from_browser)
    try:
        yield _tab(Pipe(mine, ours))
    finally:
        os.close(ours)  # it ends when nobody talks to it
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(mine)


def _tab(talk: Pipe) -> Tab:
    """Open a tab that listens to everything."""
    browser = Tab(talk, "")
    target = browser.ask("Target.createTarget", url="about:blank")["targetId"]
    session = browser.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    tab = Tab(talk, session)
    for domain in ("Page", "Runtime", "Log", "Network"):
        tab.ask(f"{domain}.enable")
    return tab

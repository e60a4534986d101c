"""A real browser for tests of pages: Chromium by the WebDriver protocol, with nothing to install
from Python's registry. Tests skip with a word where there is none.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Browser:
    """A window that shows one page."""

    def __init__(self, address: str) -> None:
        self._address = address

    def ask(self, method: str, path: str, content: object = None) -> Any:
        body = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(f"{self._address}{path}", body, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def run(self, code: str) -> Any:
        return self.ask("POST", "/execute/sync", {"script": code, "args": []})

    def messages(self) -> list[str]:
        """What the console says."""
        return [one["message"] for one in self.ask("POST", "/se/log", {"type": "browser"})]

    def requested(self) -> list[str]:
        """Every address that the page asked for, itself first."""
        events = [json.loads(one["message"])["message"]
                  for one in self.ask("POST", "/se/log", {"type": "performance"})]  # fmt: skip
        return [one["params"]["request"]["url"] for one in events
                if one["method"] == "Network.requestWillBeSent"
                and one["params"]["documentURL"].startswith("file:")]  # fmt: skip


@contextmanager
def showing(page: Path, profile: Path, width: int) -> Iterator[Browser]:
    """Show a file in a window of that width."""
    driver, chromium = shutil.which("chromedriver"), shutil.which("chromium")
    if driver is None or chromium is None:
        pytest.skip("no browser: apt-get install chromium chromium-driver")
    process = subprocess.Popen([driver, "--port=0"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = next(
            found[1]
            for line in process.stdout
            if (found := re.search(r"started successfully on port (\d+)", line))
        )
        root = Browser(f"http://127.0.0.1:{port}")
        metrics = {"width": width, "height": 900, "pixelRatio": 1, "touch": False}
        options = {
            "binary": chromium,
            "args": [*FLAGS, f"--user-data-dir={profile}"],
            "mobileEmulation": {"deviceMetrics": metrics},
        }
        wanted = {"goog:chromeOptions": options,
                  "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}  # fmt: skip
        made = root.ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        window = Browser(f"http://127.0.0.1:{port}/session/{made['sessionId']}")
        try:
            window.ask("POST", "/url", {"url": page.as_uri()})
            yield window
        finally:
            window.ask("DELETE", "")
    finally:
        process.terminate()
        process.wait(20)
        if process.stdout is not None:
            process.stdout.close()

"""A headless Chromium, driven over its own debugging protocol."""

import contextlib
import functools
import http.server
import itertools
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from tests.support.client_programs import CLIENTS
from tests.support.system import Process, clean_environment, running, wait_for_file
from tests.support.waiting import eventually

_NAMES = ("chromium", "chromium-browser", "chromium-headless-shell", "google-chrome")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
    # Whatever else it might want to reach is not there.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)
_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Browser:
    """A running browser.

    Attributes:
        debug_url: Where it takes orders.
        page_url: A page of an origin that is nobody else's.
    """

    debug_url: str
    page_url: str

    async def run(self, body: str) -> Any:
        """Run the body of an asynchronous function in a new tab and return its result.

        Raises:
            AssertionError: It threw.
        """
        timeout = aiohttp.ClientTimeout(total=_SECONDS)
        async with aiohttp.ClientSession(self.debug_url, timeout=timeout) as http:
            async with http.put(f"/json/new?{quote(self.page_url)}") as answer:
                tab = await answer.json()
            try:
                async with http.ws_connect(tab["webSocketDebuggerUrl"]) as socket:
                    orders = _Orders(socket)
                    await eventually(
                        lambda: orders.evaluate("document.readyState + ' ' + location.href"),
                        lambda where: where == f"complete {self.page_url}",
                    )
                    return await orders.evaluate(f"(async () => {{{body}}})()")
            finally:
                await http.get(f"/json/close/{tab['id']}")


class _Orders:
    """What a tab is told to do."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)

    async def evaluate(self, script: str) -> Any:
        number = next(self._numbers)
        params = {"expression": script, "awaitPromise": True, "returnByValue": True}
        order = {"id": number, "method": "Runtime.evaluate", "params": params}
        await self._socket.send_json(order)
        while (answer := await self._socket.receive_json(timeout=_SECONDS)).get("id") != number:
            pass
        result = answer.get("result", answer)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result.get("result", {}).get("value")


@contextlib.contextmanager
def running_browser(folder: Path) -> Iterator[Browser]:
    """Run a browser with an empty profile for the length of the block."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.fail(
            "no Chromium is in the path: apt install chromium-headless-shell", pytrace=False
        )
    profile = folder / "profile"
    command = (program, *_FLAGS, f"--user-data-dir={profile}", "about:blank")
    with (
        _serving_page() as page_url,
        running(*command, log=folder / "browser.log", env=clean_environment()) as process,
    ):
        try:
            port = _read_port(profile / "DevToolsActivePort", process)
            yield Browser(f"http://127.0.0.1:{port}", page_url)
        finally:
            # Debian starts it from a script, which would leave it behind.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.popen.pid, signal.SIGKILL)


def _read_port(path: Path, process: Process) -> int:
    try:
        wait_for_file(path)
    except AssertionError as error:
        raise AssertionError(f"the browser did not start:\n{process.output()}") from error
    return int(path.read_text().splitlines()[0])


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def _serving_page() -> Iterator[str]:
    handler = functools.partial(_Quiet, directory=str(CLIENTS))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://localhost:{server.server_address[1]}/page/"
        finally:
            server.shutdown()
            thread.join()

"""Clients that go on until they are told to end, and what they noticed."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

import httpx

from tests.hosts.cluster import URL
from tests.support.load import ASK, CHAT, GENERATE, MODEL, STREAM
from tests.support.resuming import ResumingUpload
from tests.support.waiting import eventually

_UPLOAD_BYTES = 3 * 1024 * 1024
_UPLOAD_CHUNK = 1024 * 1024
_BEGINNINGS = 10
_TALE = {"contents": [{"role": "user", "parts": [{"text": "[[words 120]]"}]}]}


class Served(Protocol):
    """Something that serves whoever has its token."""

    @property
    def token(self) -> str:
        """A client's token."""


@dataclass
class Tally:
    """What the clients of a scenario noticed.

    Attributes:
        answered: Requests that came to a good end, by kind.
        failures: What was wrong with the others, by kind and text.
        slowest: The longest that a plain request took, in seconds.
        resumes: How often an upload had to ask how far it was.
    """

    answered: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slowest: float = 0.0
    resumes: int = 0

    async def more(self, count: int) -> None:
        """Return once so many further requests came to an end, good or bad."""
        goal = self._ended() + count

        async def ended() -> int:
            return self._ended()

        await eventually(ended, lambda number: number >= goal, seconds=90)

    def _ended(self) -> int:
        return sum(self.answered.values()) + len(self.failures)


class Traffic:
    """Plain requests, streams of both dialects and uploads, all at once."""

    def __init__(self, cluster: Served, url: str = URL) -> None:
        """Take whom to ask; clients keep their connections, as SDKs do."""
        self.tally = Tally()
        self._token, self._url = cluster.token, url
        self._http = httpx.AsyncClient(
            base_url=url,
            headers={"authorization": f"Bearer {cluster.token}"},
            timeout=60,
            trust_env=False,
            # What every SDK does: an address that does not take a connection is tried anew.
            transport=httpx.AsyncHTTPTransport(retries=2),
        )
        self._stop = asyncio.Event()
        self._kinds: list[tuple[str, Callable[[], Awaitable[str]]]] = [
            *[("plain", self._plain)] * 6,
            *[("stream", self._stream)] * 6,
            *[("chat stream", self._chat)] * 3,
            *[("upload", self._upload)] * 2,
        ]

    async def __aenter__(self) -> Tally:
        """Start all clients, and wait until each kind has been served."""
        self._tasks = [asyncio.create_task(self._go_on(*kind)) for kind in self._kinds]
        names = {name for name, _ in self._kinds}
        await eventually(self._served, lambda served: served >= names, seconds=60)
        return self.tally

    async def __aexit__(self, *_: object) -> None:
        """Let each client end its last request."""
        self._stop.set()
        await asyncio.gather(*self._tasks)
        await self._http.aclose()

    async def _served(self) -> set[str]:
        assert not self.tally.failures, self.tally.failures[:3]
        return set(self.tally.answered)

    async def _go_on(self, kind: str, ask: Callable[[], Awaitable[str]]) -> None:
        while not self._stop.is_set():
            begun = time.monotonic()
            try:
                problem = await ask()
            except (httpx.HTTPError, AssertionError) as error:
                problem = f"{type(error).__name__} {error}"
            took = time.monotonic() - begun
            if problem:
                self.tally.failures.append(f"{kind} after {took:.1f} s: {problem[:300]}")
                continue
            self.tally.answered[kind] += 1
            if kind == "plain":
                self.tally.slowest = max(self.tally.slowest, took)
            # A little less than these machines can do: it is no test of speed.
            await asyncio.sleep(0.05)

    async def _plain(self) -> str:
        return _problem(await self._http.post(GENERATE, json=ASK), "finishReason")

    async def _stream(self) -> str:
        return _problem(await self._http.post(STREAM, json=_TALE), '"finishReason"')

    async def _chat(self) -> str:
        body = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}], "stream": True}
        return _problem(await self._http.post(CHAT, json=body), "[DONE]")

    async def _upload(self) -> str:
        for _ in range(_BEGINNINGS):
            upload = ResumingUpload(self._url, self._token, _UPLOAD_BYTES, chunk=_UPLOAD_CHUNK)
            try:
                await upload.run()
            except AssertionError as error:
                # Without a store nothing can be begun; the client is told so, and asks again.
                if upload.acknowledged or "FILES_UNAVAILABLE" not in str(error):
                    raise
                self.tally.resumes += 1
                await asyncio.sleep(1)
            else:
                return ""
            finally:
                self.tally.resumes += upload.resumes
        return "it could not be begun"


def _problem(answer: httpx.Response, ending: str) -> str:
    text = answer.text
    if answer.status_code != 200 or ending not in text or '"error"' in text:
        return f"{answer.status_code} {text[-300:]}"
    return ""

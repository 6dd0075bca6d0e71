"""Clients of a running system that ask one question after the other."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx

from tests.support.system import System
from tests.support.waiting import eventually

MODEL = "gemini-2.5-flash"
GENERATE = f"/v1beta/models/{MODEL}:generateContent"
STREAM = f"/v1beta/models/{MODEL}:streamGenerateContent"
CHAT = "/v1/chat/completions"
ASK = {"contents": [{"role": "user", "parts": [{"text": "a long tale of a heron " * 20}]}]}


class Load:
    """Clients that go on until the block is left: plain calls, streams, and OpenAI's streams.

    Attributes:
        answered: Requests that have ended, well or not.
        failures: What was wrong with those that did not end well.
    """

    def __init__(
        self, system: System, token: str, *, plain: int = 12, streams: int = 8, chats: int = 4
    ) -> None:
        """Take a client token, and how many clients of each kind to run."""
        self._client = httpx.AsyncClient(
            base_url=system.url,
            headers={"authorization": f"Bearer {token}"},
            timeout=60,
            limits=httpx.Limits(max_connections=200),
        )
        self._clients = [self._plain] * plain + [self._streamed] * streams + [self._chat] * chats
        self._stop = asyncio.Event()
        self.answered = 0
        self.failures: list[str] = []

    async def __aenter__(self) -> "Load":
        """Start all clients."""
        self._tasks = [asyncio.create_task(self._go_on(ask)) for ask in self._clients]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let each client end its last request."""
        self._stop.set()
        await asyncio.gather(*self._tasks)
        await self._client.aclose()

    async def more(self, count: int) -> None:
        """Return once so many further requests have been answered."""
        goal = self.answered + count
        await eventually(self._progress, lambda answered: answered >= goal, seconds=60)

    async def _progress(self) -> int:
        return self.answered

    async def _go_on(self, ask: Callable[[], Awaitable[None]]) -> None:
        while not self._stop.is_set():
            await ask()

    async def _plain(self) -> None:
        self._count(await self._client.post(GENERATE, json=ASK), "finishReason")

    async def _streamed(self) -> None:
        self._count(await self._client.post(STREAM, json=ASK), '"finishReason"')

    async def _chat(self) -> None:
        body = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}], "stream": True}
        self._count(await self._client.post(CHAT, json=body), "[DONE]")

    def _count(self, answer: httpx.Response, ending: str) -> None:
        if answer.status_code != 200 or ending not in answer.text or '"error"' in answer.text:
            self.failures.append(f"{answer.status_code} {answer.text[:300]}")
        self.answered += 1

"""A client of uploads that never gives up: after any trouble it asks how far it is."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx

from tests.support.samples import sample

_PIECE = 64 * 1024
_SECONDS = 60

Moment = Callable[[], Awaitable[None]]


class ResumingUpload:
    """One upload of a part of the endless sample.

    Attributes:
        acknowledged: Up to where an answer has promised to keep the bytes.
        resumes: How often it had to ask.
        moments: What to do once so many bytes have left; each happens once.
    """

    def __init__(self, url: str, token: str, size: int, *, chunk: int, first: int = 0) -> None:
        """Take a running system and whose upload it is.

        Args:
            url: Address of the system.
            token: The client's.
            size: Bytes of the file.
            chunk: Bytes of each request.
            first: Where in the sample the file begins.
        """
        self._url = url
        self._token = token
        self._size = size
        self._chunk = chunk
        self._first = first
        self.acknowledged = 0
        self.resumes = 0
        self.moments: dict[int, Moment] = {}

    async def run(self) -> dict[str, Any]:
        """Upload and return the file.

        Raises:
            AssertionError: A promise was broken, or the system did not come back in time.
        """
        async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
            self._http = http
            self._address = await self._start()
            offset = 0
            while True:
                answer = await self._try(self._send(offset))
                if answer is None or not answer.is_success:
                    answer = await self._ask()
                if answer.headers.get("x-goog-upload-status") == "final":
                    file: dict[str, Any] = answer.json()["file"]
                    return file
                offset = int(answer.headers["x-goog-upload-size-received"])
                assert self.acknowledged <= offset <= self._size, "acknowledged bytes are lost"
                self.acknowledged = offset

    async def _start(self) -> str:
        headers = {
            "x-goog-api-key": self._token,
            "x-goog-upload-protocol": "resumable",
            "x-goog-upload-command": "start",
            "x-goog-upload-header-content-length": str(self._size),
            "x-goog-upload-header-content-type": "text/plain",
        }
        answer = await self._http.post(f"{self._url}/upload/v1beta/files", headers=headers)
        assert answer.status_code == 200, answer.text
        return str(answer.headers["x-goog-upload-url"])

    async def _send(self, offset: int) -> httpx.Response:
        end = min(offset + self._chunk, self._size)
        headers = {
            "x-goog-upload-command": "upload, finalize" if end == self._size else "upload",
            "x-goog-upload-offset": str(offset),
            "content-length": str(end - offset),
        }
        return await self._http.post(
            self._address, headers=headers, content=self._pieces(offset, end)
        )

    async def _pieces(self, offset: int, end: int) -> AsyncIterator[bytes]:
        for start in range(offset, end, _PIECE):
            for due in [at for at in self.moments if at <= start]:
                await self.moments.pop(due)()
            yield sample(self._first + start, min(_PIECE, end - start))

    async def _ask(self) -> httpx.Response:
        """Return the first answer that says how far the upload is."""
        self.resumes += 1
        async with asyncio.timeout(_SECONDS):
            while True:
                headers = {"x-goog-upload-command": "query"}
                answer = await self._try(self._http.post(self._address, headers=headers))
                if answer is not None and answer.is_success:
                    return answer
                status = answer.status_code if answer is not None else 503
                assert status >= 500, f"the upload is lost: {status}"
                await asyncio.sleep(0.1)

    async def _try(self, request: Awaitable[httpx.Response]) -> httpx.Response | None:
        with contextlib.suppress(httpx.TransportError):
            return await request
        return None

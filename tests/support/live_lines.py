"""Live sessions held by Google's own clients, each as a line that answers until it is ended."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any, Protocol

from google import genai
from google.genai import errors, types
from google.genai.live import AsyncSession
from websockets.exceptions import ConnectionClosed

from tests.support.client_programs import CLIENTS, NODE
from tests.support.live import TALK, Front, live_sdk
from tests.support.system import clean_environment

_OPEN_SECONDS = 30


class EndedError(Exception):
    """A session was ended from the other side.

    Attributes:
        code: Of the close, 1006 when there was none.
        reason: Its text.
    """

    def __init__(self, code: int, reason: str) -> None:
        """Take code and reason."""
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


class Line(Protocol):
    """One session."""

    async def ask(self, text: str) -> str:
        """Take a turn and return what is said; EndedError when there is no session any more."""
        ...


class Lines(Protocol):
    """A client that opens sessions."""

    async def open(self, url: str) -> Line:
        """Open one at an edge, and return once it is set up."""
        ...


class _PythonLine:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def ask(self, text: str) -> str:
        turn = types.Content(role="user", parts=[types.Part(text=text)])
        try:
            await self._session.send_client_content(turns=turn)
            return "".join([message.text or "" async for message in self._session.receive()])
        except errors.APIError as error:
            raise EndedError(error.code, str(error)) from error
        except ConnectionClosed as error:
            told = error.rcvd
            raise EndedError(told.code if told else 1006, told.reason if told else "") from error


class _PythonLines:
    def __init__(self, token: str, fronts: dict[str, tuple[Front, str]], stack: Any) -> None:
        self._token, self._fronts, self._stack = token, fronts, stack

    async def open(self, url: str) -> Line:
        front, address = self._fronts[url]
        client: genai.Client = live_sdk(self._token, address, front)
        config = types.LiveConnectConfig(response_modalities=[types.Modality.TEXT])
        connecting = client.aio.live.connect(model=TALK, config=config)
        return _PythonLine(await self._stack.enter_async_context(connecting))


@contextlib.asynccontextmanager
async def python_lines(token: str, fronts: dict[str, tuple[Front, str]]) -> AsyncIterator[Lines]:
    """Hold sessions by google-genai, which wants TLS: each edge's front, and its address."""
    async with contextlib.AsyncExitStack() as stack:
        yield _PythonLines(token, fronts, stack)


class _NodeLine:
    def __init__(self, lines: "_NodeLines", number: int) -> None:
        self._lines, self._number = lines, number

    async def ask(self, text: str) -> str:
        self._lines.tell({"session": self._number, "ask": text})
        heard = await self._lines.heard(self._number)
        if "closed" in heard:
            raise EndedError(heard["closed"], heard["reason"])
        said: str = heard["said"]
        return said


class _NodeLines:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._queues: dict[int, asyncio.Queue[dict[str, Any]]] = {}

    async def open(self, url: str) -> Line:
        number = len(self._queues)
        self._queues[number] = asyncio.Queue()
        self.tell({"open": number, "url": url})
        async with asyncio.timeout(_OPEN_SECONDS):
            assert (await self.heard(number)).get("opened")
        return _NodeLine(self, number)

    def tell(self, order: dict[str, Any]) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(order).encode() + b"\n")

    async def heard(self, number: int) -> dict[str, Any]:
        return await self._queues[number].get()

    async def listen(self) -> None:
        assert self._process.stdout
        async for line in self._process.stdout:
            told = json.loads(line)
            self._queues[told["session"]].put_nowait(told)


@contextlib.asynccontextmanager
async def node_lines(token: str) -> AsyncIterator[Lines]:
    """Hold sessions by @google/genai, all in one process."""
    process = await asyncio.create_subprocess_exec(
        *(str(NODE), str(CLIENTS / "genai_live_many.js"), TALK),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=clean_environment(),
    )
    assert process.stdin
    process.stdin.write(token.encode() + b"\n")
    lines = _NodeLines(process)
    listening = asyncio.create_task(lines.listen())
    try:
        yield lines
        process.stdin.close()
        async with asyncio.timeout(_OPEN_SECONDS):
            await process.wait()
            await listening
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        listening.cancel()

"""Callers of a key pool that ask one question after the other, over the channel of services."""

import asyncio
from typing import Any

from gemini_balance.keypool.v1 import keypool_pb2 as pb
from gemini_balance.keypool.v1 import keypool_pb2_grpc

from services.kit.errors import RemoteError
from services.kit.grpc_channel import ServiceChannel
from tests.support.keypool import CREDENTIALS
from tests.support.waiting import eventually

SERVICE = pb.DESCRIPTOR.services_by_name["KeyPoolService"].full_name


class Callers:
    """Callers that go on until the block is left.

    Nothing is tried twice, unless the channel is told that it may be.

    Attributes:
        answered: Calls that have ended, well or not.
        failures: Those that did not end well.
    """

    def __init__(self, target: str, *, count: int = 6, **options: Any) -> None:
        """Take a target, and what `ServiceChannel` takes besides."""
        options = {"credential": CREDENTIALS["edge"][0], "service": SERVICE} | options
        self.channel = ServiceChannel(target, **options)
        self._stub: Any = keypool_pb2_grpc.KeyPoolServiceStub(self.channel.channel)
        self._count = count
        self._stop = asyncio.Event()
        self.answered = 0
        self.failures: list[str] = []

    async def __aenter__(self) -> "Callers":
        """Start all callers."""
        self._tasks = [asyncio.create_task(self._go_on()) for _ in range(self._count)]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let each caller end its last call."""
        self._stop.set()
        await asyncio.gather(*self._tasks)
        await self.channel.close()

    async def more(self, count: int) -> None:
        """Return once so many further calls have been answered."""
        goal = self.answered + count
        await eventually(self._progress, lambda answered: answered >= goal, seconds=60)

    async def ask(self) -> None:
        """Ask one question; the key pool asks Redis for the answer."""
        await self.channel.call(
            self._stub.Explain, pb.ExplainRequest(model="m"), timeout=5, wait_for_ready=False
        )

    async def _progress(self) -> int:
        return self.answered

    async def _go_on(self) -> None:
        while not self._stop.is_set():
            try:
                await self.ask()
            except RemoteError as error:
                self.failures.append(f"{error.code.name} {error}")
            self.answered += 1
            # Many callers at a moderate pace, not a race.
            await asyncio.sleep(0.005)

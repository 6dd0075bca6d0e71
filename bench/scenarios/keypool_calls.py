"""Calls of the key pool over gRPC, one after the other, as any service may make them."""

import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

import grpc.aio
from gemini_balance.keypool.v1 import keypool_pb2 as pb
from gemini_balance.keypool.v1 import keypool_pb2_grpc

from bench.processes import watched
from bench.scenario import Column, Sample, Scenario, Ways, WrongAnswerError
from bench.stage import BENCH_CREDENTIAL, Stage
from bench.stats import percentile
from bench.upstream.answers import MODEL

_CALLS = 300

Call = Callable[[], Awaitable[bool]]
"""Makes one call, or a pair of them, and says whether the answer was right."""


class KeypoolCalls:
    """The calls that are measured."""

    def __init__(self, channel: grpc.aio.Channel, token: str) -> None:
        self._stub: Any = keypool_pb2_grpc.KeyPoolServiceStub(channel)
        self._metadata = (("authorization", f"Bearer {BENCH_CREDENTIAL}"),)
        self._token = token

    async def authorize(self) -> bool:
        """Ask who holds a token."""
        answer = await self._call("Authorize", pb.AuthorizeRequest(token=self._token))
        return bool(answer.client_id)

    async def acquire_and_settle(self, count: int) -> bool:
        """Acquire leases in one call, and settle them in another."""
        order = pb.AcquireLeasesRequest(
            request_id=uuid.uuid4().hex, model=MODEL, count=count, operation=pb.OPERATION_GENERATE
        )
        order.lifetime.FromSeconds(60)
        granted = await self._call("AcquireLeases", order)
        settlements = [
            pb.Settlement(lease_id=lease.lease_id, outcome=pb.OUTCOME_SUCCEEDED)
            for lease in granted.leases
        ]
        for settlement in settlements:
            settlement.started_at.GetCurrentTime()
        told = await self._call("SettleLeases", pb.SettleLeasesRequest(settlements=settlements))
        return len(granted.leases) == len(told.results) == count

    async def _call(self, name: str, request: Any) -> Any:
        return await getattr(self._stub, name)(request, timeout=10, metadata=self._metadata)


def open_calls(stage: Stage, stack: ExitStack) -> Ways:
    """Prepare the calls, on one channel."""
    system, target = stage.product(stage.upstream())

    async def open_channel() -> grpc.aio.Channel:
        return grpc.aio.insecure_channel(system.run_file["keypool_target"])

    channel = stage.run(open_channel())
    stack.callback(lambda: stage.run(channel.close(None)))
    calls = KeypoolCalls(channel, system.secrets[1])
    ways: dict[str, Call] = {
        "Authorize": calls.authorize,
        "AcquireLeases and SettleLeases of 1": partial(calls.acquire_and_settle, 1),
        "AcquireLeases and SettleLeases of 64": partial(calls.acquire_and_settle, 64),
    }
    processes = {name: target.processes[name] for name in ("keypool", "redis")}

    def measure(call: Call) -> Sample:
        with watched(processes) as cost:
            latencies = stage.run(_repeat(call))
        return {
            "p50 ms": percentile(latencies, 0.5) * 1e3,
            "p99 ms": percentile(latencies, 0.99) * 1e3,
            "keypool µs": cost.cpu["keypool"] / _CALLS * 1e6,
            "redis µs": cost.cpu["redis"] / _CALLS * 1e6,
        }

    return {name: partial(measure, call) for name, call in ways.items()}


async def _repeat(call: Call) -> list[float]:
    latencies = []
    for _ in range(_CALLS):
        began = time.perf_counter()
        if not await call():
            raise WrongAnswerError("the key pool gave less than was asked for")
        latencies.append(time.perf_counter() - began)
    return latencies


SCENARIOS = (
    Scenario(
        "keypool-calls",
        "keypool",
        "Calls over gRPC, one after the other; a pair of calls counts as one",
        (Column("p50 ms", 2), Column("p99 ms", 2), Column("keypool µs"), Column("redis µs")),
        open_calls,
    ),
)

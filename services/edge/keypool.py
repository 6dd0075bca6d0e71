"""The edge's side of the key pool's contract: domain types in, gRPC out."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
from gemini_balance.keypool.v1 import keypool_pb2 as pb
from gemini_balance.keypool.v1 import keypool_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.edge.leasing.lease import (
    Ending,
    Grant,
    HeldKey,
    Need,
    PoolAwayError,
    RefusedError,
    Withdrawn,
)
from services.judging import Evidence, Operation, Phase
from services.kit.errors import RemoteError
from services.kit.grpc_channel import ServiceChannel

_SERVICE = "gemini_balance.keypool.v1.KeyPoolService"
_OPERATION = {
    Operation.GENERATE: pb.OPERATION_GENERATE,
    Operation.EMBED: pb.OPERATION_EMBED,
    Operation.COUNT_TOKENS: pb.OPERATION_COUNT_TOKENS,
    Operation.READ: pb.OPERATION_READ,
    Operation.CREATE: pb.OPERATION_CREATE,
    Operation.SESSION: pb.OPERATION_SESSION,
}
_PHASE = {
    Phase.CONNECT: pb.Evidence.PHASE_CONNECT,
    Phase.SENT: pb.Evidence.PHASE_SENT,
    Phase.ANSWERED: pb.Evidence.PHASE_ANSWERED,
    Phase.STREAM: pb.Evidence.PHASE_STREAM,
}
_OUTCOME = {
    "succeeded": pb.OUTCOME_SUCCEEDED,
    "failed": pb.OUTCOME_FAILED,
    "unused": pb.OUTCOME_UNUSED,
    "abandoned": pb.OUTCOME_ABANDONED,
}
_ACQUIRE_SECONDS = 2.0
_SETTLE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Client:
    """Who holds a token, and what it may do."""

    client_id: str
    scopes: frozenset[str]
    pool: str
    allowed_models: tuple[str, ...]
    limited: bool
    cache_for: float


class TokenRefusedError(Exception):
    """A token opens nothing; the text says why, for the client."""


class Keypool:
    """Calls of the key pool."""

    def __init__(self, target: str, credential: str) -> None:
        """Open the channel; must happen inside the running event loop."""
        self._channel = ServiceChannel(
            target,
            credential,
            service=_SERVICE,
            idempotent=("AcquireLeases", "SettleLeases", "RenewLease", "Authorize"),
        )
        self._stub: Any = keypool_pb2_grpc.KeyPoolServiceStub(self._channel.channel)
        self._health: Any = health_pb2_grpc.HealthStub(self._channel.channel)

    async def acquire(
        self,
        need: Need,
        *,
        count: int,
        hold: float,
        epoch: int,
        request_id: str,
        endings: Sequence[Ending] = (),
        excluded_projects: Sequence[str] = (),
        excluded_keys: Sequence[str] = (),
        lifetime: float,
        wait: float = 0,
        patience: float = 0,
    ) -> Grant:
        """Acquire leases, settling some on the way.

        Args:
            need: What they are for.
            count: How many are wanted.
            hold: Seconds for which they may lie unused.
            epoch: The withdrawal epoch known.
            request_id: The same for a repeated call: it gets the first one's leases.
            endings: Leases to settle first.
            excluded_projects: Projects not to choose.
            excluded_keys: Keys not to choose.
            lifetime: Seconds that a call may run.
            wait: Seconds that the request can wait for a reserved slot.
            patience: Seconds to wait for a pool that is away.

        Raises:
            PoolAwayError: The pool did not answer; nothing may be assumed.
        """
        request = pb.AcquireLeasesRequest(
            request_id=request_id,
            model=need.model,
            operation=_OPERATION[need.operation],
            count=count,
            client_id=need.client_id,
            estimated_input_tokens=need.input_tokens,
            affinity_hash=need.affinity,
            pool=need.pool,
            excluded_project_ids=excluded_projects,
            excluded_key_ids=excluded_keys,
            settlements=[_settlement(ending) for ending in endings],
            known_epoch=epoch,
        )
        request.lifetime.FromNanoseconds(int(lifetime * 1e9))
        if wait > 0:
            request.wait_budget.FromNanoseconds(int(wait * 1e9))
        # The hold counts from the grant, so counting it from here is on the safe side.
        use_by = time.monotonic() + hold if hold else float("inf")
        if hold:
            request.hold.FromNanoseconds(int(hold * 1e9))
        try:
            response = await self._channel.call(
                self._stub.AcquireLeases,
                request,
                timeout=max(_ACQUIRE_SECONDS, patience),
                wait_for_ready=patience > 0,
            )
        except RemoteError as error:
            raise _away(error) from error
        clock = _clock(response)
        keys = [_held(lease, need.pool, use_by, clock) for lease in response.leases]
        refusal = _refused(response.refusal, clock) if response.HasField("refusal") else None
        return Grant(keys, _withdrawn(response.withdrawals), response.stock_size, refusal)

    async def settle(self, pool: str, endings: Sequence[Ending], *, epoch: int) -> Withdrawn:
        """Report how leases, and uses without a lease, ended.

        Raises:
            PoolAwayError: Nothing may be assumed; reporting again is safe.
        """
        request = pb.SettleLeasesRequest(pool=pool, known_epoch=epoch)
        for ending in endings:
            if ending.key.lease_id:
                request.settlements.append(_settlement(ending))
            else:
                request.unleased_uses.append(_unleased(ending))
        try:
            response = await self._channel.call(
                self._stub.SettleLeases, request, timeout=_SETTLE_SECONDS
            )
        except RemoteError as error:
            raise _away(error) from error
        return _withdrawn(response.withdrawals)

    async def authorize(self, token: str, *, patience: float = 0) -> Client:
        """Ask who holds a token.

        Raises:
            TokenRefusedError: Nobody, or it opens nothing any more.
            PoolAwayError: The pool did not answer.
        """
        try:
            response = await self._channel.call(
                self._stub.Authorize,
                pb.AuthorizeRequest(token=token),
                timeout=max(_ACQUIRE_SECONDS, patience),
                wait_for_ready=patience > 0,
            )
        except RemoteError as error:
            if error.reason in {"TOKEN_UNKNOWN", "TOKEN_REVOKED", "TOKEN_EXPIRED"}:
                raise TokenRefusedError(error.reason.removeprefix("TOKEN_").lower()) from None
            raise _away(error) from error
        return Client(
            client_id=response.client_id,
            scopes=frozenset(response.scopes),
            pool=response.pool or "default",
            allowed_models=tuple(response.allowed_models),
            limited=response.limited,
            cache_for=response.cache_for.ToNanoseconds() / 1e9,
        )

    async def is_serving(self) -> bool:
        """Whether the pool says of itself that it serves."""
        try:
            response = await self._health.Check(
                health_pb2.HealthCheckRequest(service=_SERVICE), timeout=2, wait_for_ready=True
            )
        except grpc.aio.AioRpcError:
            return False
        return bool(response.status == health_pb2.HealthCheckResponse.SERVING)

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()


def _away(error: RemoteError) -> Exception:
    if error.is_away or error.code is grpc.StatusCode.INTERNAL:
        return PoolAwayError(str(error))
    return error


def _clock(response: pb.AcquireLeasesResponse) -> float:
    """Return the pool's wall time, which need not be ours."""
    if response.HasField("now"):
        return response.now.ToNanoseconds() / 1e9
    return time.time()


def _held(lease: pb.Lease, pool: str, use_by: float, clock: float) -> HeldKey:
    not_before = 0.0
    if lease.HasField("not_before"):
        # A reserved slot is used at its time, not within a hold.
        wait = lease.not_before.ToNanoseconds() / 1e9 - clock
        not_before, use_by = time.monotonic() + max(0.0, wait), float("inf")
    return HeldKey(
        lease_id=lease.lease_id,
        key_id=lease.key_id,
        alias=lease.key_alias,
        project_id=lease.project_id,
        secret=lease.secret,
        model=lease.model,
        pool=pool,
        proxy_url=lease.proxy_url,
        use_by=use_by,
        not_before=not_before,
    )


def _refused(refusal: pb.Refusal, clock: float) -> RefusedError:
    reason = pb.Refusal.Reason.Name(refusal.reason).removeprefix("REASON_")
    wait = None
    if refusal.HasField("retry_at"):
        wait = max(0.0, refusal.retry_at.ToNanoseconds() / 1e9 - clock)
    return RefusedError(reason, refusal.message, wait, refusal.target_project_id)


def _withdrawn(message: pb.Withdrawals) -> Withdrawn:
    return Withdrawn(
        epoch=message.epoch,
        key_ids=frozenset(message.key_ids),
        model_projects=frozenset((pair.model, pair.project_id) for pair in message.model_projects),
        everything=message.everything,
    )


def _settlement(ending: Ending) -> pb.Settlement:
    settlement = pb.Settlement(
        lease_id=ending.key.lease_id, outcome=_OUTCOME[ending.kind], client_id=ending.client_id
    )
    if ending.started_at:
        settlement.started_at.FromNanoseconds(int(ending.started_at * 1e9))
    if ending.evidence is not None:
        settlement.evidence.CopyFrom(_evidence(ending.evidence))
    if (usage := ending.usage) is not None:
        settlement.usage.CopyFrom(
            pb.Usage(
                input_tokens=usage.input,
                output_tokens=usage.output,
                cached_tokens=usage.cached,
                thought_tokens=usage.thoughts,
            )
        )
    return settlement


def _unleased(ending: Ending) -> pb.UnleasedUse:
    return pb.UnleasedUse(
        report_id=ending.report_id,
        key_id=ending.key.key_id,
        model=ending.key.model,
        pool=ending.key.pool,
        client_id=ending.client_id,
        settlement=_settlement(ending),
    )


def _evidence(evidence: Evidence) -> pb.Evidence:
    return pb.Evidence(
        http_status=evidence.status,
        body=evidence.body,
        phase=_PHASE[evidence.phase],
        operation=_OPERATION[evidence.operation],
    )

"""The edge's side of the key pool's contract: domain types in, gRPC out."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
from gemini_balance.keypool.v1 import keypool_pb2 as pb
from gemini_balance.keypool.v1 import keypool_pb2_grpc

from services.edge.keypool_wire import (
    read_clock,
    read_lease,
    read_refusal,
    read_withdrawals,
    write_need,
    write_settlement,
    write_unleased_use,
)
from services.edge.leasing.lease import Ending, Grant, Need, PoolAwayError, Withdrawn
from services.kit.errors import RemoteError
from services.kit.grpc_channel import ServiceChannel
from services.kit.tls import TlsFiles

_SERVICE = "gemini_balance.keypool.v1.KeyPoolService"
_IDEMPOTENT = (
    *("AcquireLeases", "SettleLeases", "RenewLease", "Authorize"),
    *("BindResource", "ResolveResources", "ListResources", "UnbindResource"),
)
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
    """Calls of the key pool about leases and tokens.

    Attributes:
        channel: The channel that all calls of the pool share.
    """

    def __init__(self, target: str, credential: str, *, tls: TlsFiles | None = None) -> None:
        """Open the channel; must happen inside the running event loop."""
        self.channel = ServiceChannel(
            target,
            credential,
            service=_SERVICE,
            idempotent=_IDEMPOTENT,
            tls=tls,
        )
        self._stub: Any = keypool_pb2_grpc.KeyPoolServiceStub(self.channel.channel)

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
        request = write_need(need)
        request.request_id, request.count, request.known_epoch = request_id, count, epoch
        request.excluded_project_ids.extend(excluded_projects)
        request.excluded_key_ids.extend(excluded_keys)
        request.settlements.extend(write_settlement(ending) for ending in endings)
        request.lifetime.FromNanoseconds(int(lifetime * 1e9))
        if wait > 0:
            request.wait_budget.FromNanoseconds(int(wait * 1e9))
        # The hold counts from the grant, so counting it from here is on the safe side.
        use_by = time.monotonic() + hold if hold else float("inf")
        if hold:
            request.hold.FromNanoseconds(int(hold * 1e9))
        try:
            response = await self.channel.call(
                self._stub.AcquireLeases,
                request,
                timeout=max(_ACQUIRE_SECONDS, patience),
                wait_for_ready=patience > 0,
            )
        except RemoteError as error:
            raise away(error) from error
        clock = read_clock(response)
        keys = [read_lease(lease, need.pool, use_by, clock) for lease in response.leases]
        refusal = read_refusal(response.refusal, clock) if response.HasField("refusal") else None
        withdrawn = read_withdrawals(response.withdrawals)
        return Grant(keys, withdrawn, response.stock_size, refusal)

    async def settle(self, pool: str, endings: Sequence[Ending], *, epoch: int) -> Withdrawn:
        """Report how leases, and uses without a lease, ended.

        Raises:
            PoolAwayError: Nothing may be assumed; reporting again is safe.
        """
        request = pb.SettleLeasesRequest(pool=pool, known_epoch=epoch)
        for ending in endings:
            if ending.key.lease_id:
                request.settlements.append(write_settlement(ending))
            else:
                request.unleased_uses.append(write_unleased_use(ending))
        try:
            response = await self.channel.call(
                self._stub.SettleLeases, request, timeout=_SETTLE_SECONDS
            )
        except RemoteError as error:
            raise away(error) from error
        return read_withdrawals(response.withdrawals)

    async def renew(self, lease_id: str, lifetime: float) -> bool:
        """Extend a lease by so many seconds from now; False when it has lapsed.

        Raises:
            PoolAwayError: The pool did not answer.
        """
        request = pb.RenewLeaseRequest(lease_id=lease_id)
        request.lifetime.FromNanoseconds(int(lifetime * 1e9))
        try:
            await self.channel.call(self._stub.RenewLease, request, timeout=_SETTLE_SECONDS)
        except RemoteError as error:
            meaning = away(error)
            if isinstance(meaning, PoolAwayError):
                raise meaning from error
            return False
        return True

    async def authorize(self, token: str, *, patience: float = 0) -> Client:
        """Ask who holds a token.

        Raises:
            TokenRefusedError: Nobody, or it opens nothing any more.
            PoolAwayError: The pool did not answer.
        """
        try:
            response = await self.channel.call(
                self._stub.Authorize,
                pb.AuthorizeRequest(token=token),
                timeout=max(_ACQUIRE_SECONDS, patience),
                wait_for_ready=patience > 0,
            )
        except RemoteError as error:
            if error.reason in {"TOKEN_UNKNOWN", "TOKEN_REVOKED", "TOKEN_EXPIRED"}:
                raise TokenRefusedError(error.reason.removeprefix("TOKEN_").lower()) from None
            raise away(error) from error
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
        return await self.channel.is_serving()

    async def close(self) -> None:
        """Close the channel."""
        await self.channel.close()


def away(error: RemoteError) -> Exception:
    """Return what a failed call means: the pool is away, or it refused the call for good."""
    if error.is_away or error.code is grpc.StatusCode.INTERNAL:
        return PoolAwayError(str(error))
    return error

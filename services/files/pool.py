"""The files service's side of the key pool's contract: domain types in, gRPC out."""

import hashlib
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
from gemini_balance.keypool.v1 import keypool_pb2 as pb
from gemini_balance.keypool.v1 import keypool_pb2_grpc

from services.files.errors import KeypoolRefusedError, KeypoolUnavailableError, NoKeyError
from services.files.leases import Lease, Need, Outcome, Owner
from services.judging import Evidence, Operation, Phase
from services.kit.errors import RemoteError
from services.kit.grpc_channel import ServiceChannel
from services.kit.tls import TlsFiles

_SERVICE = "gemini_balance.keypool.v1.KeyPoolService"
_SECONDS = 5.0
_OPERATION = {
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
    Outcome.SUCCEEDED: pb.OUTCOME_SUCCEEDED,
    Outcome.FAILED: pb.OUTCOME_FAILED,
    Outcome.UNUSED: pb.OUTCOME_UNUSED,
    Outcome.ABANDONED: pb.OUTCOME_ABANDONED,
}


class GrpcKeyPool:
    """See `KeyPool`.

    Attributes:
        channel: To the key pool.
    """

    def __init__(
        self, target: str, credential: str, *, lifetime: timedelta, tls: TlsFiles | None = None
    ) -> None:
        """Open the channel; must happen inside the running event loop.

        Args:
            target: gRPC target of the key pool.
            credential: What is presented there.
            lifetime: How long a lease lasts unless it is renewed.
            tls: The certificate of this service.
        """
        self._lifetime = lifetime
        self.channel = ServiceChannel(
            target,
            credential,
            service=_SERVICE,
            idempotent=("AcquireLeases", "SettleLeases", "RenewLease", "ResolveResources"),
            tls=tls,
        )
        self._stub: Any = keypool_pb2_grpc.KeyPoolServiceStub(self.channel.channel)

    async def acquire(self, need: Need) -> Lease:
        """See `KeyPool.acquire`."""
        request = pb.AcquireLeasesRequest(
            request_id=uuid.uuid4().hex,
            operation=_OPERATION[need.operation],
            client_id=need.client_id,
            pool=need.pool,
            required_project_id=need.project_id,
            required_resources=[need.resource] if need.resource else [],
            # Uploads of one client go to one project for a while, so that it can cite them
            # together.
            affinity_hash=_affinity(need.client_id),
            excluded_project_ids=need.excluded_projects,
            excluded_key_ids=need.excluded_keys,
        )
        request.lifetime.FromTimedelta(self._lifetime)
        response = await self._call(self._stub.AcquireLeases, request)
        if not response.leases:
            raise _refused(response)
        lease = response.leases[0]
        return Lease(
            lease_id=lease.lease_id,
            key_id=lease.key_id,
            project_id=lease.project_id,
            pool=need.pool,
            secret=lease.secret,
            proxy_url=lease.proxy_url,
        )

    async def renew(self, lease: Lease) -> bool:
        """See `KeyPool.renew`."""
        request = pb.RenewLeaseRequest(lease_id=lease.lease_id)
        request.lifetime.FromTimedelta(self._lifetime)
        try:
            await self._call(self._stub.RenewLease, request)
        except KeypoolRefusedError:
            return False
        return True

    async def settle(
        self,
        lease: Lease,
        outcome: Outcome,
        *,
        started_at: float = 0,
        evidence: Evidence | None = None,
    ) -> None:
        """See `KeyPool.settle`."""
        settlement = pb.Settlement(lease_id=lease.lease_id, outcome=_OUTCOME[outcome])
        if started_at:
            settlement.started_at.FromNanoseconds(int(started_at * 1e9))
        if evidence is not None:
            settlement.evidence.CopyFrom(
                pb.Evidence(
                    http_status=evidence.status,
                    body=evidence.body,
                    phase=_PHASE[evidence.phase],
                    operation=_OPERATION[evidence.operation],
                )
            )
        request = pb.SettleLeasesRequest(pool=lease.pool, settlements=[settlement])
        await self._call(self._stub.SettleLeases, request)

    async def bind(
        self,
        pool: str,
        name: str,
        *,
        project_id: str,
        client_id: str,
        expire_time: datetime | None,
        must_be_new: bool = False,
    ) -> bool:
        """See `KeyPool.bind`."""
        binding = pb.Binding(resource_name=name, project_id=project_id, client_id=client_id)
        if expire_time is not None:
            binding.expire_time.FromDatetime(expire_time)
        request = pb.BindResourceRequest(binding=binding, pool=pool, must_be_new=must_be_new)
        try:
            await self._call(self._stub.BindResource, request)
        except KeypoolRefusedError as error:
            if error.metadata["reason"] == "RESOURCE_BOUND":
                return False
            raise
        return True

    async def owner_of(self, pool: str, name: str) -> Owner | None:
        """See `KeyPool.owner_of`."""
        request = pb.ResolveResourcesRequest(resource_names=[name], pool=pool)
        response = await self._call(self._stub.ResolveResources, request)
        for binding in response.bindings:
            made = binding.create_time.ToDatetime(UTC)
            return Owner(binding.project_id, binding.client_id, made)
        return None

    async def unbind(self, pool: str, name: str) -> None:
        """See `KeyPool.unbind`."""
        request = pb.UnbindResourceRequest(resource_name=name, pool=pool)
        await self._call(self._stub.UnbindResource, request)

    async def close(self) -> None:
        """Close the channel."""
        await self.channel.close()

    async def _call(self, method: Any, request: Any) -> Any:
        try:
            return await self.channel.call(method, request, timeout=_SECONDS, wait_for_ready=True)
        except RemoteError as error:
            if error.is_away or error.code is grpc.StatusCode.INTERNAL:
                raise KeypoolUnavailableError from error
            raise KeypoolRefusedError(error.code.name, error.reason) from error


def _affinity(client_id: str) -> int:
    return int.from_bytes(hashlib.sha256(f"files:{client_id}".encode()).digest()[:8]) or 1


def _refused(response: pb.AcquireLeasesResponse) -> NoKeyError:
    refusal = response.refusal
    reason = pb.Refusal.Reason.Name(refusal.reason).removeprefix("REASON_")
    wait = None
    if refusal.HasField("retry_at"):
        now = response.now.ToNanoseconds() / 1e9
        seconds = refusal.retry_at.ToNanoseconds() / 1e9 - now
        wait = timedelta(seconds=max(0.0, seconds))
    return NoKeyError(
        refusal.message or "no key is free", metadata={"refusal": reason}, retry_delay=wait
    )

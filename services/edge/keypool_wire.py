"""Leases, outcomes and needs as the key pool's contract writes them."""

import time

from gemini_balance.keypool.v1 import keypool_pb2 as pb

from services.edge.leasing.lease import Ending, HeldKey, Need, RefusedError, Withdrawn
from services.judging import Evidence, Operation, Phase

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


def write_need(need: Need) -> pb.AcquireLeasesRequest:
    """Return the order for leases that serve a need."""
    return pb.AcquireLeasesRequest(
        model=need.model,
        operation=_OPERATION[need.operation],
        client_id=need.client_id,
        estimated_input_tokens=need.input_tokens,
        affinity_hash=need.affinity,
        pool=need.pool,
        required_project_id=need.project,
        required_resources=need.resources,
    )


def read_clock(response: pb.AcquireLeasesResponse) -> float:
    """Return the pool's wall time, which need not be ours."""
    return response.now.ToNanoseconds() / 1e9


def read_lease(lease: pb.Lease, pool: str, use_by: float, clock: float) -> HeldKey:
    """Return a lease as a key that may be used.

    Args:
        lease: The lease.
        pool: Where it came from.
        use_by: Monotonic time after which a call with it must not start.
        clock: The pool's wall time.
    """
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


def read_refusal(refusal: pb.Refusal, clock: float) -> RefusedError:
    """Return why leases were not granted; `clock` is the pool's wall time."""
    reason = pb.Refusal.Reason.Name(refusal.reason).removeprefix("REASON_")
    wait = None
    if refusal.HasField("retry_at"):
        wait = max(0.0, refusal.retry_at.ToNanoseconds() / 1e9 - clock)
    return RefusedError(reason, refusal.message, wait, refusal.target_project_id)


def read_withdrawals(message: pb.Withdrawals) -> Withdrawn:
    """Return what must not be used any more."""
    return Withdrawn(
        epoch=message.epoch,
        key_ids=frozenset(message.key_ids),
        model_projects=frozenset((pair.model, pair.project_id) for pair in message.model_projects),
        everything=message.everything,
    )


def write_settlement(ending: Ending) -> pb.Settlement:
    """Return how a lease ended."""
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


def write_unleased_use(ending: Ending) -> pb.UnleasedUse:
    """Return how a use without a lease ended."""
    return pb.UnleasedUse(
        report_id=ending.report_id,
        key_id=ending.key.key_id,
        model=ending.key.model,
        pool=ending.key.pool,
        client_id=ending.client_id,
        settlement=write_settlement(ending),
    )


def _evidence(evidence: Evidence) -> pb.Evidence:
    return pb.Evidence(
        http_status=evidence.status,
        body=evidence.body,
        phase=_PHASE[evidence.phase],
        operation=_OPERATION[evidence.operation],
    )

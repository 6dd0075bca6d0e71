"""The data path on the wire: from proto to the domain, checked, and back."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from gemini_balance.keypool.v1 import keypool_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

from services.judging import Operation
from services.keypool.catalog import Token
from services.keypool.checking import (
    check,
    read_client,
    read_duration,
    read_id,
    read_ids,
    read_model,
    read_pool,
    read_resource,
    read_resources,
    read_text,
    read_time,
)
from services.keypool.model import (
    VERTEX_POOL,
    Binding,
    Grant,
    Lease,
    LeaseOrder,
    Refusal,
    RefusalReason,
    SettleKind,
    SettleResult,
    Standing,
    Window,
    Wishes,
    Withdrawals,
)
from services.keypool.names import is_request_id
from services.keypool.tokens import CACHE_FOR
from services.kit.credentials import caller

DEFAULT_LIFETIME = timedelta(seconds=330)
_LONGEST_LIFETIME = timedelta(hours=1)
_LONGEST_HOLD = timedelta(seconds=2)
_LONGEST_WAIT = timedelta(minutes=10)
_MOST_LEASES = 256
_MOST_EXCLUDED = 64
_MOST_RESOURCES = 256
_MOST_TOKENS = 2**32 - 1
"""More than any limit: the store keeps 32 bits."""

_OF_VERTEX = frozenset({Operation.GENERATE, Operation.COUNT_TOKENS})

_KINDS = {
    SettleKind.SETTLED: pb.SettleResult.KIND_SETTLED,
    SettleKind.REPEATED: pb.SettleResult.KIND_REPEATED,
    SettleKind.LATE: pb.SettleResult.KIND_LATE,
    SettleKind.UNKNOWN: pb.SettleResult.KIND_UNKNOWN,
}
_MESSAGES = {
    RefusalReason.POOL_EMPTY: "the pool holds no key: add one",
    RefusalReason.NO_LIVE_KEY: "every key is dead, paused or excluded",
    RefusalReason.QUOTA: "every project is cooling down or at its limit",
    RefusalReason.IN_FLIGHT: "every key has as many requests in flight as it may have",
    RefusalReason.TOO_LARGE: "the request needs more tokens than any project ever allows",
    RefusalReason.MODEL_ABSENT: "no project offers this model",
    RefusalReason.CLIENT_LIMIT: "the client has used up a limit of its own",
    RefusalReason.RESOURCES_SPLIT: "the cited resources belong to several projects",
    RefusalReason.OWNER_SPENT: "the project of the cited resources cannot be used now",
    RefusalReason.AGAIN: "the search was cut short: ask again",
}


def read_order(request: pb.AcquireLeasesRequest) -> LeaseOrder:
    """Return what a request asks for."""
    count = request.count or 1
    check("count", f"must be 1 to {_MOST_LEASES}", ok=1 <= count <= _MOST_LEASES)
    check("operation", "is not known", ok=request.operation in pb.Operation.values())
    operation = Operation(request.operation or pb.OPERATION_GENERATE)
    # A caller that asks for more would send the key to the wrong address.
    is_offered = request.pool != VERTEX_POOL or operation in _OF_VERTEX
    check("operation", "keys of Vertex express generate and count only", ok=is_offered)
    tokens = request.estimated_input_tokens
    check("estimated_input_tokens", "must not be negative", ok=tokens >= 0)
    return LeaseOrder(
        request_id=_read_request_id(request.request_id),
        pool=read_pool(request.pool),
        model=read_model(request.model),
        count=count,
        client_id=read_client(request.client_id),
        hold=_read_hold(request),
        lifetime=_read_lifetime(request),
        known_epoch=_read_epoch(request.known_epoch),
        wishes=_read_wishes(request),
        input_tokens=min(tokens, _MOST_TOKENS),
        is_free=operation.is_free,
        wait_budget=_read_wait(request),
        affinity_hash=request.affinity_hash,
    )


def read_tokens(request: pb.ExplainRequest) -> int:
    """Return how many tokens the request in question would use."""
    tokens = request.estimated_input_tokens
    check("estimated_input_tokens", "must not be negative", ok=tokens >= 0)
    return tokens


def read_epoch(request: pb.SettleLeasesRequest) -> int:
    """Return the withdrawal epoch that the caller knows."""
    return _read_epoch(request.known_epoch)


def read_lifetime(request: pb.RenewLeaseRequest) -> timedelta:
    """Return how much longer a lease is needed."""
    return _read_lifetime(request)


def read_binding(message: pb.Binding) -> Binding:
    """Return the binding that a caller wants."""
    has_end = message.HasField("expire_time")
    return Binding(
        resource=read_resource(message.resource_name, "binding.resource_name"),
        project_id=read_id(message.project_id, "binding.project_id"),
        client_id=read_client(message.client_id, "binding.client_id"),
        expire_time=read_time(message.expire_time, "binding.expire_time") if has_end else None,
    )


def read_names(request: pb.ResolveResourcesRequest) -> tuple[str, ...]:
    """Return the names that a caller asks about."""
    return read_resources(request.resource_names, "resource_names", _MOST_RESOURCES)


def read_prefix(request: pb.ListResourcesRequest) -> str:
    """Return what the names must begin with."""
    return read_text(request.name_prefix, "name_prefix", 512)


def read_token(request: pb.AuthorizeRequest) -> str:
    """Return a client's token as it was presented."""
    check("token", "must be 1 to 512 characters", ok=1 <= len(request.token) <= 512)
    return request.token


def write_grant(grant: Grant) -> pb.AcquireLeasesResponse:
    """Return the answer to an order."""
    response = pb.AcquireLeasesResponse(
        leases=[_write_lease(lease) for lease in grant.leases],
        withdrawals=write_withdrawals(grant.withdrawals),
        stock_size=grant.stock_size,
        now=write_time(grant.now),
    )
    if grant.refusal is not None:
        response.refusal.CopyFrom(_write_refusal(grant.refusal))
    return response


def write_results(results: Sequence[SettleResult]) -> list[pb.SettleResult]:
    """Return what became of outcomes."""
    return [pb.SettleResult(kind=_KINDS[result.kind], rule_id=result.rule_id) for result in results]


def write_withdrawals(withdrawals: Withdrawals) -> pb.Withdrawals:
    """Return what holders of stock must stop using."""
    return pb.Withdrawals(
        epoch=withdrawals.epoch,
        everything=withdrawals.everything,
        key_ids=withdrawals.keys,
        model_projects=[
            pb.ModelProject(project_id=project, model=model)
            for project, model in withdrawals.model_projects
        ],
    )


def write_binding(binding: Binding) -> pb.Binding:
    """Return a binding as stored."""
    return pb.Binding(
        resource_name=binding.resource,
        project_id=binding.project_id,
        client_id=binding.client_id,
        expire_time=write_time(binding.expire_time),
        create_time=write_time(binding.create_time),
    )


def write_authorization(token: Token) -> pb.AuthorizeResponse:
    """Return who holds a token and what it may do."""
    response = pb.AuthorizeResponse(
        client_id=token.client_id,
        name=token.name,
        scopes=token.scopes,
        pool=token.pool,
        allowed_models=token.allowed_models,
        limited=token.limits.is_limited,
    )
    response.cache_for.FromTimedelta(CACHE_FOR)
    return response


def write_standing(standing: Standing) -> pb.ExplainResponse.Project:
    """Return how a project stands."""
    project = pb.ExplainResponse.Project(
        project_id=standing.project_id,
        eligible=standing.reason is None,
        until=write_time(standing.until),
        detail=standing.detail,
        windows=[_write_window(window) for window in standing.windows],
        live_key_count=standing.live_keys,
        in_flight_count=standing.in_flight,
        dry_time=write_time(standing.dry_time),
        ways_out=[
            pb.ExplainResponse.WayOut(proxy=way.proxy, egress=way.egress, avoided=way.is_avoided)
            for way in standing.ways
        ],
    )
    if standing.reason is not None:
        project.reason = _write_reason(standing.reason)
    return project


def _write_window(window: Window) -> pb.QuotaWindow:
    return pb.QuotaWindow(
        kind=pb.QuotaWindow.Kind.Value(f"KIND_{window.kind.name}"),
        limit=window.limit,
        used=window.used,
        source=(
            pb.QuotaWindow.SOURCE_LEARNED if window.is_learned else pb.QuotaWindow.SOURCE_DECLARED
        ),
    )


def write_time(time: datetime | None) -> Timestamp | None:
    """Return a time, unset when there is none; shared, so not to be changed."""
    return None if time is None else _timestamp(time)


# The leases of a block share their times.
@lru_cache(64)
def _timestamp(time: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(time)
    return message


def _read_request_id(text: str) -> str:
    if not text:
        return ""
    rule = "must be at most 128 of the characters A-Z a-z 0-9 . _ -"
    check("request_id", rule, ok=is_request_id(text))
    # Callers choose their ids alone, and an answer holds secrets.
    return f"{caller.get().name}/{text}"


def _read_hold(request: pb.AcquireLeasesRequest) -> timedelta | None:
    if not request.HasField("hold"):
        return None
    return read_duration(request.hold, "hold", least=timedelta(), most=_LONGEST_HOLD)


def _read_wait(request: pb.AcquireLeasesRequest) -> timedelta:
    if not request.HasField("wait_budget"):
        return timedelta()
    return read_duration(request.wait_budget, "wait_budget", least=timedelta(), most=_LONGEST_WAIT)


def _read_lifetime(request: Any) -> timedelta:
    if not request.HasField("lifetime"):
        return DEFAULT_LIFETIME
    least = timedelta(milliseconds=1)
    return read_duration(request.lifetime, "lifetime", least=least, most=_LONGEST_LIFETIME)


def _read_epoch(epoch: int) -> int:
    check("known_epoch", "must not be negative", ok=epoch >= 0)
    return epoch


def _read_wishes(request: pb.AcquireLeasesRequest) -> Wishes:
    required = request.required_project_id
    return Wishes(
        excluded_projects=read_ids(
            request.excluded_project_ids, "excluded_project_ids", _MOST_EXCLUDED
        ),
        excluded_keys=read_ids(request.excluded_key_ids, "excluded_key_ids", _MOST_EXCLUDED),
        required_project=read_id(required, "required_project_id") if required else "",
        resources=read_resources(request.required_resources, "required_resources", _MOST_RESOURCES),
    )


def _write_lease(lease: Lease) -> pb.Lease:
    return pb.Lease(
        lease_id=lease.lease_id,
        key_id=lease.key_id,
        key_alias=lease.key_alias,
        project_id=lease.project_id,
        secret=lease.secret,
        model=lease.model,
        use_by=write_time(lease.use_by),
        expire_time=write_time(lease.expire_time),
        proxy_url=lease.proxy_url,
        not_before=write_time(lease.not_before),
    )


def _write_refusal(refusal: Refusal) -> pb.Refusal:
    return pb.Refusal(
        reason=_write_reason(refusal.reason),
        retry_at=write_time(refusal.retry_at),
        message=_MESSAGES[refusal.reason],
        target_project_id=refusal.target_project,
    )


def _write_reason(reason: RefusalReason) -> pb.Refusal.Reason.ValueType:
    return pb.Refusal.Reason.Value(f"REASON_{reason.name}")

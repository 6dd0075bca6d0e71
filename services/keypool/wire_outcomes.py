"""Outcomes on the wire: from proto to the domain, checked. The pool reads one for each request."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from gemini_balance.keypool.v1 import keypool_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

from services.judging import Evidence, Operation, Phase
from services.judging.evidence import MAX_BODY
from services.keypool.checking import (
    check,
    read_acting_client,
    read_client,
    read_id,
    read_model,
    read_pool,
)
from services.keypool.model import Outcome, Settlement, UnleasedUse, Usage
from services.keypool.names import is_request_id
from services.kit.errors import InvalidRequestError

_MOST = 1_000
_MOST_TOKENS = 10**12
_NANOS = 10**9
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_OUTCOMES = {
    pb.OUTCOME_SUCCEEDED: Outcome.SUCCEEDED,
    pb.OUTCOME_FAILED: Outcome.FAILED,
    pb.OUTCOME_UNUSED: Outcome.UNUSED,
    pb.OUTCOME_ABANDONED: Outcome.ABANDONED,
}

Row = TypeVar("Row", pb.Settlement, pb.UnleasedUse)
Read = TypeVar("Read")


def read_settlements(rows: Sequence[pb.Settlement]) -> list[Settlement]:
    """Return the outcomes of leases."""
    return _read_each("settlements", rows, _read_settlement_of_lease)


def read_uses(rows: Sequence[pb.UnleasedUse]) -> list[UnleasedUse]:
    """Return the outcomes of calls without a lease."""
    return _read_each("unleased_uses", rows, _read_use)


def _read_each(name: str, rows: Sequence[Row], read: Callable[[Row], Read]) -> list[Read]:
    """Read rows; the names of their fields are put together for a bad one alone."""
    check(name, f"must be at most {_MOST}", ok=len(rows) <= _MOST)
    found: list[Read] = []
    try:
        for row in rows:
            found.append(read(row))  # noqa: PERF401  # how many were read tells which is bad
    except InvalidRequestError as error:
        [(field, problem)] = error.fields.items()
        raise InvalidRequestError(f"{name}[{len(found)}].{field}", problem) from None
    return found


def _read_settlement_of_lease(row: pb.Settlement) -> Settlement:
    check("lease_id", "must not be empty", ok=bool(row.lease_id))
    return _read_settlement(row)


def _read_use(row: pb.UnleasedUse) -> UnleasedUse:
    rule = "must be 1 to 128 of the characters A-Z a-z 0-9 . _ -"
    check("report_id", rule, ok=is_request_id(row.report_id))
    return UnleasedUse(
        report_id=row.report_id,
        pool=read_pool(row.pool),
        key_id=read_id(row.key_id, "key_id"),
        model=read_model(row.model),
        settlement=_read_settlement(row.settlement, "settlement."),
        client_id=read_client(row.client_id),
    )


def _read_settlement(row: pb.Settlement, where: str = "") -> Settlement:
    outcome = _OUTCOMES.get(row.outcome)
    if outcome is None:
        raise InvalidRequestError(f"{where}outcome", "must be given")
    return Settlement(
        row.lease_id,
        outcome,
        _read_evidence(row.evidence, where) if row.HasField("evidence") else None,
        _read_usage(row.usage, where) if row.HasField("usage") else None,
        read_acting_client(row.client_id, f"{where}client_id"),
        _read_start(row.started_at, where) if row.HasField("started_at") else None,
    )


def _read_start(message: Timestamp, where: str) -> datetime | None:
    """Return a time; like `checking.read_time`, in a tenth of its time."""
    try:
        if not 0 <= message.nanos < _NANOS:
            raise OverflowError
        return _EPOCH + timedelta(0, message.seconds, message.nanos // 1000)
    except OverflowError:
        raise InvalidRequestError(f"{where}started_at", "is not a time") from None


def _read_usage(message: pb.Usage, where: str) -> Usage:
    counts = (
        message.input_tokens,
        message.output_tokens,
        message.cached_tokens,
        message.thought_tokens,
    )
    # Sums of them must stay exact in the store's numbers.
    if min(counts) < 0 or max(counts) > _MOST_TOKENS:
        raise InvalidRequestError(f"{where}usage", "must be 0 to 10^12")
    return Usage(*counts)


def _read_evidence(message: pb.Evidence, where: str) -> Evidence:
    field = f"{where}evidence"
    check(f"{field}.body", f"must be at most {MAX_BODY} bytes", ok=len(message.body) <= MAX_BODY)
    phases, operations = pb.Evidence.Phase.values(), pb.Operation.values()
    check(f"{field}.phase", "is not known", ok=message.phase in phases)
    check(f"{field}.operation", "is not known", ok=message.operation in operations)
    return Evidence(
        phase=Phase(message.phase or pb.Evidence.PHASE_ANSWERED),
        operation=Operation(message.operation or pb.OPERATION_GENERATE),
        status=message.http_status,
        body=message.body,
    )

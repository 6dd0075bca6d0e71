"""What was used, on the wire."""

from collections.abc import Sequence
from datetime import datetime

from gemini_balance.keypool.v1 import admin_pb2 as pb

from services.keypool.checking import check, read_pool, read_time
from services.keypool.usage import UsageCounts, UsageGroup

_GROUPS = {
    pb.QueryUsageRequest.GROUP_BY_UNSPECIFIED: UsageGroup.MODEL,
    pb.QueryUsageRequest.GROUP_BY_MODEL: UsageGroup.MODEL,
    pb.QueryUsageRequest.GROUP_BY_KEY: UsageGroup.KEY,
    pb.QueryUsageRequest.GROUP_BY_CLIENT: UsageGroup.CLIENT,
}


def read_usage_query(
    request: pb.QueryUsageRequest,
) -> tuple[str, datetime, datetime | None, UsageGroup]:
    """Return the pool, the start, the end or None for now, and what to sum by."""
    check("start_time", "must be given", ok=request.HasField("start_time"))
    check("group_by", "is not known", ok=request.group_by in _GROUPS)
    has_end = request.HasField("end_time")
    return (
        read_pool(request.pool),
        read_time(request.start_time, "start_time"),
        read_time(request.end_time, "end_time") if has_end else None,
        _GROUPS[request.group_by],
    )


def write_usage(rows: Sequence[tuple[str, UsageCounts]]) -> list[pb.QueryUsageResponse.Row]:
    """Return sums by name."""
    return [
        pb.QueryUsageResponse.Row(
            group=name,
            success_count=counts.successes,
            failure_count=counts.failures,
            input_tokens=counts.input_tokens,
            output_tokens=counts.output_tokens,
            cached_tokens=counts.cached_tokens,
            thought_tokens=counts.thought_tokens,
        )
        for name, counts in rows
    ]

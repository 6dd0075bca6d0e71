"""`gemini-balance usage`: what was used, by model, key or client."""

import enum
from datetime import UTC, datetime
from typing import Annotated

import typer
from gemini_balance.keypool.v1 import admin_pb2 as pb

from services.cli.admin_access import AdminAccess, run_admin
from services.cli.admin_client import AdminClient
from services.cli.errors import CommandError
from services.cli.options import AsJson, DataDir, Pool
from services.cli.output import Row, print_rows
from services.cli.times import parse_span, parse_time

app = typer.Typer()

COLUMNS = (
    "successes",
    "failures",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "thought_tokens",
)


class By(enum.Enum):
    """What is summed by."""

    MODEL = "model"
    KEY = "key"
    CLIENT = "client"


_GROUPS = {
    By.MODEL: pb.QueryUsageRequest.GROUP_BY_MODEL,
    By.KEY: pb.QueryUsageRequest.GROUP_BY_KEY,
    By.CLIENT: pb.QueryUsageRequest.GROUP_BY_CLIENT,
}


@app.command("usage")
def usage(
    *,
    by: Annotated[By, typer.Option(help="What to sum by.")] = By.MODEL,
    since: Annotated[str, typer.Option(help="How far back, such as 90m or 7d.")] = "",
    from_: Annotated[str, typer.Option("--from", help="A time instead, such as 2026-11-20.")] = "",
    to: Annotated[str, typer.Option("--to", help="Until when; by default now.")] = "",
    pool: Pool = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show calls and tokens of the last 24 hours, or of another span up to 90 days back."""
    if since and from_:
        raise CommandError("give --since or --from, not both", exit_code=2)
    now = datetime.now(UTC)
    end = parse_time(to, "--to") if to else now
    start = parse_time(from_, "--from") if from_ else _back(end, since or "24h")
    if start >= min(end, now):
        raise CommandError("the span must begin in the past and before its end", exit_code=2)
    request = pb.QueryUsageRequest(group_by=_GROUPS[by], pool=pool)
    request.start_time.FromDatetime(start)
    request.end_time.FromDatetime(end)

    async def work(admin: AdminClient, _access: AdminAccess) -> None:
        rows = await admin.query_usage(request)
        names = await _names(admin, by, pool) if rows else {}
        extra = () if by is By.MODEL else (by.value,)
        columns = (f"{by.value}_id" if extra else by.value, *extra, *COLUMNS)
        print_rows(columns, [_describe(row, by, names) for row in rows], as_json=as_json)

    run_admin(data_dir, work)


def _back(end: datetime, since: str) -> datetime:
    try:
        return end - parse_span(since, "--since")
    except OverflowError:
        raise CommandError(f"--since: {since} is too far back", exit_code=2) from None


async def _names(admin: AdminClient, by: By, pool: str) -> dict[str, str]:
    """Return what people call keys or clients, by id."""
    if by is By.KEY:
        return {key.key_id: key.alias async for key in admin.list_keys(pool=pool)}
    if by is By.CLIENT:
        return {token.client_id: token.name async for token in admin.list_tokens()}
    return {}


def _describe(row: pb.QueryUsageResponse.Row, by: By, names: dict[str, str]) -> Row:
    described: Row = {
        "successes": row.success_count,
        "failures": row.failure_count,
        "input_tokens": row.input_tokens,
        "output_tokens": row.output_tokens,
        "cached_tokens": row.cached_tokens,
        "thought_tokens": row.thought_tokens,
    }
    if by is By.MODEL:
        # Reading lists and the like names no model.
        return {"model": row.group or "(none)", **described}
    others = "(others)" if row.group == "*" else ""
    return {f"{by.value}_id": row.group, by.value: names.get(row.group, others), **described}

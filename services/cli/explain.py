"""`gemini-balance explain`: why each project would or would not be chosen now."""

import asyncio
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from gemini_balance.keypool.v1 import keypool_pb2 as pb
from gemini_balance.keypool.v1 import keypool_pb2_grpc
from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.cli.admin_access import POOL, find_access, open_channel
from services.cli.options import AsJson, DataDir, Pool
from services.cli.output import remark, say
from services.cli.times import clock, iso, iso_pacific, read_time

app = typer.Typer()

DIRECT = "direct"
"""What a way out without a proxy is called."""

_TIMEOUT_SECONDS = 30.0
_BAR_CELLS = 10
_WINDOWS = {
    pb.QuotaWindow.KIND_REQUESTS_PER_MINUTE: "rpm",
    pb.QuotaWindow.KIND_INPUT_TOKENS_PER_MINUTE: "tpm",
    pb.QuotaWindow.KIND_REQUESTS_PER_DAY: "rpd",
}
_SOURCES = {
    pb.QuotaWindow.SOURCE_DECLARED: "declared",
    pb.QuotaWindow.SOURCE_LEARNED: "learned",
}

Project = pb.ExplainResponse.Project


@app.command("explain")
def explain(
    model: Annotated[str, typer.Argument(help="The model, such as gemini-2.5-flash.")],
    *,
    tokens: Annotated[int, typer.Option(min=0, help="Input tokens that a request would use.")] = 0,
    pool: Pool = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Tell for each project whether a request could use it now, and if not, until when."""
    access = find_access(data_dir)
    request = pb.ExplainRequest(model=model, estimated_input_tokens=tokens, pool=pool)

    async def ask() -> Sequence[Project]:
        async with open_channel(access, POOL) as channel:
            stub = keypool_pb2_grpc.KeyPoolServiceStub(channel.channel)
            answer = await channel.call(stub.Explain, request, timeout=_TIMEOUT_SECONDS)
            return answer.projects

    _show(asyncio.run(ask()), as_json=as_json)


def _show(projects: Sequence[Project], *, as_json: bool) -> None:
    if as_json:
        say(json.dumps([_to_json(project) for project in projects], indent=2))
    elif not sys.stdout.isatty():
        for project in projects:
            say(to_line(project))
    else:
        Console().print(to_table(projects, datetime.now(UTC)))
    usable = sum(project.eligible for project in projects)
    remark(f"{usable} of {len(projects)} projects can be used now")


def to_line(project: Project) -> str:
    """Return a project as one tab separated line."""
    windows = [f"{name}={used}/{limit}" for name, used, limit, _ in _windows(project)]
    fields = (
        project.project_id,
        "yes" if project.eligible else "no",
        _reason(project),
        iso(read_time(project, "until")),
        str(project.live_key_count),
        str(project.in_flight_count),
        ",".join(windows),
        iso_pacific(read_time(project, "dry_time")),
        project.detail,
        ",".join(_ways(project)),
    )
    return "\t".join(" ".join(field.split()) for field in fields)


def to_table(projects: Sequence[Project], now: datetime) -> Table:
    """Return the projects as a table for people, with bars."""
    table = Table("project", "usable", "why", "until", "keys", "running", "windows", "forecast")
    # A column less where all go out alike, for terminals are narrow.
    has_ways = any(_ways(project) not in ([], [DIRECT]) for project in projects)
    if has_ways:
        table.add_column("ways out")
    for project in projects:
        dry = clock(read_time(project, "dry_time"), now)
        table.add_row(
            Text(project.project_id),
            Text("yes", "green") if project.eligible else Text("no", "red"),
            Text(project.detail or _reason(project)),
            Text(clock(read_time(project, "until"), now)),
            Text(str(project.live_key_count)),
            Text(str(project.in_flight_count)),
            Text("\n").join(_bar(*window) for window in _windows(project)),
            Text(f"dry at {dry}" if dry else ""),
            *([Text("\n".join(_ways(project)))] if has_ways else []),
        )
    return table


def _bar(name: str, used: int, limit: int, source: str) -> Text:
    share = min(1.0, used / limit) if limit else 1.0
    # Full only when nothing is left, empty only when nothing is used.
    cells = min(_BAR_CELLS - (used < limit), max(used > 0, round(share * _BAR_CELLS)))
    style = "green" if share < 0.7 else "yellow" if share < 1 else "red"
    bar = Text(f"{name} ")
    bar.append("█" * cells, style)
    bar.append("░" * (_BAR_CELLS - cells), "dim")
    return bar.append(f" {used:,}/{limit:,} {source}")


def _windows(project: Project) -> list[tuple[str, int, int, str]]:
    """Return name, use, limit and origin of each limited window."""
    return [
        (
            _WINDOWS.get(window.kind, "?"),
            window.used,
            window.limit,
            _SOURCES.get(window.source, ""),
        )
        for window in project.windows
    ]


def _ways(project: Project) -> list[str]:
    """Return each way out of its keys in words."""
    return [
        (way.proxy or DIRECT)
        + (f" ({way.egress})" if way.egress else "")
        + (" avoided" if way.avoided else "")
        for way in project.ways_out
    ]


def _reason(project: Project) -> str:
    if project.eligible:
        return ""
    name = pb.Refusal.Reason.Name(project.reason).removeprefix("REASON_")
    return name.replace("_", " ").lower()


def _to_json(project: Project) -> dict[str, Any]:
    return {
        "project": project.project_id,
        "eligible": project.eligible,
        "reason": _reason(project),
        "until": iso(read_time(project, "until")),
        "detail": project.detail,
        "live_keys": project.live_key_count,
        "in_flight": project.in_flight_count,
        "windows": [
            {"window": name, "used": used, "limit": limit, "source": source}
            for name, used, limit, source in _windows(project)
        ],
        "ways_out": [
            {"proxy": way.proxy, "egress": way.egress, "avoided": way.avoided}
            for way in project.ways_out
        ],
        "dry": iso_pacific(read_time(project, "dry_time")),
    }

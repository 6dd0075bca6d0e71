"""`gemini-balance projects`: the units to which Google counts quota."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from gemini_balance.keypool.v1 import admin_pb2 as pb
from google.protobuf.field_mask_pb2 import FieldMask

from services.cli.admin_access import AdminAccess, run_admin
from services.cli.admin_client import AdminClient
from services.cli.options import AsJson, DataDir, Pool
from services.cli.output import Row, print_rows, remark
from services.cli.times import iso, read_time

app = typer.Typer(no_args_is_help=True, help="Manage the projects that keys belong to.")

COLUMNS = ("project", "pool", "tier", "origin", "keys", "cooling_until")
ALL_COLUMNS = (*COLUMNS, "key_ids", "audit")


@app.command("list")
def list_(pool: Pool = "", data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List projects; as JSON with their keys and what was done to them."""

    async def work(admin: AdminClient, _access: AdminAccess) -> None:
        found = [_describe(project) async for project in admin.list_projects(pool=pool)]
        print_rows(ALL_COLUMNS if as_json else COLUMNS, found, as_json=as_json)

    run_admin(data_dir, work)


@app.command("set-tier")
def set_tier(
    project: Annotated[str, typer.Argument(help="The id of the project.")],
    tier: Annotated[str, typer.Argument(help="The tier whose limits apply; '' means none.")],
    pool: Pool = "",
    data_dir: DataDir = None,
) -> None:
    """Set the tier of a project, whose declared limits then hold for it."""
    request = pb.UpdateProjectRequest(
        project=pb.Project(project_id=project, pool=pool, tier=tier),
        update_mask=FieldMask(paths=["tier"]),
    )

    async def work(admin: AdminClient, _access: AdminAccess) -> None:
        changed = await admin.update_project(request)
        remark(f"{changed.project_id} has the tier {changed.tier or '(none)'}")

    run_admin(data_dir, work)


@app.command("merge")
def merge(
    source: Annotated[str, typer.Argument(metavar="FROM", help="The project that ends.")],
    target: Annotated[str, typer.Argument(metavar="INTO", help="The project that goes on.")],
    *,
    reason: Annotated[str, typer.Option(help="Why, for those who ask later.")] = "",
    pool: Pool = "",
    data_dir: DataDir = None,
) -> None:
    """Make one project of two, because their keys share one quota."""
    request = pb.MergeProjectsRequest(
        from_project_id=source, into_project_id=target, pool=pool, reason=reason
    )

    async def work(admin: AdminClient, _access: AdminAccess) -> None:
        merged = await admin.merge_projects(request)
        remark(f"{merged.project_id} has {len(merged.key_ids)} keys now")

    run_admin(data_dir, work)


def _describe(project: pb.Project) -> Row:
    until = read_time(project, "cool_until")
    is_over = until is not None and until <= datetime.now(UTC)
    return {
        "project": project.project_id,
        "pool": project.pool,
        "tier": project.tier,
        "origin": project.origin,
        "keys": len(project.key_ids),
        "cooling_until": "" if is_over else iso(until),
        "key_ids": list(project.key_ids),
        "audit": list(project.audit),
    }

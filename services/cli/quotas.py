"""`gemini-balance quotas`: limits that are declared instead of learned."""

from typing import Annotated, TypeAlias

import typer
from gemini_balance.keypool.v1 import admin_pb2 as pb

from services.cli.admin_access import AdminAccess, run_admin
from services.cli.admin_client import AdminClient
from services.cli.errors import CommandError
from services.cli.options import AsJson, DataDir, Pool
from services.cli.output import Row, print_rows, remark

app = typer.Typer(no_args_is_help=True, help="Declare the limits of tiers and projects.")

COLUMNS = ("tier", "project", "model", "rpm", "tpm", "rpd")

Model: TypeAlias = Annotated[
    str, typer.Argument(help="The model; * stands for any text, the longest that fits holds.")
]
Tier: TypeAlias = Annotated[str, typer.Option(help="The tier that it holds for.")]
Project: TypeAlias = Annotated[str, typer.Option(help="The project that it holds for.")]


@app.command("set")
def set_(
    model: Model,
    *,
    tier: Tier = "",
    project: Project = "",
    rpm: Annotated[
        int | None, typer.Option(min=0, help="Requests in any 60 s; 0 means not offered.")
    ] = None,
    tpm: Annotated[int | None, typer.Option(min=0, help="Input tokens in any 60 s.")] = None,
    rpd: Annotated[
        int | None, typer.Option(min=0, help="Requests a day, which ends at midnight US Pacific.")
    ] = None,
    pool: Pool = "",
    data_dir: DataDir = None,
) -> None:
    """Declare the limits of a model, in place of those declared before."""
    quota = _name(model, tier, project)
    if rpm is None and tpm is None and rpd is None:
        raise CommandError("give --rpm, --tpm or --rpd", exit_code=2)
    if rpm is not None:
        quota.requests_per_minute = rpm
    if tpm is not None:
        quota.input_tokens_per_minute = tpm
    if rpd is not None:
        quota.requests_per_day = rpd

    async def work(admin: AdminClient, _access: AdminAccess) -> None:
        await admin.set_quota(pb.SetQuotaRequest(quota=quota, pool=pool))
        remark(f"{_scope(quota)} has declared limits for {model}")

    run_admin(data_dir, work)


@app.command("list")
def list_(pool: Pool = "", data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List declared limits."""

    async def work(admin: AdminClient, _access: AdminAccess) -> None:
        found = [_describe(quota) for quota in await admin.list_quotas(pool=pool)]
        print_rows(COLUMNS, found, as_json=as_json)

    run_admin(data_dir, work)


@app.command("remove")
def remove(
    model: Model,
    *,
    tier: Tier = "",
    project: Project = "",
    pool: Pool = "",
    data_dir: DataDir = None,
) -> None:
    """Withdraw the declared limits of a model; what is learned holds again."""
    quota = _name(model, tier, project)

    async def work(admin: AdminClient, _access: AdminAccess) -> None:
        await admin.delete_quota(pb.DeleteQuotaRequest(quota=quota, pool=pool))
        remark(f"{_scope(quota)} has no declared limits for {model} any more")

    run_admin(data_dir, work)


def _name(model: str, tier: str, project: str) -> pb.Quota:
    if bool(tier) == bool(project):
        raise CommandError("give either --tier or --project", exit_code=2)
    return pb.Quota(tier=tier, project_id=project, model=model)


def _scope(quota: pb.Quota) -> str:
    return f"tier {quota.tier}" if quota.tier else f"project {quota.project_id}"


def _describe(quota: pb.Quota) -> Row:
    def limit(field: str) -> str:
        # Not declared differs from 0, which means not offered.
        return str(getattr(quota, field)) if quota.HasField(field) else ""  # type: ignore[arg-type]  # names of fields are literals

    return {
        "tier": quota.tier,
        "project": quota.project_id,
        "model": quota.model,
        "rpm": limit("requests_per_minute"),
        "tpm": limit("input_tokens_per_minute"),
        "rpd": limit("requests_per_day"),
    }

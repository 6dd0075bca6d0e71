"""`gemini-balance egress`: proxies for the keys of projects and tags."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeAlias

import typer
from gemini_balance.keypool.v1 import admin_pb2 as pb
from google.protobuf.field_mask_pb2 import FieldMask

from services.cli.admin_access import AdminAccess, run_admin
from services.cli.admin_client import AdminClient
from services.cli.errors import CommandError
from services.cli.options import AsJson, DataDir, Pool
from services.cli.output import Row, print_rows, remark
from services.cli.times import iso, read_time

app = typer.Typer(no_args_is_help=True, help="Declare proxies for projects and tags.")

COLUMNS = ("egress", "projects", "tags", "proxies", "avoided", "declared_in")

Name: TypeAlias = Annotated[str, typer.Argument(metavar="NAME", help="A name for the way out.")]


@app.command("set")
def set_(
    name: Name,
    *,
    project: Annotated[
        list[str] | None, typer.Option(help="A project whose keys use it; may be repeated.")
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(
            help="Keys with this tag use it, unless their project has one; may be repeated."
        ),
    ] = None,
    proxy: Annotated[
        list[str] | None,
        typer.Option(help="A proxy; may be repeated. Arguments are seen by others."),
    ] = None,
    proxy_file: Annotated[
        Path | None,
        typer.Option(help="A file with proxies, one a line; - for standard input."),
    ] = None,
    pool: Pool = "",
    data_dir: DataDir = None,
) -> None:
    """Declare a way out, or change one: what is not given stays as it is."""
    proxies = [*(proxy or []), *_read_proxies(proxy_file)]
    given = {"project_ids": project, "tags": tag, "proxies": proxies}
    paths = [field for field, values in given.items() if values]
    if not paths:
        raise CommandError("give --project, --tag, --proxy or --proxy-file", exit_code=2)
    request = pb.SetEgressRequest(
        egress=pb.Egress(name=name, pool=pool, project_ids=project or [], tags=tag or []),
        proxy_urls=proxies,
        update_mask=FieldMask(paths=paths),
    )

    async def work(admin: AdminClient, _access: AdminAccess) -> None:
        told = await admin.set_egress(request)
        remark(f"{name} has {len(told.proxies)} proxies for {_describe_users(told)}")

    run_admin(data_dir, work)


@app.command("list")
def list_(pool: Pool = "", data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List ways out, those of the quota file included, without credentials."""

    async def work(admin: AdminClient, _access: AdminAccess) -> None:
        found = [_describe(egress) for egress in await admin.list_egresses(pool=pool)]
        print_rows(COLUMNS, found, as_json=as_json)

    run_admin(data_dir, work)


@app.command("remove")
def remove(name: Name, pool: Pool = "", data_dir: DataDir = None) -> None:
    """Withdraw a way out; its keys go out like all others again."""

    async def work(admin: AdminClient, _access: AdminAccess) -> None:
        await admin.delete_egress(pb.DeleteEgressRequest(name=name, pool=pool))
        remark(f"{name} is removed")

    run_admin(data_dir, work)


def _read_proxies(path: Path | None) -> list[str]:
    if path is None:
        return []
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}") from error
    lines = [line.strip() for line in text.splitlines()]
    found = [line for line in lines if line and not line.startswith("#")]
    if not found:
        raise CommandError(f"{path} holds no proxy")
    return found


def _describe_users(egress: pb.Egress) -> str:
    projects = [f"project {project}" for project in egress.project_ids]
    tags = [f"tag {tag}" for tag in egress.tags]
    return ", ".join([*projects, *tags]) or "nobody yet"


def _describe(egress: pb.Egress) -> Row:
    now = datetime.now(UTC)
    avoided = [
        f"{proxy.url} until {iso(until)}"
        for proxy in egress.proxies
        if (until := read_time(proxy, "avoid_until")) is not None and until > now
    ]
    unreadable = ["(sealed with another ENCRYPTION_KEY)"] if egress.unreadable else []
    return {
        "egress": egress.name,
        "projects": list(egress.project_ids),
        "tags": list(egress.tags),
        "proxies": [proxy.url for proxy in egress.proxies] or unreadable,
        "avoided": avoided,
        "declared_in": "file" if egress.filed else "command",
    }

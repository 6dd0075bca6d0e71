"""`gemini-balance keys`: trying keys, finding out their projects, sealing them anew."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from gemini_balance.keypool.v1 import admin_pb2 as pb

from services.cli.admin_access import AdminAccess, run_admin
from services.cli.admin_client import AdminClient
from services.cli.errors import CommandError
from services.cli.options import AsJson, DataDir, Pool
from services.cli.output import Row, print_rows, remark
from services.cli.progress import each, progress
from services.cli.selection import KeyNames, WithTag, find_keys

app = typer.Typer()

VERIFY_COLUMNS = ("key_id", "alias", "valid", "rule", "state", "message")
DISCOVER_COLUMNS = ("key_id", "alias", "project", "moved", "detail")


@app.command("verify")
def verify(
    keys: KeyNames = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All keys.")] = False,
    tag: WithTag = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Try keys against the upstream with calls that use no quota."""

    async def work(admin: AdminClient, _access: AdminAccess) -> None:
        found = await find_keys(admin, keys, tag=tag, everything=everything)

        async def try_(key: pb.Key) -> Row:
            told = await admin.verify_key(key.key_id)
            return {
                "key_id": key.key_id,
                "alias": key.alias,
                "valid": told.valid,
                "rule": told.rule_id,
                "state": pb.Key.State.Name(told.key.state).removeprefix("STATE_").lower(),
                "message": told.message,
            }

        rows = await each("verifying", found, try_)
        print_rows(VERIFY_COLUMNS, rows, as_json=as_json)
        refused = sum(not row["valid"] for row in rows)
        if refused:
            raise CommandError(f"{refused} of {len(rows)} keys are not accepted")
        remark(f"all {len(rows)} keys are accepted" if len(rows) > 1 else "the key is accepted")

    run_admin(data_dir, work)


@app.command("discover")
def discover(
    keys: KeyNames = None,
    *,
    dry_run: Annotated[bool, typer.Option(help="Only tell what would be merged.")] = False,
    tag: WithTag = "",
    pool: Pool = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Find out which keys share a project; without keys, of all that declare none."""

    async def work(admin: AdminClient, _access: AdminAccess) -> None:
        chosen = await find_keys(admin, keys, tag=tag) if keys or tag else []
        request = pb.DiscoverProjectsRequest(
            pool=pool, key_ids=[key.key_id for key in chosen], dry_run=dry_run
        )
        aliases = {key.key_id: key.alias async for key in admin.list_keys(pool=pool)}
        found: list[pb.DiscoverProjectsResponse] = []
        with progress("examining keys", len(chosen) or len(aliases)) as show:
            async for finding in admin.discover_projects(request):
                found.append(finding)
                show(finding.done_count)
        rows: list[Row] = [
            {
                "key_id": finding.key_id,
                "alias": aliases.get(finding.key_id, ""),
                "project": finding.project_id,
                "moved": finding.moved,
                "detail": finding.detail,
            }
            for finding in found
        ]
        print_rows(DISCOVER_COLUMNS, rows, as_json=as_json)
        moved = sum(finding.moved for finding in found)
        would = "would be" if dry_run else "were"
        remark(f"{len(found)} keys examined, {moved} {would} moved to another project")

    run_admin(data_dir, work)


@app.command("rekey")
def rekey(
    old_key_file: Annotated[
        Path | None,
        typer.Option(
            help="A file with the former ENCRYPTION_KEY, - for standard input."
            " Not needed when the key pool knows it."
        ),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Seal all secrets anew under the current ENCRYPTION_KEY."""
    old = _read_secret(old_key_file)

    async def work(admin: AdminClient, _access: AdminAccess) -> None:
        told = await admin.rekey_secrets(pb.RekeySecretsRequest(old_encryption_key=old))
        remark(f"{told.resealed_count} sealed anew, {told.current_count} were so already")
        if told.unreadable_count:
            raise CommandError(
                f"{told.unreadable_count} secrets open with neither key: give the former one with"
                " --old-key-file, or add the keys anew"
            )

    run_admin(data_dir, work)


def _read_secret(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}") from error
    if not text.strip():
        raise CommandError(f"{path} is empty")
    return text.strip()

"""`gemini-balance import`: takes over an installation of gemini-balance."""

import asyncio
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from services.cli.admin_access import ADMIN, POOL, AdminAccess, find_access, open_channel
from services.cli.admin_client import AdminClient
from services.cli.errors import CommandError
from services.cli.moving.applying import Mover, Taken
from services.cli.moving.database import read_database
from services.cli.moving.env_fragment import write_new
from services.cli.moving.installation import Installation, read_env
from services.cli.moving.plan import Item, Kind, Plan, count, make_plan
from services.cli.options import AsJson, DataDir, Pool
from services.cli.output import MOST_SHOWN, Row, print_rows, remark

app = typer.Typer()

_COLUMNS = ("kind", "name", "result", "note")
_ENV_OUT = Path("imported.env")


@app.command("import")
def import_(
    *,
    env: Annotated[Path | None, typer.Option(help="The .env file of the installation.")] = None,
    database: Annotated[
        str,
        typer.Option(help="Its database: sqlite:///FILE, or mysql://USER:PASSWORD@HOST/DATABASE."),
    ] = "",
    apply: Annotated[bool, typer.Option("--apply", help="Do it, instead of telling it.")] = False,
    env_out: Annotated[
        Path, typer.Option(help="Where its settings are written for a .env of yours.")
    ] = _ENV_OUT,
    pool: Pool = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Take over keys, tokens, settings and files of a gemini-balance installation."""
    if env is None and not database:
        raise CommandError("give --env FILE, --database URL, or both", exit_code=2)
    installation = read_env(env) if env is not None else Installation()
    if database:
        # What was set on its pages won over its `.env` there, and does so here.
        installation = installation.under(read_database(database))
    plan = make_plan(installation, datetime.now(UTC))
    _show(plan, as_json=as_json)
    if not apply:
        remark("nothing was changed: add --apply to do it")
        return
    if plan.settings and env_out.exists():
        raise CommandError(f"{env_out} is there already; name another file with --env-out")
    access = find_access(data_dir)
    _tell(asyncio.run(_take(plan, access, pool)))
    if plan.settings:
        write_new(env_out, plan.settings)
        remark(f"{len(plan.settings)} settings are in {env_out}: put them into your .env")
    if access.demo:
        remark("this is a demo: restart `gemini-balance up` to leave it and use these keys")


def _show(plan: Plan, *, as_json: bool) -> None:
    rows = [_row(item) for item in plan.items]
    if as_json or len(rows) <= MOST_SHOWN or not sys.stdout.isatty():
        print_rows(_COLUMNS, rows, as_json=as_json)
    remark(f"to take: {_counted(count(plan.items, is_taken=True))}")
    remark(f"to leave: {_counted(count(plan.items, is_taken=False))}")


def _row(item: Item) -> Row:
    return {
        "kind": item.kind.value,
        "name": item.name,
        "result": "take" if item.is_taken else "leave",
        "note": item.note,
    }


def _counted(counts: Mapping[Kind, int]) -> str:
    told = [f"{number} {kind.value}{'s' * (number != 1)}" for kind, number in counts.items()]
    return ", ".join(told)


async def _take(plan: Plan, access: AdminAccess, pool: str) -> Taken:
    async with open_channel(access, ADMIN) as operator, open_channel(access, POOL) as data:
        return await Mover(AdminClient(operator), data, pool).take(plan)


def _tell(taken: Taken) -> None:
    for what in ("keys", "tokens", "files"):
        added, known = taken.added.get(what, 0), taken.known.get(what, 0)
        if added or known:
            remark(f"{what}: {added} added, {known} known already")
    for problem in taken.problems:
        remark(problem)

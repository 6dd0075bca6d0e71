"""The command `gemini-balance`."""

import importlib
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from services.cli import (
    certs,
    egress,
    explain,
    files,
    keys,
    moving_in,
    projects,
    quotas,
    tokens,
    usage,
)
from services.cli.errors import INTERRUPTED, CommandError
from services.cli.output import remark
from services.cli.service import run_service

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    # A traceback with local variables would show secrets.
    pretty_exceptions_enable=False,
    help="One front door to Google's Gemini API for a whole organisation.",
)
app.add_typer(keys.app, name="keys")
app.add_typer(tokens.app, name="tokens")
app.add_typer(projects.app, name="projects")
app.add_typer(quotas.app, name="quotas")
app.add_typer(files.app, name="files")
app.add_typer(egress.app, name="egress")
app.add_typer(usage.app)
app.add_typer(explain.app)
app.add_typer(moving_in.app)


@app.command("up")
def up_command(
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Public port; by default 8000.")
    ] = None,
    ops_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Ops port; by default 9090, or a free one."),
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="What must survive a restart; by default ./.data.")
    ] = None,
) -> None:
    """Run everything on this machine. Ctrl-C stops it."""
    # Loaded late, as services are: the other commands start quicker without it.
    up = importlib.import_module("services.cli.up")
    raise typer.Exit(up.run_up(port=port, ops_port=ops_port, data_dir_option=data_dir))


@app.command("edge")
def edge_command(
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=64, help="Processes that share the port; by default EDGE_WORKERS."),
    ] = None,
) -> None:
    """Run the edge alone, as set by the environment."""
    if workers is not None:
        os.environ["EDGE_WORKERS"] = str(workers)
    run_service("edge")


@app.command("keypool")
def keypool_command() -> None:
    """Run the key pool alone, as set by the environment."""
    run_service("keypool")


@app.command("simulator")
def simulator_command() -> None:
    """Run the stand-in for Google alone, as set by the environment."""
    run_service("simulator")


app.command("certs")(certs.certs)


def main() -> None:
    """Run a command and exit with its code."""
    try:
        app()
    except CommandError as error:
        if text := str(error):
            remark(f"gemini-balance: {text}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Whoever read the output has seen enough; nothing is left to flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        # A full disk or a lack of rights: the operator's to solve, no traceback.
        remark(f"gemini-balance: {error}")
        sys.exit(1)


if __name__ == "__main__":
    main()

"""Options that many commands share."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

DataDir: TypeAlias = Annotated[
    Path | None, typer.Option(help="The data folder of the running `up` to speak to.")
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Pool: TypeAlias = Annotated[str, typer.Option(help="The pool; by default `default`.")]

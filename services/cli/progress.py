"""How far a long command is, for people who watch."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 16


class Show(Protocol):
    """Shows how far a command is."""

    def __call__(self, done: int, total: int | None = None) -> None:
        """Take how many are done so far, and of how many when that was not known before."""
        ...


@contextmanager
def progress(label: str, total: int | None = None) -> Iterator[Show]:
    """Show a bar on standard error while the block runs, when that is a terminal.

    Args:
        label: What is done.
        total: How many there are to do, None when that is still to be found out.

    Yields:
        A function that shows how far it is.
    """
    if total is not None and total < 2:
        yield lambda done, total=None: None
        return
    with _shown(label, total, MofNCompleteColumn()) as show:
        yield show


@contextmanager
def transfer(label: str, total: int) -> Iterator[Show]:
    """Show a bar like `progress`, of bytes and their speed."""
    with _shown(label, total, DownloadColumn(binary_units=True), TransferSpeedColumn()) as show:
        yield show


@contextmanager
def _shown(label: str, total: int | None, *columns: ProgressColumn) -> Iterator[Show]:
    if not sys.stderr.isatty():
        yield lambda done, total=None: None
        return
    # Names of files are no markup.
    head = (TextColumn("{task.description}", markup=False), BarColumn())
    with Progress(
        *head, *columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task(label, total=total)
        yield lambda done, total=total: bar.update(task, completed=done, total=total)


async def each(label: str, items: Sequence[T], work: Callable[[T], Awaitable[R]]) -> list[R]:
    """Do something with each item, some at once, and return the results in order.

    Raises:
        Exception: The first failure; what was not begun by then is left.
    """
    results: list[R] = []
    with progress(label, len(items)) as show:
        for first in range(0, len(items), AT_ONCE):
            tasks = [asyncio.ensure_future(work(item)) for item in items[first : first + AT_ONCE]]
            try:
                results += await asyncio.gather(*tasks)
            finally:
                for task in tasks:
                    task.cancel()
            show(len(results))
    return results

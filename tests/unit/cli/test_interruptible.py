"""Work that runs beside the main thread."""

import signal
import threading
import time
from collections.abc import Iterator

import pytest

from services.cli.errors import CommandError
from services.cli.interruptible import interruptible


def test_what_the_work_returns_is_returned() -> None:
    assert interruptible(lambda: threading.current_thread() is threading.main_thread()) is False


def test_what_the_work_raises_is_raised() -> None:
    def fail() -> None:
        raise CommandError("no such file")

    with pytest.raises(CommandError, match="no such file"):
        interruptible(fail)


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """A run in the background may have been told to ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_ends_the_wait_and_not_the_work() -> None:
    begun, may_end = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        may_end.wait(60)

    def press() -> None:
        begun.wait(60)
        signal.raise_signal(signal.SIGINT)

    before = time.monotonic()
    threading.Thread(target=press, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        interruptible(work)
    may_end.set()
    assert time.monotonic() - before < 50, "it waited for the work"

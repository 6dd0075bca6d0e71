"""Work that Ctrl-C breaks off at once, whatever it waits for."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

_LOOK_SECONDS = 0.2


class _Worker(threading.Thread, Generic[T]):
    def __init__(self, work: Callable[[], T]) -> None:
        super().__init__(daemon=True)
        self._work = work
        self._results: list[T] = []
        self._errors: list[BaseException] = []

    def run(self) -> None:
        try:
            self._results.append(self._work())
        except BaseException as error:  # noqa: BLE001  # raised where it is waited for
            self._errors.append(error)

    def result(self) -> T:
        for error in self._errors:
            raise error
        return self._results[0]


def interruptible(work: Callable[[], T]) -> T:
    """Return what `work` returns, or raise what it raises.

    It runs beside the main thread. There, a signal that comes just before a wait for the
    network is heard when the wait is over, which may take minutes.

    Raises:
        KeyboardInterrupt: Ctrl-C. The work goes on until the process ends, which is soon.
    """
    worker = _Worker(work)
    worker.start()
    while worker.is_alive():
        worker.join(_LOOK_SECONDS)
    return worker.result()

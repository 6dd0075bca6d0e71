"""Files that may be replaced while a service runs, as mounted secrets and configurations are."""

from collections.abc import Iterable
from pathlib import Path

_Mark = tuple[int, int, int, int] | None


class WatchedFiles:
    """Tells whether files are others than at the last look."""

    def __init__(self, paths: Iterable[Path]) -> None:
        """Look at them for the first time. They need not exist."""
        self._paths = tuple(paths)
        self._marks = self._look()

    def have_changed(self) -> bool:
        """Return whether they changed since the last look; this is the next one."""
        before, self._marks = self._marks, self._look()
        return self._marks != before

    def _look(self) -> list[_Mark]:
        return [_mark(path) for path in self._paths]


def _mark(path: Path) -> _Mark:
    """Return what another file, or other content, would not have."""
    try:
        # Through links: Kubernetes puts new content behind an old name by moving one.
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size

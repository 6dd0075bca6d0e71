"""Health as a set of named parts; the whole is as healthy as its worst part."""

from collections.abc import Callable


class Health:
    """Named parts that must all be well for the service to be ready.

    Parts start unwell: a service is ready only once each has reported in.
    """

    def __init__(self, *parts: str) -> None:
        """Name the parts."""
        self._parts = dict.fromkeys(parts, False)
        self._notes: dict[str, str] = {}
        self._listeners: list[Callable[[bool], None]] = []

    @property
    def is_ready(self) -> bool:
        """Whether every part is well."""
        return all(self._parts.values())

    def report(self, part: str, *, well: bool) -> None:
        """Say how a part is."""
        before = self.is_ready
        self._parts[part] = well
        if self.is_ready != before:
            for listener in self._listeners:
                listener(self.is_ready)

    def note(self, name: str, text: str) -> None:
        """Show a remark beside the parts that does not change readiness; empty text removes it."""
        if text:
            self._notes[name] = text
        else:
            self._notes.pop(name, None)

    def subscribe(self, listener: Callable[[bool], None]) -> None:
        """Be told each time that readiness changes, and now."""
        self._listeners.append(listener)
        listener(self.is_ready)

    def describe(self) -> dict[str, str]:
        """Return each part with `ok` or `unavailable`, and the notes."""
        parts = {name: "ok" if well else "unavailable" for name, well in self._parts.items()}
        return parts | self._notes

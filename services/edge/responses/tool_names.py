"""The tools of a request by the names that Gemini knows them by."""

from dataclasses import dataclass
from typing import Any

FUNCTION = "function"
CUSTOM = "custom"
SHELL = "local_shell"

INPUT = "input"
"""The one argument of a tool that takes free text."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool of the client's.

    Attributes:
        kind: One of `FUNCTION`, `CUSTOM`, `SHELL`.
        name: As the client named it.
        namespace: What it stands in; None for nothing.
    """

    kind: str
    name: str
    namespace: str | None = None

    @property
    def gemini_name(self) -> str:
        """Gemini's name of it: its functions stand in no namespaces."""
        return f"{self.namespace}__{self.name}" if self.namespace else self.name

    def head(self) -> dict[str, Any]:
        """Return what an item tells of the tool that it calls."""
        if self.namespace is None:
            return {"name": self.name}
        return {"name": self.name, "namespace": self.namespace}
